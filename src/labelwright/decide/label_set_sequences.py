"""In which order labels join a growing set: most value for a unit of cost first, most probable first, dearest first.

A sequence ∅ = S_0 ⊂ S_1 ⊂ ... ⊂ S_K is written as the order in which labels join, int (n, K); −1 where it ends early.

Source: Lin et al., Fast online value-maximizing prediction sets with conformal cost control, ICML 2023 [P061].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from labelwright.decide.contract import Bools, Floats
from labelwright.decide.favmac_kernels import LEAST_COST
from labelwright.decide.set_functions import AdditiveSetFunction, SetFunction

Orders = NDArray[np.int64]
Sequencer = Callable[[Floats, SetFunction, SetFunction], Orders]


def greedy_ratio_sequence(probs: Floats, value: SetFunction, cost: SetFunction) -> Orders:
    """Return the order by expected value gained for a unit of expected cost.

    Additive functions have a static order, v_k p_k / max(w_k (1 − p_k), 1e-8). In general the gains are weighed again
    at every step, and the sequence ends when no label adds value. Ties go to the lower label.

    Parameters
    ----------
    probs : float array (n, K)
    value, cost : SetFunction

    Examples
    --------
    >>> one = AdditiveSetFunction([1, 1, 1])
    >>> greedy_ratio_sequence(np.array([[0.2, 0.9, 0.5]]), one, one)
    array([[1, 2, 0]])
    """
    if isinstance(value, AdditiveSetFunction) and isinstance(cost, AdditiveSetFunction):
        ratio = value.weights * probs / np.maximum(cost.weights * (1 - probs), LEAST_COST)
        return np.argsort(-ratio, axis=1, kind="stable")
    return np.stack([_greedy(row, value, cost) for row in probs]) if len(probs) else np.empty(probs.shape, np.int64)


def _greedy(p: Floats, value: SetFunction, cost: SetFunction) -> Orders:
    order = np.full(len(p), -1)
    chosen = np.zeros(len(p), bool)
    worth = price = 0.0
    for step in range(len(p)):
        left = np.flatnonzero(~chosen)
        larger = np.repeat(chosen[None], len(left), axis=0)
        larger[np.arange(len(left)), left] = True
        worths, prices = value.expected_value(larger, p), cost.expected_cost(larger, p)
        gain = worths - worth
        if not (gain > 1e-15).any():
            break
        best = int(np.argmax(np.where(gain > 1e-15, gain / np.maximum(prices - price, LEAST_COST), -np.inf)))
        order[step], chosen = left[best], larger[best]
        worth, price = float(worths[best]), float(prices[best])
    return order


def probability_sequence(probs: Floats, value: SetFunction, cost: SetFunction) -> Orders:
    """Return the order by probability, most probable first."""
    return np.argsort(-probs, axis=1, kind="stable")


def value_sequence(probs: Floats, value: SetFunction, cost: SetFunction) -> Orders:
    """Return the order by the value of each label alone, dearest first, whatever its probability."""
    n_labels = probs.shape[1]
    alone = value.value(np.eye(n_labels, dtype=bool), np.ones((n_labels, n_labels), dtype=bool))
    return np.broadcast_to(np.argsort(-alone, kind="stable"), probs.shape).copy()


def nested_sets(order: Orders) -> Bools:
    """Return S_1, ..., S_K of each row, bool (n, K, K); after the end of a sequence its last set."""
    n, k = order.shape
    joined = np.zeros((n, k, k), dtype=bool)
    row, step = np.nonzero(order >= 0)
    joined[row, step, order[row, step]] = True
    return np.logical_or.accumulate(joined, axis=1)
