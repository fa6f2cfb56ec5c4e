"""Which task a label column asks for, and how tags are written in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts, is_list, is_string, numbers, plain_column
from labelwright.data.dataset import Source, Task
from labelwright.data.matrices import class_names, column_matrix, is_matrix, is_sparse
from labelwright.errors import BadInput, did_you_mean, quoted

TagStyle = Literal["|", ";", ",", "json", "list", "matrix"]
TASKS = ("classification", "multilabel", "regression")  # of columns; others have parts
MISSING_TEXTS = ("NaN", "nan", "null", "NULL")
_FEW_NUMBERS = 20
_LONGEST_TAG = 80


@dataclass(frozen=True)
class LabelReading:
    """How a label column is read: the task, why, and the style of its tags where it has any."""

    task: Task
    why: str
    tags: TagStyle | None = None


def known_texts(column: pa.ChunkedArray, classes: Sequence[str] = ()) -> pa.ChunkedArray:
    """Return the labels as text; empty, blank, null and NaN become null, unless a class is called so."""
    texts = cell_texts(column)
    missing = pc.is_in(texts, value_set=pa.array([m for m in MISSING_TEXTS if m not in classes], texts.type))
    blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0)
    return pc.if_else(pc.or_(missing, blank), None, texts)


def marks_unlabelled(column: pa.ChunkedArray) -> bool:
    """Whether -1 stands for "no label": a column of integers with -1 beside classes 0, 1, 2, ... without a gap.

    With two classes or fewer, -1 is a class of its own (``-1, 1`` and ``-1, 0, 1`` are common codes).
    """
    if not pa.types.is_integer(column.type):
        return False
    values = sorted(v for v in pc.unique(column).to_pylist() if v is not None)
    return len(values) >= 4 and values[0] == -1 and values[1:] == list(range(len(values) - 1))


def read_task(
    source: Source, label: str, task: str | None = None, counts: NDArray[np.int64] | None = None
) -> LabelReading:
    """Return how the label column is to be read.

    Parameters
    ----------
    source : Source
    label : str
        Name of the label column.
    task : str, optional
        ``"classification"``, ``"multilabel"`` or ``"regression"``, when the caller knows.
    counts : array of int64, optional
        How often each label occurs, where the source holds each label that occurs once.

    Raises
    ------
    BadInput
        The column cannot be read as the task asked for, or holds no label at all.
    """
    if task is not None and task not in TASKS:
        raise BadInput(f"there is no task {quoted(task)}", fix=did_you_mean(task, TASKS))
    table = source.table
    field, column = table.schema.field(label), plain_column(table.column(label))
    if column.null_count == len(column):
        raise BadInput(f"the label column {quoted(label)} is empty", fix="name the column that holds the labels")
    if is_list(column.type) or is_matrix(field):
        return _read_lists(table, label, task)
    if pc.count(known_texts(column)).as_py() == 0:
        raise BadInput(f"the label column {quoted(label)} is empty", fix="name the column that holds the labels")
    if not is_string(column.type) and numbers(column) is None and not pa.types.is_temporal(column.type):
        raise BadInput(f"the label column {quoted(label)} holds cells of type {column.type}", fix="name another column")
    if task == "multilabel":
        return _tags_or_fail(column, label)
    if task == "regression":
        return _regression_or_fail(source, column, label)
    if task == "classification":
        return LabelReading("classification", "as asked")
    if class_names(field) is not None:
        return LabelReading("classification", "the file names its classes")
    return _scalar_task(column, counts)


def _read_lists(table: pa.Table, label: str, task: str | None) -> LabelReading:
    if task in ("classification", "regression"):
        raise BadInput(
            f"the label column {quoted(label)} holds lists, so it cannot be read as {task}",
            fix="use --task multilabel, or name a column with one label a row",
        )
    if is_matrix(table.schema.field(label)):
        if _is_zero_one(table, label):
            return LabelReading("multilabel", "each label is a row of 0 and 1", "matrix")
        if is_sparse(table.schema.field(label)) or pa.types.is_floating(table.schema.field(label).type.value_type):
            raise BadInput(
                f"the label column {quoted(label)} holds vectors of numbers other than 0 and 1",
                fix="name a column with one label a row, lists of tags or a 0/1 matrix",
            )
    return LabelReading("multilabel", "each label is a list", "list")


def _is_zero_one(table: pa.Table, label: str) -> bool:
    matrix = column_matrix(table, label)
    values = matrix.data if is_sparse(table.schema.field(label)) else matrix
    if values.ndim > 2:
        return False
    return bool(np.isin(values[~np.isnan(values)] if values.dtype.kind == "f" else values, (-1, 0, 1)).all())


def _tags_or_fail(column: pa.ChunkedArray, label: str) -> LabelReading:
    style = tag_style(column, plainly=False)
    if style is None:
        raise BadInput(
            f"the label column {quoted(label)} holds no lists of tags",
            fix="separate the tags of a row by | or ;, or use --task classification",
        )
    return LabelReading("multilabel", "as asked", style)


def _regression_or_fail(source: Source, column: pa.ChunkedArray, label: str) -> LabelReading:
    if numbers(column) is None:
        cells = enumerate(known_texts(column).to_pylist())
        row, cell = next(((row, cell) for row, cell in cells if cell is not None and not _is_number(cell)), (0, ""))
        raise BadInput(
            f"{quoted(cell)} is no number, so the column cannot be read as regression",
            where=source.where(row, label),
            fix="mend the cell, or use --task classification",
        )
    return LabelReading("regression", "as asked")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii() and "_" not in cell


def _scalar_task(column: pa.ChunkedArray, counts: NDArray[np.int64] | None) -> LabelReading:
    if is_string(column.type) and (style := tag_style(column, plainly=True)):
        how = "lists in brackets" if style == "json" else f"tags separated by {style!r}"
        return LabelReading("multilabel", f"its cells hold {how}", style)
    values = numbers(column)
    if values is None or has_leading_zeros(column):
        return LabelReading("classification", "its values are names")
    present = values[~np.isnan(values)]
    n_present = len(present) if counts is None else int(counts[~np.isnan(values)].sum())
    distinct = np.unique(present)
    if has_fractions(values):
        if len(distinct) > _FEW_NUMBERS:
            return LabelReading("regression", f"it holds {len(distinct):,} distinct numbers with fractions")
        return LabelReading("classification", f"it holds only {len(distinct)} distinct numbers")
    if len(distinct) <= _FEW_NUMBERS:
        return LabelReading("classification", f"it holds only {len(distinct)} distinct whole numbers")
    if _are_class_numbers(distinct, n_present):
        return LabelReading(
            "classification",
            f"it counts {len(distinct)} classes from {distinct[0]:.0f} to {distinct[-1]:.0f} without a gap",
        )
    return LabelReading("regression", f"it holds {len(distinct):,} distinct whole numbers")


def _are_class_numbers(distinct: NDArray[np.float64], n_present: int) -> bool:
    """Whole numbers from -1, 0 or 1 upwards without a gap, each in at least five rows as a rule."""
    return bool(distinct[0] in (-1, 0, 1) and (np.diff(distinct) == 1).all() and n_present >= 5 * len(distinct))


def has_fractions(values: NDArray[np.float64] | None) -> bool:
    """Whether numbers, NaN where one is missing, are not all whole and finite."""
    if values is None:
        return False
    present = values[~np.isnan(values)]
    return bool(not np.isfinite(present).all() or (present != np.floor(present)).any())


def has_leading_zeros(column: pa.ChunkedArray) -> bool:
    """Whether cells of a text column are codes such as ``007``."""
    return is_string(column.type) and bool(pc.any(pc.match_substring_regex(column, r"^\s*0\d")).as_py())


def tag_style(column: pa.ChunkedArray, plainly: bool) -> TagStyle | None:
    """Return how tags are written in a text column, None when it holds one label a row.

    With `plainly` a separator must stand in at least two distinct cells, and most of the tags that it separates must
    occur in more than one distinct cell; otherwise the separator may be part of a class name.
    """
    texts = known_texts(column)
    cells = [cell for cell in pc.unique(texts).to_pylist() if cell is not None]
    if cells and all(cell.strip().startswith("[") and cell.strip().endswith("]") for cell in cells):
        return "json"
    separators: tuple[TagStyle, ...] = ("|", ";") if plainly else ("|", ";", ",")
    for separator in separators:
        joined = [cell for cell in cells if separator in cell]
        if not joined or (plainly and not _is_plainly_separated(cells, joined, separator)):
            continue
        return separator
    return None if plainly else "|"


def _is_plainly_separated(cells: list[str], joined: list[str], separator: str) -> bool:
    cells_of: Counter[str] = Counter()
    for cell in cells:
        cells_of.update({part.strip() for part in cell.split(separator)} - {""})
    parts = {part.strip() for cell in joined for part in cell.split(separator)} - {""}
    shared = sum(cells_of[part] > 1 for part in parts)
    return len(joined) >= 2 and max(map(len, parts), default=0) <= _LONGEST_TAG and shared >= 0.5 * len(parts)
