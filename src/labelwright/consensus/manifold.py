"""Points of a manifold from several sources, merged by the weighted Fréchet mean.

Source: Shin et al., Universalizing weak supervision, ICLR 2022 [P066].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from labelwright.consensus.universal import MetricLabelModel

Floats = NDArray[np.float64]


class ManifoldLabelModel(MetricLabelModel):
    """Points of a Riemannian manifold, merged by Riemannian gradient descent on Σ θ_a dist².

    Parameters
    ----------
    distance : callable
        Two batches of points (n, d) → geodesic distances (n,).
    log : callable
        Base points (n, d) and others (n, d) → tangent vectors at the base that point to the others.
    exp : callable
        Base points and tangent vectors → points.
    steps : int, default 50

    Notes
    -----
    The triplets run on squared distances. `sphere()` gives the unit sphere.

    Examples
    --------
    >>> points = np.array([[[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]]])
    >>> model = sphere().fit(points)
    >>> bool(abs(np.linalg.norm(model.predict(points)) - 1) < 1e-9)
    True

    Source: [P066].
    """

    def __init__(
        self,
        distance: Callable[[Floats, Floats], Floats],
        log: Callable[[Floats, Floats], Floats],
        exp: Callable[[Floats, Floats], Floats],
        steps: int = 50,
    ) -> None:
        self.log, self.exp, self.steps = log, exp, steps
        super().__init__(lambda a, b: distance(a, b) ** 2, self._descend)

    def _descend(self, points: Floats, theta: Floats) -> Floats:
        share = theta / theta.sum()
        y = points[:, int(theta.argmax())]
        for _ in range(self.steps):
            tangent = sum(share[a] * self.log(y, points[:, a]) for a in range(points.shape[1]))
            y = self.exp(y, np.asarray(tangent))
        return y


def sphere(steps: int = 50) -> ManifoldLabelModel:
    """Return the model for points of the unit sphere, (n, m, d) with norm 1."""

    def distance(a: Floats, b: Floats) -> Floats:
        return np.arccos(np.clip((a * b).sum(axis=-1), -1, 1))

    def log(y: Floats, x: Floats) -> Floats:
        along = x - (x * y).sum(axis=-1, keepdims=True) * y
        norm = np.linalg.norm(along, axis=-1, keepdims=True)
        return along / np.maximum(norm, 1e-12) * distance(y, x)[..., None]

    def exp(y: Floats, v: Floats) -> Floats:
        norm = np.linalg.norm(v, axis=-1, keepdims=True)
        moved = np.cos(norm) * y + np.sin(norm) * v / np.maximum(norm, 1e-12)
        return moved / np.linalg.norm(moved, axis=-1, keepdims=True)

    return ManifoldLabelModel(distance, log, exp, steps)
