"""Groups of rows that are the same, or so near that they count as the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from labelwright.data.neighbors import Metric, Neighbors, checked_rows, nearest_neighbors
from labelwright.errors import BadInput
from labelwright.progress import SILENT, Progress

_SEARCH_WIDER = 10  # neighbours looked at first


def near_duplicate_groups(
    X: ArrayLike,
    threshold: float,
    *,
    metric: Metric = "cosine",
    neighbors: Neighbors | None = None,
    jobs: int = 1,
    progress: Progress = SILENT,
) -> NDArray[np.int64]:
    """Return the group of each row, -1 for a row alone: rows within `threshold` of each other are linked.

    Groups are the connected components over all pairs, exactly; they are numbered by their first row.

    Parameters
    ----------
    X : array of float, shape (n, d)
    threshold : float
        Largest distance that links two rows, at least 0.
    neighbors : Neighbors, optional
        Those of X in the same metric, when they are there already: saves most of the work.

    Examples
    --------
    >>> near_duplicate_groups([[0.0], [0.1], [5.0]], 0.2, metric="euclidean")
    array([ 0,  0, -1])
    """
    rows = checked_rows(X)
    if not threshold >= 0:
        raise BadInput(f"the distance threshold is {threshold}", fix="use a number of at least 0")
    if neighbors is not None and (len(neighbors) != len(rows) or neighbors.metric != metric):
        raise BadInput("the neighbours were not computed from these features in this metric")
    if neighbors is None:
        neighbors = nearest_neighbors(rows, _SEARCH_WIDER, metric=metric, jobs=jobs, progress=progress)
    links, full = _links(neighbors, threshold, np.arange(len(rows)))
    # A row whose every neighbour is within reach may have more: search wider among such rows alone, since a link to
    # any other row is known from that row.
    while len(full) > neighbors.k + 1:
        wider = min(4 * neighbors.k, len(full) - 1)
        neighbors = nearest_neighbors(rows[full], wider, metric=metric, jobs=jobs, progress=progress)
        more, full = _links(neighbors, threshold, full)
        links = np.concatenate([links, more])
    return _components(links, len(rows))


def _links(
    neighbors: Neighbors, threshold: float, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return linked pairs, shape (m, 2), and the rows all of whose neighbours are within the threshold."""
    near = neighbors.distances <= threshold
    source, position = np.nonzero(near)
    links = np.column_stack([rows[source], rows[neighbors.indices[source, position]]])
    return links, rows[near.all(axis=1)] if neighbors.k else rows[:0]


def _components(links: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    graph = sp.coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(n, n))
    _, component = sp.csgraph.connected_components(graph, directed=False) if n else (0, np.empty(0, np.int64))
    return _numbered(component.astype(np.int64))


def _numbered(component: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the components of two or more rows by their first row, from 0; the others become -1."""
    _, first, inverse, count = np.unique(component, return_index=True, return_inverse=True, return_counts=True)
    number = np.full(len(first), -1, np.int64)
    groups = np.flatnonzero(count > 1)
    number[groups[np.argsort(first[groups])]] = np.arange(len(groups))
    return number[inverse.ravel()]


def exact_duplicate_groups(contents: Sequence[object] | NDArray) -> NDArray[np.int64]:
    """Return the group of each item, -1 for an item alone; items are the same when their bytes are.

    Parameters
    ----------
    contents : sequence of bytes, str or None, or array of shape (n, ...)
        None is alone, never a copy of another None.

    Examples
    --------
    >>> exact_duplicate_groups(["a", "b", "a"])
    array([ 0, -1,  0])
    """
    from labelwright.data.cache import content_hash

    codes: dict[bytes, int] = {}
    component = np.empty(len(contents), np.int64)
    for row, item in enumerate(contents):
        key = row.to_bytes(8, "little") if item is None else content_hash(item)
        component[row] = codes.setdefault(key, len(codes))
    return _numbered(component)
