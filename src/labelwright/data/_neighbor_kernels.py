"""The compiled inner loops of `neighbors`. All arguments are checked there."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

CHUNK = 16  # columns of which the least and the second least value are kept
TILE = 2048  # columns multiplied at a time; chunk q of a tile holds columns q, q + STEP, q + 2 STEP, ...
STEP = TILE // CHUNK
_SELF = np.float32(-1e30)


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def reduce_tile(
    tile: NDArray[np.float32],
    square: NDArray[np.float32],
    start: int,
    left: int,
    least: NDArray[np.float32],
    second: NDArray[np.float32],
) -> None:
    """Write the least and second least ``|y|² − 2⟨x, y⟩`` of each chunk of the tile; the row itself is put far away.

    Shapes: tile (b, c), square (n,), least and second (b, tiles · STEP). `start` and `left` are the row and column of
    tile[0, 0]. The last four bits of a value give its place in the chunk (an error far below `slack`).
    """
    b, c = tile.shape
    first = left // TILE * STEP
    scratch = np.empty(STEP, np.float32)
    bits = scratch.view(np.int32)
    for i in range(b):
        own = start + i - left
        if 0 <= own < c:
            tile[i, own] = _SELF
        low, high = least[i, first : first + STEP], second[i, first : first + STEP]
        low[:] = np.inf
        high[:] = np.inf
        for place in range((c + STEP - 1) // STEP):
            base = place * STEP
            width = min(STEP, c - base)
            row = tile[i, base : base + width]
            length = square[left + base : left + base + width]
            for q in range(width):
                scratch[q] = length[q] - np.float32(2) * row[q]
            for q in range(width):
                bits[q] = (bits[q] & np.int32(-CHUNK)) | np.int32(place)
            for q in range(width):
                high[q] = min(high[q], max(low[q], scratch[q]))
                low[q] = min(low[q], scratch[q])


@njit(cache=True, nogil=True)
def chunk_maxima(square: NDArray[np.float32], n_tiles: int) -> NDArray[np.float32]:
    """Return the greatest squared length of each chunk, (n_tiles · STEP,), 0 for a chunk without columns."""
    out = np.zeros(n_tiles * STEP, np.float32)
    for j in range(len(square)):
        q = j // TILE * STEP + j % STEP
        out[q] = max(out[q], square[j])
    return out


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _distance(x: NDArray[np.float32], y: NDArray[np.float32], cosine: bool) -> float:
    """Squared Euclidean distance, or 1 − cos of unit rows."""
    total = 0.0
    for f in range(len(x)):
        gap = np.float64(x[f]) - np.float64(y[f])
        total += gap * gap
    return 0.5 * total if cosine else total


@njit(cache=True, nogil=True)
def _kth_least(values: NDArray[np.float32], margin: NDArray[np.float32], heap: NDArray[np.float32]) -> float:
    """Return the k-th least of values + margin, k the length of `heap`: a heap of the k least, greatest on top."""
    k = len(heap)
    heap[:] = np.inf
    for q in range(len(values)):
        value = values[q] + margin[q]
        if value < heap[0]:
            at = 0
            while True:
                child = 2 * at + 1
                if child >= k:
                    break
                if child + 1 < k and heap[child + 1] > heap[child]:
                    child += 1
                if heap[child] <= value:
                    break
                heap[at] = heap[child]
                at = child
            heap[at] = value
    return heap[0]


@njit(cache=True, nogil=True)
def _insert(row: int, distance: float, rows: NDArray[np.int64], distances: NDArray[np.float64], held: int) -> int:
    """Put a row into the list of the nearest, kept in order of (distance, row); return how many it holds."""
    k = len(rows)
    if held == k and (distance > distances[k - 1] or (distance == distances[k - 1] and row > rows[k - 1])):
        return held
    at = min(held, k - 1)
    while at > 0 and (distances[at - 1] > distance or (distances[at - 1] == distance and rows[at - 1] > row)):
        rows[at], distances[at] = rows[at - 1], distances[at - 1]
        at -= 1
    rows[at], distances[at] = row, distance
    return min(held + 1, k)


@njit(cache=True, nogil=True)
def nearest_in_chunks(
    exact: NDArray[np.float32],
    square: NDArray[np.float32],
    margin: NDArray[np.float32],
    slack: np.float32,
    zero: NDArray[np.bool_],
    least: NDArray[np.float32],
    second: NDArray[np.float32],
    start: int,
    cosine: bool,
    indices: NDArray[np.int64],
    distances: NDArray[np.float64],
) -> None:
    """Measure all that can be one of the k nearest and keep those, by (distance, row).

    ``value ± slack · (|x|² + |y|²)`` brackets the true value (`margin` is slack times the greatest |y|² of a chunk),
    so the k-th least upper bound over the chunks bounds the k-th distance from above. Of a chunk whose least lower
    bound lies within it that column is measured, and all columns if the second least does too.
    """
    n = len(exact)
    b, n_chunks = least.shape
    k = indices.shape[1]
    heap = np.empty(k, np.float32)
    places = least.view(np.int32)
    for i in range(b):
        row = start + i
        bound = _kth_least(least[i], margin, heap) + np.float32(2) * slack * square[row]
        held = 0
        for q in range(n_chunks):
            if least[i, q] - margin[q] > bound:
                continue
            first = q // STEP * TILE + q % STEP
            last = min(first - q % STEP + TILE, n)
            if second[i, q] - margin[q] > bound:
                first += (places[i, q] & (CHUNK - 1)) * STEP
                last = first + 1
            for j in range(first, last, STEP):
                if j != row:
                    apart = zero[row] or zero[j]
                    measured = 1.0 if apart else _distance(exact[row], exact[j], cosine)
                    held = _insert(j, measured, indices[i], distances[i], held)


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
    for row in range(n):
        own, held = group[row], 0
        for p in range(starts[own], starts[own + 1]):
            if members[p] != row and held < k:  # members ascend, so the first k are those to keep
                held = _insert(members[p], 0.0, all_indices[row], all_distances[row], held)
        for r in range(indices.shape[1]):
            distance = distances[own, r]
            if held == k and distance > all_distances[row, k - 1]:
                break
            other = indices[own, r]
            for p in range(starts[other], min(starts[other + 1], starts[other] + k)):
                held = _insert(members[p], distance, all_indices[row], all_distances[row], held)
