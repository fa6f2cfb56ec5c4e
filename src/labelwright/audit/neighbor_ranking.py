"""Probabilities that also listen to the labels of similar rows; weights are learned from the given labels alone.

    v_i     = share of each class among the given labels of row i's nearest other rows, smoothed by the class shares
    q_ik    ∝ exp( w_1 · log p_ik + w_2 · log v_ik )

Neither p_i (out of fold) nor v_i (own label left out) knows the label of row i, so the likelihood of the given labels,
Σ_i log q_i(y_i), is an honest measure, and the two weights that maximise it say how much each source is worth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-12


def neighbor_votes(labels: NDArray[np.integer], neighbors: NDArray[np.integer], n_classes: int) -> NDArray[np.float64]:
    """Return the smoothed share of each class among the labelled neighbours, (n, K); unlabelled (-1) do not vote."""
    n = len(neighbors)
    given = labels[neighbors]
    flat = (np.arange(n)[:, None] * n_classes + given)[given >= 0]
    votes = np.bincount(flat, minlength=n * n_classes).reshape(n, n_classes).astype(np.float64)
    known = labels[labels >= 0]
    prior = (np.bincount(known, minlength=n_classes) + 1.0) / (len(known) + n_classes)
    return (votes + prior) / (votes.sum(axis=1, keepdims=True) + 1.0)


def combine(
    labels: NDArray[np.integer], pred_probs: NDArray[np.floating], votes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return q (n, K) and the weights (2,) that make the given labels most likely."""
    from scipy.optimize import minimize

    logs = np.stack([np.log(np.maximum(pred_probs, LEAST)), np.log(np.maximum(votes, LEAST))])
    known = np.flatnonzero(labels >= 0)

    def loss(weight: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        q, log_norm = _softmax(np.tensordot(weight, logs[:, known], axes=1))
        own = logs[:, known, labels[known]]
        gradient = (q * logs[:, known]).sum(axis=2).mean(axis=1) - own.mean(axis=1)
        return float((log_norm - weight @ own).mean()), gradient

    start = np.array([1.0, 0.0])
    bounds = [(0.0, 5.0), (0.0, 5.0)]
    weight = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x if len(known) else start
    return _softmax(np.tensordot(weight, logs, axes=1))[0], weight


def _softmax(logits: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    top = logits.max(axis=1, keepdims=True)
    odds = np.exp(logits - top)
    total = odds.sum(axis=1, keepdims=True)
    return odds / total, (np.log(total) + top)[:, 0]
