"""How to split money between many cheap labels and few careful ones.

Of a sweep (`budget_sweep`) a power law  score(B) = a − b B^(−c)  is fitted for each share of the money that goes to
careful labels, and read off at the money there is. Where the best share is 1 quality dominates, where it is 0 quantity
does, between them both are needed.

Source: Mallen and Belrose, Balancing label quantity and quality for scalable elicitation, 2024 [P006].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.acquire.contract import Floats
from labelwright.acquire.split_sweep import Sweep, split_of
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_vector, same_length

Regime = Literal["quality", "quantity", "mixed"]


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
    >>> from labelwright.acquire import budget_sweep
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
