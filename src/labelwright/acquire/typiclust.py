"""TypiClust: the most typical row of every cluster that has no label yet, for the very first labels.

    typicality(x) = ( mean distance of x from its k nearest rows in its cluster )⁻¹

The pool is cut into (labelled rows + budget) clusters; clusters with fewest labels come first, larger before smaller.

Source: Hacohen, Dekel and Weinshall, Active learning on a budget: opposite strategies suit high and low budgets, ICML
2022.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.acquire.clusters import cluster_rows
from labelwright.acquire.contract import Floats, Pool, Rows, Seed, Selection, checked_budget
from labelwright.data.neighbors import nearest_neighbors
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator

MOST_CLUSTERS, LEAST_SIZE = 500, 5  # of the paper


class TypiClust:
    """Asks about the most typical row of each of the largest clusters without a label.

    Parameters
    ----------
    k : int, default 20
        Neighbours that typicality is measured with, at least 1; cut to the cluster.

    Notes
    -----
    A row's score is its typicality. Clusters of fewer than 5 rows are passed over while larger ones are left.

    Examples
    --------
    >>> pool = Pool(features=[[0.0], [0.1], [0.2], [9.0]], labels=[-1, -1, -1, 0])
    >>> TypiClust().select(pool, 1, rng=0).rows
    array([1])
    """

    def __init__(self, k: int = 20) -> None:
        if k < 1:
            raise BadInput(f"k is {k}", fix="choose at least 1 neighbour")
        self.k = k

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the rows, cluster by cluster."""
        X = pool.need("features", self)
        free = pool.candidates.copy()
        size, told = checked_budget(budget, int(free.sum())), pool.told & ~free
        k = min(int(told.sum()) + size, MOST_CLUSTERS, len(X))
        cluster = cluster_rows(X, k, as_generator(rng)).cluster
        typical = _typicality(X, cluster, self.k)
        labels, members = np.bincount(cluster[told], minlength=k), np.bincount(cluster, minlength=k)
        rows = np.empty(size, np.int64)
        left = np.bincount(cluster[free], minlength=k)
        for i in range(size):
            c = _next_cluster(labels, members, left)
            inside = np.flatnonzero(free & (cluster == c))
            rows[i] = inside[typical[inside].argmax()]
            free[rows[i]] = False
            labels[c] += 1
            left[c] -= 1
        return Selection(rows, typical[rows])


def _next_cluster(labels: Rows, members: Rows, left: Rows) -> int:
    """Return the cluster with fewest labels, then most rows, among those that have rows left."""
    usable = left > 0
    roomy = usable & (members >= LEAST_SIZE)
    usable = roomy if roomy.any() else usable
    order = np.lexsort((-members, labels, ~usable))
    return int(order[0])


def _typicality(X: NDArray[Any], cluster: Rows, k: int) -> Floats:
    """Return the inverse mean distance of each row from its k nearest in its cluster, (n,); 0 for a row alone."""
    typical = np.zeros(len(X))
    for c in np.unique(cluster).tolist():
        inside = np.flatnonzero(cluster == c)
        if len(inside) > 1:
            near = nearest_neighbors(X[inside], k, metric="euclidean").distances
            typical[inside] = 1 / np.maximum(near.mean(axis=1, dtype=np.float64), 1e-12)
    return typical
