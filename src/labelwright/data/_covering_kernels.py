"""The inner loops of greedy covering.

A row's distance to the taken rows only falls as more are taken, so an old distance bounds the new one from above. The
farthest row is found by bringing up to date those rows alone whose bound is above the best distance found so far.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Counts = NDArray[np.int64]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _squared_distance(a: Rows, b: Rows) -> np.float32:
    total = np.float32(0.0)
    for j in range(a.shape[0]):
        away = a[j] - b[j]
        total += away * away
    return total


@njit(cache=True, nogil=True)
def catch_up(rows: Rows, centers: Rows, least: Rows, seen: Counts) -> None:
    """Lower `least` (n,) to the squared distance of each row (n, d) from the nearest of all centers (m, d).

    `seen` (n,) says how many centers each row was measured against; it becomes m.
    """
    for i in range(rows.shape[0]):
        for c in range(seen[i], centers.shape[0]):
            least[i] = min(least[i], _squared_distance(rows[i], centers[c]))
        seen[i] = centers.shape[0]


@njit(cache=True, nogil=True)
def farthest(
    rows: Rows, centers: Rows, least: Rows, seen: Counts, free: NDArray[np.bool_], hint: int
) -> tuple[int, int]:
    """Return the free row farthest from all centers, the earlier one on a tie, and the next hint: the runner-up met.

    `least` and `seen` are as in `catch_up`, and are brought up to date only as far as the answer needs. A good `hint`
    (a row that is likely far) saves work and changes nothing; -1 = none.
    """
    m = centers.shape[0]
    best, arg, second, runner_up = np.float32(-1.0), -1, np.float32(-1.0), -1
    for step in range(-1, rows.shape[0]):
        i = hint if step < 0 else step
        if i < 0 or not free[i] or i == arg:
            continue
        while seen[i] < m and (least[i] > best or (least[i] == best and i < arg)):
            least[i] = min(least[i], _squared_distance(rows[i], centers[seen[i]]))
            seen[i] += 1
        if least[i] > best or (least[i] == best and i < arg):
            second, runner_up = best, arg
            best, arg = least[i], i
        elif least[i] > second:
            second, runner_up = least[i], i
    return arg, runner_up
