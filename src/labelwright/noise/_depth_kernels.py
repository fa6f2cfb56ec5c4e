"""A power series applied to itself many times, in logarithms, so that nothing underflows."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

TINY = 1e-20  # below it only the first power of the series counts, and no power of it underflows


@njit(cache=True, nogil=True)
def iterate(
    cosines: NDArray[np.float64], coefficients: NDArray[np.float64], first: int, depth: int, tangent: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # pragma: no cover - compiled
    """Return sign and log of the size of S_depth, or with `tangent` of Theta_depth, for each cosine (m,).

    f(x) = Σ_{k ≥ first} c_k x^k with c_first > 0. Theta is carried as its ratio to S:
    r_l = 1 + r_{l−1} · x f'(x) / f(x).
    """
    signs, logs = np.ones(len(cosines)), np.full(len(cosines), -np.inf)
    start, tiny = np.log(coefficients[first]), max(TINY, 10.0 ** (-300.0 / max(first, 1)))
    for i in range(len(cosines)):
        x, ratio, rest = cosines[i], 1.0, 0
        if x == 0.0:
            continue
        for step in range(depth):
            if abs(x) < tiny:
                rest = depth - step
                break
            value, slope = 0.0, 0.0
            for k in range(len(coefficients) - 1, first - 1, -1):
                value = value * x + coefficients[k]
                slope = slope * x + k * coefficients[k]
            ratio = 1.0 + ratio * slope / value
            x = value * x**first
        log, sign = np.log(abs(x)), 1.0 if x > 0 else -1.0
        if rest > 0 and first == 1:
            log += rest * start
            ratio += rest
        elif rest > 0:
            power = float(first) ** rest
            log = log * power + start * (power - 1) / (first - 1)
            sign = 1.0 if first % 2 == 0 else sign
            ratio += 1.0 / (first - 1)
        signs[i], logs[i] = sign, log
        if tangent:
            signs[i] = sign if ratio >= 0 else -sign
            logs[i] = log + np.log(abs(ratio)) + (rest * np.log(float(first)) if first > 1 else 0.0)
    return signs, logs
