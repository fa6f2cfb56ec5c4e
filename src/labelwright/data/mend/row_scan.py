"""One look at all rows of a text file: those that decisions name, and the labels that occur.

Rows come and go in blocks. What is kept grows with the decisions and the distinct classes, and by a number a row where
a column names the rows, to see that none is named twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.dataset import Plan, Source
from labelwright.data.identity import id_texts, row_ids
from labelwright.data.mend.label_counts import DistinctLabels, LabelCounts, MixedLabels
from labelwright.data.mend.row_names import ByColumn, ByContent, RowNames, guesses_image
from labelwright.data.readers.encoded_text import EncodedFile
from labelwright.data.readers.record_blocks import RecordBlock


class RowFile(Protocol):
    """A text file whose rows are read in blocks."""

    @property
    def text(self) -> EncodedFile:
        """The file as text."""
        ...

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def format(self) -> str:
        """What a `Source` calls it."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        ...

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[RecordBlock]:
        """Yield all rows in blocks; a cell reads the same whatever the block."""
        ...


@dataclass(frozen=True)
class Found:
    """What a look at all rows found.

    Parameters
    ----------
    n_rows : int
    ids : array of str, shape (m,)
        Names of the rows that were wanted, in the order of the file.
    rows, starts, ends : array of int64, shape (m,)
        Their numbers, and their bytes in the text.
    labels : Source
        Their labels, a table of one column.
    values : Source
        Each label that occurs, once; many of them where all are numbers with fractions.
    counts : array of int64
        How often each of `values` occurs.
    """

    n_rows: int
    ids: NDArray[np.str_]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    labels: Source
    values: Source
    counts: NDArray[np.int64]


def scan(file: RowFile, plan: Plan, wanted: Iterable[str], root: Path) -> Found:
    """Look at all rows.

    Parameters
    ----------
    file : RowFile
    plan : Plan
        Names the label and, where they are known, the id and the image; where rows are named by their content an image
        column is found as an audit finds it.
    wanted : iterable of str
        Names of rows; those that no row has are passed over.
    root : Path
        The folder of images that a column names.

    Raises
    ------
    BadInput
        A record cannot be read, an id is missing or names two rows.
    """
    names = {name for one in wanted for name in (one, one.strip())}
    try:
        return _scan(file, plan, names, root, LabelCounts())
    except MixedLabels:
        return _scan(file, plan, names, root, LabelCounts(keep_all=True))


def _scan(file: RowFile, plan: Plan, names: set[str], root: Path, counts: LabelCounts) -> Found:
    if plan.id is not None:
        return _look(file, plan, ByColumn(file, plan.id, names), counts)
    namer = ByContent(file, plan, names, root)
    found = _look(file, plan, namer, counts)
    image = namer.image() if guesses_image(plan) else plan.image
    if image == namer.plan.image:
        return found
    settled = replace(plan, image=image, modality="image" if image else "table")
    return _look(file, plan, ByContent(file, settled, names, root), counts.anew())


def _look(file: RowFile, plan: Plan, namer: RowNames, counts: LabelCounts) -> Found:
    columns = None if namer.columns is None else list(dict.fromkeys([plan.label, *namer.columns]))
    kept: list[tuple[NDArray[np.int64], ...]] = []
    cells: list[pa.Array] = []
    ids: list[str] = []
    n_rows, kind = 0, pa.string()
    for block in file.blocks(columns):
        n_rows = block.first + len(block.starts)
        labels = block.table.column(plan.label)
        kind = labels.type
        counts.add(labels)
        at, named = namer.find(block)
        if len(at):
            ids += named
            cells.append(labels.take(pa.array(at)).combine_chunks())
            kept.append((at + block.first, block.starts[at], block.ends[at], block.lines[at]))
    namer.finish()
    rows, starts, ends, lines = (np.concatenate(part) for part in zip(*kept, strict=True)) if kept else (_none(),) * 4
    labels_of = pa.table({plan.label: pa.chunked_array(cells, kind)})
    distinct = counts.table()
    values = pa.table({plan.label: distinct["value"]})
    folder = file.path.parent
    return Found(
        n_rows,
        np.array(ids, dtype=np.str_),
        rows,
        starts,
        ends,
        Source(labels_of, file.path, file.format, folder, lines),
        DistinctLabels(values, file.path, file.format, folder, file=file),
        distinct["count"].to_numpy(),
    )


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


def some_ids(file: RowFile, plan: Plan, root: Path) -> Iterator[str]:
    """Yield the id of each row; only those of the first block where rows are named by their content."""
    if plan.id is None:
        block = next(file.blocks())
        yield from row_ids(Source(block.table, file.path, file.format, root), plan).tolist()
        return
    for block in file.blocks([plan.id]):
        yield from id_texts(block.table, plan.id).to_pylist()
