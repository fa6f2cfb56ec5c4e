"""Message passing between similar rows, compiled: the pair factors of a Gibbs law over binary rows.

A pair factor exp(−J (y_i − y_j)²) sends, when the other end has cavity log-odds h, the log-odds

    T(h) = log( (e^h + e^−J) / (e^(h − J) + 1) ) = sign(h) log( (1 + t z) / (t + z) ),   t = e^−J, z = e^−|h|

Edges are stored twice, as half-edges in CSR order: half-edge e runs from row i to ``indices[e]`` and holds the message
that reaches i over it; ``reverse[e]`` is the half-edge back. Rows start to stop are one thread's work; all messages are
renewed from the old ones, so the result does not depend on how the rows are dealt out.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def _pair_message(h: float, t: float) -> float:
    z = math.exp(-abs(h))
    if t + z == 0.0:
        return h
    m = math.log((1.0 + t * z) / (t + z))
    return m if h >= 0.0 else -m


@njit(cache=True, nogil=True)
def _squash(x: float) -> float:
    return x / (1.0 + abs(x))


@njit(cache=True, nogil=True)
def pair_sweep(
    start: int,
    stop: int,
    indptr: Ints,
    indices: NDArray[np.int32],
    reverse: NDArray[np.int32],
    factor: Floats,
    belief: Floats,
    incoming: Floats,
    fresh: Floats,
    keep: float,
) -> float:
    """Write to `fresh` the messages that reach rows start..stop; return the largest move of x / (1 + |x|).

    `factor` is e^−J of each half-edge, `belief` (n,) the log-odds of all rows with all messages, `keep` the share of
    the old message that stays.
    """
    moved = 0.0
    for i in range(start, stop):
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            message = _pair_message(belief[j] - incoming[reverse[e]], factor[e])
            message = (1.0 - keep) * message + keep * incoming[e]
            moved = max(moved, abs(_squash(message) - _squash(incoming[e])))
            fresh[e] = message
    return moved


@njit(cache=True, nogil=True)
def row_sums(start: int, stop: int, indptr: Ints, incoming: Floats, base: Floats, belief: Floats) -> None:
    """Write to `belief` of rows start..stop their `base` log-odds plus all messages that reach them over edges."""
    for i in range(start, stop):
        total = base[i]
        for e in range(indptr[i], indptr[i + 1]):
            total += incoming[e]
        belief[i] = total


@njit(cache=True, nogil=True)
def settle(start: int, stop: int, message: Floats, old: Floats, keep: float, largest: float) -> float:
    """Blend the new bag messages of rows start..stop into `old`, cut at ± largest; return the largest move."""
    moved = 0.0
    for i in range(start, stop):
        now = min(max(message[i], -largest), largest)
        now = (1.0 - keep) * now + keep * old[i]
        moved = max(moved, abs(_squash(now) - _squash(old[i])))
        old[i] = now
    return moved
