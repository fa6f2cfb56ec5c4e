"""League tables of the learning families: every method on the same sets, with its default settings.

    python -m benchmarks.league [noisy] [partial] [tags] [bags] [regression] [--seconds 500] [--seeds 3] [--tables]

5 sets a family, up to 3 seeds (one where a fit takes longer than 10 s), at most 800 rows to learn from, 30 epochs, the
network and optimiser that `ImpreciseClassifier` and `ImpreciseRegressor` take by default. Stored run by run in
``results/league_FAMILY.json``; a run that was stopped goes on. ``--tables`` writes ``docs/league-tables.md`` anew.
Nothing is tuned, so a method whose settings belong to another size of problem stands lower here than in its paper.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.learning_problems import Problem
from benchmarks.learning_runs import SEEDS, Make, Runs, go_on
from labelwright.errors import BadInput
from labelwright.evidence import Bags, Candidates, Reals, Tags
from labelwright.learn import ImpreciseClassifier, bags, partial, regression
from labelwright.learn import noisy as noisy_methods
from labelwright.learn.choose import learnt_from
from labelwright.learn.methods import METHODS, find_method


@dataclass(frozen=True)
class Family:
    """One table: its sets and its methods."""

    title: str
    measure: str
    sets: tuple[str, ...]
    methods: dict[str, Make]
    left_out: str = ""


def _named(name: str) -> Make:
    return lambda one: find_method(name).build({}, one.noise)


def _always(kind: Any, **settings: Any) -> Make:
    return lambda one: kind(**settings)


class Average:
    """Cross-entropy on the average of what is possible: 1 / |candidates|, or the proportions of the bag."""

    def __init__(self, evidence: Any) -> None:
        self.evidence = evidence

    def fit(self, x: Any, y: Any) -> Any:
        """Train a linear model on soft targets."""
        from labelwright.learn.noisy.linear_softmax import softmax_regression

        self.centre, self.spread = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
        self.model = softmax_regression((x - self.centre) / self.spread, _soft(self.evidence), 1e-3)
        return self

    def predict(self, x: Any) -> Any:
        """Return the most probable class."""
        return self.model.predict_proba((x - self.centre) / self.spread).argmax(axis=1)


def _soft(evidence: Candidates | Bags) -> Any:
    if isinstance(evidence, Candidates):
        mask = evidence.mask().astype(np.float64)
        return mask / mask.sum(axis=1, keepdims=True)
    sizes = np.diff(evidence.offsets)
    share = (evidence.low + evidence.high) / 2 / sizes[:, None]
    soft = np.zeros((len(evidence), share.shape[1]))
    soft[evidence.rows] = np.repeat(share, sizes, axis=0)
    return soft


class BeliefPropagation:
    """`LLPBeliefPropagation` on bags as evidence."""

    def fit(self, x: Any, y: Bags) -> Any:
        """Fit on bag ids and counts of positives; every row stands in a bag."""
        if y.n_classes != 2:
            raise BadInput("two classes only")
        bag = np.empty(len(y), np.int64)
        bag[y.rows] = np.repeat(np.arange(len(y.sizes)), y.sizes)
        centre, spread = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
        self.scaled = lambda rows: (rows - centre) / spread
        self.model = bags.LLPBeliefPropagation().fit(self.scaled(x), bag, y.low[:, 1].astype(np.int64))
        return self

    def predict(self, x: Any) -> Any:
        """Return the most probable class."""
        return self.model.predict(self.scaled(x))


class Ridge:
    """Ridge regression on the middle of each interval, one-sided ends as they are."""

    def fit(self, x: Any, y: Reals) -> Any:
        """Fit with the penalty of least leave-one-out error."""
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        low, high = y.bounds.T
        value = np.where(np.isinf(low), high, np.where(np.isinf(high), low, (low + high) / 2))
        self.model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13))).fit(x, value)
        return self

    def predict(self, x: Any) -> Any:
        """Return the numbers."""
        return self.model.predict(x)


def _mean_tags(one: Problem) -> float:
    assert isinstance(one.evidence, Tags)
    return max(float((one.y_test).sum(axis=1).mean()), 0.1)


def _values(make: Any) -> Make:
    """Return a method that needs one value a row: intervals become their middle, one-sided ends stay."""

    class OnValues:
        def __init__(self, one: Problem) -> None:
            self.one = one

        def fit(self, x: Any, y: Reals) -> Any:
            from benchmarks.learning_runs import EPOCHS
            from labelwright.learn import ImpreciseRegressor

            low, high = y.bounds.T
            value = np.where(np.isinf(low), high, np.where(np.isinf(high), low, (low + high) / 2))
            self.model = ImpreciseRegressor(make(), epochs=EPOCHS).fit(x, value)
            return self

        def predict(self, x: Any) -> Any:
            return self.model.predict(x)

    return OnValues


ESTIMATED = "ImpreciseLabelLearner, estimated start"
NOISY: dict[str, Make] = {
    m.name: _named(m.name) for m in METHODS if m.learns in ("labels", "any") and m.module == "noisy"
} | {
    ESTIMATED: lambda one: learnt_from(one.noise),
    "LDRLoss": _always(noisy_methods.LDRLoss),
    "ALDRLoss": _always(noisy_methods.ALDRLoss),
    "CrossSplit": _always(noisy_methods.CrossSplit),
    "NestedTraining": _always(noisy_methods.NestedTraining),
    "NestedCoTeaching": _always(noisy_methods.NestedCoTeaching),
    "ClassPrototypeCleaner": _always(noisy_methods.ClassPrototypeCleaner),
    "MetaLossRescaling, 6 epochs": lambda one: ImpreciseClassifier(noisy_methods.MetaLossRescaling(), epochs=6),
}
PARTIAL: dict[str, Make] = {
    "average of the candidates, linear": lambda one: Average(one.evidence),
    "PRODEN": _always(partial.PRODEN),
    "ClassifierConsistent": _always(partial.ClassifierConsistent),
    "RiskConsistent": _always(partial.RiskConsistent),
    "LeveragedWeighted": _always(partial.LeveragedWeighted),
    "ProgressivePurification": _always(partial.ProgressivePurification),
    "PiCO": _always(partial.PiCO, contrast=partial.Contrast(queue=512)),
    "ALIM": lambda one: partial.ALIM(partial.QuantileLambda(0.1), start=15, contrast=partial.Contrast(queue=512)),
    "ImpreciseLabelLearner": _always(noisy_methods.ImpreciseLabelLearner),
}
TAGS: dict[str, Make] = {
    "AssumeNegative": _always(partial.AssumeNegative),
    "AssumeNegative, smoothed": _always(partial.AssumeNegative, smoothing=0.1),
    "WeakAssumeNegative": _always(partial.WeakAssumeNegative),
    "IgnoreUnobserved": _always(partial.IgnoreUnobserved),
    "AsymmetricLoss": _always(partial.AsymmetricLoss),
    "ExpectedPositive": lambda one: partial.ExpectedPositive(_mean_tags(one)),
    "RegularizedOnlineLabelEstimation": lambda one: partial.RegularizedOnlineLabelEstimation(_mean_tags(one)),
    "EntropyMaximizationLoss": _always(partial.EntropyMaximizationLoss),
    "AsymmetricPseudoLabeling": _always(partial.AsymmetricPseudoLabeling),
    "LargeLossRejection": _always(partial.LargeLossRejection),
    "LargeLossTemporaryCorrection": _always(partial.LargeLossTemporaryCorrection),
    "LargeLossPermanentCorrection": _always(partial.LargeLossPermanentCorrection),
    "PUMultiLabelLoss": _always(partial.PUMultiLabelLoss),
    "COMIC": _always(partial.COMIC),
}
BAGS: dict[str, Make] = {
    "proportions as soft labels, linear": lambda one: Average(one.evidence),
    "DLLP": _always(bags.DLLP),
    "ConsistencyDLLP": _always(bags.ConsistencyDLLP),
    "EasyLLP": _always(bags.EasyLLP),
    "CountLikelihood": _always(bags.CountLikelihood),
    "BagEM": _always(bags.BagEM),
    "MixBag": _always(bags.MixBag),
    "LLPBeliefPropagation": lambda one: BeliefPropagation(),
    "ImpreciseLabelLearner": _always(noisy_methods.ImpreciseLabelLearner),
}
REGRESSION: dict[str, Make] = {
    "ridge": lambda one: Ridge(),
    "GaussianLikelihood": _always(regression.GaussianLikelihood),
    "AbsoluteError": _values(regression.AbsoluteError),
    "ConRRegularization": _values(regression.ConRRegularization),
    "U2Objective, rho 0.7": _values(lambda: regression.U2Objective(0.7)),
}
FAMILIES = {
    "noisy": Family(
        "Some labels are wrong",
        "accuracy on clean test rows",
        (
            "digits, 50 % even",
            "AG News, 30 % to the next",
            "CIFAR-10N, worse",
            "LabelMe, one vote a row",
            "Adult, 30 % even",
        ),
        NOISY,
        "Not in the table: `ERASE` (graphs), `BPO` and `BPR` (implicit votes), `CAPro` (texts beside images), "
        "`SaliencyCurriculum` (point clouds), `InstanceEditor` and `EchoAlign` (images to edit), "
        "`EnhancedMetaLabelCorrection` (needs trusted rows), `SelfDistillation` (linear).",
    ),
    "partial": Family(
        "Several possible labels a row",
        "accuracy on test rows",
        (
            "Lost, its candidate sets",
            "BirdSong, its candidate sets",
            "digits, candidates at 0.3",
            "AG News, candidates at 0.4",
            "CIFAR-10, candidates at 0.3",
        ),
        PARTIAL,
    ),
    "tags": Family(
        "One known tag a row, all others unknown",
        "mean average precision over classes on test rows",
        (
            "emotions, one tag a row",
            "scene, one tag a row",
            "yeast, one tag a row",
            "birds, one tag a row",
            "medical, one tag a row",
        ),
        TAGS,
        "`ExpectedPositive` and `RegularizedOnlineLabelEstimation` are told the mean number of tags a row of the test "
        "part. Not in the table: `BoostLU` (a network for images), `S2MSampler` (makes a training set), "
        "`SAREM` and the PU risks (one class).",
    ),
    "bags": Family(
        "Only counts of groups are known",
        "accuracy on single test rows",
        ("digits, bags of 8", "digits, bags of 20", "AG News, bags of 8", "CIFAR-10, bags of 8", "Adult, bags of 20"),
        BAGS,
        "Not in the table: the methods of multiple-instance learning (`AttentionMIL`, `PooledMIL`, `InstanceMIL`), "
        "whose bags have one label, pretraining, and regression of bags.",
    ),
    "regression": Family(
        "Numbers that are off",
        "R² on test rows",
        (
            "California housing, as it is",
            "California housing, intervals",
            "California housing, 30 % heavy tails",
            "bike hours, 40 % too low",
            "bike hours, capped",
        ),
        REGRESSION,
        "Methods that need one value a row get the middle of an interval and the end of a one-sided one. Not in the "
        "table: `PermutedGLM` (shuffled targets), `U2Regressor` (a line).",
    ),
}


def wanted(family: Family, seeds: Iterable[int] = SEEDS) -> Iterator[tuple[str, str, int, Make]]:
    """Yield every run, seed by seed and set by set, so that a run cut short has every method on some seeds."""
    for seed in seeds:
        for name in family.sets:
            for method, make in family.methods.items():
                yield method, name, seed, make


def runs_of(family: str) -> Runs:
    """Return the stored runs of a family."""
    return Runs(f"league_{family}", f"python -m benchmarks.league {family}")


def main(arguments: list[str] | None = None) -> int:
    """Go on with the families named (all by default), or write the page."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "--tables" in given:
        from benchmarks.league_page import write_page

        print(write_page())
        return 0
    seconds = float(given.pop(given.index("--seconds") + 1)) if "--seconds" in given else 1e9
    seeds = SEEDS[: int(given.pop(given.index("--seeds") + 1))] if "--seeds" in given else SEEDS
    families = [one for one in given if not one.startswith("--")] or list(FAMILIES)
    until, missing = time.monotonic() + seconds, 0
    for i, one in enumerate(families):
        share = (until - time.monotonic()) / (len(families) - i)
        missing += go_on(runs_of(one), wanted(FAMILIES[one], seeds), share)
    print(f"{missing} runs are still missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
