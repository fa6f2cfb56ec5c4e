"""A weighted order statistic that grows and shrinks: weights under sorted values, summed by a Fenwick tree.

Values stand in sorted shelves of at most 256, the weight of each shelf in a Fenwick tree. Inserting or deleting one
value searches the shelves, shifts within one shelf and changes O(log shelves) sums; a shelf that is full is cut in
half. Weights are whole multiples of 2⁻⁴⁰, added as integers: any order of insertions and deletions leaves the same
state as building it at once, to the last bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from labelwright.decide.contract import Floats
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, same_length

Ints = NDArray[np.int64]
SHELF = 256
UNIT = 2.0**-40
_MOST = 2**62  # int64 sums of weights stay below


@njit(cache=True, nogil=True)
def _comes_before(value: float, weight: int, other_value: float, other_weight: int) -> bool:
    return value < other_value or (value == other_value and weight < other_weight)


@njit(cache=True, nogil=True)
def _find_shelf(
    value: float, weight: int, order: Ints, count: Ints, last: Floats, weights: Ints, n_shelves: int
) -> int:  # -> first shelf whose last is not before
    low, high = 0, n_shelves
    while low < high:
        middle = (low + high) // 2
        before = last[middle] < value
        if last[middle] == value:
            shelf = order[middle]
            before = weights[shelf, count[shelf] - 1] < weight
        if before:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _find_place(
    value: float, weight: int, shelf: int, count: Ints, values: Floats, weights: Ints
) -> int:  # -> first place that is not before
    low, high = 0, count[shelf]
    while low < high:
        middle = (low + high) // 2
        if _comes_before(values[shelf, middle], weights[shelf, middle], value, weight):
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _add(tree: Ints, position: int, weight: int, n_shelves: int) -> None:
    i = position + 1
    while i <= n_shelves:
        tree[i] += weight
        i += i & -i


@njit(cache=True, nogil=True)
def _rebuild(tree: Ints, order: Ints, totals: Ints, n_shelves: int) -> None:
    for i in range(1, n_shelves + 1):
        tree[i] = totals[order[i - 1]]
    for i in range(1, n_shelves + 1):
        parent = i + (i & -i)
        if parent <= n_shelves:
            tree[parent] += tree[i]


@njit(cache=True, nogil=True)
def _cut(
    position: int,
    new: int,
    order: Ints,
    count: Ints,
    totals: Ints,
    last: Floats,
    values: Floats,
    weights: Ints,
    n_shelves: int,
) -> None:
    shelf, half = order[position], SHELF // 2
    moved = 0
    for j in range(half, SHELF):
        values[new, j - half] = values[shelf, j]
        weights[new, j - half] = weights[shelf, j]
        moved += weights[shelf, j]
    count[shelf], count[new] = half, SHELF - half
    totals[shelf] -= moved
    totals[new] = moved
    for i in range(n_shelves, position + 1, -1):
        order[i], last[i] = order[i - 1], last[i - 1]
    order[position + 1], last[position + 1] = new, last[position]
    last[position] = values[shelf, half - 1]


@njit(cache=True, nogil=True)
def insert_all(
    new_values: Floats,
    new_weights: Ints,
    order: Ints,
    count: Ints,
    totals: Ints,
    last: Floats,
    tree: Ints,
    values: Floats,
    weights: Ints,
    n_shelves: int,
) -> int:
    """Insert values (m,) with whole weights (m,); the arrays must have room. Return the number of shelves in use."""
    for i in range(len(new_values)):
        value, weight = new_values[i], new_weights[i]
        position = min(_find_shelf(value, weight, order, count, last, weights, n_shelves), n_shelves - 1)
        if count[order[position]] == SHELF:
            _cut(position, order[n_shelves], order, count, totals, last, values, weights, n_shelves)
            n_shelves += 1
            _rebuild(tree, order, totals, n_shelves)
            position = min(_find_shelf(value, weight, order, count, last, weights, n_shelves), n_shelves - 1)
        shelf = order[position]
        place = _find_place(value, weight, shelf, count, values, weights)
        for j in range(count[shelf], place, -1):
            values[shelf, j] = values[shelf, j - 1]
            weights[shelf, j] = weights[shelf, j - 1]
        values[shelf, place], weights[shelf, place] = value, weight
        count[shelf] += 1
        last[position] = values[shelf, count[shelf] - 1]
        totals[shelf] += weight
        _add(tree, position, weight, n_shelves)
    return n_shelves


@njit(cache=True, nogil=True)
def delete_all(
    old_values: Floats,
    old_weights: Ints,
    order: Ints,
    count: Ints,
    totals: Ints,
    last: Floats,
    tree: Ints,
    values: Floats,
    weights: Ints,
    n_shelves: int,
) -> tuple[int, int]:
    """Delete values (m,) with whole weights (m,). Return the number of shelves, and the first absent value or -1."""
    for i in range(len(old_values)):
        value, weight = old_values[i], old_weights[i]
        position = _find_shelf(value, weight, order, count, last, weights, n_shelves)
        if position == n_shelves or count[order[position]] == 0:
            return n_shelves, i
        shelf = order[position]
        place = _find_place(value, weight, shelf, count, values, weights)
        if values[shelf, place] != value or weights[shelf, place] != weight:
            return n_shelves, i
        for j in range(place, count[shelf] - 1):
            values[shelf, j] = values[shelf, j + 1]
            weights[shelf, j] = weights[shelf, j + 1]
        count[shelf] -= 1
        totals[shelf] -= weight
        if count[shelf] == 0 and n_shelves > 1:
            for j in range(position, n_shelves - 1):
                order[j], last[j] = order[j + 1], last[j + 1]
            n_shelves -= 1
            order[n_shelves] = shelf  # free again
            _rebuild(tree, order, totals, n_shelves)
        else:
            last[position] = values[shelf, max(count[shelf] - 1, 0)]
            _add(tree, position, -weight, n_shelves)
    return n_shelves, -1


@njit(cache=True, nogil=True)
def first_above(
    budget: int, order: Ints, count: Ints, tree: Ints, values: Floats, weights: Ints, n_shelves: int
) -> float:
    """Return the smallest stored value up to which (it included) the weights exceed `budget`; inf where none."""
    position, left = 0, budget
    step = 1
    while step * 2 <= n_shelves:
        step *= 2
    while step > 0:
        if position + step <= n_shelves and tree[position + step] <= left:
            position += step
            left -= tree[position]
        step //= 2
    if position == n_shelves:
        return np.inf
    shelf = order[position]
    for j in range(count[shelf]):
        left -= weights[shelf, j]
        if left < 0:
            return values[shelf, j]
    return np.inf


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

    def insert_units(self, values: Floats, units: NDArray[np.int64]) -> None:
        """Insert without checks: float64 (m,) and weights as multiples of 2⁻⁴⁰, int64 (m,)."""
        added = int(units.sum())
        if self._total + added >= _MOST:
            raise BadInput("the weights add up to more than 4 million", fix="scale the weights down")
        self.reserve(len(values))
        self.settle(insert_all(values, units, *self.state), len(values), added)

    def delete_units(self, values: Floats, units: NDArray[np.int64]) -> None:
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


def _checked(values: ArrayLike, weights: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    numbers, shares = as_array("values", np.atleast_1d(values), 1), as_array("weights", np.atleast_1d(weights), 1)
    same_length(values=numbers, weights=shares)
    if shares.size and (shares.min() < 0 or shares.max() >= _MOST * UNIT):
        raise BadInput("weights must lie between 0 and 4 million")
    return np.ascontiguousarray(numbers), np.rint(shares / UNIT).astype(np.int64)
