"""P056: where some positives are likelier to be labelled, SAR-EM beats the assumption that all are alike.

Breast cancer (400 of 569 rows train) and Adult (4000 train, 8000 test), standardised. Two attributes, drawn anew four
times a seed, drive the chance of a positive to be labelled, from 0.2 to 0.8. F1 of the positive class, mean of the
four draws, for

- naive: unlabelled rows are negatives;
- scar: the true mean chance of a label is told and used for every positive; scar_em: the same, but learned;
- sar_em: the chance of each row is learned from the two attributes.

Then 40000 training rows of Adult: the true chances told, beside fully supervised. All are logistic regressions with
the same penalty. Source: Bekker, Robberechts, Davis, ECML PKDD 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import adult
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import f1_score

from labelwright.catalogue.claims import All, AtMost, Beats, Holds, NotWorse
from labelwright.learn.partial import SAREM, PropensityWeightedPU
from labelwright.noise import PositiveUnlabeled, label_by_features

Rows = NDArray[np.float64]

DATA = ("adult",)
BUDGET_S = 180
SEEDS = 5
DRAWS, LARGE = 4, 40_000
NUMBERS = ("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
NAMES = ("workclass", "education", "marital_status", "occupation", "relationship", "race", "sex")


def _than(data: str, baseline: str) -> dict[str, str]:
    return {
        "metric": f"F1 on {data}",
        "baseline": baseline,
        "method_figure": f"{data}_sar_em",
        "baseline_figure": f"{data}_{baseline}",
    }


CLAIM = All(
    Beats(**_than("adult", "scar"), by=0.02, seeds=SEEDS),
    NotWorse(**_than("adult", "naive"), seeds=SEEDS),
    Beats(**_than("breast_cancer", "scar"), by=0.02, seeds=SEEDS),
    NotWorse(**_than("breast_cancer", "naive"), seeds=SEEDS),
    AtMost(
        "large_gap", 0.01, SEEDS, statement="F1 on adult, 40000 rows, chances told: within a point of fully supervised"
    ),
    Holds("the objective of EM never falls", ("rising",), SEEDS),
)


def adult_rows() -> tuple[Rows, NDArray[np.bool_]]:
    """Return Adult as numbers and frequent categories, and whether the income is above 50K."""
    table = adult()
    columns = [table.column(name).to_numpy().astype(float) for name in NUMBERS]
    for name in NAMES:
        values = np.asarray(table.column(name).to_pylist(), dtype=str)
        kinds, counts = np.unique(values, return_counts=True)
        columns += [(values == kind).astype(float) for kind in kinds[counts > 0.01 * len(values)]]
    return np.stack(columns, axis=1), table.column("income").to_numpy() == 1


def often_varied(X: Rows) -> NDArray[np.int64]:
    """Return the columns in which no value has more than nine rows in ten."""
    shares = [np.unique(column, return_counts=True)[1].max() / len(X) for column in X.T]
    return np.flatnonzero(np.array(shares) <= 0.9)


@dataclass(frozen=True)
class Split:
    """Standardised training and test rows with their truth."""

    X: Rows
    y: NDArray[np.bool_]
    X_test: Rows
    y_test: NDArray[np.bool_]

    @classmethod
    def draw(cls, X: Rows, y: NDArray[np.bool_], n_train: int, n_test: int, rng: np.random.Generator) -> Split:
        order = rng.permutation(len(X))
        train, test = order[:n_train], order[n_train : n_train + n_test]
        scaled = (X - X[train].mean(axis=0)) / np.maximum(X[train].std(axis=0), 1e-9)
        return cls(scaled[train], y[train], scaled[test], y[test])

    def labels(self, columns: NDArray[np.int64], rng: np.random.Generator) -> PositiveUnlabeled:
        """Label positives with a chance from 0.2 to 0.8 that the columns drive."""
        return label_by_features(self.y, self.X[:, columns], seed=rng, low=0.2, high=0.8)

    def f1(self, model: PropensityWeightedPU | SAREM) -> float:
        """Return F1 on the test rows."""
        return float(f1_score(self.y_test, model.predict(self.X_test)))


def compared(X: Rows, y: NDArray[np.bool_], n_train: int, n_test: int, rng: np.random.Generator) -> dict[str, float]:
    """Return F1 of each method, mean over the draws of split, driving attributes and labels."""
    found: dict[str, list[float]] = {"naive": [], "scar": [], "scar_em": [], "sar_em": [], "rising": []}
    candidates = often_varied(X)
    for _ in range(DRAWS):
        split = Split.draw(X, y, n_train, n_test, rng)
        drivers = rng.choice(candidates, size=2, replace=False)
        made = split.labels(drivers, rng)
        c = float(made.propensity[split.y].mean())
        sar = SAREM(drivers).fit(split.X, made.labeled)
        found["naive"].append(split.f1(PropensityWeightedPU().fit(split.X, made.labeled)))
        found["scar"].append(split.f1(PropensityWeightedPU(c).fit(split.X, made.labeled)))
        found["scar_em"].append(split.f1(SAREM([]).fit(split.X, made.labeled)))
        found["sar_em"].append(split.f1(sar))
        found["rising"].append(float((np.diff(sar.objective_) >= -1e-7 * np.abs(sar.objective_[1:])).all()))
    return {name: float(np.mean(values)) for name, values in found.items()}


def chances_told(X: Rows, y: NDArray[np.bool_], rng: np.random.Generator) -> dict[str, float]:
    """Return F1 with the true chances and with all labels, on many rows, and the gap; means over the draws."""
    pairs = []
    for _ in range(DRAWS):
        split = Split.draw(X, y, LARGE, len(X) - LARGE, rng)
        made = split.labels(rng.choice(often_varied(X), size=2, replace=False), rng)
        known = PropensityWeightedPU().fit(split.X, made.labeled, propensity=made.propensity)
        pairs.append((split.f1(known), split.f1(PropensityWeightedPU().fit(split.X, split.y))))
    known_f1, supervised = np.mean(pairs, axis=0)
    return {
        "large_known": float(known_f1),
        "large_supervised": float(supervised),
        "large_gap": float(supervised - known_f1),
    }


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    cancer = load_breast_cancer()
    X, y = adult_rows()
    rng = np.random.default_rng(seed)
    tumour = compared(cancer.data, cancer.target == 0, 400, 169, rng)
    census = compared(X, y, 4000, 8000, rng)
    figures = {f"breast_cancer_{name}": value for name, value in tumour.items() if name != "rising"}
    figures |= {f"adult_{name}": value for name, value in census.items() if name != "rising"}
    figures |= chances_told(X, y, rng)
    return figures | {"rising": min(tumour["rising"], census["rising"])}
