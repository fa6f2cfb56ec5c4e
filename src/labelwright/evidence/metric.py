"""How far apart classes are: what a mistake costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, quoted
from labelwright.evidence.arrays import Array, frozen, is_torch, like
from labelwright.evidence.space import LabelSpace
from labelwright.evidence.taxonomy import Taxonomy

TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Metric:
    """A distance between classes.

    Parameters
    ----------
    space : LabelSpace
        The K classes.
    distances : float array (K, K)
        Symmetric, 0 on the diagonal, positive elsewhere, triangle inequality within 1e-9 of the largest entry.

    Examples
    --------
    >>> Metric.ordinal(LabelSpace(("low", "mid", "high"))).distances[0]
    array([0., 1., 2.])
    """

    space: LabelSpace
    distances: NDArray[np.float64]

    def __post_init__(self) -> None:
        table = frozen(self.distances, np.float64, "distances", ndim=2)
        object.__setattr__(self, "distances", table)
        k = len(self.space)
        if table.shape != (k, k):
            raise BadInput(f"distances have shape {table.shape}, the space {k} classes", fix=f"pass ({k}, {k})")
        if not np.isfinite(table).all():
            raise BadInput("a distance is NaN or infinite", fix="pass finite distances")
        if (np.diag(table) != 0).any() or (table[~np.eye(k, dtype=bool)] <= 0).any():
            raise BadInput("a distance is not positive, or a class is not at 0 from itself", fix="merge equal classes")
        if not np.array_equal(table, table.T):
            raise BadInput("the distances are not symmetric", fix="use (D + D.T) / 2")
        self._check_triangles()

    def _check_triangles(self) -> None:
        slack = TOLERANCE * self.distances.max(initial=1.0)
        for middle in range(len(self.space)):
            around = self.distances[:, middle, None] + self.distances[None, middle, :]
            short = np.argwhere(self.distances > around + slack)
            if len(short):
                i, j = short[0]
                start, end, over = (quoted(self.space.names[k]) for k in (i, j, middle))
                raise BadInput(
                    f"{start} to {end} is {self.distances[i, j]:.6g}, over {over} only {around[i, j]:.6g}",
                    fix="take shortest paths first",
                )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Metric) and self.space == other.space and np.array_equal(self.distances, other.distances)
        )

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def discrete(cls, space: LabelSpace) -> Metric:
        """Return the metric under which all different classes are 1 apart."""
        return cls(space, 1.0 - np.eye(len(space)))

    @classmethod
    def ordinal(cls, space: LabelSpace, values: ArrayLike | None = None) -> Metric:
        """Return |v_j − v_k| for ordered classes; `values` (K,) are 0, 1, 2, ... by default."""
        points = np.arange(len(space), dtype=np.float64) if values is None else np.asarray(values, dtype=np.float64)
        return cls(space, np.abs(points[:, None] - points[None, :]))

    @classmethod
    def circular(cls, space: LabelSpace) -> Metric:
        """Return steps around a circle of classes (weekdays, directions)."""
        steps = np.abs(np.subtract.outer(np.arange(len(space)), np.arange(len(space))))
        return cls(space, np.minimum(steps, len(space) - steps))

    @classmethod
    def from_taxonomy(cls, taxonomy: Taxonomy) -> Metric:
        """Return the number of edges between leaves of a taxonomy."""
        return cls(taxonomy.leaf_space, taxonomy.leaf_distances)

    @classmethod
    def from_names(cls, space: LabelSpace) -> Metric:
        """Return the edit distance between class names, in characters: near names are easy to confuse."""
        names = space.names
        table = np.zeros((len(names), len(names)))
        for i, a in enumerate(names):
            for j in range(i):
                table[i, j] = table[j, i] = _edits(a, names[j])
        return cls(space, table)

    def expected_cost(self, q: Array) -> Array:
        """Return Σ_j q_ij d(j, k): the expected distance of each decision k. Shapes: (n, K) → (n, K)."""
        return q @ (like(self.distances, q) if is_torch(q) else self.distances)


def _edits(a: str, b: str) -> int:
    """Return the Levenshtein distance of two strings."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        left, corner = i, row[0]
        row[0] = i
        for j, y in enumerate(b, start=1):
            left = min(left + 1, row[j] + 1, corner + (x != y))
            corner, row[j] = row[j], left
    return row[-1]
