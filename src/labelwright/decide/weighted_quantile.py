"""A weighted order statistic that grows and shrinks: weights under sorted values, summed by a Fenwick tree.

Values stand in sorted shelves of at most 256, the weight of each shelf in a Fenwick tree. Inserting or deleting one
value searches the shelves, shifts within one shelf and changes O(log shelves) sums; a shelf that is full is cut in
half. Weights are whole multiples of 2⁻⁴⁰, added as integers: any order of insertions and deletions leaves the same
state as building it at once, to the last bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.decide.contract import Floats
from labelwright.decide.weighted_quantile_kernels import SHELF, Ints, delete_all, first_above, insert_all
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, same_length

UNIT = 2.0**-40
_MOST = 2**62  # int64 sums of weights stay below


class WeightedQuantile:
    """Values with weights, kept sorted: where does the weight below reach a budget?

    Weights are rounded to whole multiples of 2⁻⁴⁰ (9·10⁻¹³).

    Examples
    --------
    >>> stored = WeightedQuantile()
    >>> stored.insert([3.0, 1.0, 2.0], [1.0, 1.0, 1.0])
    >>> stored.largest_below(1.0), stored.largest_below(3.0), stored.largest_below(-1.0)
    (2.0, inf, -inf)

    Source: the ordered structure of Lin et al., ICML 2023 [P061].
    """

    def __init__(self) -> None:
        self._allocate(4)
        self._n_shelves, self._size, self._total = 1, 0, 0

    def _allocate(self, shelves: int) -> None:
        self._order = np.arange(shelves, dtype=np.int64)
        self._count, self._totals = np.zeros(shelves, np.int64), np.zeros(shelves, np.int64)
        self._last, self._tree = np.empty(shelves, np.float64), np.zeros(shelves + 1, np.int64)
        self._values = np.empty((shelves, SHELF), np.float64)
        self._weights = np.empty((shelves, SHELF), np.int64)

    def __len__(self) -> int:
        return self._size

    @property
    def total(self) -> float:
        """Sum of all weights."""
        return self._total * UNIT

    def insert(self, values: ArrayLike, weights: ArrayLike) -> None:
        """Add values (m,), finite, with weights (m,) of 0 or more."""
        self.insert_units(*_checked(values, weights))

    def delete(self, values: ArrayLike, weights: ArrayLike) -> None:
        """Take out values (m,) that were inserted with these weights; BadInput for one that is not there."""
        self.delete_units(*_checked(values, weights))

    def insert_units(self, values: Floats, units: Ints) -> None:
        """Insert without checks: float64 (m,) and weights as multiples of 2⁻⁴⁰, int64 (m,)."""
        added = int(units.sum())
        if self._total + added >= _MOST:
            raise BadInput("the weights add up to more than 4 million", fix="scale the weights down")
        self.reserve(len(values))
        self.settle(insert_all(values, units, *self.state), len(values), added)

    def delete_units(self, values: Floats, units: Ints) -> None:
        """Delete without checks; arguments as in `insert_units`."""
        n_shelves, absent = delete_all(values, units, *self.state)
        taken = len(values) if absent < 0 else absent
        self.settle(n_shelves, -taken, -int(units[:taken].sum()))
        if absent >= 0:
            raise BadInput(f"value {values[absent]!r} with weight {units[absent] * UNIT!r} is not stored")

    def largest_below(self, budget: float) -> float:
        """Return the largest t such that the weights of values strictly below t add up to at most `budget`.

        −inf where the budget is negative, inf where all weights fit.
        """
        if budget < 0:
            return -np.inf
        whole = int(min(round(budget / UNIT), _MOST))
        return float(
            first_above(whole, self._order, self._count, self._tree, self._values, self._weights, self._n_shelves)
        )

    def reserve(self, n_values: int) -> None:
        """Make room for that many further values."""
        needed = self._n_shelves + 2 + n_values * 2 // SHELF
        if needed > len(self._order):
            self._grow(max(needed, 2 * len(self._order)))

    def settle(self, n_shelves: int, added: int, units_added: int) -> None:
        """Take over what a kernel has done to `state`."""
        self._n_shelves = n_shelves
        self._size += added
        self._total += units_added

    @property
    def state(self) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray, NDArray, NDArray, int]:
        """The arrays that kernels work on: order, count, totals, last, tree, values, weights, shelves in use."""
        grown = (self._order, self._count, self._totals, self._last, self._tree, self._values, self._weights)
        return *grown, self._n_shelves

    def _grow(self, shelves: int) -> None:
        old = self.state
        self._allocate(shelves)
        used = len(old[0])
        for new, kept in zip(self.state[:-1], old[:-1], strict=True):
            new[: len(kept)] = kept
        self._order[used:] = np.arange(used, shelves)


def _checked(values: ArrayLike, weights: ArrayLike) -> tuple[Floats, Ints]:
    numbers, shares = as_array("values", np.atleast_1d(values), 1), as_array("weights", np.atleast_1d(weights), 1)
    same_length(values=numbers, weights=shares)
    if shares.size and (shares.min() < 0 or shares.max() >= _MOST * UNIT):
        raise BadInput("weights must lie between 0 and 4 million")
    return np.ascontiguousarray(numbers), np.rint(shares / UNIT).astype(np.int64)
