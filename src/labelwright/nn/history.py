"""What happened in each epoch, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from labelwright.nn.objective import Losses


@dataclass
class History:
    """One mapping an epoch: ``"epoch"``, ``"loss"``, every named term, every figure, ``"lr"``, and ``"held_out"``.

    Values are means over the epoch's steps.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, name: str) -> list[float]:
        """Return one column, NaN where an epoch lacks it."""
        return [epoch.get(name, float("nan")) for epoch in self.epochs]

    def names(self) -> list[str]:
        """Return all columns in the order in which they appeared."""
        return list(dict.fromkeys(name for epoch in self.epochs for name in epoch))


class Means:
    """Running means of the terms of an epoch; sums stay on the device until they are read."""

    def __init__(self) -> None:
        self._sums: dict[str, Any] = {}
        self._counts: dict[str, int] = {}

    def add(self, losses: Losses) -> None:
        """Take a step's losses in."""
        self._add("loss", losses.total.detach())
        if len(losses.terms) > 1:
            for name, value in losses.terms.items():
                self._add(name, value.detach())
        for name, figure in losses.figures.items():
            self._add(name, figure.detach() if isinstance(figure, Tensor) else float(figure))

    def _add(self, name: str, value: Any) -> None:
        self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._counts[name] = self._counts.get(name, 0) + 1

    def read(self) -> dict[str, float]:
        """Return the means so far."""
        with torch.no_grad():
            return {name: float(total) / self._counts[name] for name, total in self._sums.items()}
