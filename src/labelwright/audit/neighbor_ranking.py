"""What the labels of similar rows say: votes weighted by how near two rows are for both of them.

With d_ij the distance of row i and its neighbour j, and σ_i the distance of i to its seventh neighbour,

    w_ij = exp(−d_ij² / (s σ_i σ_j)) / median_i w_i1        a row in a dense place trusts only the very near
    v_ik = (Σ_j w_ij [y_j = k] + a · share of class k) / (Σ_j w_ij + a)

Row i itself never votes, so v_i knows nothing of y_i and can stand beside out-of-fold probabilities.

Source of the scale: Zelnik-Manor and Perona, Self-Tuning Spectral Clustering, NeurIPS 2004.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelwright.data.neighbors import Neighbors

NARROW = 0.2  # s: how fast a vote fades with distance
SCALE_AT = 7  # the neighbour whose distance is a row's own scale
PRIOR = 3.0  # a: votes that the class shares count for
BLOCK = 1 << 22  # numbers worked on at a time


def neighbor_votes(labels: NDArray[np.integer], neighbors: Neighbors, n_classes: int) -> NDArray[np.float32]:
    """Return the share of each class among the weighted votes of the nearest rows.

    Parameters
    ----------
    labels : int, shape (n,)
        -1 = unlabelled, does not vote.
    neighbors : Neighbors
        k nearest other rows; 50 to 100 are best, votes fade by themselves.
    n_classes : int

    Returns
    -------
    float32, shape (n, K), rows sum to 1.
    """
    known = labels[labels >= 0]
    share = (np.bincount(known, minlength=n_classes) + 1.0) / (len(known) + n_classes)
    weights = vote_weights(neighbors)
    votes = np.empty((len(labels), n_classes), dtype=np.float32)
    step = max(1, BLOCK // n_classes)
    for start in range(0, len(labels), step):
        given = labels[neighbors.indices[start : start + step]]
        voting = given >= 0
        cell = (np.arange(len(given))[:, None] * n_classes + given)[voting]
        cast = np.bincount(cell, weights[start : start + step][voting], minlength=len(given) * n_classes)
        total = cast.reshape(-1, n_classes) + PRIOR * share
        votes[start : start + step] = total / total.sum(axis=1, keepdims=True)
    return votes


def vote_weights(neighbors: Neighbors) -> NDArray[np.float32]:
    """Return the weight of each neighbour, (n, k): 1 for the nearest neighbour of a typical row."""
    # The cosine distance of unit vectors is half their squared Euclidean distance.
    distance = neighbors.distances.astype(np.float64)
    if neighbors.metric == "euclidean":
        distance = distance**2
    scale = np.maximum(distance[:, min(SCALE_AT, neighbors.k) - 1], 1e-12)
    weights = np.exp(-(distance**2) / (NARROW * scale[:, None] * scale[neighbors.indices]))
    typical = float(np.median(weights[:, 0]))
    return np.minimum(weights / max(typical, 1e-6), 1e6).astype(np.float32)
