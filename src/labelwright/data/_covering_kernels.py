"""The inner loop of greedy covering: one pass over the rows a step."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Rows = NDArray[np.float32]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _squared_distance(a: Rows, b: Rows) -> np.float32:
    total = np.float32(0.0)
    for j in range(a.shape[0]):
        away = a[j] - b[j]
        total += away * away
    return total


@njit(cache=True, nogil=True)
def shrink(rows: Rows, center: Rows, least: Rows) -> None:
    """Lower `least` (n,) to the squared distance from `center` (d,) where a row (n, d) is nearer to it."""
    for i in range(rows.shape[0]):
        away = _squared_distance(rows[i], center)
        if away < least[i]:
            least[i] = away
