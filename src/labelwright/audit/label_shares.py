"""What people said about each row, out of a file: the share of the votes, or of the belief, that each class got."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.consensus.vote_files import read_vote_file
from labelwright.data.column_types import cell_texts, numbers
from labelwright.data.dataset import Dataset
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, quoted

PREFIXES = ("", "count_", "votes_", "n_", "p:", "p_", "prob_")


@dataclass(frozen=True, eq=False)
class LabelShares:
    """Shares of the classes, float64 (n, K), NaN rows where nobody said anything, and the votes of each row, (n,)."""

    shares: NDArray[np.float64]
    votes: NDArray[np.float64]


def shares_of_file(path: Path, dataset: Dataset) -> LabelShares:
    """Read votes or soft labels and join them to the rows of a data set by id.

    Parameters
    ----------
    path : Path
        A table with one column of counts, or of shares, for each class (``cat`` or ``count_cat``), and a column of row
        ids, or as many rows as the data; or votes, one a row, as `labelwright aggregate` reads them.
    dataset : Dataset
        Of single labels.

    Raises
    ------
    BadInput
        A class is unknown, a count is negative, or no row of the data is named.
    """
    assert dataset.space is not None
    try:
        table = read_source(path).table
    except BadInput:
        table = None  # such as an export that only the reader of votes knows
    columns = None if table is None else _class_columns(table, dataset)
    counts = _wide(table, columns, dataset, path) if table is not None and columns else _long(path, dataset)
    total = counts.sum(axis=1)
    if not (total > 0).any():
        raise BadInput("no vote is about a row of the data", where=path.name, fix="name the id column with --id")
    shares = np.divide(counts, total[:, None], out=np.full(counts.shape, np.nan), where=total[:, None] > 0)
    return LabelShares(shares, total)


def _class_columns(table: pa.Table, dataset: Dataset) -> list[str] | None:
    """Return the column of each class, or None when the table has none for some class."""
    assert dataset.space is not None
    for prefix in PREFIXES:
        columns = [f"{prefix}{name}" for name in dataset.space.names]
        if all(column in table.column_names for column in columns):
            return columns
    return None


def _wide(table: pa.Table, columns: list[str], dataset: Dataset, path: Path) -> NDArray[np.float64]:
    values = [numbers(table.column(name)) for name in columns]
    for name, column in zip(columns, values, strict=True):
        if column is None or (np.asarray(column) < 0).any() or np.isinf(column).any():
            raise BadInput(
                f"column {quoted(name)} must hold counts or shares of 0 or more",
                where=path.name,
                fix="write 0 for none",
            )
    read = np.nan_to_num(np.stack([np.asarray(column, dtype=np.float64) for column in values], axis=1))
    key = next((name for name in ("id", dataset.plan.id) if name in table.column_names), None)
    counts = np.zeros((len(dataset), len(columns)))
    if key is None:
        if len(read) != len(dataset):
            raise BadInput(
                f"it has {len(read)} rows but the data have {len(dataset)}", where=path.name, fix="add column id"
            )
        return read
    row_of = {one: row for row, one in enumerate(dataset.ids.tolist())}
    rows = np.array([row_of.get(str(one), -1) for one in cell_texts(table.column(key)).to_pylist()], dtype=np.int64)
    np.add.at(counts, rows[rows >= 0], read[rows >= 0])
    return counts


def _long(path: Path, dataset: Dataset) -> NDArray[np.float64]:
    assert dataset.space is not None
    file = read_vote_file(path)
    row_of = {one: row for row, one in enumerate(dataset.ids.tolist())}
    counts = np.zeros((len(dataset), len(dataset.space)))
    tasks = cell_texts(file.table.column(file.task)).to_pylist()
    for one, label in zip(tasks, cell_texts(file.table.column(file.label)).to_pylist(), strict=True):
        row = row_of.get(str(one), -1)
        if row < 0 or label is None:
            continue
        if label not in dataset.space.index:
            fix = did_you_mean(str(label), dataset.space.names)
            raise BadInput(f"{quoted(label)} is not among the classes", where=path.name, fix=fix)
        counts[row, dataset.space.index[label]] += 1
    return counts
