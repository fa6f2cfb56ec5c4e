"""Which rows are alike: the graph over which belief propagation carries labels from bag to bag [P069]."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

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
