"""How often two answers fall on the same row: the second moments that closed-form label models start from."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

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


def enough_sources(said: Floats) -> None:
    """Refuse votes (m, S) of fewer than three sources: agreements of three are what closed forms rest on."""
    if int((said.sum(axis=1) > 0).sum()) < 3:
        raise BadInput("triplets and matrix completion need three sources that vote", fix="use MajorityVote")
