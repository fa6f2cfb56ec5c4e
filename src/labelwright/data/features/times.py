"""Columns of times, written or stored: as datetime64, and as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts
from labelwright.data.features.column_encoders import Arrays, Block, NumericEncoder

FORMS = tuple(
    day + time
    for day in ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y")
    for time in ("", " %H:%M:%S", "T%H:%M:%S", " %H:%M", "T%H:%M:%SZ")
)


def parsed_times(
    column: pa.ChunkedArray, forms: Sequence[str] | None = None
) -> tuple[NDArray[np.datetime64], tuple[str, ...]]:
    """Return datetime64[s] (n,), NaT for what is missing or no time that is understood, and the forms used.

    In text: ISO first, else ``day/month/year`` or ``month/day/year``, whichever reads more of the cells. With `forms`
    given, these are tried in this order, so that further rows are read as the first ones were.
    """
    kind = column.type
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        if pa.types.is_time(kind):
            ticks = column.cast(pa.int64(), safe=False).to_numpy()
            return ticks.astype("timedelta64[s]") + np.datetime64(0, "s"), ()
        naive = column.cast(pa.timestamp("s"), safe=False)
        return naive.to_numpy().astype("datetime64[s]"), ()
    cells = pc.utf8_trim_whitespace(cell_texts(column))
    order = list(forms) if forms is not None else _ordered(cells)
    times = np.full(len(column), np.datetime64("NaT"), "datetime64[s]")
    for form in order:
        times = np.where(np.isnat(times), _read(cells, form), times)
    return times, tuple(order)


def _ordered(cells: pa.ChunkedArray) -> list[str]:
    """Return the forms that read the column, the one that reads most cells first; the others fill what it leaves."""
    order: list[str] = []
    best = np.full(len(cells), np.datetime64("NaT"), "datetime64[s]")
    for form in FORMS:
        read = _read(cells, form)
        if (~np.isnat(read)).sum() > (~np.isnat(best)).sum():
            best = np.where(np.isnat(read), best, read)
            order.insert(0, form)
    return order


def _read(cells: pa.ChunkedArray, form: str) -> NDArray[np.datetime64]:
    times: NDArray[np.datetime64] = pc.strptime(cells, format=form, unit="s", error_is_null=True).to_numpy()
    return times.astype("datetime64[s]")


@dataclass(frozen=True)
class DateEncoder:
    """Time as a number, and month, day of month, weekday and hour on circles, with a missing indicator.

    Parameters
    ----------
    line : NumericEncoder
        Of the seconds.
    forms : tuple of str
        How written times are read, in this order; empty for columns of times.
    """

    line: NumericEncoder
    forms: tuple[str, ...]
    kind: ClassVar[str] = "date"

    @classmethod
    def learned(cls, column: pa.ChunkedArray) -> Self:
        """Learn from times, or from times as text."""
        times, forms = parsed_times(column)
        return cls(NumericEncoder.learned(_seconds(times)), forms)

    def of_times(self, column: pa.ChunkedArray) -> Block:
        """Return the block of times or of times as text, float32 (n, 10 + ramps)."""
        times, _ = parsed_times(column, self.forms or None)
        missing = np.isnat(times)
        known = np.where(missing, times[~missing].min() if (~missing).any() else np.datetime64(0, "s"), times)
        seconds = known.astype("datetime64[s]").astype(np.int64)
        days, months = known.astype("datetime64[D]"), known.astype("datetime64[M]")
        parts = [
            (months.astype(np.int64) % 12) / 12,
            (days - months.astype("datetime64[D]")).astype(np.int64) / 31,
            (days.astype(np.int64) + 3) % 7 / 7,
            (seconds % 86400) / 86400,
        ]
        circles = [f(2 * np.pi * part) for part in parts for f in (np.sin, np.cos)]
        line = self.line.of_values(_seconds(times))
        return np.column_stack([line, *(np.where(missing, 0, circle) for circle in circles)]).astype(np.float32)

    def block(self, table: pa.Table, name: str) -> Block:
        """Return the numbers of a column."""
        return self.of_times(table.column(name))

    def facts(self) -> dict[str, Any]:
        """Return the forms and what is plain about the line."""
        return {"forms": list(self.forms), "line": self.line.facts()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the knots of the line."""
        return self.line.arrays()

    @classmethod
    def restored(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the encoder again."""
        return cls(NumericEncoder.restored(facts["line"], arrays), tuple(facts["forms"]))


def _seconds(times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    return np.where(np.isnat(times), np.nan, times.astype("datetime64[s]").astype(np.int64).astype(np.float64))
