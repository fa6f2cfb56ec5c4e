"""How many labels are wrong, and which classes are taken for which: a model's estimate with its interval.

The joint of truth and given label is what `truth_model` expects of each row, averaged. The interval is a bootstrap of
that joint: how far the rate would move with other rows of the same kind. It does not say how good the model is: what
the probabilities (and neighbours) cannot tell apart, no estimate made from them can.

Sources: those of `truth_model`; the task is that of Northcutt, Jiang, Chuang, JAIR 2021 [P042].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.truth_model import TruthEstimate, estimate_truth
from labelwright.data.neighbors import Neighbors
from labelwright.errors import BadInput


@dataclass(frozen=True)
class NoiseEstimate:
    """A model's estimate of the label noise.

    Parameters
    ----------
    joint : float64, shape (K, K)
        Share of rows for each pair; rows = truth, columns = given label; sums to 1.
    transition_matrix : float64, shape (K, K)
        Probability of each given label (columns) for each truth (rows); rows sum to 1.
    noise_rate : float
        Share of rows whose given label differs from the truth, in [0, 1].
    low, high : float
        Bootstrap interval of the noise rate.
    level : float
        Of the interval.
    source : str
        ``"model estimate"``: no person has checked it.
    """

    joint: NDArray[np.float64]
    transition_matrix: NDArray[np.float64]
    noise_rate: float
    low: float
    high: float
    level: float = 0.95
    source: str = "model estimate"


def estimate_noise(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    neighbors: Neighbors | None = None,
    truth: TruthEstimate | None = None,
    seed: int = 0,
    n_bootstrap: int = 200,
    level: float = 0.95,
) -> NoiseEstimate:
    """Estimate the share of wrong labels, which classes are given for which, and a bootstrap interval.

    Parameters
    ----------
    labels : int, shape (n,)
        Given labels in [0, K); rows with -1 (unlabelled) are left out.
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample.
    neighbors : Neighbors, optional
        Nearest other rows by features; they make the estimate better.
    truth : TruthEstimate, optional
        What `estimate_truth` returned for the same data, so that it is not computed again.
    seed : int
        Of the fit and the bootstrap.
    n_bootstrap : int
        Draws, at least 1.
    level : float
        Of the interval, in (0, 1).

    Examples
    --------
    >>> probs = np.array([[0.99, 0.01], [0.01, 0.99]]).repeat(200, axis=0)
    >>> labels = np.array([0, 1]).repeat(200)
    >>> labels[:20], labels[-20:] = 1, 0
    >>> round(estimate_noise(labels, probs).noise_rate, 2)
    0.09
    """
    if not (0 < level < 1 and n_bootstrap >= 1):
        raise BadInput(f"level is {level} and n_bootstrap {n_bootstrap}", fix="use 0 < level < 1 and n_bootstrap >= 1")
    estimate = truth or estimate_truth(labels, pred_probs, neighbors=neighbors, seed=seed)
    joint, n = estimate.joint, len(estimate.rows)
    if n == 0:
        return NoiseEstimate(joint, np.eye(len(joint)), 0.0, 0.0, 1.0, level)
    right = np.diagonal(joint)
    cells = np.concatenate([right, np.maximum(joint.sum(axis=1) - right, 0.0)])
    drawn = np.random.default_rng(seed).multinomial(n, cells / cells.sum(), size=n_bootstrap)
    rates = drawn[:, len(joint) :].sum(axis=1) / n
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    rate = float(cells[len(joint) :].sum())
    return NoiseEstimate(joint, _by_row(joint), rate, min(float(low), rate), max(float(high), rate), level)


def _by_row(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row divided by its sum; a class that is never the truth keeps its label."""
    total = joint.sum(axis=1, keepdims=True)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), np.eye(len(joint)))
