"""The E-step of confusion matrices over tables of votes, the fast way where the votes allow it.

Many votes go as two halves of the rows, side by side. Where the cut lies depends on the votes alone, and sums add up in
order, so that the bits are the same whatever runs beside.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from labelwright.consensus.em import SMALLEST, safe_log
from labelwright.consensus.kernels import confusion_pass, product_pass
from labelwright.consensus.table import VoteTable

Floats = NDArray[np.float64]
T = TypeVar("T")
MANY = 200_000  # votes from which on products and a second thread pay
NO_ROWS = np.empty((0, 0))


class Expectation:
    """E-steps under one π and C after another; each may go over several tables.

    Parameters
    ----------
    shape : (int, int, int)
        Sources m, symbols S and classes K.
    helper : Executor
        Takes one half of many votes.
    hard : bool
        Round q to its best class.
    """

    def __init__(self, shape: tuple[int, int, int], helper: Executor, *, hard: bool = False) -> None:
        self.shape, self.helper, self.hard = shape, helper, hard
        sources, symbols, self.states = shape
        self._run = product_pass(-(-self.states // 4))
        columns = -(-self.states // 4) * 4
        self._prior, self._table = np.zeros(columns), np.zeros((sources * symbols, columns))
        self._halves = [(np.zeros_like(self._table), np.zeros(columns)) for _ in range(2)]

    def begin(self, balance: Floats, confusion: Floats) -> None:
        """Take other parameters, π (K,) and C (m, S, K), and start to count anew; 0 is taken as `SMALLEST`."""
        self._balance, self._confusion = balance, confusion
        self._counts, self._totals = np.zeros(self.shape), np.zeros(self.states)
        np.maximum(balance, SMALLEST, out=self._prior[: self.states])
        np.maximum(confusion.reshape(-1, self.states), SMALLEST, out=self._table[:, : self.states])
        for half in self._halves:
            for sums in half:
                sums[:] = 0.0

    def add(self, table: VoteTable, gold: NDArray[np.int64]) -> float:
        """Count one table, with known classes int64 (n,), -1 = unknown; return its log-likelihood."""
        if self.hard or len(table.value) < MANY or not table.unweighted:
            return float(
                confusion_pass(
                    table.offsets, table.source, table.value, table.weight, gold, 1, self.hard,
                    safe_log(self._balance), safe_log(self._confusion), self._counts, self._totals, NO_ROWS,
                )
            )  # fmt: skip
        cells = table.cells

        def part(half: int, first: int, last: int) -> float:
            parameters = self._prior, self._table
            return float(
                self._run(table.offsets, cells, gold, self.states, first, last, *parameters, *self._halves[half])
            )

        return sum(side_by_side(table.offsets, part, self.helper))

    def sums(self) -> tuple[Floats, Floats]:
        """Return Σ w · q over all tables: by source, answer and class (m, S, K), and by class (K,)."""
        for counts, totals in self._halves:
            self._counts += counts[:, : self.states].reshape(self.shape)
            self._totals += totals[: self.states]
        return self._counts, self._totals


def side_by_side(offsets: NDArray[np.int64], part: Callable[[int, int, int], T], helper: Executor) -> tuple[T, T]:
    """Return ``part(half, first row, last row)`` of both halves of the votes; `helper` runs the second meanwhile."""
    cut = int(np.searchsorted(offsets, offsets[-1] // 2))
    second = helper.submit(part, 1, cut, len(offsets) - 1)
    return part(0, 0, cut), second.result()
