"""Counting, compiled: how many of a bag's rows are positive, over ragged bags without a Python loop.

Inside a bag with log-odds a_i and count potential φ(k) (block B2):

    Z = Σ_k φ(k) P(Σ y = k),    q_i ∝ p_i Σ_j h_i[j] φ(j + 1),    h_i = law of the count without row i

Three things make it fast and safe. (1) *Tilting*: adding λ to every log-odds multiplies the weight of a count k by
exp(λ k), so it moves the law of the count onto the counts that matter and φ undoes it; linear space never underflows
for a log-concave φ. (2) *Banding*: counts further than 10 standard deviations + 32 from the running mean carry less
than 1e-20 and are left out, so a bag of m rows costs O(m · min(k, √m)). (3) *Deconvolution*: h_i comes from the
law f of the whole bag, f[j] = (1 − p_i) h_i[j] + p_i h_i[j − 1], solved from the end where errors shrink; no table
of m × k numbers is kept. A φ that is not log-concave goes through the log-space forward and backward tables.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BAND_SDS, BAND_MARGIN = 10.0, 32.0
TINY = 1e-300


@njit(cache=True, nogil=True)
def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@njit(cache=True, nogil=True)
def _softplus(x: float) -> float:
    if x > 0:
        return x + math.log1p(math.exp(-x))
    return math.log1p(math.exp(x))


@njit(cache=True, nogil=True)
def _tilt(odds: Floats, target: float) -> float:
    """Find λ for (m,) finite log-odds with Σ sigmoid(odds + λ) near `target`; any λ is exact, a near one is safe."""
    m = len(odds)
    target = min(max(target, 0.5), m - 0.5) if m > 1 else 0.5
    edge = math.log(m + 1.0) + 2.0
    low, high = -odds.max() - edge, -odds.min() + edge
    lam = 0.0 if low < 0.0 < high else 0.5 * (low + high)
    for _ in range(200):
        mean, var = 0.0, 0.0
        for i in range(m):
            p = _sigmoid(odds[i] + lam)
            mean += p
            var += p * (1.0 - p)
        gap = target - mean
        if abs(gap) < 0.05:
            break
        if gap > 0:
            low = lam
        else:
            high = lam
        step = lam + gap / max(var, 1e-12)
        lam = step if low < step < high else 0.5 * (low + high)
    return lam


@njit(cache=True, nogil=True)
def _mode_tilt(odds: Floats, low: int, high: int, log_phi: Floats, shift: int) -> tuple[float, int]:
    """Return (λ, k*): the tilt that brings the law of the count onto the mode k* of φ(k) P(k).

    An empty `log_phi` is flat on low..high; else count k stands at ``shift + k``.
    """
    mean = 0.0
    for i in range(len(odds)):
        mean += _sigmoid(odds[i])
    if len(log_phi) == 0:
        if low <= mean <= high:
            return 0.0, min(max(round(mean), low), high)
        k = low if mean < low else high
        return _tilt(odds, float(k)), k
    first, last = low, high
    while low < high:  # the slope of log φ + log P falls in k: find where it changes sign
        k = (low + high) // 2
        if log_phi[shift + k + 1] - log_phi[shift + k] > _tilt(odds, k + 0.5):
            low = k + 1
        else:
            high = k
    # Between the slopes on both sides of the mode, φ(k) exp(−λ k) is largest at the mode: no weight is above 1.
    lam = _tilt(odds, float(low))
    if low > first:
        lam = min(lam, log_phi[shift + low] - log_phi[shift + low - 1])
    if low < last:
        lam = max(lam, log_phi[shift + low + 1] - log_phi[shift + low])
    return lam, low


@njit(cache=True, nogil=True)
def _law(probs: Floats, law: Floats, spare: Floats) -> tuple[int, int]:
    """Fill `law` with the banded law of the count of (m,) rows; return its first and last count.

    Both buffers are (m + 3,); count j stands at j + 1.
    """
    first, last, mean, var = 0, 0, 0.0, 0.0
    law[0], law[1], law[2] = 0.0, 1.0, 0.0
    source, target = law, spare
    for i in range(len(probs)):
        p = probs[i]
        mean += p
        var += p * (1.0 - p)
        width = BAND_MARGIN + BAND_SDS * math.sqrt(var)
        new_first = max(first, int(mean - width))
        new_last = min(last + 1, int(mean + width) + 1)
        rest = 1.0 - p
        for j in range(new_first + 1, new_last + 2):
            target[j] = source[j] * rest + source[j - 1] * p
        first, last = new_first, new_last
        target[first] = 0.0
        target[last + 2] = 0.0
        source, target = target, source
    if len(probs) % 2 == 1:
        law[first : last + 3] = spare[first : last + 3]
    return first, last


@njit(cache=True, nogil=True)
def _without(
    law: Floats, weight: Floats, p: float, first: int, last: int, top: int, bottom: int
) -> tuple[float, float]:
    """Return (Σ_j h[j] w[j], Σ_j h[j] w[j + 1]) for h = the law without a row of probability p.

    Weights are nonzero on counts bottom..top only; entry j stands at j + 1 in both arrays.
    """
    zero, one, h = 0.0, 0.0, 0.0
    if p <= 0.5:
        rest = 1.0 / (1.0 - p)
        ratio = p * rest
        for j in range(first, min(bottom - 1, top)):
            h = law[j + 1] * rest - h * ratio
        for j in range(max(first, bottom - 1), min(top, last) + 1):
            h = law[j + 1] * rest - h * ratio
            zero += h * weight[j + 1]
            one += h * weight[j + 2]
    else:
        rest = 1.0 / p
        ratio = (1.0 - p) * rest
        for j in range(last, top + 1, -1):
            h = law[j + 1] * rest - h * ratio
        for j in range(min(last, top + 1), max(first, bottom) - 1, -1):
            h = law[j + 1] * rest - h * ratio  # now h[j - 1]
            zero += h * weight[j]
            one += h * weight[j + 1]
    return zero, one


@njit(cache=True, nogil=True)
def _bag(
    odds: Floats,
    low: int,
    high: int,
    log_phi: Floats,
    shift: int,
    message: Floats,
    law: Floats,
    spare: Floats,
    weight: Floats,
    probs: Floats,
) -> float:
    """Fill message (m, 2) = log Σ_j h_i[j] φ(j), log Σ_j h_i[j] φ(j + 1) up to a constant; return log Z."""
    m = len(odds)
    lam, mode = _mode_tilt(odds, low, high, log_phi, shift)
    log_z = 0.0
    for i in range(m):
        tilted = odds[i] + lam
        probs[i] = _sigmoid(tilted)
        log_z += _softplus(tilted) - _softplus(odds[i])
    first, last = _law(probs[:m], law, spare)
    bottom, top = max(low, first), min(high, last)
    weight[: m + 3] = 0.0
    level = (log_phi[shift + mode] if len(log_phi) else 0.0) - lam * mode
    total = 0.0
    for k in range(bottom, top + 1):
        phi = log_phi[shift + k] if len(log_phi) else 0.0
        weight[k + 1] = math.exp(phi - lam * k - level)
        total += weight[k + 1] * law[k + 1]
    for i in range(m):
        zero, one = _without(law, weight, probs[i], first, last, top, bottom)
        ratio = lam + math.log(max(one, TINY)) - math.log(max(zero, TINY))
        message[i, 0] = -np.inf if low == m else min(0.0, -ratio)
        message[i, 1] = -np.inf if high == 0 else min(0.0, ratio)
    return log_z + level + math.log(max(total, TINY))


@njit(cache=True, nogil=True)
def count_bags(log_odds: Floats, offsets: Ints, low: Ints, high: Ints, log_phi: Floats) -> tuple[Floats, Floats]:
    """Condition every bag on low <= count <= high, times φ where `log_phi` (t + g,) is not empty.

    Returns message (t, 2) and log_z (g,). Rows with infinite log-odds are settled and leave the recursion.
    """
    n_bags = len(offsets) - 1
    longest = 0
    for g in range(n_bags):
        longest = max(longest, offsets[g + 1] - offsets[g])
    law, spare, weight = np.zeros(longest + 3), np.zeros(longest + 3), np.zeros(longest + 4)
    probs, free, out = np.empty(longest), np.empty(longest), np.empty((longest, 2))
    message, log_z = np.zeros((len(log_odds), 2)), np.zeros(n_bags)
    nothing = np.empty(0)
    for g in range(n_bags):
        start, stop = offsets[g], offsets[g + 1]
        settled, m = 0, 0
        for i in range(start, stop):
            if log_odds[i] == np.inf:
                settled += 1
            elif log_odds[i] > -np.inf:
                free[m] = log_odds[i]
                m += 1
        phi = log_phi[start + g : stop + g + 1] if len(log_phi) else nothing
        first, last = max(low[g] - settled, 0), min(high[g] - settled, m)
        while len(phi) and first <= last and phi[first + settled] == -np.inf:
            first += 1
        while len(phi) and first <= last and phi[last + settled] == -np.inf:
            last -= 1
        if first > last:
            log_z[g] = -np.inf
            continue
        if m == 0:
            log_z[g] = phi[settled] if len(phi) else 0.0
            continue
        log_z[g] = _bag(free[:m], first, last, phi, settled, out, law, spare, weight, probs)
        j = 0
        for i in range(start, stop):
            if np.isfinite(log_odds[i]):
                message[i, 0], message[i, 1] = out[j, 0], out[j, 1]
                j += 1
    return message, log_z


@njit(cache=True, nogil=True)
def _logaddexp(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    return a if b == -np.inf else a + math.log1p(math.exp(b - a))


@njit(cache=True, nogil=True)
def count_bags_log(log_odds: Floats, offsets: Ints, log_phi: Floats) -> tuple[Floats, Floats]:
    """The same for any φ (t + g,), by forward and backward tables in log space: O(m²) time and memory a bag."""
    n_bags = len(offsets) - 1
    message, log_z = np.zeros((len(log_odds), 2)), np.zeros(n_bags)
    for g in range(n_bags):
        start, m = offsets[g], offsets[g + 1] - offsets[g]
        back = np.full((m + 1, m + 2), -np.inf)
        back[m, : m + 1] = log_phi[start + g : start + g + m + 1]
        for i in range(m - 1, -1, -1):
            yes, no = -_softplus(-log_odds[start + i]), -_softplus(log_odds[start + i])
            for j in range(i + 1):
                back[i, j] = _logaddexp(back[i + 1, j] + no, back[i + 1, j + 1] + yes)
        log_z[g] = back[0, 0]
        ahead = np.full(m + 2, -np.inf)
        ahead[0] = 0.0
        for i in range(m):
            zero, one = -np.inf, -np.inf
            for j in range(i + 1):
                zero = _logaddexp(zero, ahead[j] + back[i + 1, j])
                one = _logaddexp(one, ahead[j] + back[i + 1, j + 1])
            top = max(zero, one)
            if top > -np.inf:
                message[start + i, 0], message[start + i, 1] = zero - top, one - top
            yes, no = -_softplus(-log_odds[start + i]), -_softplus(log_odds[start + i])
            for j in range(i + 1, 0, -1):
                ahead[j] = _logaddexp(ahead[j] + no, ahead[j - 1] + yes)
            ahead[0] += no
    return message, log_z


@njit(cache=True, nogil=True)
def log_concave_bags(offsets: Ints, log_phi: Floats) -> NDArray[np.bool_]:
    """Whether each bag's potential (t + g,) is log-concave on an unbroken run of counts, bool (g,)."""
    concave = np.ones(len(offsets) - 1, dtype=np.bool_)
    for g in range(len(concave)):
        start, stop = offsets[g] + g, offsets[g + 1] + g + 1
        slope, before, ended = np.inf, -np.inf, False
        for k in range(start, stop):
            now = log_phi[k]
            if now == -np.inf:
                ended = ended or before > -np.inf
            elif ended:
                concave[g] = False
            elif before > -np.inf:
                if now - before > slope + 1e-9 * (1.0 + abs(slope)):
                    concave[g] = False
                slope = now - before
            before = now
    return concave
