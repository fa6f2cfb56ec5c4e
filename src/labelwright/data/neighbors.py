"""Exact nearest neighbours and the graph that they span.

Every pair is looked at. Blocks of inner products (float32 BLAS) give each pair a distance with a known error bound, of
which only the minimum over `CHUNK` columns is kept; chunks that can hold one of the k nearest are then measured
exactly, in float64 from the differences. So memory stays at ``n / CHUNK`` numbers a row in work, ties are broken by
row number, and the result is the same for any number of threads. Rows that are bit for bit the same are searched
once.

Cosine distance is ``1 - cos`` in [0, 2]; a zero row has distance 1 to every other row and 0 to another zero row.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, quoted
from labelwright.progress import SILENT, Progress

Metric = Literal["cosine", "euclidean"]
FloatRows = NDArray[np.float32]

BLOCK = 512  # rows searched at a time by one thread


@dataclass(frozen=True)
class Neighbors:
    """The nearest other rows of each row, nearest first; ties in the order of the rows.

    Parameters
    ----------
    indices : array of int64, shape (n, k)
        With fewer than k + 1 rows, k is n - 1.
    distances : array of float32, shape (n, k)
        Cosine: in [0, 2]. Euclidean: at least 0.
    metric : {"cosine", "euclidean"}
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.float32]
    metric: Metric

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def k(self) -> int:
        """How many neighbours each row has."""
        return int(self.indices.shape[1])

    def nearest(self, k: int) -> Neighbors:
        """Return the k nearest of them, copied, so that the others need not be kept."""
        return Neighbors(self.indices[:, :k].copy(), self.distances[:, :k].copy(), self.metric)


def nearest_neighbors(
    X: ArrayLike, k: int, *, metric: Metric = "cosine", jobs: int = 1, progress: Progress = SILENT
) -> Neighbors:
    """Return the k nearest other rows of every row, exactly.

    Parameters
    ----------
    X : array of float, shape (n, d)
        Used as float32; finite.
    k : int
        At least 1; cut to n - 1.
    metric : {"cosine", "euclidean"}
    jobs : int
        Threads; the result does not depend on it.

    Raises
    ------
    BadInput
        When X is no finite matrix, k < 1 or the metric is unknown.

    Examples
    --------
    >>> nearest_neighbors([[0.0], [1.0], [3.0]], 1, metric="euclidean").indices.ravel()
    array([1, 0, 1])
    """
    rows = checked_rows(X)
    if metric not in ("cosine", "euclidean"):
        raise BadInput(f"the metric {quoted(metric)} is unknown", fix="use 'cosine' or 'euclidean'")
    if k < 1:
        raise BadInput(f"k is {k}", fix="ask for at least 1 neighbour")
    k = min(int(k), max(len(rows) - 1, 0))
    if k == 0:
        return Neighbors(np.empty((len(rows), 0), np.int64), np.empty((len(rows), 0), np.float32), metric)
    first, group = _same_rows(rows)
    if len(first) == len(rows):
        indices, distances = _search(rows, k, metric, jobs, progress)
    else:
        distinct = _search(np.ascontiguousarray(rows[first]), min(k, len(first) - 1), metric, jobs, progress)
        indices, distances = _spread_over_copies(*distinct, group, len(rows), k)
    if metric == "euclidean":
        distances = np.sqrt(distances)
    return Neighbors(indices, distances.astype(np.float32), metric)


def checked_rows(X: ArrayLike) -> FloatRows:
    """Return X as a finite C-contiguous float32 matrix, or raise BadInput that names the first bad row."""
    try:
        rows = np.asarray(X)
        rows = rows.reshape(0, 1) if rows.size == 0 and rows.ndim == 1 else rows
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(rows, dtype=np.float32)
    except (TypeError, ValueError):
        raise BadInput("the features are not a matrix of numbers", fix="pass one row of numbers an item") from None
    if rows.ndim != 2:
        raise BadInput(f"the features have {rows.ndim} dimension(s), not 2", fix="pass a matrix (rows, features)")
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise BadInput(
            f"the features of {int((~finite).sum())} row(s) hold NaN, infinity or a number beyond float32",
            where=f"row {int(np.argmin(finite))}",
            fix="fill or drop them first",
        )
    return rows


def _same_rows(rows: FloatRows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of each set of identical rows, ascending, and the set of every row."""
    if rows.shape[1] == 0:
        return np.zeros(1, np.int64), np.zeros(len(rows), np.int64)
    raw = (rows + np.float32(0)).view(np.dtype((np.void, rows.shape[1] * 4))).ravel()  # + 0 turns -0.0 into 0.0
    _, first, inverse = np.unique(raw, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order].astype(np.int64), rank[inverse.ravel()].astype(np.int64)


def _search(
    rows: FloatRows, k: int, metric: Metric, jobs: int, progress: Progress
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return indices and distances (cosine, or squared euclidean) of the k nearest of distinct rows."""
    from threadpoolctl import threadpool_limits

    from labelwright.data._neighbor_kernels import TILE, chunk_maxima, nearest_in_chunks

    n, d = rows.shape
    if k == 0:  # every row is the same
        return np.empty((n, 0), np.int64), np.empty((n, 0))
    block = BLOCK if n <= 200_000 else BLOCK // 4
    exact, products, square = _prepared(rows, metric)
    zero: NDArray[np.bool_] = np.zeros(n, np.bool_)
    if metric == "cosine":
        zero[~exact.any(axis=1)] = True
    slack = np.float32((d + 16) * np.finfo(np.float32).eps)
    margin = slack * chunk_maxima(square, -(-n // TILE))
    indices, distances = np.empty((n, k), np.int64), np.empty((n, k))

    def one_block(start: int) -> int:
        stop = min(start + block, n)
        least, second = _least_of_chunks(products, square, start, stop)
        part = indices[start:stop], distances[start:stop]
        nearest_in_chunks(exact, square, margin, slack, zero, least, second, start, metric == "cosine", *part)
        return stop - start

    with (
        threadpool_limits(1, user_api="blas"),
        progress.stage("nearest neighbours", n) as advance,
        ThreadPoolExecutor(max(1, jobs)) as pool,
    ):
        for done in pool.map(one_block, range(0, n, block)):
            advance(done)
    return indices, distances


def _prepared(rows: FloatRows, metric: Metric) -> tuple[FloatRows, FloatRows, NDArray[np.float32]]:
    """Return the rows to measure, the rows to multiply (centred and scaled) and their squared lengths."""
    if metric == "cosine":
        length = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        scale = np.where(length > 0, length, 1.0)
        unit = (rows / scale[:, None]).astype(np.float32)
        return unit, unit, np.ones(len(rows), np.float32)
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    largest = np.abs(centred).max(initial=0.0)
    centred = (centred / (largest or 1.0)).astype(np.float32)
    return rows, centred, np.einsum("ij,ij->i", centred, centred).astype(np.float32)


def _least_of_chunks(products: FloatRows, square: NDArray[np.float32], start: int, stop: int) -> tuple[FloatRows, ...]:
    """Return, for rows start to stop, the least and second least ``|y|² − 2⟨x, y⟩`` over each chunk, self left out."""
    from labelwright.data._neighbor_kernels import STEP, TILE, reduce_tile

    n = len(products)
    shape = stop - start, -(-n // TILE) * STEP
    least, second = np.empty(shape, np.float32), np.empty(shape, np.float32)
    tile = np.empty((stop - start, min(TILE, n)), np.float32)
    for left in range(0, n, TILE):
        block = tile if left + TILE <= n else np.empty((stop - start, n - left), np.float32)
        np.matmul(products[start:stop], products[left : left + TILE].T, out=block)
        reduce_tile(block, square, start, left, least, second)
    return least, second


def _spread_over_copies(
    indices: NDArray[np.int64], distances: NDArray[np.float64], group: NDArray[np.int64], n: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Turn the neighbours of distinct rows into those of all rows, copies being at distance 0."""
    from labelwright.data._neighbor_kernels import spread

    members = np.argsort(group, kind="stable").astype(np.int64)
    starts = np.searchsorted(group[members], np.arange(group.max() + 2)).astype(np.int64)
    all_indices, all_distances = np.empty((n, k), np.int64), np.empty((n, k))
    spread(indices, distances, group, members, starts, all_indices, all_distances)
    return all_indices, all_distances


def neighbor_graph(
    neighbors: Neighbors, *, weights: Literal["connectivity", "distance"] = "distance", symmetric: bool = False
) -> sp.csr_array:
    """Return the k-NN graph as a CSR matrix (n, n) of float32, columns ascending; explicit zeros are kept.

    Parameters
    ----------
    neighbors : Neighbors
    weights : {"distance", "connectivity"}
        What an edge holds: the distance, or 1.
    symmetric : bool
        Whether an edge stands when either end names the other (the larger weight of the two, which agree).

    Examples
    --------
    >>> neighbor_graph(nearest_neighbors([[0.0], [1.0], [3.0]], 1, metric="euclidean")).nnz
    3
    """
    n, k = neighbors.indices.shape
    source = np.repeat(np.arange(n, dtype=np.int64), k)
    target = neighbors.indices.ravel()
    value = neighbors.distances.ravel() if weights == "distance" else np.ones(n * k, np.float32)
    if symmetric:
        edges = np.unique(np.concatenate([source * n + target, target * n + source]), return_index=True)
        value = np.concatenate([value, value])[edges[1]]
        source, target = np.divmod(edges[0], n) if n else (source, target)
    order = np.lexsort((target, source))
    starts = np.searchsorted(source[order], np.arange(n + 1))
    return sp.csr_array((value[order], target[order], starts), shape=(n, n))
