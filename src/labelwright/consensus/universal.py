"""Weak supervision for any kind of label that has a distance: here the general model and that for nodes of a graph.

    p(λ_a | y) ∝ exp(−θ_a · dist(λ_a, y)),      labels are merged by the weighted Fréchet mean argmin_y Σ_a θ_a dist²

The sources' distances to the truth come from their distances to each other (`metric_triplets`).

Source: Shin et al., Universalizing weak supervision, ICLR 2022 [P066].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.metric_triplets import SMALLEST, falling_root, triplet_distances, triplet_signs
from labelwright.errors import BadInput
from labelwright.evidence import Metric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class MetricLabelModel:
    """Labels of any space with a distance and a weighted mean.

    Parameters
    ----------
    distance : callable
        Two batches of labels (n, ...) → distances (n,).
    mean : callable
        Labels of all sources (n, m, ...) and weights (m,) → merged labels (n, ...).

    Attributes
    ----------
    distance_ : float64 (m,)
        Estimated mean distance of each source to the truth.
    theta_ : float64 (m,)
        Weights: 1 / distance_.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=(500, 2))
    >>> given = truth[:, None] + rng.normal(size=(500, 3, 2)) * np.array([0.1, 1.0, 1.0])[None, :, None]
    >>> model = MetricLabelModel(lambda a, b: ((a - b) ** 2).sum(axis=-1),
    ...                          lambda labels, theta: np.tensordot(labels, theta / theta.sum(), axes=(1, 0)))
    >>> int(model.fit(given).theta_.argmax())
    0

    Source: [P066].
    """

    distance_: Floats
    theta_: Floats

    def __init__(self, distance: Callable[[Any, Any], Floats], mean: Callable[[Any, Floats], Any]) -> None:
        self.distance, self.mean = distance, mean

    def fit(self, labels: ArrayLike) -> Self:
        """Estimate the weights of the sources; labels (n, m, ...)."""
        given = self._checked(labels)
        self._sums, self._n_rows = self._counted(given), len(given)
        return self._solve()

    def partial_fit(self, labels: ArrayLike) -> Self:
        """Add rows: distances between sources add up, so that parts give what the whole gives."""
        if not hasattr(self, "_sums"):
            return self.fit(labels)
        given = self._checked(labels)
        self._alike(given.shape[1])
        self._sums, self._n_rows = self._sums + self._counted(given), self._n_rows + len(given)
        return self._solve()

    def merge(self, other: Self) -> Self:
        """Add what another model of the same sources saw of other rows."""
        if not hasattr(other, "_sums") or not hasattr(self, "_sums"):
            raise BadInput(f"{type(self).__name__} has not seen labels", fix="call fit first")
        self._alike(len(other._sums))
        self._sums, self._n_rows = self._sums + other._sums, self._n_rows + other._n_rows
        return self._solve()

    def _alike(self, m: int) -> None:
        if m != len(self._sums):
            raise BadInput(f"{m} sources meet {len(self._sums)}", fix="number sources alike in all parts")

    def _counted(self, given: NDArray[Any]) -> Floats:
        """Return the summed distances between sources, (m, m)."""
        m = given.shape[1]
        sums = np.zeros((m, m))
        for a in range(m):
            for b in range(a):
                sums[a, b] = sums[b, a] = float(np.sum(self.distance(given[:, a], given[:, b])))
        return sums

    def _solve(self) -> Self:
        self.distance_ = self._to_truth(self._sums / self._n_rows)
        self.theta_ = self._theta()
        return self

    def _checked(self, labels: ArrayLike) -> NDArray[Any]:
        given = np.asarray(labels)
        if given.ndim < 2 or not len(given) or (given.dtype.kind == "f" and not np.isfinite(given).all()):
            raise BadInput(f"the labels have shape {given.shape} or hold NaN", fix="pass finite labels (n, m, ...)")
        return given

    def _to_truth(self, between: Floats) -> Floats:
        return triplet_distances(between)

    def _theta(self) -> Floats:
        return 1 / self.distance_

    def predict(self, labels: ArrayLike) -> NDArray[Any]:
        """Return the merged label of each row, (n, ...)."""
        given = self._checked(labels)
        if not hasattr(self, "theta_") or given.shape[1] != len(self.theta_):
            raise BadInput(f"the labels have {given.shape[1]} sources, not those of fit", fix="call fit first")
        return np.asarray(self.mean(given, self.theta_))

    def source_quality(self) -> Floats:
        """Return the weight of each source, float64 (m,): high = near the truth."""
        return self.theta_


class FiniteMetricLabelModel(MetricLabelModel):
    """Labels that are nodes of a finite metric, such as a graph or a taxonomy.

    Parameters
    ----------
    metric : Metric or float array (q, q)
        Distances between the nodes.

    Notes
    -----
    θ solves E_θ[dist] = observed distance under p(λ | y) ∝ exp(−θ dist(λ, y)), y uniform; the merged label is
    argmin_y Σ_a θ_a D[λ_a, y]². Labels are int (n, m). For two classes at distance 1 the estimates are those of
    `TripletModel`: E z_a z_y = 1 − 2 E d(a, y).

    Examples
    --------
    >>> line = np.abs(np.subtract.outer(np.arange(4), np.arange(4))).astype(float)
    >>> FiniteMetricLabelModel(line).fit([[0, 0, 1], [3, 3, 3], [1, 1, 0], [2, 2, 3]]).predict([[0, 0, 1]])
    array([0])

    Source: [P066].
    """

    def __init__(self, metric: Metric | ArrayLike) -> None:
        self.metric = metric
        table = getattr(metric, "distances", metric)
        self._table = np.asarray(table, dtype=np.float64)
        if self._table.ndim != 2 or self._table.shape[0] != self._table.shape[1] or not np.isfinite(self._table).all():
            raise BadInput("the metric is no finite square table", fix="pass distances (q, q)")
        super().__init__(self._between, self._frechet)

    def _checked(self, labels: ArrayLike) -> NDArray[Any]:
        given = super()._checked(labels)
        if given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= len(self._table):
            raise BadInput("a label is no node of the metric", fix=f"pass nodes 0..{len(self._table) - 1}")
        return given

    def _between(self, a: Ints, b: Ints) -> Floats:
        return self._table[a, b]

    def _frechet(self, labels: Ints, theta: Floats) -> Ints:
        total = sum(theta[a] * self._table[labels[:, a]] ** 2 for a in range(labels.shape[1]))
        return np.asarray(total).argmin(axis=1)

    def _to_truth(self, between: Floats) -> Floats:
        if len(self._table) > 2:
            return triplet_distances(between)
        apart = float(self._table[0, 1])
        return apart * np.maximum(1 - triplet_signs(1 - 2 * between / apart), SMALLEST) / 2

    def _theta(self) -> Floats:
        def expected(theta: float) -> float:
            weight = np.exp(-theta * self._table)
            return float(((weight * self._table).sum(axis=1) / weight.sum(axis=1)).mean())

        return np.array([falling_root(expected, distance) for distance in self.distance_])
