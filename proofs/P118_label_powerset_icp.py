"""P118: sets of label sets miss the truth as often as promised, and stay small among up to 2^159 candidates.

Scene (6 labels), yeast (14) and bibtex (159): logistic regression a label on 1000 rows of the published training part,
500 calibration rows and the rest of the test part for 20 splits a seed, error rates 0.05, 0.1, 0.2. `off` is the
distance of the mean error from its target in standard errors over the splits. Sizes at 0.2 are those of 100 test rows
of every split; counting stops at a million. The baseline is one conformal predictor a label at alpha / K (Bonferroni);
its set is the product. Mean sizes are compared; means of log2 sizes are stored beside them. On scene the search is held
against the whole powerset.

Source: Maltoudoglou et al., Well-calibrated confidence measures for multi-label text classification with a large number
of labels, Pattern Recognition 2022.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import multilabel
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats, Holds
from labelwright.decide import LabelPowersetICP, conformal_threshold

DATA = ("scene", "yeast", "bibtex")
ALPHAS = (0.05, 0.1, 0.2)
SEEDS, SPLITS, CALIBRATION, LIMIT = 5, 20, 500, 1_000_000
BUDGET_S = 120

CLAIM = All(
    *(AtMost(f"{data}_{alpha}_off", 2.0, seeds=SEEDS) for data in DATA for alpha in ALPHAS),
    *(AtLeast(f"{data}_powerset_over_median", 10.0, seeds=SEEDS, every_seed=True) for data in DATA),
    *(
        Beats(
            baseline="one conformal predictor a label, Bonferroni",
            seeds=SEEDS,
            metric=f"mean number of label sets (N criterion), {data}, alpha 0.2",
            method_figure=f"{data}_mean_size",
            baseline_figure=f"{data}_mean_bonferroni",
            lower_is_better=True,
        )
        for data in DATA
    ),
    Holds("on scene the search finds exactly what brute force finds", ("brute_force",), SEEDS),
)


def outputs(name: str, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return probabilities and tags of the published test part."""
    data = multilabel(name)
    train, test = np.flatnonzero(data.is_train), np.flatnonzero(~data.is_train)
    train = np.random.default_rng(seed).choice(train, size=1000, replace=False)
    scaler = StandardScaler(with_mean=name != "bibtex").fit(data.X[train])
    X, X_test = scaler.transform(data.X[train]), scaler.transform(data.X[test])
    if name == "bibtex":  # words are there or not: leave them as they are
        X, X_test = data.X[train], data.X[test]
    probs = np.zeros((len(test), data.Y.shape[1]))
    for k in range(data.Y.shape[1]):
        y = data.Y[train, k]
        if y.any():
            model = LogisticRegression(C=1.0 if name == "bibtex" else 0.05, solver="liblinear")
            probs[:, k] = model.fit(X, y).predict_proba(X_test)[:, 1]
    return probs, data.Y[test].astype(bool)


def log2_bonferroni(
    probs: NDArray[np.float64], y: NDArray[np.bool_], test: NDArray[np.float64], alpha: float
) -> NDArray[np.float64]:
    """Return log2 of the number of label sets in the product of one conformal set a label; empty products count 0."""
    allowed = np.zeros(test.shape)
    for k in range(y.shape[1]):
        tau = conformal_threshold(np.abs(y[:, k] - probs[:, k]), alpha / y.shape[1])
        allowed[:, k] = (test[:, k] <= tau).astype(float) + (1 - test[:, k] <= tau)
    return np.log2(np.maximum(allowed, 1)).sum(axis=1)


def measure(name: str, seed: int) -> dict[str, float]:
    """Measure errors, sizes and the baseline on one data set."""
    probs, y = outputs(name, seed)
    rng = np.random.default_rng(seed)
    splits = [np.split(rng.permutation(len(y)), [CALIBRATION]) for _ in range(SPLITS)]
    figures = {}
    for alpha in ALPHAS:
        errors = np.array(
            [1 - LabelPowersetICP(alpha).fit(probs[c], y[c]).covers(probs[t], y[t]).mean() for c, t in splits]
        )
        figures[f"{name}_{alpha}_error"] = float(errors.mean())
        figures[f"{name}_{alpha}_off"] = float(abs(errors.mean() - alpha) / (errors.std(ddof=1) / np.sqrt(SPLITS)))
    sizes, bonferroni = np.empty((SPLITS, 100)), np.empty((SPLITS, 100))
    for i, (c, t) in enumerate(splits):
        icp = LabelPowersetICP(0.2).fit(probs[c], y[c])
        sizes[i] = [near.count(LIMIT) for near in icp.predict_set(probs[t[:100]])]
        bonferroni[i] = log2_bonferroni(probs[c], y[c], probs[t[:100]], 0.2)
    return figures | {
        f"{name}_median_size": float(np.median(sizes)),
        f"{name}_powerset_over_median": 2.0 ** y.shape[1] / max(float(np.median(sizes)), 1.0),
        f"{name}_at_limit": float((sizes >= LIMIT).mean()),
        f"{name}_mean_size": float(sizes.mean()),
        f"{name}_mean_bonferroni": float((2.0**bonferroni).mean()),
        f"{name}_log2_size": float(np.log2(np.maximum(sizes, 1)).mean()),
        f"{name}_log2_bonferroni": float(bonferroni.mean()),
    }


def brute_force(seed: int) -> float:
    """Tell whether the listed sets of 200 rows of scene are those of the whole powerset with p > alpha."""
    probs, y = outputs("scene", seed)
    icp = LabelPowersetICP(0.1).fit(probs[:CALIBRATION], y[:CALIBRATION])
    every = np.array(list(product([False, True], repeat=6)))
    for row in probs[CALIBRATION : CALIBRATION + 200]:
        wanted = every[icp.p_values(np.repeat(row[None], len(every), axis=0), every) > 0.1]
        listed = icp.predict_set(row[None])[0].sets()
        if {tuple(s) for s in wanted} != {tuple(s) for s in listed}:
            return 0.0
    return 1.0


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    figures = {"brute_force": brute_force(seed)}
    for name in DATA:
        figures |= measure(name, seed)
    return figures
