"""How often two answers fall on the same row: the second moments that closed-form label models start from."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput

Floats = NDArray[np.float64]


@njit(cache=True, nogil=True)
def co_counts(offsets, unit, score, moments):  # type: ignore[no-untyped-def]
    """Add Σ_rows score_a · score_b to moments[unit_a, unit_b] (u, u), for all pairs of entries of a row.

    Shapes: unit int (v,), score float (v,); an entry meets itself too.
    """
    for i in range(len(offsets) - 1):
        for a in range(offsets[i], offsets[i + 1]):
            mine = moments[unit[a]]
            for b in range(offsets[i], a + 1):
                mine[unit[b]] += score[a] * score[b]
    for a in range(len(moments)):
        for b in range(a):
            moments[a, b] = moments[b, a] = moments[a, b] + moments[b, a]


def answer_moments(table: VoteTable) -> Floats:
    """Return how often each pair of answers falls on the same row, float64 (mS, mS), votes by the root of their weight.

    Where the rows of votes are dense, each answer is a set of rows, 64 to a word, and pairs of sets are counted.
    """
    units = table.n_sources * table.n_symbols
    moments = np.zeros((units, units))
    pairs = float((np.diff(table.offsets).astype(np.float64) ** 2).sum())
    if table.unweighted and units**2 / 64 * table.n_rows <= pairs:
        rows = np.zeros((units, -(-table.n_rows // 64)), dtype=np.uint64)
        if _row_sets(table.offsets, table.cells, rows):
            _common_rows(rows, moments)
            return moments
    co_counts(table.offsets, table.cells, np.sqrt(table.weight), moments)
    return moments


@njit(cache=True, nogil=True)
def _row_sets(offsets, cell, rows):  # type: ignore[no-untyped-def]
    """Set the bit of each row in rows (u, n / 64) of its answers; False where a row has an answer twice."""
    for i in range(len(offsets) - 1):
        word, bit = i >> 6, np.uint64(1) << np.uint64(i & 63)
        for v in range(offsets[i], offsets[i + 1]):
            if rows[cell[v], word] & bit:
                return False
            rows[cell[v], word] |= bit
    return True


@njit(cache=True, nogil=True)
def _common_rows(rows, moments):  # type: ignore[no-untyped-def]
    """Write the number of rows that each two sets share to moments (u, u); bits are summed in pairs, fours, bytes."""
    ones, twos = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
    fours, bytes_ = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
    for a in range(len(rows)):
        for b in range(a + 1):
            shared = np.uint64(0)
            for word in range(rows.shape[1]):
                x = rows[a, word] & rows[b, word]
                x -= (x >> np.uint64(1)) & ones
                x = (x & twos) + ((x >> np.uint64(2)) & twos)
                x = (x + (x >> np.uint64(4))) & fours
                shared += (x * bytes_) >> np.uint64(56)
            moments[a, b] = moments[b, a] = shared


def enough_sources(said: Floats) -> None:
    """Refuse votes (m, S) of fewer than three sources: agreements of three are what closed forms rest on."""
    if int((said.sum(axis=1) > 0).sum()) < 3:
        raise BadInput("triplets and matrix completion need three sources that vote", fix="use MajorityVote")
