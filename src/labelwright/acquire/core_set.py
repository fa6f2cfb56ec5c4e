"""Core-set and k-means centres: rows that together cover the data, whatever the model thinks.

Core-set takes again and again the row farthest from every labelled or chosen row; a model that fits its centres errs
elsewhere by at most a multiple of the radius. k-means centres takes the row nearest to each of `budget` cluster means.

Source: Sener and Savarese, Active learning for convolutional neural networks: a core-set approach, ICLR 2018.
"""

from __future__ import annotations

import numpy as np

from labelwright.acquire.clusters import cluster_rows, nearest_to_centers
from labelwright.acquire.contract import Pool, Seed, Selection, checked_budget
from labelwright.data.covering import k_center_greedy
from labelwright.metrics.checks import as_generator


class KCenterGreedy:
    """Core-set: asks about the row farthest from all labelled and chosen ones, again and again.

    Parameters
    ----------
    jobs : int, default 1
        Threads; the result does not depend on it.

    Notes
    -----
    A row's score is its distance from what was covered when it was taken. Without a labelled row it starts at the
    candidate nearest to the mean.

    Examples
    --------
    >>> pool = Pool(features=[[0.0], [1.0], [5.0], [9.0]], labels=[0, -1, -1, -1])
    >>> KCenterGreedy().select(pool, 2, rng=0).rows
    array([3, 2])
    """

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the rows in the order in which they are taken; there is no chance in it."""
        X = pool.need("features", self)
        size = checked_budget(budget, len(pool.open_rows))
        covered = np.flatnonzero(pool.told & ~pool.candidates)
        found = k_center_greedy(X, size, covered=covered, candidates=pool.candidates, jobs=self.jobs)
        return Selection(found.rows, found.radius)


class KMeansCenters:
    """Asks about the row nearest to the mean of each of `budget` clusters of the open rows.

    Notes
    -----
    Rows come by falling cluster size, which is their score.

    Examples
    --------
    >>> KMeansCenters().select(Pool(features=[[0.0], [9.0], [9.1], [9.2]]), 2, rng=0).rows
    array([2, 0])
    """

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return one row a cluster."""
        X = pool.need("features", self)
        open_rows = pool.open_rows
        size = checked_budget(budget, len(open_rows))
        found = cluster_rows(X[open_rows], size, as_generator(rng))
        taken = nearest_to_centers(X[open_rows], found.centers)
        count = np.bincount(found.cluster, minlength=size)
        order = np.argsort(-count, kind="stable")
        return Selection(open_rows[taken[order]], count[order].astype(np.float64))
