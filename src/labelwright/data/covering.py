"""Rows that cover the data: greedy k-centre and k-means++ seeding.

k-centre takes again and again the row farthest from all that were taken, which is at most twice as far from covering
the data as the best choice of as many rows. k-means++ draws rows with chances in proportion to the squared distance
from those drawn before.

Source: Gonzalez, Clustering to minimize the maximum intercluster distance, 1985; Arthur and Vassilvitskii, k-means++:
the advantages of careful seeding, SODA 2007.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.data.neighbors import FloatRows, checked_rows
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_codes, as_generator, as_mask
from labelwright.progress import SILENT, Progress

Floats = NDArray[np.float64]
_BLOCK = 8192  # rows that one thread measures at a time


@dataclass(frozen=True)
class Cover:
    """Rows in the order in which they were taken, and how far the rest is from them.

    Parameters
    ----------
    rows : int64 (b,)
    radius : float64 (b,)
        Distance of each row from all that were taken before it; infinite for the first of all.
    distance : float64 (n,)
        Distance of every row from the nearest taken or covered one.
    """

    rows: NDArray[np.int64]
    radius: Floats
    distance: Floats


def k_center_greedy(
    X: ArrayLike,
    n: int,
    *,
    covered: ArrayLike = (),
    candidates: ArrayLike | None = None,
    first: int | None = None,
    jobs: int = 1,
    progress: Progress = SILENT,
) -> Cover:
    """Return n rows, each the farthest (Euclidean) from all rows taken before it.

    Parameters
    ----------
    X : float array (N, d)
        Used as float32; finite.
    n : int
        At least 0; cut to the number of candidates.
    covered : int array (m,)
        Rows that count as taken from the start, such as labelled ones.
    candidates : bool array (N,), optional
        Rows that may be taken; all that are not covered by default.
    first : int, optional
        Where to start without a covered row; by default the candidate nearest to the mean.
    jobs : int
        Threads; the result does not depend on it.

    Notes
    -----
    Ties go to the earlier row. Copies of taken rows are taken last.

    Examples
    --------
    >>> k_center_greedy([[0.0], [1.0], [5.0], [9.0]], 2, covered=[0]).rows
    array([3, 2])
    """
    from labelwright.data._covering_kernels import catch_up, farthest

    rows = checked_rows(X)
    known, free = _checked(len(rows), covered, candidates)
    if n < 0:
        raise BadInput(f"{n} rows are asked for", fix="ask for at least 0")
    size = min(int(n), int(free.sum()))
    taken, radius = np.empty(size, np.int64), np.empty(size)
    least, seen = np.full(len(rows), np.inf, np.float32), np.zeros(len(rows), np.int64)
    centers = np.empty((len(known) + size, rows.shape[1]), np.float32)
    centers[: len(known)] = rows[known]

    def reach(m: int) -> None:
        """Measure every row against the first m centers."""
        with ThreadPoolExecutor(max(1, jobs)) as threads:
            spans = [slice(a, a + _BLOCK) for a in range(0, len(rows), _BLOCK)]
            list(threads.map(lambda span: catch_up(rows[span], centers[:m], least[span], seen[span]), spans))

    reach(len(known))
    hint = -1
    with progress.stage("covering rows", size) as advance:
        for i in range(size):
            if i == 0 and not len(known):
                row = _nearest_to_mean(rows, free, first)
            else:
                row, hint = farthest(rows, centers[: len(known) + i], least, seen, free, hint)
            taken[i], radius[i] = row, np.sqrt(np.float64(least[row]))
            free[row], least[row] = False, 0.0
            centers[len(known) + i] = rows[row]
            advance(1)
    reach(len(centers))
    return Cover(taken, radius, np.sqrt(least.astype(np.float64)))


def _checked(n: int, covered: ArrayLike, candidates: ArrayLike | None) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the covered rows, int64, and those that may be taken, bool (n,)."""
    known = as_codes("covered", covered)
    if len(known) and not (known.min() >= 0 and known.max() < n):
        raise BadInput(f"covered names a row outside 0 to {n - 1}")
    free = np.ones(n, np.bool_) if candidates is None else as_mask("candidates", candidates).copy()
    if len(free) != n:
        raise BadInput(f"there are {n} rows of features but candidates has {len(free)}")
    free[known] = False
    return known, free


def _nearest_to_mean(rows: FloatRows, free: NDArray[np.bool_], first: int | None) -> int:
    if first is not None:
        if not 0 <= first < len(rows) or not free[first]:
            raise BadInput(f"first is row {first}, which may not be taken", fix="name a candidate")
        return int(first)
    away = ((rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32)) ** 2).sum(axis=1)
    return int(np.where(free, away, np.inf).argmin())


def kmeans_plus_plus(
    X: ArrayLike, n: int, rng: int | np.random.Generator, *, first: int | None = None
) -> NDArray[np.int64]:
    """Return n different rows drawn by k-means++ seeding, in the order of the draw, int64.

    Parameters
    ----------
    X : float array (N, d)
        Finite.
    n : int
        Cut to N. Copies of drawn rows are drawn last, evenly.
    rng : int or numpy.random.Generator
    first : int, optional
        The first row; drawn evenly by default.

    Examples
    --------
    >>> sorted(kmeans_plus_plus([[0.0], [0.0], [9.0]], 2, rng=0, first=0).tolist())
    [0, 2]
    """
    rows = checked_rows(X)

    def squared_distances(row: int) -> Floats:
        away = rows - rows[row]
        return np.einsum("ij,ij->i", away, away, dtype=np.float64)

    return d2_sampling(len(rows), n, squared_distances, rng, first)


def d2_sampling(
    n_rows: int,
    n: int,
    squared_distances: Callable[[int], Floats],
    rng: int | np.random.Generator,
    first: int | None = None,
) -> NDArray[np.int64]:
    """Return n different rows by k-means++ seeding when only the distances from a row to all, (N,), can be had.

    Parameters
    ----------
    n_rows, n : int
        N, and how many to draw; cut to N.
    squared_distances : callable
        Row number → squared distance to every row, float64 (N,).
    rng : int or numpy.random.Generator
    first : int, optional
        Drawn evenly by default.
    """
    generator = as_generator(rng)
    size = min(n, n_rows)
    if n < 0:
        raise BadInput(f"{n} rows are asked for", fix="ask for at least 0")
    drawn = np.empty(size, np.int64)
    least, free = np.full(n_rows, np.inf), np.ones(n_rows, np.bool_)
    for i in range(size):
        if i == 0:
            row = int(generator.integers(n_rows)) if first is None else int(first)
        else:
            weight = np.where(free, least, 0.0)
            total = np.cumsum(weight)
            if total[-1] <= 0:  # only copies are left
                total = np.cumsum(free.astype(np.float64))
            row = int(np.searchsorted(total, generator.random() * total[-1], side="right"))
        drawn[i] = row
        free[row] = False
        least = np.minimum(least, np.maximum(squared_distances(row), 0.0))
    return drawn
