"""Expected error reduction: the row whose label, whatever it turns out to be, should leave the least error elsewhere.

    score(x) = − Σ_k P(k | x) · Σ_{z open} ( 1 − max_c P_{+(x, k)}(c | z) )

Each candidate asks for K models, so the model is a Gaussian field on a graph, where one more label is a rank-one update
(no model is fitted anew): with G = (L_UU)⁻¹ the field f_U = G W_UL Y_L answers a new label of row x by

    f⁺ = f + (onehot(k) − f_x) · G_·x / G_xx

Source: Roy and McCallum, Toward optimal active learning through sampling estimation of error reduction, ICML 2001; Zhu,
Lafferty and Ghahramani, Combining active learning and semi-supervised learning using Gaussian fields, 2003.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.acquire.contract import Floats, Pool, Seed, Selection, checked_budget
from labelwright.data.neighbors import nearest_neighbors, neighbor_graph
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator

MOST_ROWS = 2000  # open rows that the field is solved for; its inverse is dense


class ExpectedErrorReduction:
    """Asks about the rows whose answers are expected to leave least risk on the rest, one after another.

    Parameters
    ----------
    k : int, default 10
        Neighbours in the graph, at least 1.
    most_rows : int, default 2000
        Open rows that are looked at; a random part of a larger pool.

    Notes
    -----
    Needs `features` and labels of at least one row. After each choice the field is told the class that it holds most
    likely, so that a batch does not ask twice in one place. A row's score is the expected risk that it takes away.

    Examples
    --------
    >>> X = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]]
    >>> pool = Pool(features=X, labels=[0, -1, -1, -1, -1, -1], pred_probs=[[0.5, 0.5]] * 6)
    >>> int(ExpectedErrorReduction(k=2).select(pool, 1, rng=0).rows[0]) >= 3
    True
    """

    def __init__(self, k: int = 10, most_rows: int = MOST_ROWS) -> None:
        if k < 1 or most_rows < 1:
            raise BadInput(f"k is {k}, most_rows {most_rows}", fix="choose both at least 1")
        self.k, self.most_rows = k, most_rows

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the rows in the order in which they are taken."""
        X = pool.need("features", self)
        known = np.flatnonzero((pool.labels >= 0) & ~pool.candidates)
        if not len(known):
            raise BadInput("no row is labelled", fix="label a few rows first, for example those of TypiClust")
        generator = as_generator(rng)
        n_classes = int(pool.labels.max()) + 1 if pool.pred_probs is None else pool.pred_probs.shape[1]
        rows = np.sort(generator.permutation(pool.open_rows)[: self.most_rows])
        field = GaussianField.of(X, known, pool.labels[known], rows, n_classes, self.k)
        size = checked_budget(budget, len(rows))
        taken, gain = np.empty(size, np.int64), np.empty(size)
        free = np.ones(len(rows), np.bool_)
        for i in range(size):
            risk = np.where(free, field.expected_risk(free), np.inf)
            place = int(risk.argmin())
            taken[i], gain[i] = place, field.risk(free) - risk[place]
            free[place] = False
            field = field.with_label(place, int(field.value[place].argmax()))
        return Selection(rows[taken], gain)


class GaussianField:
    """A harmonic function over open rows and the covariance that says how labels move it.

    Parameters
    ----------
    value : float64 (u, K)
        P(class) of each open row.
    covariance : float64 (u, u)
        G.
    """

    def __init__(self, value: Floats, covariance: Floats) -> None:
        self.value, self.covariance = value, covariance

    @classmethod
    def of(
        cls, X: NDArray[Any], known: NDArray[np.int64], labels: NDArray[np.int64], rows: NDArray[np.int64],
        n_classes: int, k: int,
    ) -> GaussianField:  # fmt: skip
        """Solve the field of `rows` (u,) given the `labels` of `known` rows, on the k-NN graph of both."""
        both = np.concatenate([rows, known])
        near = nearest_neighbors(X[both], k, metric="euclidean")
        scale = float(np.median(near.distances)) or 1.0
        graph = neighbor_graph(near, symmetric=True)
        weight = graph.copy()
        weight.data = np.exp(-((graph.data.astype(np.float64) / scale) ** 2))
        dense = weight.toarray().astype(np.float64)
        u = len(rows)
        laplacian = np.diag(dense.sum(axis=1) + 1e-3) - dense  # the small term ties islands without a label to nothing
        covariance = np.linalg.inv(laplacian[:u, :u])
        told = np.eye(n_classes)[labels]
        value = covariance @ (dense[:u, u:] @ told + 1e-3 / n_classes)
        return cls(value / value.sum(axis=1, keepdims=True), covariance)

    def risk(self, among: NDArray[np.bool_]) -> float:
        """Return Σ 1 − max_k p over some rows, bool (u,)."""
        return float((1 - self.value[among].max(axis=1)).sum())

    def expected_risk(self, among: NDArray[np.bool_]) -> Floats:
        """Return the risk on rows `among` that is expected once each row's label is known, float64 (u,)."""
        from labelwright.acquire.error_reduction_kernels import expected_risk

        expected = np.empty(len(self.value))
        pull = self.covariance / np.diag(self.covariance)[:, None]  # [x, z]: how far a label of x moves z
        expected_risk(self.value, pull, among, expected)
        return expected

    def with_label(self, place: int, label: int) -> GaussianField:
        """Return the field once open row `place` has a label; its row stays, with that class for certain."""
        column, own = self.covariance[:, place].copy(), self.covariance[place, place]
        told = np.eye(self.value.shape[1])[label]
        value = self.value + np.outer(column / own, told - self.value[place])
        covariance = self.covariance - np.outer(column, column) / own
        covariance[place], covariance[:, place], covariance[place, place] = 0.0, 0.0, 1.0  # it moves no other row
        return GaussianField(value, covariance)
