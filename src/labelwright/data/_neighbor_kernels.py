"""The compiled inner loops of `neighbors`. All arguments are checked there."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

CHUNK = 16


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def reduce_tile(
    tile: NDArray[np.float32], square: NDArray[np.float32], start: int, left: int, minima: NDArray[np.float32]
) -> None:
    """Write the least ``|y|² − 2⟨x, y⟩`` of each chunk of the tile into `minima`; the row itself counts as infinite.

    Shapes: tile (b, c), square (n,), minima (b, n / CHUNK). `start` and `left` are the row and column of tile[0, 0].
    """
    b, c = tile.shape
    for i in range(b):
        own = start + i - left
        if 0 <= own < c:
            tile[i, own] = -np.inf
        whole = c // CHUNK
        for q in range(whole):
            base = q * CHUNK
            least = np.float32(np.inf)
            for j in range(CHUNK):
                value = square[left + base + j] - np.float32(2) * tile[i, base + j]
                least = min(least, value)
            minima[i, left // CHUNK + q] = least
        if whole * CHUNK < c:
            least = np.float32(np.inf)
            for j in range(whole * CHUNK, c):
                least = min(least, square[left + j] - np.float32(2) * tile[i, j])
            minima[i, left // CHUNK + whole] = least


@njit(cache=True, nogil=True)
def _distance(x: NDArray[np.float32], y: NDArray[np.float32], cosine: bool) -> float:
    """Squared Euclidean distance, or 1 − cos of unit rows."""
    total = 0.0
    for f in range(len(x)):
        gap = np.float64(x[f]) - np.float64(y[f])
        total += gap * gap
    return 0.5 * total if cosine else total


@njit(cache=True, nogil=True)
def nearest_in_chunks(
    exact: NDArray[np.float32],
    square: NDArray[np.float32],
    slack: np.float32,
    zero: NDArray[np.bool_],
    minima: NDArray[np.float32],
    start: int,
    cosine: bool,
    indices: NDArray[np.int64],
    distances: NDArray[np.float64],
) -> None:
    """Measure the chunks that can hold one of the k nearest and keep those, by (distance, row).

    ``minima ± slack · (|x|² + |y|²)`` brackets the true value, so the k-th least upper bound over the chunks bounds
    the k-th distance from above, and a chunk whose lower bound lies beyond it holds none of the k nearest.
    """
    n = len(exact)
    b, n_chunks = minima.shape
    k = indices.shape[1]
    margin = np.empty(n_chunks, np.float32)
    for q in range(n_chunks):
        margin[q] = slack * square[q * CHUNK : min((q + 1) * CHUNK, n)].max()
    found = np.empty(n, np.int64)
    measured = np.empty(n, np.float64)
    for i in range(b):
        row = start + i
        bound = np.float32(np.inf)
        if n_chunks > k:
            bound = np.partition(minima[i] + margin, k - 1)[k - 1] + np.float32(2) * slack * square[row]
        m = 0
        for q in range(n_chunks):
            if minima[i, q] - margin[q] <= bound:
                for j in range(q * CHUNK, min((q + 1) * CHUNK, n)):
                    if j != row:
                        found[m] = j
                        apart = zero[row] or zero[j]
                        measured[m] = 1.0 if apart else _distance(exact[row], exact[j], cosine)
                        m += 1
        order = np.argsort(measured[:m], kind="mergesort")[:k]  # stable, and `found` ascends
        for r in range(k):
            indices[i, r] = found[order[r]]
            distances[i, r] = measured[order[r]]


@njit(cache=True, nogil=True)
def spread(
    indices: NDArray[np.int64],
    distances: NDArray[np.float64],
    group: NDArray[np.int64],
    members: NDArray[np.int64],
    starts: NDArray[np.int64],
    all_indices: NDArray[np.int64],
    all_distances: NDArray[np.float64],
) -> None:
    """Neighbours of all rows from those of distinct rows: the copies of a row are its neighbours at distance 0."""
    n, k = all_indices.shape
    room = (indices.shape[1] + 1) * (k + 1)
    found = np.empty(room, np.int64)
    measured = np.empty(room, np.float64)
    for row in range(n):
        own = group[row]
        m = 0
        for p in range(starts[own], starts[own + 1]):
            if members[p] != row and m < k:
                found[m] = members[p]
                measured[m] = 0.0
                m += 1
        copies = m
        for r in range(indices.shape[1]):
            if copies >= k and distances[own, r] > 0.0:
                break
            other = indices[own, r]
            for p in range(starts[other], min(starts[other + 1], starts[other] + k)):
                found[m] = members[p]
                measured[m] = distances[own, r]
                m += 1
        by_row = np.argsort(found[:m], kind="mergesort")
        order = by_row[np.argsort(measured[:m][by_row], kind="mergesort")[:k]]
        for r in range(k):
            all_indices[row, r] = found[order[r]]
            all_distances[row, r] = measured[order[r]]
