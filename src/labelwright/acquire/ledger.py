"""The ledger: what was asked, of whom, at what price, and what money is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.metrics.checks import as_codes

Oracle = Callable[[NDArray[np.int64], str], Any]  # rows, tier -> one label a row


@dataclass(frozen=True)
class Entry:
    """One label that was bought."""

    row: int
    tier: str
    label: Any
    price: float


class Budget:
    """Money for labels of several tiers; the only one who asks an oracle.

    Parameters
    ----------
    total : float
        Above 0.
    prices : mapping of str to float
        What one label of each tier costs, above 0.

    Attributes
    ----------
    entries : list of Entry
        Every label that was bought, in order.

    Examples
    --------
    >>> budget = Budget(2.0, {"crowd": 0.1, "expert": 1.0})
    >>> budget.ask(lambda rows, tier: rows % 2, [3, 4], "crowd"), round(budget.remaining, 2)
    (array([1, 0]), 1.8)
    >>> budget.afford("expert")
    1
    """

    def __init__(self, total: float, prices: Mapping[str, float]) -> None:
        if not np.isfinite(total) or total <= 0:
            raise BadInput(f"the budget is {quoted(total)}", fix="give an amount above 0")
        if not prices:
            raise BadInput("no price is given", fix="name at least one tier and its price")
        for tier, price in prices.items():
            if not np.isfinite(price) or price <= 0:
                raise BadInput(f"a label of {quoted(tier)} costs {quoted(price)}", fix="give a price above 0")
        self.total, self.prices = float(total), dict(prices)
        self.entries: list[Entry] = []

    @property
    def spent(self) -> float:
        """What the labels so far have cost."""
        return float(sum(entry.price for entry in self.entries))

    @property
    def remaining(self) -> float:
        """What is left."""
        return self.total - self.spent

    def afford(self, tier: str) -> int:
        """Return how many labels of a tier can still be paid for."""
        return int((self.remaining + 1e-9 * self.total) / self._price(tier))

    def ask(self, oracle: Oracle, rows: ArrayLike | Sequence[int], tier: str) -> Any:
        """Return the oracle's labels of `rows`, and book them; BadInput when they cannot be paid for."""
        wanted = as_codes("rows", rows)
        if len(wanted) > self.afford(tier):
            raise BadInput(
                f"{len(wanted)} labels of {quoted(tier)} cost {len(wanted) * self._price(tier):g}, "
                f"and {max(self.remaining, 0.0):g} is left",
                fix=f"ask for at most {self.afford(tier)}",
            )
        labels = oracle(wanted, tier)
        price = self._price(tier)
        self.entries += [Entry(row, tier, label, price) for row, label in zip(wanted.tolist(), labels, strict=True)]
        return labels

    def _price(self, tier: str) -> float:
        if tier not in self.prices:
            raise BadInput(f"{quoted(tier)} has no price", fix=did_you_mean(tier, self.prices))
        return self.prices[tier]
