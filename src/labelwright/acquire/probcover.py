"""ProbCover: rows whose balls of one radius cover most of the data that is not covered yet.

A row covers all rows within distance δ. Greedily take the row that covers most uncovered rows. δ is the largest radius
at which balls are still pure: at least a share `purity` of rows have balls whose rows are all of one (k-means) cluster.

Source: Yehuda et al., Active learning through a covering lens, NeurIPS 2022.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from labelwright.acquire.clusters import cluster_rows
from labelwright.acquire.contract import Pool, Rows, Seed, Selection, checked_budget
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator

MOST_FOR_RADIUS = 2000  # rows on which the radius is chosen
_BLOCK = 1024


class ProbCover:
    """Asks about the rows whose neighbourhoods hold most rows that no labelled row is near to.

    Parameters
    ----------
    radius : float, optional
        δ, Euclidean, above 0; chosen by `purity_radius` when not given.
    n_classes : int, optional
        Clusters by which the radius is chosen; the columns of `pred_probs`, else 10.
    purity : float, default 0.95
        Share of rows whose ball must be pure, in (0, 1].

    Notes
    -----
    A row's score is the number of rows that it covers anew. When all is covered the rest comes in random order with
    score 0.

    Examples
    --------
    >>> pool = Pool(features=[[0.0], [0.1], [0.2], [5.0]])
    >>> ProbCover(radius=0.15).select(pool, 2, rng=0).rows
    array([1, 3])
    """

    def __init__(self, radius: float | None = None, n_classes: int | None = None, purity: float = 0.95) -> None:
        if (radius is not None and not radius > 0) or not 0 < purity <= 1:
            raise BadInput(f"radius is {radius}, purity {purity}", fix="choose radius above 0 and purity in (0, 1]")
        self.radius, self.n_classes, self.purity = radius, n_classes, purity

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the rows in the order in which they are taken."""
        X, generator = pool.need("features", self).astype(np.float64), as_generator(rng)
        radius = self.radius
        if radius is None:
            k = self.n_classes or (10 if pool.pred_probs is None else pool.pred_probs.shape[1])
            radius = purity_radius(X, k, generator, self.purity)
        graph = ball_graph(X, radius)
        free, uncovered = pool.candidates.copy(), np.ones(len(X), np.bool_)
        for row in np.flatnonzero(pool.told & ~free).tolist():
            uncovered[graph.indices[graph.indptr[row] : graph.indptr[row + 1]]] = False
        reach = np.asarray(graph @ uncovered.astype(np.float32)).astype(np.int64)
        size = checked_budget(budget, int(free.sum()))
        rows, gain = np.empty(size, np.int64), np.zeros(size)
        order = generator.permutation(len(X))
        for i in range(size):
            rows[i] = order[np.where(free, reach, -1)[order].argmax()]
            gain[i] = reach[rows[i]]
            free[rows[i]] = False
            _cover(graph, int(rows[i]), uncovered, reach)
        return Selection(rows, gain)


def _cover(graph: sp.csr_array, row: int, uncovered: NDArray[np.bool_], reach: Rows) -> None:
    """Take what `row` covers out of `uncovered`, and out of the reach of all rows, in place."""
    near = graph.indices[graph.indptr[row] : graph.indptr[row + 1]]
    fresh = near[uncovered[near]]
    uncovered[fresh] = False
    for one in fresh.tolist():
        reach[graph.indices[graph.indptr[one] : graph.indptr[one + 1]]] -= 1


def ball_graph(X: NDArray[Any], radius: float) -> sp.csr_array:
    """Return which rows of X (n, d) lie within `radius` of each other, CSR (n, n) of ones, the diagonal included."""
    rows = np.asarray(X, dtype=np.float64)
    rows = rows - rows.mean(axis=0)
    square = (rows**2).sum(axis=1)
    parts = []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        away = square[start : start + _BLOCK, None] + square[None, :] - 2 * block @ rows.T
        near = away <= radius**2
        near[np.arange(len(block)), start + np.arange(len(block))] = True
        parts.append(sp.csr_array(near, dtype=np.float32))
    return sp.csr_array(sp.vstack(parts, format="csr"))


def purity_radius(X: NDArray[Any], k: int, rng: np.random.Generator, purity: float = 0.95) -> float:
    """Return the largest radius at which a share `purity` of rows have balls of one k-means cluster alone.

    Parameters
    ----------
    X : float array (n, d)
        Of more than 2000 rows a random part is looked at.
    k : int
        Number of clusters.
    purity : float
        In (0, 1].
    """
    part = rng.permutation(len(X))[:MOST_FOR_RADIUS]
    rows = np.asarray(X, dtype=np.float64)[part]
    cluster = cluster_rows(rows, min(k, len(rows)), rng).cluster
    foreign = np.full(len(rows), np.inf)  # how far the nearest row of another cluster is
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        away = ((rows[block] ** 2).sum(axis=1)[:, None] + (rows**2).sum(axis=1)) - 2 * rows[block] @ rows.T
        away[cluster[block][:, None] == cluster[None, :]] = np.inf
        foreign[block] = np.sqrt(np.maximum(away.min(axis=1), 0))
    if not np.isfinite(foreign).any():
        spread = float(np.sqrt(rows.var(axis=0).sum()))
        return spread or 1.0
    radius = float(np.quantile(foreign[np.isfinite(foreign)], 1 - purity))
    return max(radius, 1e-9)
