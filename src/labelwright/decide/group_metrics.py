"""Rates of a decision group by group when some rows get no decision, with the denominator said out loud.

A row that abstains is not accepted. `accept_rate`, `true_positive_rate` and `true_negative_rate` divide by all rows of
the group (of the group with y = 1, with y = 0): a group cannot look better treated by being left undecided. The fields
that start with `decided_` divide by the rows that got a decision.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.decide.contract import Bools, group_codes
from labelwright.metrics.checks import as_mask, same_length


@dataclass(frozen=True)
class GroupRates:
    """Rates of one group; NaN where nothing is counted."""

    rows: int
    accept_rate: float
    true_positive_rate: float
    true_negative_rate: float
    abstention_rate: float
    decided_error: float
    decided_accept_rate: float
    decided_true_positive_rate: float
    decided_true_negative_rate: float


def group_rates(
    y: ArrayLike, y_pred: ArrayLike, groups: ArrayLike, abstained: ArrayLike | None = None
) -> dict[Hashable, GroupRates]:
    """Return the rates of every group.

    Parameters
    ----------
    y, y_pred : bool array (n,)
        True and predicted labels; predictions of rows that abstain do not count.
    groups : array (n,)
        The group of each row; any values.
    abstained : bool array (n,), optional
        No row by default.

    Examples
    --------
    >>> rates = group_rates([1, 1, 0, 0], [1, 1, 0, 0], ["a"] * 4, abstained=[1, 0, 0, 0])["a"]
    >>> rates.true_positive_rate, rates.decided_true_positive_rate, rates.decided_error
    (0.5, 1.0, 0.0)
    """
    truth, guess = as_mask("y", y), as_mask("y_pred", y_pred)
    names, group = group_codes(groups)
    silent = np.zeros(len(truth), bool) if abstained is None else as_mask("abstained", abstained)
    same_length(y=truth, y_pred=guess, groups=group, abstained=silent)
    return {
        name: _rates(truth[group == code], guess[group == code], ~silent[group == code])
        for code, name in enumerate(names)
    }


def _rates(truth: Bools, guess: Bools, decided: Bools) -> GroupRates:
    yes, no = guess & decided, ~guess & decided
    return GroupRates(
        len(truth),
        _share(yes, np.ones_like(truth)),
        _share(yes, truth),
        _share(no, ~truth),
        _share(~decided, np.ones_like(truth)),
        _share(guess != truth, decided),
        _share(yes, decided),
        _share(yes, truth & decided),
        _share(no, ~truth & decided),
    )


def _share(hits: Bools, among: Bools) -> float:
    n = int(among.sum())
    return float((hits & among).sum() / n) if n else float("nan")


def largest_gap(rates: dict[Hashable, GroupRates], rate: str) -> float:
    """Return the largest difference between two groups in one rate, named by its field; NaN groups are left out."""
    values: NDArray[np.float64] = np.array([getattr(one, rate) for one in rates.values()])
    known = values[~np.isnan(values)]
    return float(np.ptp(known)) if len(known) else float("nan")
