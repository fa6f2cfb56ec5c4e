"""P057: where half of the labels are too low, U2 regression fits as if all had been complete.

Simulated as the claim asks: 4000 rows, 3 inputs, intercept 10, normal noise; half of the labels drop by an
exponential amount of mean 5 ("drop"), or are multiplied by a uniform number ("shrink"). U2 regression is told
rho = 0.5, and once estimates it. Baselines: least squares, absolute loss, Huber. The error on 4000 test rows is taken
to the regression function; to complete labels, whose noise alone gives 0.8, it is reported too.

Then diabetes: 30 % of the labels of 300 rows shrunk, tested on 142 untouched rows; mean over ten splits a seed.

Source: Katsuki, Osogami, ICML 2023.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes
from sklearn.linear_model import HuberRegressor, LinearRegression

from labelwright.catalogue.claims import All, AtMost, Beats
from labelwright.learn.regression import U2Regressor
from labelwright.noise import incomplete_values, shrunk_values

BUDGET_S = 180
SEEDS = 5
INTERCEPT, SHARE = 10.0, 0.5
KINDS = ("drop", "shrink")
BASELINES = ("least_squares", "absolute", "huber")
Floats = NDArray[np.float64]

CLAIM = All(
    *(AtMost(f"{kind}_intercept_error", 0.2, SEEDS, every_seed=True) for kind in KINDS),
    *(AtMost(f"{kind}_u2_over_{name}", 0.6, SEEDS) for kind in KINDS for name in BASELINES),
    *(
        Beats(
            baseline=name,
            seeds=SEEDS,
            metric="mean absolute error on diabetes",
            method_figure="diabetes_u2",
            baseline_figure=f"diabetes_{name}",
            lower_is_better=True,
        )
        for name in BASELINES
    ),
)


def fitted(X: Floats, y: Floats, rho: float) -> dict[str, Any]:
    """Fit every method."""
    models = {
        "u2": U2Regressor(rho),
        "least_squares": LinearRegression(),
        "absolute": U2Regressor(1.0),
        "huber": HuberRegressor(max_iter=1000),
    }
    return {name: model.fit(X, y) for name, model in models.items()}


def errors(models: dict[str, Any], X: Floats, y: Floats) -> dict[str, float]:
    """Return the mean absolute error of every method."""
    return {name: float(np.abs(model.predict(X) - y).mean()) for name, model in models.items()}


def simulated(kind: str, seed: int) -> dict[str, float]:
    """Measure on a linear world."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(8000, 3))
    truth = X @ np.array([1.0, -2.0, 0.5]) + INTERCEPT
    y = truth + rng.normal(size=len(X))
    train, test = slice(4000), slice(4000, None)
    made = incomplete_values(y[train], SHARE, rng, 5.0) if kind == "drop" else shrunk_values(y[train], SHARE, rng)
    models = fitted(X[train], made.values, 1 - SHARE)
    models["u2_estimated"] = U2Regressor().fit(X[train], made.values)
    found = errors(models, X[test], truth[test])
    figures = {f"{kind}_{name}": value for name, value in found.items()}
    figures |= {f"{kind}_{name}_to_labels": v for name, v in errors(models, X[test], y[test]).items()}
    figures |= {f"{kind}_u2_over_{name}": found["u2"] / found[name] for name in BASELINES}
    return figures | {
        f"{kind}_intercept_error": float(abs(models["u2"].intercept_ - INTERCEPT)),
        f"{kind}_intercept_error_estimated": float(abs(models["u2_estimated"].intercept_ - INTERCEPT)),
        f"{kind}_rho_estimated": float(models["u2_estimated"].rho_),
        f"{kind}_least_squares_intercept": float(models["least_squares"].intercept_),
    }


def diabetes(seed: int) -> dict[str, float]:
    """Measure on diabetes with 30 % of the training labels shrunk, mean over ten splits."""
    data = load_diabetes()
    rng = np.random.default_rng(seed)
    X = data.data / data.data.std(axis=0)
    found = []
    for _ in range(10):
        order = rng.permutation(len(data.target))
        train, test = order[:300], order[300:]
        made = shrunk_values(data.target[train], 0.3, rng)
        found.append(errors(fitted(X[train], made.values, 0.7), X[test], data.target[test]))
    return {f"diabetes_{name}": float(np.mean([one[name] for one in found])) for name in found[0]}


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    return simulated("drop", seed) | simulated("shrink", seed) | diabetes(seed)
