"""Clusters of rows, and one different row for each centre."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.acquire.contract import Floats, Rows

MOST_EXACT = 50  # above so many clusters mini-batches find them


@dataclass(frozen=True, eq=False)
class Clusters:
    """The cluster of each row, int64 (n,), and the centres, float64 (k, d)."""

    cluster: Rows
    centers: Floats


def cluster_rows(X: NDArray[Any], k: int, rng: np.random.Generator, weight: Floats | None = None) -> Clusters:
    """Return k-means clusters of X (n, d), rows weighted by `weight` (n,); k is at most n.

    Above 50 clusters by mini-batches.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    seed = int(rng.integers(2**31))
    if k <= MOST_EXACT:
        model: Any = KMeans(k, n_init=1, random_state=seed)
    else:
        model = MiniBatchKMeans(k, n_init=1, batch_size=5000, random_state=seed)
    with threadpool_limits(1), warnings.catch_warnings():  # the order of sums, and so the bits, depends on the threads
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than clusters: some stay empty
        model.fit(np.asarray(X, dtype=np.float64), sample_weight=weight)
    return Clusters(model.labels_.astype(np.int64), model.cluster_centers_)


def nearest_to_centers(X: NDArray[Any], centers: Floats) -> Rows:
    """Return for each centre (k, d) the nearest row of X (n, d) that no earlier centre has taken, int64 (k,)."""
    rows = np.asarray(X, dtype=np.float64)
    free = np.ones(len(rows), np.bool_)
    taken = np.empty(len(centers), np.int64)
    for c, center in enumerate(centers):
        away = ((rows - center) ** 2).sum(axis=1)
        taken[c] = int(np.where(free, away, np.inf).argmin())
        free[taken[c]] = False
    return taken
