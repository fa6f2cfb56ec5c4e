"""Votes read from Parquet block by block, for label models that need one pass an iteration and no memory for rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit
from numpy.typing import NDArray

from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput, did_you_mean, quoted

BLOCK = 1 << 20


class ParquetVotes:
    """Votes in a Parquet file sorted by task; iterating gives tables of whole tasks, the same ones every time.

    Parameters
    ----------
    path : str or Path
    task, annotator, label : str
        Columns of whole numbers: tasks never falling, annotators in ``0..n_sources - 1``, labels in
        ``0..n_classes - 1`` (-1 = abstained).
    n_sources, n_classes : int

    Raises
    ------
    BadInput
        For a missing column, tasks out of order, or a number out of range.

    Examples
    --------
    >>> ParquetVotes("votes.parquet", "task", "worker", "label", 2000, 4)  # doctest: +SKIP
    """

    def __init__(self, path: str | Path, task: str, annotator: str, label: str, n_sources: int, n_classes: int) -> None:
        self.path, self.columns = Path(path), (task, annotator, label)
        self.n_sources, self.n_classes = n_sources, n_classes
        self._ones = np.ones(0)
        if not self.path.is_file():
            raise BadInput("there is no such file", where=str(path), fix="check the path")
        names = pq.read_schema(self.path).names
        for name in self.columns:
            if name not in names:
                raise BadInput(f"the file has no column {quoted(name)}", fix=did_you_mean(name, names))

    def __iter__(self) -> Iterator[VoteTable]:
        rest: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)] * 3
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BLOCK, columns=list(self.columns), use_threads=True):
                parts = [self._numbers(batch, name) for name in self.columns]
                task, source, label = (
                    np.concatenate([old, new]) if len(old) else new for old, new in zip(rest, parts, strict=True)
                )
                cut = int(np.searchsorted(task, task[-1])) if len(task) else 0  # the last task may go on
                rest = [task[cut:], source[cut:], label[cut:]]
                if cut:
                    yield self._table(task[:cut], source[:cut], label[:cut])
        if len(rest[0]):
            yield self._table(*rest)

    def _numbers(self, batch: pa.RecordBatch, name: str) -> NDArray[np.int64]:
        column = batch.column(batch.schema.get_field_index(name))
        if column.null_count or not pa.types.is_integer(column.type):
            raise BadInput("the column holds empty cells or no whole numbers", where=f"column {quoted(name)}")
        return column.to_numpy(zero_copy_only=False)

    def _table(self, task: NDArray[np.integer], source: NDArray[np.integer], label: NDArray[np.integer]) -> VoteTable:
        starts = np.empty(len(task) + 1, dtype=np.int64)
        n_rows, wrong = _cut(task, source, label, self.n_sources, self.n_classes, starts)
        if wrong:
            problem = ("", "tasks are out of order", "an annotator is out of range", "a label is out of range")[wrong]
            raise BadInput(
                problem, where=f"column {quoted(self.columns[wrong - 1])}", fix="sort by task, number from 0"
            )
        if len(self._ones) < len(task):
            self._ones = np.ones(len(task))
        table = VoteTable(
            starts[: n_rows + 1], source.astype(np.int32, copy=False), label.astype(np.int32, copy=False),
            self._ones[: len(task)], self.n_sources, self.n_classes, self.n_classes,
        )  # fmt: skip
        return table.keep(label >= 0) if label.min() < 0 else table


@njit(cache=True, nogil=True)
def _cut(task, source, label, n_sources, n_classes, starts):  # type: ignore[no-untyped-def]
    """Write where each task starts; return the number of tasks and which column is wrong (0 = none)."""
    rows = 0
    starts[0] = 0
    for v in range(len(task)):
        if source[v] < 0 or source[v] >= n_sources:
            return rows, 2
        if label[v] < -1 or label[v] >= n_classes:
            return rows, 3
        if v > 0 and task[v] != task[v - 1]:
            if task[v] < task[v - 1]:
                return rows, 1
            rows += 1
            starts[rows] = v
    starts[rows + 1] = len(task)
    return rows + 1, 0
