"""All label sets near a row's outputs, found without looking at the others, even among 2^159.

The nearest set is ψ0 = [o ≥ 1/2], at Σ_k min(o_k, 1 − o_k)^d. Flipping label j adds f_j = max(o_j, 1 − o_j)^d −
min(o_j, 1 − o_j)^d ≥ 0 (for d = 2: |1 − 2 o_j|), and flips add up. So the sets within a budget are the subsets F of
flips with Σ_{j ∈ F} f_j ≤ budget − base: a depth-first search over f in rising order that turns back at the first
flip that does not fit.

Source: Maltoudoglou et al., Pattern Recognition 2022 [P118].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from labelwright.decide.contract import Bools, Floats, label_probs
from labelwright.decide.nonconformity import Nonconformity, NormNonconformity
from labelwright.errors import BadInput

SLACK = 1e-12  # on the budget: a set on the edge is inside
MOST_SETS = 1_000_000


@njit(cache=True, nogil=True)
def _search(flips: Floats, budget: float, limit: int, out: Bools) -> int:
    """Count subsets of rising `flips` (K,) with a sum of at most `budget`, up to `limit`; write the first to `out`."""
    n_labels = len(flips)
    path, totals = np.zeros(n_labels + 1, np.int64), np.zeros(n_labels + 1)
    found, depth, following = 1, 0, 0
    while found < limit:
        if following < n_labels and totals[depth] + flips[following] <= budget:
            path[depth] = following
            totals[depth + 1] = totals[depth] + flips[following]
            depth += 1
            following += 1
            if found < len(out):
                for j in range(depth):
                    out[found, path[j]] = True
            found += 1
        elif depth == 0:
            break
        else:
            depth -= 1
            following = path[depth] + 1
    return found


def enumerate_label_sets(outputs: ArrayLike, budget: float, order: float = 2, limit: int = MOST_SETS) -> Bools:
    """Return every label set ψ with Σ_k |ψ_k − o_k|^order ≤ budget, bool (m, K), the nearest one first.

    Parameters
    ----------
    outputs : float array (K,)
        In [0, 1].
    budget : float
    order : float, default 2
    limit : int, default 1_000_000
        BadInput when there are more: ask `count_label_sets` first.

    Examples
    --------
    >>> enumerate_label_sets([0.9, 0.4], budget=0.5).astype(int).tolist()
    [[1, 0], [1, 1]]

    Source: Maltoudoglou et al., 2022 [P118].
    """
    nearest, flips, by_price, left = _prices(outputs, budget, order)
    if left < 0:
        return np.empty((0, len(nearest)), dtype=bool)
    n = _search(flips, left, limit + 1, np.empty((0, 0), dtype=bool))
    if n > limit:
        raise BadInput(f"more than {limit} label sets are near", fix="allow more errors, or count them instead")
    flipped = np.zeros((n, len(flips)), dtype=bool)
    _search(flips, left, n, flipped)
    sets = np.repeat(nearest[None], n, axis=0)
    sets[:, by_price] ^= flipped
    return sets


def count_label_sets(outputs: ArrayLike, budget: float, order: float = 2, limit: int = 10_000_000) -> int:
    """Return how many label sets `enumerate_label_sets` would find, at most `limit`; all 2^K where budget is infinite.

    Examples
    --------
    >>> count_label_sets([0.9, 0.4], 0.5), count_label_sets(np.full(70, 0.2), float("inf")) == 2**70
    (2, True)

    Source: Maltoudoglou et al., 2022 [P118].
    """
    nearest, flips, _, left = _prices(outputs, budget, order)
    if left < 0:
        return 0
    if flips.sum() <= left:
        return 2 ** len(nearest)
    return int(_search(flips, left, limit, np.empty((0, 0), dtype=bool)))


def bound_label_set_count(
    outputs: ArrayLike, budget: float, order: float = 2, bins: int = 10_000
) -> tuple[float, float]:
    """Return a lower and an upper bound of the number of label sets, however many there are: a knapsack on a grid.

    Flips are rounded up for the lower bound and down for the upper one; with K labels and `bins` steps, K · bins sums.

    Examples
    --------
    >>> bound_label_set_count([0.9, 0.4], 0.5)
    (2.0, 2.0)
    """
    _, flips, _, left = _prices(outputs, budget, order)
    if left < 0:
        return 0.0, 0.0
    if flips.sum() <= left:
        return 2.0 ** len(flips), 2.0 ** len(flips)
    step = max(left, 1e-300) / bins
    rounded = (np.ceil(flips / step - 1e-9), np.floor(flips / step + 1e-9))
    low, high = (_knapsack(np.minimum(prices, bins + 1).astype(np.int64), bins) for prices in rounded)
    return low, high


def _knapsack(prices: np.ndarray, bins: int) -> float:
    ways = np.zeros(bins + 1)
    ways[0] = 1
    for price in prices[prices <= bins]:
        ways[price:] = ways[price:] + ways[: bins + 1 - price]
    return float(ways.sum())


def _prices(outputs: ArrayLike, budget: float, order: float) -> tuple[Bools, Floats, np.ndarray, float]:
    """ψ0, the prices of flips in rising order, which label each is of, and what the budget leaves for them."""
    o = label_probs("outputs", np.asarray(outputs)[None])[0]
    small = np.minimum(o, 1 - o)
    price = (1 - small) ** order - small**order
    by_price = np.argsort(price, kind="stable")
    return o >= 0.5, price[by_price], by_price, float(budget) - float((small**order).sum()) + SLACK


@dataclass(frozen=True)
class LabelSets:
    """The label sets of one row whose score is at most `tau`: counted, tested or listed when asked.

    Parameters
    ----------
    outputs : float array (K,)
    tau : float
        Infinite where the calibration rows are too few for the error rate: then every set is in.
    nonconformity : Nonconformity

    Examples
    --------
    >>> from labelwright.decide import NormNonconformity
    >>> near = LabelSets(np.array([0.9, 0.4]), 0.7, NormNonconformity())
    >>> [True, True] in near, [False, True] in near, near.count()
    (True, False, 2)
    """

    outputs: Floats
    tau: float
    nonconformity: Nonconformity

    def __contains__(self, labels: ArrayLike) -> bool:
        psi = np.asarray(labels, dtype=bool)
        return bool(self.nonconformity(psi, self.outputs) <= self.tau + SLACK)

    def __iter__(self) -> Iterator[Bools]:
        return iter(self.sets())

    def sets(self, limit: int = MOST_SETS) -> Bools:
        """Return all of them, bool (m, K), in rising order of the score; BadInput where there are more than `limit`."""
        near = enumerate_label_sets(self.outputs, self._budget(), self.nonconformity.order, limit)
        scores = self.nonconformity(near, self.outputs)
        order = np.argsort(scores, kind="stable")
        return near[order[scores[order] <= self.tau + SLACK]]

    def count(self, limit: int = MOST_SETS) -> int:
        """Return how many there are, at most `limit`; every set counts where `tau` is infinite."""
        if np.isinf(self.tau) or isinstance(self.nonconformity, NormNonconformity):
            return count_label_sets(self.outputs, self._budget(), self.nonconformity.order, limit)
        return len(self.sets(limit))

    def _budget(self) -> float:
        return float("inf") if np.isinf(self.tau) else self.nonconformity.distance_budget(self.tau)
