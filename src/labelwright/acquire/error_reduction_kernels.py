"""The inner loop of expected error reduction: O(K) a pair of rows instead of O(K²)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@njit(cache=True, nogil=True)
def expected_risk(value: Floats, pull: Floats, among: NDArray[np.bool_], expected: Floats) -> None:
    """Write the expected risk of every answered row x into `expected` (u,).

    Shapes: value (u, K) the field; pull (u, u), entry [x, z] how far a label of x moves z; among (u,) the rows z that
    count. With base_c = f_zc − f_xc · pull, an answer k makes the largest probability of z
    max( base_k + pull, max_{c≠k} base_c ).
    """
    u, n_classes = value.shape
    base = np.empty(n_classes)
    risk = np.empty(n_classes)
    for x in range(u):
        risk[:] = 0.0
        for z in range(u):
            if not among[z] or z == x:
                continue
            first, second, top = -np.inf, -np.inf, -1
            for c in range(n_classes):
                base[c] = value[z, c] - value[x, c] * pull[x, z]
                if base[c] > first:
                    first, second, top = base[c], first, c
                elif base[c] > second:
                    second = base[c]
            for k in range(n_classes):
                risk[k] += 1 - max(base[k] + pull[x, z], second if k == top else first)
        total = 0.0
        for k in range(n_classes):
            total += value[x, k] * risk[k]
        expected[x] = total
