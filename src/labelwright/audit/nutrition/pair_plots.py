"""Pairs of columns that go together. Source: [P022], module 5."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.nutrition.association import Association, associate, benjamini_hochberg
from labelwright.audit.nutrition.table import Column, NutritionTable
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import ReportTable, Section

FALSE_DISCOVERY_RATE = 0.05


class PairPlots:
    """Association of every pair among the chosen columns, false discoveries held to 5 %.

    Parameters
    ----------
    columns : tuple of str
        Columns to pair; the label and the first `most_columns` of the rest when left out.
    most_columns, most_rows, n_permutations : int
        Bounds of the work: columns taken, rows sampled with the seed, permutations a pair.
    shown : int
        Pairs shown, strongest first.
    """

    title = "Pairs of columns"

    def __init__(
        self,
        columns: tuple[str, ...] = (),
        *,
        most_columns: int = 16,
        most_rows: int = 3000,
        n_permutations: int = 99,
        shown: int = 40,
    ) -> None:
        self.columns, self.most_columns, self.most_rows = columns, most_columns, most_rows
        self.n_permutations, self.shown = n_permutations, shown

    def compute(self, table: NutritionTable) -> Section:
        """Return the section."""
        pairs = self.measure(table)
        if not pairs:
            return Section(self.title, "Fewer than two columns hold groups or numbers.")
        q = benjamini_hochberg(np.array([found.p_value for _, _, found in pairs]))
        order = sorted(range(len(pairs)), key=lambda i: (-abs(pairs[i][2].strength), i))
        rows = tuple(
            (a, b, f.measure, round(f.strength, 4), float(f"{f.p_value:.3g}"), float(f"{q[i]:.3g}"), f.n)
            for i in order[: self.shown]
            for a, b, f in [pairs[i]]
            if q[i] <= FALSE_DISCOVERY_RATE
        )
        head = ("column", "other column", "measure", "strength", "p-value", "q-value", "rows")
        found = int((q <= FALSE_DISCOVERY_RATE).sum())
        return Section(
            self.title,
            f"{found} of {len(pairs)} pairs go together at a false discovery rate of "
            f"{percent(FALSE_DISCOVERY_RATE, 0)}.",
            {"pairs tested": len(pairs), "pairs that go together": found, "permutations a pair": self.n_permutations},
            (ReportTable("Strongest pairs", head, rows),),
        )

    def measure(self, table: NutritionTable) -> list[tuple[str, str, Association]]:
        """Return the association of every pair that can be measured."""
        rows = table.sample(self.most_rows)
        chosen = [column.take(rows) for column in self._chosen(table)]
        orders = permutations(len(rows), self.n_permutations, table.seed)
        pairs = []
        for a, b in combinations(chosen, 2):
            found = associate(a, b, orders)
            if found is not None:
                pairs.append((a.name, b.name, found))
        return pairs

    def _chosen(self, table: NutritionTable) -> list[Column]:
        label = table.columns.get(table.label)
        head = [label] if label is not None and (label.codes is not None or label.numbers is not None) else []
        rest = list(table.inputs(self.columns))
        return [*head, *rest][: None if self.columns else self.most_columns + 1]


def permutations(n: int, count: int, seed: int) -> NDArray[np.intp]:
    """Return `count` seeded permutations of ``range(n)``, int (count, n)."""
    rng = np.random.default_rng([seed, n])
    return rng.permuted(np.tile(np.arange(n), (count, 1)), axis=1)
