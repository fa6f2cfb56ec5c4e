"""What different splits of money between cheap and careful labels are worth: a sweep over budgets and shares.

A sweep trains on cheap labels first, then on careful ones, for several budgets and shares f of the money that go to
careful labels:

    n_careful = ⌊f B / price_careful⌋,     n_cheap = ⌊(B − n_careful · price_careful) / price_cheap⌋

Source: Mallen and Belrose, Balancing label quantity and quality for scalable elicitation, 2024 [P006].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labelwright.acquire.contract import Bools, Floats, Rows
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_vector, same_length

FRACTIONS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0)
Train = Callable[[int, int, int], float]  # n_cheap, n_careful, repeat -> score


def split_of(budget: float, fraction: float, price_cheap: float, price_careful: float) -> tuple[int, int]:
    """Return how many cheap and careful labels a budget buys when a share of it goes to careful ones.

    Examples
    --------
    >>> split_of(16, 0.2, price_cheap=0.1, price_careful=1.0)
    (130, 3)
    """
    careful = int(fraction * budget / price_careful + 1e-9)
    if fraction == 1:  # what is left over would buy cheap ones for a plan that is to have none
        return 0, careful
    return int((budget - careful * price_careful) / price_cheap + 1e-9), careful


@dataclass(frozen=True, eq=False)
class Sweep:
    """What was measured: a line a budget and share.

    Parameters
    ----------
    budget, fraction : float64 (m,)
    n_cheap, n_careful : int64 (m,)
    score : float64 (m, R)
        Of R repeats.
    price_cheap, price_careful : float
    """

    budget: Floats
    fraction: Floats
    n_cheap: Rows
    n_careful: Rows
    score: Floats
    price_cheap: float
    price_careful: float

    def rows(self) -> list[tuple[float, float, int, int, float]]:
        """Return (money, share, cheap, careful, mean score) of each line."""
        columns = (self.budget, self.fraction, self.n_cheap, self.n_careful, self.score.mean(axis=1))
        return list(zip(*(column.tolist() for column in columns), strict=True))


def budget_sweep(
    train: Train, budgets: Sequence[float], *, price_cheap: float, price_careful: float,
    most_cheap: int | None = None, most_careful: int | None = None, fractions: Sequence[float] = FRACTIONS,
    repeats: int = 3,
) -> Sweep:  # fmt: skip
    """Measure every split of every budget that the labels at hand allow.

    Parameters
    ----------
    train : callable
        Numbers of cheap and careful labels and the repeat → score of a model trained on them. The labels of the two
        kinds are about different rows.
    budgets : sequence of float
        In the unit of the prices.
    price_cheap, price_careful : float
        Above 0.
    most_cheap, most_careful : int, optional
        Labels at hand; splits that need more are left out.
    fractions : sequence of float
        Shares for careful labels, in [0, 1].
    repeats : int, default 3

    Raises
    ------
    BadInput
        A price is not above 0, or no split can be measured.

    Examples
    --------
    >>> sweep = budget_sweep(lambda cheap, careful, r: cheap + 2 * careful, [1.0], price_cheap=0.5, price_careful=1.0,
    ...                      fractions=(0.0, 1.0), repeats=1)
    >>> sweep.score.ravel()
    array([2., 2.])

    Source: [P006].
    """
    if not (price_cheap > 0 and price_careful > 0):
        raise BadInput(f"the prices are {price_cheap} and {price_careful}", fix="give prices above 0")
    if any(not 0 <= f <= 1 for f in fractions):
        raise BadInput("a share is outside [0, 1]", fix="give shares of the money")
    lines = []
    for budget in budgets:
        for fraction in fractions:
            cheap, careful = split_of(budget, fraction, price_cheap, price_careful)
            enough = (most_cheap is None or cheap <= most_cheap) and (most_careful is None or careful <= most_careful)
            if enough and cheap + careful > 0 and (careful > 0 or fraction == 0):
                lines.append((float(budget), float(fraction), cheap, careful))
    if not lines:
        raise BadInput("no split can be measured with the labels at hand", fix="give smaller budgets, or more labels")
    score = np.array([[train(line[2], line[3], r) for r in range(repeats)] for line in lines], dtype=np.float64)
    budget_of, share_of, cheap_of, careful_of = (np.array(column) for column in zip(*lines, strict=True))
    return Sweep(budget_of, share_of, cheap_of, careful_of, score, float(price_cheap), float(price_careful))


def pareto_frontier(cost: ArrayLike, score: ArrayLike) -> Bools:
    """Return which points no cheaper or equally dear point reaches or beats, bool (m,). [P006].

    Examples
    --------
    >>> pareto_frontier([1.0, 2.0, 3.0], [0.5, 0.4, 0.9])
    array([ True, False,  True])
    """
    price, value = as_vector("cost", cost), as_vector("score", score)
    same_length(cost=price, score=value)
    order = np.lexsort((-value, price))
    best = np.maximum.accumulate(np.concatenate([[-np.inf], value[order][:-1]])) if len(order) else value
    on = np.zeros(len(price), np.bool_)
    on[order] = value[order] > best
    return on
