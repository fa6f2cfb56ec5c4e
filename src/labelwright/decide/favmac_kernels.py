"""The loops under FavMac: cost along a sequence of sets, its increments, and rows that arrive one by one [P061]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from labelwright.decide.contract import Bools, Floats
from labelwright.decide.weighted_quantile import UNIT
from labelwright.decide.weighted_quantile_kernels import Ints, delete_all, first_above, insert_all

_HAIR = 1e-12
LEAST_COST = 1e-8  # no label is free


@njit(cache=True, nogil=True)
def additive_paths(probs: Floats, value_weights: Floats, weights: Floats) -> tuple[Ints, Floats]:  # (n, K), (K,), (K,)
    """Return the ratio order, (n, K), and the expected cost along it, (n, K): `greedy_ratio_sequence` in one pass."""
    n, k = probs.shape
    order, proxies, ratio = np.empty((n, k), np.int64), np.empty((n, k)), np.empty(k)
    for i in range(n):
        for j in range(k):
            ratio[j] = -(value_weights[j] * probs[i, j]) / max(weights[j] * (1.0 - probs[i, j]), LEAST_COST)
        ranked = np.argsort(ratio, kind="mergesort")
        total = 0.0
        for j in range(k):
            label = ranked[j]
            total += weights[label] * (1.0 - probs[i, label])
            order[i, j], proxies[i, j] = label, total
    return order, proxies


@njit(cache=True, nogil=True)
def additive_proxies(
    order: Ints, weights: Floats, probs: Floats
) -> Floats:  # (n, K), (K,), (n, K) -> (n, K): Σ w_k (1 − p_k) over S_j
    """Return the expected additive cost of S_1, ..., S_K for each row; inf after the end of a sequence."""
    n, k = order.shape
    result = np.full((n, k), np.inf)
    for i in range(n):
        total = 0.0
        for j in range(k):
            label = order[i, j]
            if label < 0:
                break
            total += weights[label] * (1.0 - probs[i, label])
            result[i, j] = total
    return result


@njit(cache=True, nogil=True)
def additive_costs(
    order: Ints, weights: Floats, y: Bools
) -> Floats:  # (n, K), (K,), bool (n, K) -> (n, K): Σ w_k (1 − y_k) over S_j
    """Return the additive cost of S_1, ..., S_K for each row."""
    n, k = order.shape
    result = np.empty((n, k))
    for i in range(n):
        total = 0.0
        for j in range(k):
            label = order[i, j]
            if label >= 0 and not y[i, label]:
                total += weights[label]
            result[i, j] = total
    return result


@njit(cache=True, nogil=True)
def cost_increments(proxies: Floats, costs: Floats) -> tuple[Floats, Ints, Ints]:
    """Return where the cost of each row rises along its sequence, by how many units, and where each row starts.

    Units are taken from the running total, so that those of a row add up to its largest cost whatever the rounding.
    """
    n, k = costs.shape
    values, units, starts = np.empty(n * k), np.empty(n * k, np.int64), np.zeros(n + 1, np.int64)
    m = 0
    for i in range(n):
        seen: Any = np.int64(0)
        for j in range(k):
            now = np.int64(np.rint(costs[i, j] / UNIT))
            if now > seen and proxies[i, j] < np.inf:
                if m > starts[i] and values[m - 1] == proxies[i, j]:
                    units[m - 1] += now - seen
                else:
                    values[m], units[m] = proxies[i, j], now - seen
                    m += 1
                seen = now
        starts[i + 1] = m
    return values[:m].copy(), units[:m].copy(), starts


@njit(cache=True, nogil=True)
def violation_steps(proxies: Floats, costs: Floats, limit: float) -> tuple[Floats, Ints, Ints]:
    """Return for each row the smallest proxy at which its cost exceeds `limit`, with weight 1, as `cost_increments`."""
    n, k = costs.shape
    values, starts = np.empty(n), np.zeros(n + 1, np.int64)
    m = 0
    for i in range(n):
        for j in range(k):
            if costs[i, j] > limit + _HAIR and proxies[i, j] < np.inf:
                values[m] = proxies[i, j]
                m += 1
                break
        starts[i + 1] = m
    return values[:m].copy(), np.full(m, np.int64(1 / UNIT)), starts


@njit(cache=True, nogil=True)
def threshold(
    n: int, rate: float, order: Ints, count: Ints, tree: Ints, values: Floats, weights: Ints, n_shelves: int
) -> float:
    """Return sup{t : weight below t + 1 ≤ (n + 1) · rate}; a hair of 2⁻⁴⁰ a row keeps equality equal."""
    budget = (n + 1) * rate - 1.0
    if budget < -_HAIR:
        return -np.inf
    whole: Any = np.int64(np.rint(max(budget, 0.0) / UNIT)) + n + 1
    return first_above(whole, order, count, tree, values, weights, n_shelves)


@njit(cache=True, nogil=True)
def follow(
    flat: Floats,
    units: Ints,
    starts: Ints,
    n_old: int,
    n_rows: int,
    window: int,
    rate: float,
    order: Ints,
    count: Ints,
    totals: Ints,
    last: Floats,
    tree: Ints,
    values: Floats,
    weights: Ints,
    n_shelves: int,
) -> tuple[Floats, int, int, int, int]:
    """Add rows n_old, n_old + 1, ... one by one; with a window (> 0) the oldest row leaves when it is full.

    Return the threshold before each new row and after the last, the number of rows, of shelves, of values added, and
    the units added.
    """
    n_new = len(starts) - 1 - n_old
    thresholds = np.empty(n_new + 1)
    added, weight_added, oldest = 0, 0, 0
    for i in range(n_new):
        thresholds[i] = threshold(n_rows, rate, order, count, tree, values, weights, n_shelves)
        a, b = starts[n_old + i], starts[n_old + i + 1]
        n_shelves = insert_all(flat[a:b], units[a:b], order, count, totals, last, tree, values, weights, n_shelves)
        added, weight_added, n_rows = added + b - a, weight_added + units[a:b].sum(), n_rows + 1
        if window > 0 and n_rows > window:
            a, b = starts[oldest], starts[oldest + 1]
            n_shelves, _ = delete_all(
                flat[a:b], units[a:b], order, count, totals, last, tree, values, weights, n_shelves
            )
            added, weight_added, n_rows, oldest = (
                added - (b - a),
                weight_added - units[a:b].sum(),
                n_rows - 1,
                oldest + 1,
            )
    thresholds[n_new] = threshold(n_rows, rate, order, count, tree, values, weights, n_shelves)
    return thresholds, n_rows, n_shelves, added, weight_added
