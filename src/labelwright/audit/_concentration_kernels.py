"""One round of the search for an error region: which ball covers enough rows and grows least when it is expanded."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

MARGIN = 1e-6  # a ball ends just before the next row


@njit(cache=True, nogil=True)
def best_ball(
    distances: NDArray[np.float32],  # (n, n), each row rising
    order: NDArray[np.int32],  # (n, n), the rows at these distances
    uncertainty: NDArray[np.float64],
    covered: NDArray[np.bool_],
    expanded: NDArray[np.bool_],
    least: int,
    most: int,
    eps: float,
    gamma: float,
) -> tuple[int, float, int]:  # pragma: no cover - compiled
    """Return centre, radius and growth of the best ball; centre -1 when none has a mean uncertainty of gamma."""
    n = len(uncertainty)
    centre, radius, growth = -1, 0.0, n + 1
    for i in range(n):
        new, total, reached, at = 0, 0.0, 0, 0
        for j in range(n):
            row = order[i, j]
            if covered[row]:
                continue
            new += 1
            total += uncertainty[row]
            if new < least:
                continue
            if new > most:
                break
            following = j + 1
            while following < n and covered[order[i, following]]:
                following += 1
            end = distances[i, following] - MARGIN if following < n else float(distances[i, j])
            if end < distances[i, j]:  # the next row is as far: no ball parts the two
                continue
            while at < n and distances[i, at] <= end + eps:
                if not expanded[order[i, at]]:
                    reached += 1
                at += 1
            if total >= gamma * new and reached - new < growth:
                centre, radius, growth = i, end, reached - new
    return centre, radius, growth
