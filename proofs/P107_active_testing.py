"""P107: active testing estimates a model's error with less squared error than random test rows, without bias.

Digits: the model is a logistic regression on 100 rows, the pool 1000 others, the surrogate a random forest on the same
100. 300 replications of M = 50 labels each a seed, for cross-entropy and 0-1 loss: mean squared error of the LURE
estimate against the mean of M random rows, against the model's own entropy as surrogate (the weak baseline), against
naive importance weights, and with the true losses as scores (the oracle). The share of 95 % intervals that hold the
truth is measured too, and the mean error over all replications against its standard error.

Source: Kossen, Farquhar, Gal and Rainforth, Active testing: sample-efficient model evaluation, ICML 2021.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from labelwright.acquire import (
    cross_entropy_by_class,
    draw_in_sequence,
    estimate_risk,
    expected_loss_acquisition,
    naive_weights,
    zero_one_by_class,
)
from labelwright.catalogue.claims import All, AtLeast, AtMost, Holds

DATA = ("digits",)
BUDGET_S = 120
SEEDS = 8
REPLICATIONS, LABELS, POOL = 300, 50, 1000
CLAIM = All(
    AtMost("cross_entropy_ratio", 0.8, SEEDS, statement="cross-entropy: at most 0.8 of random testing's squared error"),
    AtMost("zero_one_ratio", 0.8, SEEDS, statement="0-1 loss: at most 0.8 of random testing's squared error"),
    AtMost("zero_one_bias_in_errors", 2.5, SEEDS, every_seed=True, statement="0-1 loss: no bias in any seed"),
    AtMost("oracle_ratio", 0.02, SEEDS, statement="with true losses as scores the error is near 0"),
    AtLeast("zero_one_coverage", 0.9, SEEDS, statement="95 % intervals hold the true 0-1 loss in 90 % of runs or more"),
    Holds("Even draws have weight 1, and labels of the whole pool give the mean loss", ("identity",), SEEDS),
)
Floats = NDArray[np.float64]


def errors(scores: Floats, losses: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, float]:
    """Return the errors of LURE and of naive weights, (R,), and the share of intervals that hold the truth."""
    truth, lure, naive, held = float(losses.mean()), np.empty(REPLICATIONS), np.empty(REPLICATIONS), 0
    for r in range(REPLICATIONS):
        rows, q = draw_in_sequence(scores, LABELS, rng)
        found = estimate_risk(losses[rows], q, len(losses))
        lure[r] = found.interval.estimate - truth
        naive[r] = float((naive_weights(q, len(losses)) * losses[rows]).mean()) - truth
        held += found.interval.low <= truth <= found.interval.high
    return lure, naive, held / REPLICATIONS


def of_loss(
    name: str, by_class: Floats, truth: NDArray[np.int64], model: Floats, forest: Floats, seed: int
) -> dict[str, float]:
    """Measure one loss."""
    losses, rng = by_class[np.arange(len(truth)), truth], np.random.default_rng([seed, 107])
    even, _, even_coverage = errors(np.ones(len(truth)), losses, rng)
    lure, naive, coverage = errors(expected_loss_acquisition(forest, by_class), losses, rng)
    own, _, _ = errors(expected_loss_acquisition(model, by_class), losses, rng)
    oracle, _, _ = errors(np.maximum(losses, 1e-6), losses, rng)
    base = float((even**2).mean())
    return {
        f"{name}_random_mse": base,
        f"{name}_ratio": float((lure**2).mean()) / base,
        f"{name}_naive_ratio": float((naive**2).mean()) / base,
        f"{name}_own_ratio": float((own**2).mean()) / base,
        f"{name}_oracle_ratio": float((oracle**2).mean()) / base,
        f"{name}_bias_in_errors": abs(float(lure.mean())) / (float(lure.std(ddof=1)) / np.sqrt(REPLICATIONS)),
        f"{name}_coverage": coverage,
        f"{name}_random_coverage": even_coverage,
    }


def identity(losses: Floats, rng: np.random.Generator) -> float:
    """Return 1.0 when nothing of the draw is left in two cases that are known."""
    rows, q = draw_in_sequence(np.ones(len(losses)), LABELS, rng)
    even = np.allclose(estimate_risk(losses[rows], q, len(losses)).weights, 1, rtol=0, atol=1e-9)
    rows, q = draw_in_sequence(rng.random(len(losses)) + 0.01, len(losses), rng)
    whole = estimate_risk(losses[rows], q, len(losses)).interval.estimate
    return float(even and np.isclose(whole, losses.mean(), rtol=0, atol=1e-12))


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    data = digits()
    order = np.random.default_rng(seed).permutation(len(data.truth))
    train, pool = order[:100], order[100 : 100 + POOL]
    X, y = data.X / 16.0, data.truth
    model = LogisticRegression(max_iter=500).fit(X[train], y[train]).predict_proba(X[pool])
    forest = RandomForestClassifier(200, random_state=seed).fit(X[train], y[train]).predict_proba(X[pool])
    cross_entropy, zero_one = cross_entropy_by_class(model), zero_one_by_class(model)
    figures = {
        **of_loss("cross_entropy", cross_entropy, y[pool], model, forest, seed),
        **of_loss("zero_one", zero_one, y[pool], model, forest, seed),
        "identity": identity(cross_entropy[np.arange(POOL), y[pool]], np.random.default_rng(seed)),
    }
    figures["oracle_ratio"] = figures["cross_entropy_oracle_ratio"]
    return figures
