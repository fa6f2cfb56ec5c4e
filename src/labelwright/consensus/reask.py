"""Whom to ask again about which row: the vote that is expected to raise the chance of the right label most.

With q the posterior of a row and C_j the confusion matrix of source j, a vote of j is expected to raise the
probability of the best class by

    gain_ij = Σ_l max_k ( q_ik C_j[k, l] ) − max_k q_ik   ≥ 0

Work is spread: of the sources that gain nearly as much as the best one, the one with the fewest rows so far is named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.consensus.table import VoteTable

Floats = NDArray[np.float64]
BLOCK = 256


@dataclass(frozen=True)
class Reask:
    """Rows, the source to ask about each (int64) and the expected gain (float64), by falling gain."""

    row: NDArray[np.int64]
    source: NDArray[np.int64]
    gain: Floats


def whom_to_reask(
    table: VoteTable, q: Floats, confusion: Floats, allowed: NDArray[np.bool_], most: int = 1000, near: float = 0.9
) -> Reask:
    """Return for the most uncertain rows a source whose vote gains most, among those that have not voted on it.

    Parameters
    ----------
    table : VoteTable
    q : float64 (n, K)
    confusion : float64 (m, K, K)
    allowed : bool (m,)
        Sources that may be asked.
    most : int, default 1000
        Most rows that are returned.
    near : float in (0, 1], default 0.9
        A source may be named in place of the best one when it gains at least this share of its gain; 1 names the best.

    Examples
    --------
    >>> from labelwright.evidence import Votes, one_coin
    >>> votes = VoteTable.of(Votes([0], [0], [1], 1, 3, 2))
    >>> found = whom_to_reask(votes, np.array([[0.4, 0.6]]), one_coin([0.9, 0.7, 0.8], 2), np.ones(3, bool))
    >>> found.source, found.gain.round(2)
    (array([2]), array([0.2]))
    """
    unsure = np.argsort(q.max(axis=1), kind="stable")[:most]
    helpers = np.flatnonzero(allowed)
    gain = np.zeros((len(unsure), len(helpers)))
    for start in range(0, len(unsure), BLOCK):
        rows = unsure[start : start + BLOCK]
        for h, j in enumerate(helpers.tolist()):
            reached = (q[rows, :, None] * confusion[j]).max(axis=1).sum(axis=1)
            gain[start : start + BLOCK, h] = reached - q[rows].max(axis=1)
    place = np.full(table.n_sources, -1)
    place[helpers] = np.arange(len(helpers))
    for i, row in enumerate(unsure.tolist()):
        voted = place[table.source[table.offsets[row] : table.offsets[row + 1]]]
        gain[i, voted[voted >= 0]] = -1.0
    if not len(helpers):
        return Reask(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    best = _spread(gain, near)
    value = gain[np.arange(len(unsure)), best]
    order = np.argsort(-value, kind="stable")
    order = order[value[order] > 1e-9]
    return Reask(unsure[order].astype(np.int64), helpers[best[order]].astype(np.int64), value[order])


def _spread(gain: Floats, near: float) -> NDArray[np.int64]:
    """Return the source of each row, int64 (r,): of those near the best of the row, the one with the least to do."""
    chosen = gain.argmax(axis=1)
    load = np.zeros(gain.shape[1], dtype=np.int64)
    for i in np.argsort(-gain.max(axis=1), kind="stable").tolist():
        good = np.flatnonzero(gain[i] >= max(near * gain[i, chosen[i]], 1e-12))
        if len(good):
            chosen[i] = good[np.lexsort((-gain[i, good], load[good]))[0]]
            load[chosen[i]] += 1
    return chosen
