"""The data beside an outside source, joined by a key. Source: [P022], module 7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.audit.nutrition.reading import check_names
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.errors import BadInput, listed
from labelwright.metrics.report import ReportTable, Scalar, Section

CAUTION = "The reference is itself fallible: a disagreement says that one of the two is wrong, not which."


@dataclass(frozen=True)
class Reference:
    """An outside table to compare with.

    Parameters
    ----------
    table : pyarrow.Table or any data frame
    keys : sequence of str
        Columns that both tables have and that name a row of the reference at most once.
    pairs : sequence of (str, str), optional
        Column here, column there. When left out: every numeric column of either side with every one of the other.
    name : str
    """

    table: Any
    keys: Sequence[str]
    pairs: Sequence[tuple[str, str]] = ()
    name: str = "reference"

    def arrow(self) -> pa.Table:
        """Return the table as Arrow, whatever data frame it is."""
        if isinstance(self.table, pa.Table):
            return self.table
        import narwhals as nw

        try:
            return nw.from_native(self.table, eager_only=True).to_arrow()
        except TypeError:
            raise BadInput("the reference is not a table", where=self.name, fix="give a data frame") from None


class GroundTruthCorrelation:
    """Pearson and Spearman correlation of numeric columns with those of a reference, over the rows that join."""

    title = "Comparison with a reference"

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def compute(self, table: NutritionTable) -> Section:
        """Return the section; BadInput when a key is missing or names a row of the reference twice."""
        here, there = table.dataset.source.table, self.reference.arrow()
        keys = tuple(self.reference.keys)
        if not keys:
            raise BadInput("the reference has no join key", where=self.reference.name, fix="name the key columns")
        check_names(keys, here.column_names, "data")
        check_names(keys, there.column_names, self.reference.name)
        match = _match(_keys(here, keys), _keys(there, keys), self.reference.name)
        joined = int((match >= 0).sum())
        rows: list[tuple[Scalar, ...]] = []
        for a, b in self._pairs(table, there):
            numbers = table.columns[a].numbers
            other = _numbers(there.column(b))
            if numbers is not None and other is not None:
                rows.append((a, b, *_correlations(numbers[match >= 0], other[match[match >= 0]])))
        unmatched = round(100 * (1 - joined / len(match)), 2) if len(match) else 0.0
        return Section(
            self.title,
            CAUTION,
            {"reference": self.reference.name, "rows joined": joined, "rows without a match, %": unmatched},
            (ReportTable("Correlations", ("column", "reference column", "Pearson", "Spearman", "rows"), tuple(rows)),),
        )

    def _pairs(self, table: NutritionTable, there: pa.Table) -> list[tuple[str, str]]:
        if self.reference.pairs:
            check_names(tuple(a for a, _ in self.reference.pairs), list(table.columns), "reference pairs")
            check_names(tuple(b for _, b in self.reference.pairs), there.column_names, self.reference.name)
            return list(self.reference.pairs)
        mine = [c.name for c in table.inputs() if c.numbers is not None and c.name not in self.reference.keys]
        theirs = [name for name in there.column_names if name not in self.reference.keys]
        return [(a, b) for a in mine[:20] for b in theirs[:20]]


def _keys(table: pa.Table, keys: tuple[str, ...]) -> list[tuple[str | None, ...]]:
    columns = [pc.cast(table.column(key), pa.string()).to_pylist() for key in keys]
    return [tuple(None if v is None else v.strip() for v in values) for values in zip(*columns, strict=True)]


def _match(here: list[tuple[str | None, ...]], there: list[tuple[str | None, ...]], name: str) -> NDArray[np.int64]:
    place: dict[tuple[str | None, ...], int] = {}
    for row, key in enumerate(there):
        if None in key:
            continue
        if key in place:
            raise BadInput(f"the key {listed(str(k) for k in key)} occurs twice", where=name, fix="keep one row a key")
        place[key] = row
    return np.array([place.get(key, -1) for key in here], dtype=np.int64)


def _numbers(array: pa.ChunkedArray) -> NDArray[np.float64] | None:
    try:
        return np.asarray(pc.cast(array, pa.float64()).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _correlations(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float | None, float | None, int]:
    from scipy.stats import rankdata

    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None, None, len(x)
    pearson = float(np.corrcoef(x, y)[0, 1])
    spearman = float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
    return round(pearson, 4), round(spearman, 4), len(x)
