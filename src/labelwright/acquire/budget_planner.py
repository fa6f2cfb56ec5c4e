"""How to split money between many cheap labels and few careful ones.

A sweep trains on cheap labels first, then on careful ones, for several budgets and shares f of the money that go to
careful labels:

    n_careful = ⌊f B / price_careful⌋,     n_cheap = ⌊(B − n_careful · price_careful) / price_cheap⌋

For each share a power law  score(B) = a − b B^(−c)  is fitted and read off at the money there is. Where the best share
is 1 quality dominates, where it is 0 quantity does, between them both are needed.

Source: Mallen and Belrose, Balancing label quantity and quality for scalable elicitation, 2024 [P006].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.acquire.contract import Bools, Floats, Rows
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_vector, same_length

FRACTIONS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0)
Regime = Literal["quality", "quantity", "mixed"]
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


def classify_regime(fractions: ArrayLike, scores: ArrayLike) -> Regime:
    """Return what a budget needs, by the share of careful labels that scores best; ties go to fewer. [P006].

    Examples
    --------
    >>> classify_regime([0.0, 0.5, 1.0], [0.7, 0.8, 0.75])
    'mixed'
    """
    share, score = as_vector("fractions", fractions), as_vector("scores", scores)
    same_length(fractions=share, scores=score)
    best = float(share[np.lexsort((share, -score))[0]])
    return "quality" if best == 1.0 else "quantity" if best == 0.0 else "mixed"


@dataclass(frozen=True)
class PowerLaw:
    """score(B) = a − b · B^(−c), with b at least 0."""

    a: float
    b: float
    c: float

    def __call__(self, budget: float | Floats) -> Any:
        """Return the score at a budget."""
        return self.a - self.b * np.asarray(budget, dtype=np.float64) ** -self.c


def fit_power_law(budget: ArrayLike, score: ArrayLike, ceiling: float = 1.0) -> PowerLaw:
    """Return the power law of least squares; a is at most `ceiling`. One point gives a level.

    Examples
    --------
    >>> law = fit_power_law([1.0, 4.0, 16.0], [0.5, 0.7, 0.8])
    >>> round(float(law(64.0)), 3)
    0.85
    """
    x, y = as_vector("budget", budget), as_vector("score", score)
    same_length(budget=x, score=y)
    if len(x) < 2 or np.ptp(x) == 0:
        return PowerLaw(float(y.mean()), 0.0, 1.0)
    best, least = PowerLaw(float(y.mean()), 0.0, 1.0), float(((y - y.mean()) ** 2).sum())
    for c in np.linspace(0.05, 2.0, 79):
        z = x**-c
        slope = float(((z - z.mean()) * (y - y.mean())).sum() / max(((z - z.mean()) ** 2).sum(), 1e-300))
        b = max(-slope, 0.0)
        a = float(y.mean() + b * z.mean())
        if a > ceiling:
            b = float(((ceiling - y) * z).sum() / (z**2).sum())
            a, b = ceiling, max(b, 0.0)
        error = float(((a - b * z - y) ** 2).sum())
        if error < least - 1e-15:
            best, least = PowerLaw(a, b, float(c)), error
    return best


@dataclass(frozen=True, eq=False)
class BudgetPlan:
    """How to split the money.

    Parameters
    ----------
    money : float
    fraction : float
        Share for careful labels.
    split : tuple of int
        Cheap and careful labels.
    predicted, low, high : float
        Score at the split; the ends are those of the repeats' own power laws.
    regime : str
    laws : dict of float to PowerLaw
        Of each share.
    sweep : Sweep
    """

    money: float
    fraction: float
    split: tuple[int, int]
    predicted: float
    low: float
    high: float
    regime: Regime
    laws: dict[float, PowerLaw]
    sweep: Sweep

    def options(self) -> list[tuple[float, int, int, float]]:
        """Return (share, cheap, careful, predicted score) for every share."""
        prices = self.sweep.price_cheap, self.sweep.price_careful
        return [(f, *split_of(self.money, f, *prices), float(law(self.money))) for f, law in self.laws.items()]

    def curves(self) -> dict[float, tuple[Floats, Floats]]:
        """Return money and predicted score along each share's curve, from the least budget that it was measured at."""
        end, found = max(self.money, float(self.sweep.budget.max())), {}
        for f, law in self.laws.items():
            x = np.geomspace(float(self.sweep.budget[self.sweep.fraction == f].min()), end, 40)
            found[f] = (x, np.asarray(law(x)))
        return found

    def facts(self) -> dict[str, Any]:
        """Return plain numbers for JSON."""
        return {
            "money": self.money,
            "price_cheap": self.sweep.price_cheap,
            "price_careful": self.sweep.price_careful,
            "share_for_careful": self.fraction,
            "n_cheap": self.split[0],
            "n_careful": self.split[1],
            "predicted": self.predicted,
            "low": self.low,
            "high": self.high,
            "regime": self.regime,
            "options": [
                dict(zip(("share_for_careful", "n_cheap", "n_careful", "predicted"), option, strict=True))
                for option in self.options()
            ],
            "measured": [
                dict(zip(("money", "share_for_careful", "n_cheap", "n_careful", "score"), row, strict=True))
                for row in self.sweep.rows()
            ],
        }


def plan_budget(sweep: Sweep, money: float) -> BudgetPlan:
    """Return the split of `money` that is predicted to score best.

    Parameters
    ----------
    sweep : Sweep
    money : float
        Above 0, in the unit of the prices.

    Examples
    --------
    >>> sweep = budget_sweep(lambda cheap, careful, r: 1 - (cheap + 5 * careful) ** -0.5, [1.0, 4.0, 16.0],
    ...                      price_cheap=0.1, price_careful=1.0, repeats=1)
    >>> plan_budget(sweep, 64.0).regime
    'quantity'

    Source: [P006].
    """
    if not (np.isfinite(money) and money > 0):
        raise BadInput(f"the money is {money}", fix="give an amount above 0")
    laws, ends = {}, {}
    for f in np.unique(sweep.fraction).tolist():
        here: NDArray[np.bool_] = sweep.fraction == f
        if here.sum() < 2 and len(np.unique(sweep.budget)) > 1:
            continue  # one budget says nothing of the way
        laws[f] = fit_power_law(sweep.budget[here], sweep.score[here].mean(axis=1))
        each = [float(fit_power_law(sweep.budget[here], one)(money)) for one in sweep.score[here].T]
        ends[f] = (min(each), max(each))
    if not laws:
        raise BadInput("no share was measured at two budgets", fix="give more labels, or a smaller budget")
    predicted = {f: float(law(money)) for f, law in laws.items()}
    best = max(predicted, key=lambda f: (predicted[f], -f))
    low, high = min(ends[best][0], predicted[best]), max(ends[best][1], predicted[best])
    return BudgetPlan(
        float(money), best, split_of(money, best, sweep.price_cheap, sweep.price_careful), predicted[best], low, high,
        classify_regime(list(predicted), list(predicted.values())), laws, sweep,
    )  # fmt: skip
