"""Counts of several classes at once: exact for small bags, entropic projection for large ones (block B2)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXACT_ROWS, EXACT_CLASSES = 12, 4
SINKHORN_ROUNDS, SINKHORN_TOLERANCE = 5000, 1e-10


@njit(cache=True, nogil=True)
def _states(high: Ints, m: int) -> tuple[Ints, Ints, int]:
    """Return caps, strides and the number of states of the first K − 1 counts."""
    k = len(high)
    caps, strides, size = np.zeros(k, dtype=np.int64), np.zeros(k, dtype=np.int64), 1
    for c in range(k - 1):
        caps[c] = min(max(high[c], 0), m)
        strides[c] = size
        size *= caps[c] + 1
    return caps, strides, size


@njit(cache=True, nogil=True)
def _exact_bag(p: Floats, low: Ints, high: Ints, q: Floats) -> float:
    """Fill q (m, K) for probabilities p (m, K) and counts within low..high (K,); return Z."""
    m, k = p.shape
    caps, strides, size = _states(high, m)
    ahead, back = np.zeros((m + 1, size)), np.zeros((m + 1, size))
    ahead[0, 0] = 1.0
    for s in range(size):
        total, fits = 0, True
        for c in range(k - 1):
            n = (s // strides[c]) % (caps[c] + 1)
            total += n
            fits = fits and low[c] <= n <= high[c]
        back[m, s] = 1.0 if fits and low[k - 1] <= m - total <= high[k - 1] else 0.0
    for i in range(m):
        for s in range(size):
            if ahead[i, s] > 0:
                for c in range(k):
                    if c == k - 1:
                        ahead[i + 1, s] += ahead[i, s] * p[i, c]
                    elif (s // strides[c]) % (caps[c] + 1) < caps[c]:
                        ahead[i + 1, s + strides[c]] += ahead[i, s] * p[i, c]
    for i in range(m - 1, -1, -1):
        for s in range(size):
            for c in range(k):
                if c == k - 1:
                    step = back[i + 1, s]
                elif (s // strides[c]) % (caps[c] + 1) < caps[c]:
                    step = back[i + 1, s + strides[c]]
                else:
                    continue
                back[i, s] += p[i, c] * step
                q[i, c] += ahead[i, s] * p[i, c] * step
    z = back[0, 0]
    if z > 0:
        q /= z
    return z


@njit(cache=True, nogil=True)
def exact_counts(log_p: Floats, offsets: Ints, low: Ints, high: Ints) -> tuple[Floats, Floats]:
    """Return q (t, K) and log Z (g,) by the recursion over the vector of used counts: O(m K Π_c (n_c + 1)) a bag."""
    q, log_z = np.zeros_like(log_p), np.zeros(len(offsets) - 1)
    for g in range(len(log_z)):
        start, stop = offsets[g], offsets[g + 1]
        top = np.empty(stop - start)
        for i in range(start, stop):
            top[i - start] = log_p[i].max()
        p = np.exp(log_p[start:stop] - top.reshape(-1, 1))
        z = _exact_bag(p, low[g], high[g], q[start:stop])
        log_z[g] = np.log(z) + top.sum() if z > 0 else -np.inf
    return q, log_z


@njit(cache=True, nogil=True)
def sinkhorn_counts(log_p: Floats, offsets: Ints, counts: Ints) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Project each bag onto row sums 1 and column sums `counts`: q ∝ p · scale, nearest to p in relative entropy.

    Returns q (t, K), −KL(q ‖ p) (g,), which is at least log Z, and whether each bag converged.
    """
    k = log_p.shape[1]
    q, bound = np.zeros_like(log_p), np.zeros(len(offsets) - 1)
    converged = np.ones(len(bound), dtype=np.bool_)
    for g in range(len(bound)):
        start, stop = offsets[g], offsets[g + 1]
        shift = np.zeros(k)
        for c in range(k):
            if counts[g, c] == 0:
                shift[c] = -np.inf
        gap = np.inf
        for _ in range(SINKHORN_ROUNDS):
            sums, norm = np.zeros(k), 0.0
            for i in range(start, stop):
                joint = log_p[i] + shift
                top = joint.max()
                if top == -np.inf:
                    norm = -np.inf
                    break
                weights = np.exp(joint - top)
                total = weights.sum()
                norm += top + np.log(total)
                q[i] = weights / total
                sums += q[i]
            bound[g] = norm
            gap = 0.0
            for c in range(k):
                if counts[g, c] > 0:
                    gap = max(gap, abs(sums[c] - counts[g, c]) / counts[g, c])
                    bound[g] -= shift[c] * counts[g, c]
                    if sums[c] == 0:
                        bound[g] = -np.inf
            if gap < SINKHORN_TOLERANCE or bound[g] == -np.inf:
                break
            for c in range(k):
                if counts[g, c] > 0:
                    shift[c] += np.log(counts[g, c]) - np.log(sums[c])
        converged[g] = gap < 1e-6
    return q, bound, converged
