"""Sorted shelves with a Fenwick tree over their weights: inserting, deleting and looking up, all arrays in place.

Shelf i in use holds ``count[order[i]]`` values of ``values[order[i]]``, sorted, with whole weights; ``last[i]`` is its
largest, ``totals`` the weight of each shelf and ``tree`` their Fenwick tree in the order of the values.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from labelwright.decide.contract import Floats

Ints = NDArray[np.int64]
SHELF = 256


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
