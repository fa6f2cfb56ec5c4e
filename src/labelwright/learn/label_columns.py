"""Columns that tell of labels in other ways than one a row: candidate lists, counts of bags, known positives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts, is_list, numbers
from labelwright.data.dataset import Source
from labelwright.data.tasks import known_texts
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.evidence import Bags, Candidates, Evidence, LabelSpace, Tags


def other_class(space: LabelSpace, positive: str) -> str:
    """Return the name of the class that is not the positive one."""
    rest = [name for name in space.names if name != positive]
    return rest[0] if len(rest) == 1 else f"not {positive}"


def positives_of(labels: NDArray[np.int32], space: LabelSpace, positive: str) -> Tags:
    """Return one tag a row: on where the positive class is given, unknown elsewhere."""
    known = labels == space.index[positive]
    offsets = np.concatenate([[0], np.cumsum(known)])
    ones = np.ones(int(known.sum()), np.int8)
    return Tags(offsets, np.zeros(len(ones), np.int32), ones, 1)


def candidate_lists(source: Source, column: str | None) -> list[list[str]] | None:
    """Return the labels that each cell lists, empty where it lists none; None without a column."""
    if column is None:
        return None
    cells = source.table.column(column)
    if is_list(cells.type):
        return [[str(one).strip() for one in cell or () if one is not None] for cell in cells.to_pylist()]
    return [[one.strip() for one in (cell or "").split("|") if one.strip()] for cell in known_texts(cells).to_pylist()]


def candidates_of(lists: list[list[str]], space: LabelSpace, column: str) -> tuple[Evidence, NDArray[np.int64]]:
    """Return candidate sets, and the rows that have one; a name that is no class is refused with its row."""
    rows = np.array([row for row, cell in enumerate(lists) if cell], np.int64)
    for row in rows.tolist():
        unknown = [name for name in lists[row] if name not in space.index]
        if unknown:
            raise BadInput(
                f"{quoted(unknown[0])} is not among the classes",
                where=f"row {row}, column {quoted(column)}",
                fix=did_you_mean(unknown[0], space.names),
            )
    if not len(rows):
        raise BadInput(f"column {quoted(column)} lists no label", fix="name the column of candidate labels")
    sets = [sorted({space.index[name] for name in lists[row]}) for row in rows.tolist()]
    return Candidates.from_sets(sets, len(space)), rows


def count_columns(counts: Sequence[str]) -> list[tuple[str, str]]:
    """Return class and column of each count, from ``column`` or ``class=column``."""
    pairs = [one.partition("=") for one in counts]
    return [(name.strip(), (column or name).strip()) for name, _, column in pairs]


def bags_of(source: Source, bag: str, counts: Sequence[str], space: LabelSpace) -> Bags:
    """Return bags from a column that names them and a column of counts or shares a class.

    Raises
    ------
    BadInput
        The rows of a bag disagree, or counts do not add up to its rows.
    """
    texts = cell_texts(source.table.column(bag)).combine_chunks().dictionary_encode()
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    ids: NDArray[np.int64] = texts.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    names = texts.dictionary.to_pylist()
    if not names:
        raise BadInput(f"column {quoted(bag)} names no bag")
    table = _count_table(source.table, counts, space)
    inside = np.flatnonzero(ids >= 0)
    first = inside[np.unique(ids[inside], return_index=True)[1]]
    differs = inside[(table[inside] != table[first[ids[inside]]]).any(axis=1)]
    if len(differs):
        raise BadInput(
            f"the rows of bag {quoted(names[ids[differs[0]]])} give different counts",
            where=source.where(int(differs[0])),
            fix="repeat the counts of the bag in each of its rows",
        )
    told, sizes = table[first], np.bincount(ids[inside], minlength=len(names))
    if np.allclose(told.sum(axis=1), 1) and not np.array_equal(sizes, np.ones_like(sizes)):
        return Bags.proportions(ids, told, n_classes=len(space))
    wrong = np.flatnonzero((told.sum(axis=1) != sizes) | (told != np.floor(told)).any(axis=1))
    if len(wrong):
        numbers_told = ", ".join(f"{count:g}" for count in told[wrong[0]])
        raise BadInput(
            f"bag {quoted(names[wrong[0]])} has {sizes[wrong[0]]} rows, and its counts are {numbers_told}",
            fix="give whole counts that add up to the rows of the bag, or shares that add up to 1",
        )
    return Bags.counts(ids, told.astype(np.int64), n_classes=len(space))


def _count_table(table: pa.Table, counts: Sequence[str], space: LabelSpace) -> NDArray[np.float64]:
    column_of = dict(count_columns(counts))
    absent = [name for name in space.names if name not in column_of]
    if absent:
        raise BadInput(f"no column counts the class {quoted(absent[0])}", fix="give one count column a class")
    return np.column_stack([_count(table, column_of[name]) for name in space.names])


def _count(table: pa.Table, column: str) -> NDArray[np.float64]:
    values = numbers(table.column(column))
    if values is None or np.isnan(values).any() or (values < 0).any():
        raise BadInput(f"column {quoted(column)} does not hold a count in each row", fix="fill it with numbers")
    return values
