"""Cells that are empty, or that hold a word for "missing"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.audit.inputs import reasons_at
from labelwright.audit.scores import Scores
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.metrics.numerals import percent

# Words for "nothing here", compared without case. "none", "no" and "-1" are left out: they are often values.
PLACEHOLDERS = ("?", "-", "--", "n/a", "#n/a", "na", "nan", "null", "nil", "missing", "(null)", "<na>", "undefined")
_LEAST_PLACEHOLDER_ROWS = 3


@dataclass(frozen=True)
class MissingRows:
    """Find rows in which most of the input is missing.

    Parameters
    ----------
    max_share : float, default 0.5
        A row is an issue when more than this share of its cells is empty.

    Examples
    --------
    >>> MissingRows().score(pa.table({"a": ["x", None], "b": [1.0, None]})).reason[1]
    'every input cell of the row is empty'
    """

    max_share: float = 0.5

    def score(self, table: pa.Table, columns: Sequence[str] | None = None) -> Scores:
        """Return one entry a row; score = share of the cells that are filled.

        Parameters
        ----------
        table : pyarrow.Table
        columns : sequence of str, optional
            The input columns; all of them by default. Empty text and NaN count as empty.
        """
        names = table.column_names if columns is None else list(columns)
        n = table.num_rows
        if not names or n == 0:
            return Scores.none("null", "row")
        empty = np.zeros(n, dtype=np.int64)
        for name in names:
            empty += empty_cells(_column(table, name))
        share = empty / len(names)
        is_issue = share > self.max_share
        found = np.flatnonzero(is_issue)
        reasons = [_row_reason(int(count), len(names)) for count in empty[found].tolist()]
        return Scores("null", "row", 1 - share, is_issue, rows=np.arange(n), reason=reasons_at(found, reasons, n))


@dataclass(frozen=True)
class MissingColumns:
    """Find columns of which a notable part is missing, words for "missing" included.

    Parameters
    ----------
    max_share : float, default 0.05
        A column is an issue when more than this share of it is empty, or when it holds placeholder words in at least
        three rows.

    Examples
    --------
    >>> MissingColumns().score(pa.table({"age": [None] * 3 + [7] * 7})).reason
    ["3 of 10 cells of column 'age' are empty (30.0 %)"]
    """

    max_share: float = 0.05

    def score(self, table: pa.Table, columns: Sequence[str] | None = None) -> Scores:
        """Return one entry a column; score = share of the cells that are filled."""
        names = table.column_names if columns is None else list(columns)
        n = table.num_rows
        if not names or n == 0:
            return Scores.none("null", "column")
        found = [self._column(_column(table, name), name, n) for name in names]
        share, is_issue, reasons = zip(*found, strict=True)
        return Scores("null", "column", 1 - np.array(share), np.array(is_issue), column=names, reason=list(reasons))

    def _column(self, column: pa.ChunkedArray, name: str, n: int) -> tuple[float, bool, str | None]:
        empty = int(empty_cells(column).sum())
        word, count = commonest_placeholder(column)
        parts = []
        if empty > self.max_share * n:
            what = "is empty" if empty == n else f"are empty ({percent(empty / n)})"
            who = (
                f"every cell of column {quoted(name)}"
                if empty == n
                else f"{empty:,} of {n:,} cells of column {quoted(name)}"
            )
            parts.append(f"{who} {what}")
        if count >= _LEAST_PLACEHOLDER_ROWS:
            held = f"{count:,} of {n:,} cells of column {quoted(name)} hold {quoted(word)}"
            parts.append(f"{held}, which reads like a missing value")
        return (empty + count) / n, bool(parts), "; ".join(parts) or None


def empty_cells(column: pa.ChunkedArray | pa.Array) -> NDArray[np.bool_]:
    """Return which cells are null, NaN, no bytes, or text of nothing but space, bool (n,)."""
    column = plain_column(column)
    empty = pc.is_null(column, nan_is_null=True)
    if _is_text(column.type):
        empty = pc.or_(empty, pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True))
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        empty = pc.or_(empty, pc.fill_null(pc.equal(pc.binary_length(column), 0), True))
    return np.asarray(empty, dtype=bool)


def commonest_placeholder(column: pa.ChunkedArray | pa.Array) -> tuple[str, int]:
    """Return the commonest word for "missing" in a text column as it is written there, and its count."""
    column = plain_column(column)
    if not _is_text(column.type) or len(column) == 0:
        return "", 0
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    held = column.filter(pc.fill_null(pc.is_in(plain, value_set=pa.array(PLACEHOLDERS, plain.type)), False))
    if len(held) == 0:
        return "", 0
    counts = pc.value_counts(held).to_pylist()
    top = max(counts, key=lambda entry: (entry["counts"], entry["values"]))
    return str(top["values"]), int(top["counts"])


def plain_column(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Return a column with its values in place, where it was stored as categories or as views of text."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise BadInput(f"there is no column {quoted(name)}", fix=did_you_mean(name, table.column_names))
    return table.column(name)


def _row_reason(empty: int, width: int) -> str:
    return "every input cell of the row is empty" if empty == width else f"{empty} of {width} input cells are empty"
