"""The published certificate that majority voting is optimal, from moments of the votes alone.

Source: The majority vote paradigm shift: when popular meets optimal, 2025 [P086].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput
from labelwright.evidence import Votes

Floats = NDArray[np.float64]


def published_certificate(votes: Votes, n_votes: int, gamma: float = 0.1) -> bool:
    """Tell whether the paper's certificate, which needs no known label, holds with probability 1 − γ.

    Two classes, symmetric errors. T̃ is the symmetric stochastic matrix nearest to (D^-½ M D^-½)^½, with D the vote
    shares and M the shares of pairs of votes on a row; ν̃ = T̃⁻¹ D. Loose: at accuracy 0.8, three votes a row and
    balanced classes it needs about 32,000 rows.

    Source: [P086].
    """
    table = VoteTable.of(votes)
    if table.n_classes != 2:
        raise BadInput(f"the votes have {table.n_classes} classes", fix="the certificate is for two")
    counts = table.class_weights()
    pairs = counts.T @ counts - np.diag(counts.sum(axis=0))
    return published_condition(pairs / pairs.sum(), counts.sum(axis=0) / counts.sum(), table.n_rows, n_votes, gamma)


def published_condition(pairs: Floats, shares: Floats, n_rows: int, n_votes: int, gamma: float = 0.1) -> bool:
    """Return the paper's condition for moments M (2, 2) and D (2,) of `n_rows` rows."""
    c = 2
    scale = 1 / np.sqrt(shares)
    values, vectors = np.linalg.eigh(pairs * scale[:, None] * scale)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    t = float(np.clip((np.trace(root) + c - root[0, 1] - root[1, 0]) / 4, 0.5, 1 - 1e-9))
    smallest = 2 * t - 1  # the smallest eigenvalue of [[t, 1 − t], [1 − t, t]]
    if smallest <= 0:
        return False
    prior = np.linalg.solve(np.array([[t, 1 - t], [1 - t, t]]), shares)
    if not (prior > 0).all():
        return False
    eps = c * (np.sqrt(c) + 1) * prior.max() / smallest * np.sqrt(np.log(2 * c**2 / gamma) / (2 * n_rows))
    if eps >= smallest:
        return False
    xi, eta, h = 1 - t, prior.min(), n_votes
    psi = (eps / smallest) * (1 / (smallest - eps) + np.sqrt(c)) / min(eta, 1 - eta) ** 2
    wide = [max(0.5, (h + side) / 2 - h * xi) for side in (1, -1)]
    chi = 0.5 * (1 - xi) ** -2 * np.hypot(wide[0], wide[1])
    odds, root_r = prior[1] / prior[0], t / (1 - t)
    return bool(odds - 1 / root_r > psi + eps * chi and root_r - odds > psi + 4 * eps * chi)
