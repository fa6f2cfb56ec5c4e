"""One look at all rows of a delimited file: those that decisions name, and the labels that occur.

Rows come and go in blocks. What is kept grows with the decisions and the distinct classes, and by a number a row where
a column names the rows, to see that none is named twice. Labels that are surely numbers to predict are looked at and
not kept.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.column_types import NAMED, named_like_images, numbers, sampled_places
from labelwright.data.dataset import Plan, Source
from labelwright.data.identity import content_digests, refuse_missing, refuse_repeated, row_ids, with_occurrence
from labelwright.data.input_columns import OWN_PREFIX
from labelwright.data.readers.record_blocks import DelimitedFile, RecordBlock
from labelwright.data.tasks import has_fractions, has_leading_zeros

_MANY = 1 << 16  # distinct labels
_HASH = re.compile(r"([0-9a-f]{32})(-[1-9]\d*)?")


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


class _Namer(Protocol):
    """How rows are named: by a column or by their content."""

    columns: list[str] | None

    def find(self, block: RecordBlock) -> tuple[NDArray[np.int64], list[str]]:
        """Return the places in the block of wanted rows and their names."""
        ...

    def finish(self) -> None:
        """Refuse names that are missing or not unique."""
        ...


def scan(file: DelimitedFile, plan: Plan, wanted: Iterable[str], root: Path) -> Found:
    """Look at all rows.

    Parameters
    ----------
    file : DelimitedFile
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
        return _scan(file, plan, names, root, _Values(plan.label))
    except _MixedLabels:
        return _scan(file, plan, names, root, _Values(plan.label, keep_all=True))


def _scan(file: DelimitedFile, plan: Plan, names: set[str], root: Path, values: _Values) -> Found:
    if plan.id is not None:
        return _look(file, plan, ByColumn(file, plan.id, names), values)
    namer = ByContent(file, plan, names, root)
    found = _look(file, plan, namer, values)
    image = namer.image() if guesses_image(plan) else plan.image
    if image == namer.plan.image:
        return found
    settled = replace(plan, image=image, modality="image" if image else "table")
    return _look(file, plan, ByContent(file, settled, names, root), values.anew())


def _look(file: DelimitedFile, plan: Plan, namer: _Namer, values: _Values) -> Found:
    columns = None if namer.columns is None else list(dict.fromkeys([plan.label, *namer.columns]))
    kept: list[tuple[NDArray[np.int64], ...]] = []
    cells: list[pa.ChunkedArray] = []
    ids: list[str] = []
    n_rows = 0
    for block in file.blocks(columns):
        n_rows = block.first + len(block.starts)
        labels = block.table.column(plan.label)
        values.add(labels)
        at, named = namer.find(block)
        if len(at):
            ids += named
            cells.append(pa.chunked_array([labels.take(pa.array(at)).combine_chunks()]))
            kept.append((at + block.first, block.starts[at], block.ends[at], block.lines[at]))
    namer.finish()
    rows, starts, ends, lines = (np.concatenate(part) for part in zip(*kept, strict=True)) if kept else (_none(),) * 4
    column = pa.chunked_array([chunk for part in cells for chunk in part.chunks], pa.string())
    labels_of = Source(pa.table({plan.label: column}), file.path, "csv", file.path.parent, lines)
    distinct = values.table()
    table = pa.table({plan.label: distinct["value"]})
    everything = _Distinct(table, file.path, "csv", file.path.parent, file=file)
    counts = distinct["count"].to_numpy()
    return Found(n_rows, np.array(ids, dtype=np.str_), rows, starts, ends, labels_of, everything, counts)


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


def some_ids(file: DelimitedFile, plan: Plan, root: Path) -> Iterator[str]:
    """Yield the id of each row; only those of the first block where rows are named by their content."""
    if plan.id is None:
        block = next(file.blocks())
        yield from row_ids(Source(block.table, file.path, "csv", root), plan).tolist()
        return
    for block in file.blocks([plan.id]):
        yield from block.table.column(plan.id).to_pylist()


@dataclass(frozen=True)
class _Distinct(Source):
    """Labels that occur, each once; a message about one names its first row in the file."""

    file: DelimitedFile | None = None

    def where(self, row: int, column: str | None = None) -> str:
        name = self.table.column_names[0]
        value = self.table.column(name)[row].as_py()
        assert self.file is not None
        for block in self.file.blocks([name]):
            at = pc.index(block.table.column(name), pa.scalar(value, pa.string())).as_py()
            if at >= 0:
                lines = np.zeros(at + 1, np.int64) + block.lines[at]
                return _renumbered(Source(self.table, self.path, "csv", self.root, lines), at, block.first, column)
        return super().where(row, column)


def _renumbered(source: Source, at: int, first: int, column: str | None) -> str:
    return source.where(at, column).replace(f"(row {at})", f"(row {first + at})")


class _MixedLabels(Exception):
    """Labels that began as numbers to predict are not all numbers."""


class _Values:
    """Counts labels block by block; as many are kept as there are distinct ones.

    Once there are many and they are numbers with fractions, the others are only looked at: they must be numbers too.
    """

    def __init__(self, label: str, *, keep_all: bool = False) -> None:
        self._label, self._keep_all = label, keep_all
        self._parts: list[pa.Table] = []
        self._rows, self._settled, self._are_numbers = 0, 0, False

    def anew(self) -> _Values:
        """Return the same without any labels."""
        return _Values(self._label, keep_all=self._keep_all)

    def add(self, labels: pa.ChunkedArray) -> None:
        """Take in the labels of a block."""
        if self._are_numbers:
            if not _only_numbers(labels):
                raise _MixedLabels
            return
        counted = pc.value_counts(labels)
        self._parts.append(pa.table([counted.field("values"), counted.field("counts")], ["value", "count"]))
        self._rows += len(counted)
        if self._rows > 2 * self._settled + 1000:
            self._parts = [self.table()]
            self._rows = self._settled = len(self._parts[0])
            if self._settled > _MANY and not self._keep_all:
                values = self._parts[0]["value"]
                self._are_numbers = _only_numbers(values) and has_fractions(numbers(values))

    def table(self) -> pa.Table:
        """Return the distinct labels with how often each occurs."""
        merged = pa.concat_tables(self._parts).group_by("value", use_threads=False).aggregate([("count", "sum")])
        return merged.rename_columns({"count_sum": "count"})


def _only_numbers(labels: pa.ChunkedArray) -> bool:
    if labels.null_count == len(labels):
        return True
    return numbers(labels) is not None and not has_leading_zeros(labels)


_Look = Callable[[pa.ChunkedArray], NDArray[np.bool_]]


class ByColumn:
    """Rows named by a column; a 64-bit hash of each id tells whether one may occur twice."""

    def __init__(self, file: DelimitedFile, name: str, wanted: set[str]) -> None:
        self.columns: list[str] | None = [name]
        self._file, self._name = file, name
        self._wanted = pa.array(sorted(wanted), pa.string())
        self._hashes = array("q")
        self._has_missing = False

    def find(self, block: RecordBlock) -> tuple[NDArray[np.int64], list[str]]:
        """Return the places in the block of wanted rows and their names."""
        ids = block.table.column(self._name)
        self._has_missing |= ids.null_count > 0
        self._hashes.frombytes(_hashes(ids).tobytes())
        at = np.flatnonzero(pc.is_in(ids, value_set=self._wanted).to_numpy())
        return at, ids.take(pa.array(at)).to_pylist()

    def finish(self) -> None:
        """Refuse ids that are missing or name two rows."""
        if self._has_missing:
            at, _, lines = self._rows(lambda ids: pc.is_null(ids).to_numpy())
            refuse_missing(at, lambda k: self._where(at[k], lines[k]))
        hashes = np.frombuffer(self._hashes, dtype=np.int64)
        hashes.sort()
        twice = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
        if len(twice):
            at, ids, lines = self._rows(lambda ids: np.isin(_hashes(ids), twice))
            refuse_repeated(ids, at, lambda k: self._where(at[k], lines[k]))

    def _rows(
        self, look: Callable[[pa.ChunkedArray], NDArray[np.bool_]]
    ) -> tuple[NDArray[np.int64], NDArray[np.str_], NDArray[np.int64]]:
        """Return number, id and line of the rows that `look` picks from the ids of a block."""
        rows, names, lines = [], [], []
        for block in self._file.blocks(self.columns):
            ids = block.table.column(self._name)
            at = np.flatnonzero(look(ids))
            rows.append(at + block.first)
            names += ids.take(pa.array(at)).to_pylist()
            lines.append(block.lines[at])
        return np.concatenate(rows), np.array(names, dtype=np.str_), np.concatenate(lines)

    def _where(self, row: int, line: int) -> str:
        empty = pa.table({self._name: pa.array([None], pa.string())})
        source = Source(empty, self._file.path, "csv", self._file.path.parent, np.array([line]))
        return _renumbered(source, 0, int(row), self._name)


def _hashes(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.fromiter(map(hash, ids.to_pylist()), np.int64, len(ids))


class ByContent:
    """Rows named by a hash of their content and an occurrence number.

    The image column is guessed from the first block when it is not known; `image` says what all rows make of it.
    """

    def __init__(self, file: DelimitedFile, plan: Plan, wanted: set[str], root: Path) -> None:
        self.columns: list[str] | None = None
        self.plan = plan
        self._file, self._root, self._wanted = file, root, wanted
        hashes = sorted({match[1] for match in map(_HASH.fullmatch, wanted) if match})
        self._digests = pa.array([bytes.fromhex(one) for one in hashes], pa.binary(16))
        self._seen = np.zeros(len(hashes), dtype=np.int64)
        taken = {plan.label, plan.group, plan.split}
        self._known = {name: 0 for name in file.names if name not in taken and not name.startswith(OWN_PREFIX)}
        self._named = dict.fromkeys(self._known, 0)

    def find(self, block: RecordBlock) -> tuple[NDArray[np.int64], list[str]]:
        """Return the places in the block of wanted rows and their names."""
        if guesses_image(self.plan):
            self._tally(block)
        if not block.first and guesses_image(self.plan):
            self.plan = replace(self.plan, image=next((n for n in self._known if self._share(n) >= NAMED), None))
        digests = content_digests(Source(block.table, self._file.path, "csv", self._root), self.plan)
        buffers = [None, pa.py_buffer(digests.tobytes())]
        found = pc.index_in(pa.Array.from_buffers(pa.binary(16), len(digests), buffers), value_set=self._digests)
        at = np.flatnonzero(pc.is_valid(found).to_numpy(zero_copy_only=False))
        if not len(at):
            return at, []
        code = found.take(pa.array(at)).to_numpy()
        names = with_occurrence(digests[at], self._seen[code])
        self._seen += np.bincount(code, minlength=len(self._seen))
        mine = [k for k, name in enumerate(names.tolist()) if name in self._wanted]
        return at[mine], names[mine].tolist()

    def finish(self) -> None:
        """Do nothing: an occurrence number makes every name unique."""

    def image(self) -> str | None:
        """Return the first column that holds names of images, by the cells that an audit looks at."""
        return next((name for name in self._known if self._holds_images(name)), None)

    def _tally(self, block: RecordBlock) -> None:
        for name in self._known:
            column = block.table.column(name)
            self._known[name] += len(column) - column.null_count
            self._named[name] += pc.sum(named_like_images(column)).as_py() or 0

    def _share(self, name: str) -> float:
        return self._named[name] / max(self._known[name], 1)

    def _holds_images(self, name: str) -> bool:
        if self._share(name) in (0.0, 1.0):
            return self._share(name) == 1.0
        places = sampled_places(self._known[name])
        first = hits = 0
        for block in self._file.blocks([name]):
            cells = named_like_images(pc.drop_null(block.table.column(name))).to_numpy()
            mine = places[np.searchsorted(places, first) : np.searchsorted(places, first + len(cells))]
            hits += int(cells[mine - first].sum())
            first += len(cells)
        return hits >= NAMED * len(places)


def guesses_image(plan: Plan) -> bool:
    """Whether the plan leaves open which column holds images."""
    return plan.modality == "none"
