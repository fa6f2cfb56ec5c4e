"""Counts of several classes at once: exact for small bags, entropic projection for large ones (block B2)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXACT_COST = 500_000  # multiplications a bag up to which counting is exact
SCALING_ROUNDS = 10  # before Newton steps take over
SINKHORN_ROUNDS, SINKHORN_TOLERANCE = 500, 1e-10


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


def exact_cost(high: Ints, sizes: Ints) -> Floats:
    """Return how many multiplications the exact recursion takes for each bag: rows · classes · vectors of counts."""
    caps = np.minimum(high, sizes[:, None])
    states = np.prod(caps[:, :-1] + 1.0, axis=1)
    cost: Floats = states * sizes * (caps > 0).sum(axis=1)
    return cost


@njit(cache=True, nogil=True)
def _dual(log_p: Floats, shift: Floats, counts: Ints, q: Floats, sums: Floats) -> float:
    """Fill q ∝ p · exp(shift) and its column sums; return Σ_i log Σ_c p_ic exp(shift_c) − Σ_c n_c shift_c."""
    value = 0.0
    sums[:] = 0.0
    for i in range(len(log_p)):
        joint = log_p[i] + shift
        top = joint.max()
        if top == -np.inf:
            return -np.inf
        weights = np.exp(joint - top)
        total = weights.sum()
        value += top + np.log(total)
        q[i] = weights / total
        sums += q[i]
    for c in range(len(shift)):
        if counts[c] > 0:
            value -= shift[c] * counts[c]
    return value


@njit(cache=True, nogil=True)
def _newton(log_p: Floats, shift: Floats, counts: Ints, q: Floats, sums: Floats, value: float) -> bool:
    """Move `shift` by a damped Newton step on the dual; False when no step lowers it."""
    active = np.flatnonzero(counts > 0)
    n = len(active)
    hessian, slope = np.zeros((n, n)), np.zeros(n)
    for a in range(n):
        slope[a] = counts[active[a]] - sums[active[a]]
        for b in range(n):
            total = 0.0
            for i in range(len(q)):
                total += q[i, active[a]] * q[i, active[b]]
            hessian[a, b] = -total
        hessian[a, a] += sums[active[a]] + 1e-9
    step = np.linalg.solve(hessian, slope)
    old, length = shift.copy(), 1.0
    for _ in range(12):
        for a in range(n):
            shift[active[a]] = old[active[a]] + length * step[a]
        if _dual(log_p, shift, counts, q, sums) < value:
            return True
        length /= 2
    shift[:] = old
    return False


@njit(cache=True, nogil=True)
def sinkhorn_counts(log_p: Floats, offsets: Ints, counts: Ints) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Project each bag onto row sums 1 and column sums `counts`: q ∝ p · scale, nearest to p in relative entropy.

    Scaling rounds first, then Newton steps on the same convex dual, which take over where p is sharp and scaling slow.
    Returns q (t, K), −KL(q ‖ p) (g,), which is at least log Z, and whether each bag converged.
    """
    k = log_p.shape[1]
    q, bound = np.zeros_like(log_p), np.zeros(len(offsets) - 1)
    converged = np.ones(len(bound), dtype=np.bool_)
    sums = np.zeros(k)
    for g in range(len(bound)):
        rows, own, n = log_p[offsets[g] : offsets[g + 1]], q[offsets[g] : offsets[g + 1]], counts[g]
        shift = np.where(n == 0, -np.inf, 0.0)
        gap, stuck = np.inf, False
        for r in range(SINKHORN_ROUNDS):
            bound[g] = _dual(rows, shift, n, own, sums)
            gap = 0.0
            for c in range(k):
                if n[c] > 0:
                    gap = max(gap, abs(sums[c] - n[c]) / n[c])
                    if sums[c] == 0:
                        bound[g] = -np.inf
            if gap < SINKHORN_TOLERANCE or bound[g] == -np.inf:
                break
            if r >= SCALING_ROUNDS and not stuck:
                stuck = not _newton(rows, shift, n, own, sums, bound[g])
                if not stuck:
                    continue
                bound[g] = _dual(rows, shift, n, own, sums)
            for c in range(k):
                if n[c] > 0:
                    shift[c] += np.log(n[c]) - np.log(sums[c])
        converged[g] = gap < 1e-6
    return q, bound, converged
