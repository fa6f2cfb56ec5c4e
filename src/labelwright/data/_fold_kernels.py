"""The compiled inner loop of `splits`. All arguments are checked there."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def deal(
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    kind: NDArray[np.int64],
    share: NDArray[np.float64],
    mass: NDArray[np.float64],
    n_strata: int,
    folds: int,
) -> NDArray[np.int64]:
    """Give each group, in `order`, to the fold where it adds least to the sum of squared shares."""
    filled = np.zeros((folds, n_strata))
    size = np.zeros(folds)
    fold = np.empty(len(order), np.int64)
    for group in order:
        best, least = 0, np.inf
        for f in range(folds):
            cost = 0.0
            total = 0.0
            for c in range(starts[group], starts[group + 1]):
                cost += share[c] * filled[f, kind[c]]
                total += mass[c]
            cost += total * size[f]
            if cost < least - 1e-15:
                best, least = f, cost
        for c in range(starts[group], starts[group + 1]):
            filled[best, kind[c]] += share[c]
            size[best] += mass[c]
        fold[group] = best
    return fold
