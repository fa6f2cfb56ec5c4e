"""What every kind of evidence can do: tell its units, be cut along them, be compared.

Rows that one statement ties together (a bag, a pair) form a *unit*; everything that samples, splits or slices takes
whole units. Row evidence gives a likelihood over each row's hidden class; group evidence conditions whole groups.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, listed
from labelwright.evidence.arrays import Array, row_index, to_numpy
from labelwright.evidence.result import Posterior
from labelwright.evidence.segments import repeats


class Evidence(ABC):
    """Evidence about the hidden truth of `n_rows` rows. Frozen; arrays are read-only."""

    n_rows: int

    def __len__(self) -> int:
        return self.n_rows

    @property
    def shape(self) -> tuple[int]:
        """``(n_rows,)``: what scikit-learn reads to count samples."""
        return (self.n_rows,)

    def units(self) -> NDArray[np.int64]:
        """Return the unit of each row, int64 (n_rows,), numbered from 0 by first row; usable as `groups`."""
        if "_units_once" not in self.__dict__:  # frozen, so worked out once
            units = self._units()
            units.setflags(write=False)
            self.__dict__["_units_once"] = units, np.bincount(units)
        found: NDArray[np.int64] = self.__dict__["_units_once"][0]
        return found

    def _unit_sizes(self) -> NDArray[np.int64]:
        self.units()
        sizes: NDArray[np.int64] = self.__dict__["_units_once"][1]
        return sizes

    @abstractmethod
    def _units(self) -> NDArray[np.int64]:
        """Work out `units`."""

    @abstractmethod
    def _take(self, rows: NDArray[np.int64]) -> Self:
        """Return the evidence about `rows`, which cut no unit."""

    def take(self, rows: ArrayLike) -> Self:
        """Return the evidence about `rows` (numbers, mask or slice), renumbered in that order.

        Raises
        ------
        BadInput
            When the rows would cut a unit, or repeat a row of a unit of several rows.
        """
        index = row_index(rows, self.n_rows)
        units, sizes = self.units(), self._unit_sizes()
        many = index[sizes[units[index]] > 1]
        if repeats(many):
            raise BadInput("a row of a unit of several rows is taken twice", fix="take each row of a group once")
        touched, taken = np.unique(units[many], return_counts=True)
        short = taken != sizes[touched]
        if short.any():
            cut, own = touched[short], taken[short]
            row = int(np.flatnonzero(units == cut[0])[0])
            raise BadInput(
                f"the rows taken cut {len(cut)} units; the first has {sizes[cut[0]]} rows, {own[0]} taken",
                where=f"row {row}",
                fix="take all rows of a unit or none: see units()",
            )
        return self._take(index)

    def __getitem__(self, rows: Any) -> Self:
        """Slice by rows as scikit-learn does (``evidence[rows]`` and ``evidence[rows, ...]``)."""
        return self.take(rows[0] if isinstance(rows, tuple) else rows)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))  # type: ignore[arg-type]

    __hash__ = None  # type: ignore[assignment]


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


class RowEvidence(Evidence):
    """Evidence that speaks of each row alone: a likelihood over the row's hidden class."""

    n_classes: int

    def _units(self) -> NDArray[np.int64]:
        return np.arange(self.n_rows, dtype=np.int64)

    @abstractmethod
    def _log_likelihood(self, noise: Any, rows: NDArray[np.int64]) -> Array:
        """Return log P(evidence of each row | class), before the check and the smoothing."""

    def log_likelihood(self, noise: Any = None, rows: ArrayLike | None = None, *, eps: float = 0.0) -> Array:
        """Return log P(evidence of row i | its hidden class is k), up to a constant of the row.

        Parameters
        ----------
        noise : optional
            How the evidence goes wrong; each type says what it takes. None means that it is trusted.
        rows : optional
            Rows wanted, in order; all by default.
        eps : float in [0, 1), default 0
            Share of a flat likelihood mixed in, at the height of the row's best class; no row is then impossible.

        Returns
        -------
        array (b, K), for `Tags` (b, K, 2)
            float64; in torch when `noise` is a torch tensor.

        Raises
        ------
        BadInput
            When a row contradicts itself (every class impossible) and ``eps == 0``: names the row.
        """
        index = np.arange(self.n_rows, dtype=np.int64) if rows is None else row_index(rows, self.n_rows)
        return possible(self._log_likelihood(noise, index), index, eps)


class GroupEvidence(Evidence):
    """Evidence that ties the rows of a group together."""

    n_classes: int

    @abstractmethod
    def placed(self, rows: NDArray[np.int64], n_rows: int) -> Self:
        """Return the same statements about the rows ``rows[i]`` of a larger data set."""

    @abstractmethod
    def condition(self, log_prior: Array, groups: ArrayLike | None = None) -> Posterior:
        """Return the posterior of all rows given this evidence alone.

        `log_prior` is (n_rows, K), NumPy or torch; `groups` names the groups that take part (all by default), and
        `log_z` follows the units of those groups.
        """


def possible(log_likelihood: Array, rows: NDArray[np.int64], eps: float = 0.0) -> Array:
    """Return the likelihood smoothed by `eps`, or raise BadInput naming the rows where no class is possible.

    Smoothing: ``log((1 − eps) exp(l_k) + eps/K · max_j exp(l_j))``, a flat share at the height of the best class.
    """
    if not 0 <= eps < 1:
        raise BadInput(f"eps is {eps}", fix="choose eps in [0, 1)")
    if eps > 0:
        from labelwright.evidence.likelihood import smoothed

        return smoothed(log_likelihood, eps)
    values = to_numpy(log_likelihood)
    impossible = (values == -np.inf).all(axis=-1)
    if impossible.any():
        bad = np.flatnonzero(impossible.reshape(len(values), -1).any(axis=1))
        raise BadInput(
            f"the evidence contradicts itself in {len(bad)} rows (row {listed(rows[bad].tolist(), 5)}): "
            "no class is possible",
            where=f"row {rows[bad[0]]}",
            fix="mend these rows, say how the evidence goes wrong (noise=), or allow mistakes (eps=1e-3)",
        )
    return log_likelihood


def linked_units(n_rows: int, rows: NDArray[np.int64], groups: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    """Return the connected component of each row when `rows[e]` belongs to `groups[e]`, numbered by first row."""
    component: NDArray[np.integer] = n_groups + np.arange(n_rows)
    if not repeats(rows):
        component[rows] = groups
    else:
        component = _connected(n_rows, rows, groups, n_groups)
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse].astype(np.int64)


def _connected(n_rows: int, rows: NDArray[np.int64], groups: NDArray[np.int64], n_groups: int) -> NDArray[np.integer]:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    size = n_rows + n_groups
    graph = coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, groups + n_rows)), shape=(size, size))
    found: NDArray[np.integer] = connected_components(graph, directed=False)[1][:n_rows]
    return found
