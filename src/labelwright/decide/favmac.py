"""FavMac: the prediction set with the most value whose cost stays under a target, and keeps staying there online.

For each row labels join in a fixed order (`greedy_ratio_sequence`), S_0 = ∅ ⊂ S_1 ⊂ ... ⊂ S_K, each set with a proxy
of its cost that never falls. Calibration row i has C_i⁺(t) = max cost of its sets with proxy < t. With n rows,

    cost control        t = sup{ t : Σ_i C_i⁺(t) + 1 ≤ (n + 1) c }               E[cost] ≤ c
    violation control   t = sup{ t : #{i : C_i⁺(t) > c} + 1 ≤ (n + 1) δ }        P(cost > c) ≤ δ

and the answer is the largest S_j with proxy < t. Increments of C_i⁺ stand in a `WeightedQuantile`, so a new labelled
row costs O(K log n); with a window the oldest row leaves.

The guarantee is over exchangeable rows, not for each row. A target below 1 / (n + 1) cannot be kept: the answer is ∅.

Source: Lin, Trivedi, Xiao, Sun, Fast online value-maximizing prediction sets with conformal cost control, ICML 2023
[P061].
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.decide.contract import Bools, Floats, fitted, label_probs, tag_matrix
from labelwright.decide.favmac_kernels import (
    additive_costs,
    additive_paths,
    additive_proxies,
    cost_increments,
    follow,
    violation_steps,
)
from labelwright.decide.label_set_sequences import Orders, Sequencer, greedy_ratio_sequence, nested_sets
from labelwright.decide.set_functions import AdditiveSetFunction, SetFunction
from labelwright.decide.weighted_quantile import WeightedQuantile
from labelwright.errors import BadInput

Increments = tuple[Floats, NDArray[np.int64], NDArray[np.int64]]  # proxies, weights, first increment of each row


class FavMac:
    """Sets of labels with the most value under a cost that is kept.

    Parameters
    ----------
    value : SetFunction
        What right labels are worth.
    cost : SetFunction
        What wrong labels cost; its largest value counts as 1.
    target : float
        c in [0, 1]: mean cost to stay under, or with `delta` the cost that may rarely be exceeded.
    delta : float, optional
        Control P(cost > target) ≤ delta instead of the mean.
    sequence : callable, default `greedy_ratio_sequence`
        In which order labels join.
    window : int, optional
        Keep only that many of the latest rows.

    Attributes
    ----------
    threshold_ : float
        t.
    n_rows_ : int
        Calibration rows that stand behind it.

    Examples
    --------
    >>> one = AdditiveSetFunction([1, 1])
    >>> favmac = FavMac(value=one, cost=one, target=0.25)
    >>> probs, y = np.array([[0.9, 0.4]] * 9), np.array([[1, 0]] * 9)
    >>> favmac.fit(probs, y).predict_set([[0.8, 0.3], [0.9, 0.7]])
    array([[ True, False],
           [ True,  True]])

    Source: Lin et al., ICML 2023 [P061].
    """

    def __init__(
        self,
        value: SetFunction,
        cost: SetFunction,
        target: float,
        *,
        delta: float | None = None,
        sequence: Sequencer = greedy_ratio_sequence,
        window: int | None = None,
    ) -> None:
        if value.n_labels != cost.n_labels:
            raise BadInput(f"value is for {value.n_labels} labels but cost for {cost.n_labels}")
        for name, share in (("target", target), ("delta", 0.5 if delta is None else delta)):
            if not 0 <= share <= 1:
                raise BadInput(f"{name} is {share!r}", fix=f"give {name} in [0, 1]; costs are divided by their maximum")
        if window is not None and window < 1:
            raise BadInput(f"window is {window!r}", fix="keep at least one row")
        self.value, self.cost, self.target, self.delta = value, cost, float(target), delta
        self.sequence, self.window = sequence, window

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Forget everything and start from calibration rows (n, K) with labels (n, K) of 0 and 1; n may be 0."""
        self._stored = WeightedQuantile()
        self._recent: Increments = (np.empty(0), np.empty(0, np.int64), np.zeros(1, np.int64))
        self.n_rows_ = 0
        return self.partial_fit(pred_probs, y)

    def partial_fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Add rows whose labels have become known: (m, K) and (m, K), in the order in which they came."""
        self._add(*self._paths(pred_probs), y)
        return self

    def predict_set(self, pred_probs: ArrayLike) -> Bools:
        """Return which labels are in the set of each row, bool (m, K)."""
        fitted(self, "threshold_")
        _, order, proxies = self._paths(pred_probs)
        return _sets_below(order, proxies, np.full(len(order), self.threshold_))

    def predict_then_update(self, pred_probs: ArrayLike, y: ArrayLike) -> Bools:
        """Answer row after row, each before its label is added: what an online deployment would have answered."""
        probs, order, proxies = self._paths(pred_probs)
        return _sets_below(order, proxies, self._add(probs, order, proxies, y))

    def _paths(self, pred_probs: ArrayLike) -> tuple[Floats, Orders, Floats]:
        """Order in which labels join, (n, K), and the proxy of each S_j, (n, K), never falling, inf after the end."""
        probs = label_probs("pred_probs", pred_probs, self.value.n_labels)
        value, cost = self.value, self.cost
        if self.delta is None and isinstance(cost, AdditiveSetFunction):
            if isinstance(value, AdditiveSetFunction) and self.sequence is greedy_ratio_sequence:
                return probs, *additive_paths(probs, value.weights, cost.weights)
            order = self.sequence(probs, value, cost)
            return probs, order, additive_proxies(order, cost.weights, probs)
        order = self.sequence(probs, value, cost)
        sets = nested_sets(order)
        if self.delta is None:
            proxies = self.cost.expected_cost(sets, probs[:, None])
        else:
            proxies = self.cost.violation(sets, probs[:, None], self.target)
        return probs, order, np.where(order >= 0, np.maximum.accumulate(proxies, axis=1), np.inf)

    def _increments(self, order: Orders, proxies: Floats, y: Bools) -> Increments:
        if isinstance(self.cost, AdditiveSetFunction):
            costs = additive_costs(order, self.cost.weights, y)
        else:
            costs = np.maximum.accumulate(self.cost.cost(nested_sets(order), y[:, None]), axis=1)
        return cost_increments(proxies, costs) if self.delta is None else violation_steps(proxies, costs, self.target)

    def _add(self, probs: Floats, order: Orders, proxies: Floats, y: ArrayLike) -> Floats:
        """Add rows one by one; the threshold that stood before each, (m,)."""
        if not hasattr(self, "_stored"):
            self.fit(np.empty((0, probs.shape[1])), np.empty((0, probs.shape[1])))
        values, units, starts = self._increments(order, proxies, tag_matrix("y", y, probs))
        old_values, old_units, old_starts = self._recent
        n_old = len(old_starts) - 1
        if self.window is not None:
            values, units = np.r_[old_values, values], np.r_[old_units, units]
            starts = np.r_[old_starts, starts[1:] + old_starts[-1]]
        self._stored.reserve(len(values))
        rate = self.target if self.delta is None else float(self.delta)
        thresholds, self.n_rows_, *after = follow(
            values, units, starts, n_old, self.n_rows_, self.window or 0, rate, *self._stored.state
        )
        self._stored.settle(*after)
        self.threshold_ = float(thresholds[-1])
        if self.window is not None:
            first = max(len(starts) - 1 - self.window, 0)
            kept = starts[first]
            self._recent = values[kept:], units[kept:], starts[first:] - kept
        return thresholds[:-1]


def _sets_below(order: Orders, proxies: Floats, thresholds: Floats) -> Bools:
    """The largest S_j with proxy < t, bool (n, K)."""
    sets = np.zeros(order.shape, dtype=bool)
    row, step = np.nonzero((proxies < thresholds[:, None]) & (order >= 0))
    sets[row, order[row, step]] = True
    return sets
