"""The labels of a file that is looked through in blocks: each that occurs once, and how often.

Labels that are surely numbers to predict are looked at and not kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelwright.data.column_types import is_list, numbers
from labelwright.data.dataset import Source
from labelwright.data.tasks import has_fractions, has_leading_zeros

if TYPE_CHECKING:
    from labelwright.data.mend.row_scan import RowFile

_MANY = 1 << 16  # distinct labels


class MixedLabels(Exception):
    """Labels that began as numbers to predict are not all numbers."""


class LabelCounts:
    """Counts labels block by block; as many are kept as there are distinct ones.

    Once there are many and they are numbers with fractions, the others are only looked at: they must be numbers too.
    """

    def __init__(self, *, keep_all: bool = False) -> None:
        self._keep_all = keep_all
        self._parts: list[pa.Table] = []
        self._rows, self._settled, self._are_numbers = 0, 0, False
        self._type = pa.string()

    def anew(self) -> LabelCounts:
        """Return the same without any labels."""
        return LabelCounts(keep_all=self._keep_all)

    def add(self, labels: pa.ChunkedArray) -> None:
        """Take in the labels of a block; MixedLabels where the others were taken for numbers and these are none."""
        if self._are_numbers:
            if not _only_numbers(labels):
                raise MixedLabels
            return
        self._type = labels.type
        counted = pc.value_counts(_as_json(labels) if is_list(labels.type) else labels)
        self._parts.append(pa.table([counted.field("values"), counted.field("counts")], ["value", "count"]))
        self._rows += len(counted)
        if self._rows > 2 * self._settled + 1000:
            self._parts = [self._merged()]
            self._rows = self._settled = len(self._parts[0])
            if self._settled > _MANY and not self._keep_all:
                values = self._parts[0]["value"]
                self._are_numbers = _only_numbers(values) and has_fractions(numbers(values))

    def table(self) -> pa.Table:
        """Return the distinct labels (column ``value``) with how often each occurs (``count``)."""
        merged = self._merged()
        if not is_list(self._type):
            return merged
        lists = [None if cell is None else json.loads(cell) for cell in merged["value"].to_pylist()]
        return merged.set_column(0, "value", pa.array(lists, self._type))

    def _merged(self) -> pa.Table:
        merged = pa.concat_tables(self._parts).group_by("value", use_threads=False).aggregate([("count", "sum")])
        return merged.rename_columns({"count_sum": "count"}).select(["value", "count"])


def _as_json(labels: pa.ChunkedArray) -> pa.Array:
    """Return lists as text, as Arrow counts no lists."""
    return pa.array([None if cell is None else json.dumps(cell) for cell in labels.to_pylist()], pa.string())


def _only_numbers(labels: pa.ChunkedArray) -> bool:
    if labels.null_count == len(labels):
        return True
    return numbers(labels) is not None and not has_leading_zeros(labels)


@dataclass(frozen=True)
class DistinctLabels(Source):
    """Labels that occur, each once; a message about one names its first row in the file."""

    file: RowFile | None = None

    def where(self, row: int, column: str | None = None) -> str:
        name = self.table.column_names[0]
        value = self.table.column(name)[row].as_py()
        assert self.file is not None
        for block in self.file.blocks([name]):
            labels = block.table.column(name)
            at = -1 if is_list(labels.type) else pc.index(labels, pa.scalar(value, labels.type)).as_py()
            if at >= 0:
                return row_place(self, int(block.lines[at]), block.first + at, column)
        return super().where(row, column)


def row_place(source: Source, line: int, row: int, column: str | None) -> str:
    """Name a cell of a row of which only number and line are at hand."""
    held = Source(source.table, source.path, source.format, source.root, np.array([line]))
    return held.where(0, column).replace("(row 0)", f"(row {row})")
