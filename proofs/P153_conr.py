"""P153: on digits with long-tailed numbers, ConR lowers the error of rare numbers and leaves that of common ones alone.

The number to predict is the digit plus the rank of its ink among the images of that digit, in [0, 1): an age-like scale
from 0 to 10. Training rows fall from 120 images of zeros to 6 of nines; 540 test rows are as they come. An MLP of
64-128-64, Adam at 1e-3, 60 epochs, last epoch. Many-shot: at least 50 training labels in the unit bin of the true
number; few-shot: below 20. Baselines: least absolute error, plain and with inverse label frequency as weights. ConR is
added to either. β and ω were chosen on validation rows of another split.

Spearman: rank correlation of feature distance and label distance over pairs of test rows.

Source: Keramati, Meng, Evans, ICLR 2024.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from proofs.datasets import digits
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from labelwright.catalogue.claims import All, AtMost, Beats
from labelwright.learn import ImpreciseRegressor
from labelwright.learn.regression import AbsoluteError, ConRRegularization, lds_weights
from labelwright.metrics import shot_regression_errors
from labelwright.nn import MLP, AdamW, Objective

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 5
MOST, LEAST, TEST_ROWS = 120, 6, 540
BETA, WINDOW = 0.2, 0.05
Floats = NDArray[np.float64]

CLAIM = All(
    *(AtMost(f"few_{method}_over_{base}", 0.97, SEEDS) for method, base in (("conr", "plain"), ("both", "inverse"))),
    AtMost("few_both_over_plain", 0.97, SEEDS),
    *(AtMost(f"many_{method}_over_{base}", 1.02, SEEDS) for method, base in (("conr", "plain"), ("both", "inverse"))),
    *(
        Beats(
            baseline=base,
            seeds=SEEDS,
            metric="rank correlation of feature and label distances",
            method_figure=f"spearman_{method}",
            baseline_figure=f"spearman_{base}",
        )
        for method, base in (("conr", "plain"), ("both", "inverse"))
    ),
)


def world(seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return training inputs and numbers, long-tailed, and test inputs and numbers."""
    data = digits()
    ink, y = data.X.sum(axis=1), data.truth.astype(np.float64)
    for k in range(10):
        own = np.flatnonzero(data.truth == k)
        y[own] += ink[own].argsort().argsort() / len(own)
    order = np.random.default_rng(seed).permutation(len(y))
    test, rest = order[:TEST_ROWS], order[TEST_ROWS:]
    wanted = np.round(MOST * (LEAST / MOST) ** (np.arange(10) / 9)).astype(int)
    train = np.concatenate([rest[data.truth[rest] == k][: wanted[k]] for k in range(10)])
    x = data.X / 16
    return x[train], y[train], x[test], y[test]


def inverse_frequency(y: Floats) -> Floats:
    """Return the weights of standardised numbers by the frequency of their tenth of the range."""
    return lds_weights(y, bin_width=float(np.ptp(y)) / 10 * (1 + 1e-9), power=1.0, sigma=0.0)


def measured(objective: Objective, seed: int) -> dict[str, float]:
    """Train and return the errors and the rank correlation."""
    x, y, x_test, y_test = world(seed)
    model = ImpreciseRegressor(
        objective, net=MLP((128, 64)), epochs=60, optimizer=AdamW(1e-3), standardize=False, random_state=seed
    ).fit(x, y)
    errors = shot_regression_errors(y_test, model.predict(x_test), y, many=50, few=20)
    with torch.no_grad():
        features = model.objective_.net.features(torch.as_tensor(x_test, dtype=torch.float32))
    unit = torch.nn.functional.normalize(features, dim=1).numpy()
    rank = spearmanr(pdist(unit), pdist(y_test[:, None])).statistic
    return {
        "many": errors.many.mae,
        "medium": errors.medium.mae,
        "few": errors.few.mae,
        "all": errors.total.mae,
        "spearman": float(rank),
    }


def run(seed: int) -> dict[str, float]:
    """Train four times on the same rows."""
    found = {
        "plain": measured(AbsoluteError(), seed),
        "inverse": measured(AbsoluteError(inverse_frequency), seed),
        "conr": measured(ConRRegularization(BETA, WINDOW), seed),
        "both": measured(ConRRegularization(BETA, WINDOW, weigh=inverse_frequency), seed),
    }
    figures = {f"{name}_{who}": value for who, each in found.items() for name, value in each.items()}
    pairs = (("conr", "plain"), ("both", "inverse"), ("both", "plain"), ("conr", "inverse"))
    ratios = {f"{s}_{a}_over_{b}": found[a][s] / found[b][s] for a, b in pairs for s in ("few", "many")}
    return figures | ratios
