"""Which rows are alike: the graph over which belief propagation carries labels from bag to bag [P069]."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array


def similarity_graph(X: ArrayLike, n_neighbors: int = 5, *, jobs: int = 1) -> sp.csr_array:
    """Return K_ij = exp(−|x_i − x_j|) for each row and its nearest others by cosine, symmetric CSR (n, n).

    Scale the columns first. An edge that both ends name stands once in each direction.

    Examples
    --------
    >>> similarity_graph([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], 1).nnz
    4

    Source: [P069].
    """
    from labelwright.data.neighbors import nearest_neighbors, neighbor_graph

    rows = as_array("X", X, 2)
    graph = neighbor_graph(nearest_neighbors(rows, n_neighbors, jobs=jobs), weights="connectivity", symmetric=True)
    indptr, indices = graph.indptr, graph.indices
    source = np.repeat(np.arange(len(rows)), np.diff(indptr))
    distance = np.concatenate(
        [
            np.linalg.norm(rows[source[a : a + 65536]] - rows[indices[a : a + 65536]], axis=1)
            for a in range(0, len(source), 65536)
        ]
        or [np.empty(0)]
    )
    return sp.csr_array((np.exp(-distance), indices, indptr), shape=graph.shape)


def unit_rows(space: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the columns that vary, centred, divided by one number: rows have length 1 in the mean square."""
    centred = space - space.mean(axis=0)
    centred = centred[:, centred.std(axis=0) > 1e-9]
    return centred / np.sqrt((centred**2).sum(axis=1).mean()) if centred.size else np.zeros((len(space), 1))


def neutral_log_odds(similarity: Any, rate: float, weight: float = 1.0) -> NDArray[np.float64]:
    """Return the log-odds u (n,) that keep edges silent between rows that are positive with probability `rate`.

    An edge of coupling J = weight · K favours equal labels, and the more so the more frequent they are: rows with many
    near neighbours are drawn to the frequent class before any bag has spoken. With c on either end,
    exp(−J (y − y')² + c (y + y')) tells a row nothing as long as the other end stands at `rate`; E = e^c solves

        rate E² + (1 − 2 rate) e^−J E − (1 − rate) = 0          (c = 0 for rate ½)

    and u_i is the sum of c over the edges of row i.

    Parameters
    ----------
    similarity : sparse array (n, n)
        K_ij >= 0, such as `similarity_graph` gives.
    rate : float in (0, 1)
        Share of positives.
    weight : float >= 0, default 1

    Examples
    --------
    >>> neutral_log_odds([[0.0, 1.0], [1.0, 0.0]], 0.5).tolist()
    [0.0, 0.0]
    >>> neutral_log_odds([[0.0, 1.0], [1.0, 0.0]], 0.2).round(3).tolist()
    [0.421, 0.421]
    """
    if not (0 < rate < 1 and weight >= 0):
        raise BadInput(f"rate is {rate}, weight is {weight}", fix="choose a rate in (0, 1) and a weight of 0 or more")
    graph = merged_similarity(similarity, np.shape(similarity)[0])
    half = (1 - 2 * rate) * np.exp(-weight * graph.data)
    graph.data = np.log((np.sqrt(half**2 + 4 * rate * (1 - rate)) - half) / (2 * rate))
    return np.asarray(graph.sum(axis=1), dtype=np.float64).ravel()


def merged_similarity(similarity: Any, n: int) -> sp.csr_array:
    """Return the symmetric similarity without loops, each edge once in either direction with its larger weight."""
    if similarity is None:
        return sp.csr_array((n, n), dtype=np.float64)
    graph = sp.csr_array(similarity, dtype=np.float64)
    if graph.shape != (n, n):
        raise BadInput(f"the similarity is {graph.shape} for {n} rows", fix="give one row and column a row of data")
    if len(graph.data) and not (np.isfinite(graph.data).all() and graph.data.min() >= 0):
        raise BadInput("the similarity is negative or not finite", fix="give weights of 0 or more")
    graph = sp.csr_array(graph.maximum(graph.T))
    graph.setdiag(0.0)
    graph.eliminate_zeros()
    return graph
