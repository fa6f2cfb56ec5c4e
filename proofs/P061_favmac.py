"""P061: FavMac keeps the cost under the target; the ratio order is worth the most; online it costs microseconds.

Yeast (14 labels) and emotions (6), logistic regression a label, values v_k = 1 + k, the same price for a false
positive, targets 0.05, 0.1 and 0.2 of the largest cost. A seed fits the model on the published training part and draws
30 halves of the test part for calibration, the others answer. The excess is mean cost minus target minus two standard
errors over the 30 draws. Orders are compared on the same halves. With one price list for value and cost the ratio order
is the order by probability; with a price of 1 for every false positive (`even`) the two differ.

Source: Lin, Trivedi, Xiao, Sun, Fast online value-maximizing prediction sets with conformal cost control, ICML 2023.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import multilabel
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats, Holds, NotWorse
from labelwright.decide import AdditiveSetFunction, FavMac, greedy_ratio_sequence, probability_sequence, value_sequence

DATA = ("emotions", "yeast")
TARGETS = (0.05, 0.1, 0.2)
SPLITS, SEEDS = 30, 5
ORDERS = {"ratio": greedy_ratio_sequence, "probability": probability_sequence, "value": value_sequence}


def _compared(data: str, target: float) -> tuple[NotWorse | Beats, ...]:
    common = {"metric": f"value, {data}, target {target}", "seeds": SEEDS, "method_figure": f"{data}_{target}_ratio"}
    return (
        NotWorse(baseline="the order by probability", baseline_figure=f"{data}_{target}_probability", **common),
        Beats(baseline="the order by value", baseline_figure=f"{data}_{target}_value", **common),
        Beats(baseline="the empty set", baseline_figure="empty", **common),
    )


CLAIM = All(
    *(AtMost(f"{data}_{target}_excess", 0.0, seeds=SEEDS, every_seed=True) for data in DATA for target in TARGETS),
    *(part for data in DATA for target in TARGETS for part in _compared(data, target)),
    *(AtLeast(f"{data}_{target}_even_gain", 0.0, seeds=SEEDS) for data in DATA for target in TARGETS),
    *(AtMost(f"{data}_violations_excess", 0.0, seeds=SEEDS, every_seed=True) for data in DATA),
    Holds("row after row gives the threshold of all rows at once, to the last bit", ("online_is_batch",), SEEDS),
)


def probabilities(name: str, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return held-out probabilities and tags of the published test part; the seed draws nine tenths to train on."""
    data = multilabel(name)
    train, test = np.flatnonzero(data.is_train), np.flatnonzero(~data.is_train)
    train = np.random.default_rng(seed).choice(train, size=len(train) * 9 // 10, replace=False)
    probs = np.empty((len(test), data.Y.shape[1]))
    for k in range(data.Y.shape[1]):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        probs[:, k] = model.fit(data.X[train], data.Y[train, k]).predict_proba(data.X[test])[:, 1]
    return probs, data.Y[test].astype(bool)


def measure(name: str, seed: int) -> dict[str, float]:
    """Measure every target and order on one data set."""
    probs, y = probabilities(name, seed)
    rng = np.random.default_rng(seed)
    halves = [np.array_split(rng.permutation(len(y)), 2) for _ in range(SPLITS)]
    price, even = AdditiveSetFunction(1 + np.arange(y.shape[1])), AdditiveSetFunction(np.ones(y.shape[1]))
    figures = {}
    for target in TARGETS:
        for order in ("ratio", "probability"):
            gained = [
                price.value(
                    FavMac(price, even, target, sequence=ORDERS[order])
                    .fit(probs[calibration], y[calibration])
                    .predict_set(probs[test]),
                    y[test],
                ).mean()
                for calibration, test in halves
            ]
            figures[f"{name}_{target}_even_{order}"] = float(np.mean(gained))
        gain = figures[f"{name}_{target}_even_ratio"] - figures[f"{name}_{target}_even_probability"]
        figures[f"{name}_{target}_even_gain"] = gain
        for order, sequence in ORDERS.items():
            costs, values = np.empty(SPLITS), np.empty(SPLITS)
            for i, (calibration, test) in enumerate(halves):
                favmac = FavMac(price, price, target, sequence=sequence).fit(probs[calibration], y[calibration])
                sets = favmac.predict_set(probs[test])
                costs[i], values[i] = price.cost(sets, y[test]).mean(), price.value(sets, y[test]).mean()
            figures[f"{name}_{target}_{order}"] = float(values.mean())
            if order == "ratio":
                figures[f"{name}_{target}_excess"] = _excess(costs, target)
    rates = np.empty(SPLITS)
    for i, (calibration, test) in enumerate(halves):
        favmac = FavMac(price, price, 0.1, delta=0.1).fit(probs[calibration], y[calibration])
        rates[i] = (price.cost(favmac.predict_set(probs[test]), y[test]) > 0.1 + 1e-9).mean()
    return figures | {f"{name}_violations_excess": _excess(rates, 0.1)}


def _excess(measured: NDArray[np.float64], target: float) -> float:
    return float(measured.mean() - target - 2 * measured.std(ddof=1) / np.sqrt(len(measured)))


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    figures = {"empty": 0.0}
    for name in DATA:
        figures |= measure(name, seed)
    probs, y = probabilities("emotions", seed)
    price = AdditiveSetFunction(1 + np.arange(6))
    online, batch = FavMac(price, price, 0.1), FavMac(price, price, 0.1).fit(probs, y)
    for i in range(len(y)):
        online.partial_fit(probs[i : i + 1], y[i : i + 1])
    return figures | {"online_is_batch": float(online.threshold_ == batch.threshold_)}
