"""How rows are named, looked at block by block: by a column, or by a hash of their content."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.column_types import NAMED, is_string, named_like_images, sampled_places
from labelwright.data.dataset import Plan, Source
from labelwright.data.identity import content_digests, id_texts, refuse_missing, refuse_repeated, with_occurrence
from labelwright.data.input_columns import OWN_PREFIX
from labelwright.data.mend.label_counts import row_place
from labelwright.data.readers.record_blocks import RecordBlock

if TYPE_CHECKING:
    from labelwright.data.mend.row_scan import RowFile

_HASH = re.compile(r"([0-9a-f]{32})(-[1-9]\d*)?")


class RowNames(Protocol):
    """How rows are named."""

    columns: list[str] | None

    def find(self, block: RecordBlock) -> tuple[NDArray[np.int64], list[str]]:
        """Return the places in the block of wanted rows and their names."""
        ...

    def finish(self) -> None:
        """Refuse names that are missing or not unique."""
        ...


class ByColumn:
    """Rows named by a column; a 64-bit hash of each id tells whether one may occur twice."""

    def __init__(self, file: RowFile, name: str, wanted: set[str]) -> None:
        self.columns: list[str] | None = [name]
        self._file, self._name = file, name
        self._wanted = pa.array(sorted(wanted), pa.string())
        self._hashes = array("q")
        self._has_missing = False

    def find(self, block: RecordBlock) -> tuple[NDArray[np.int64], list[str]]:
        """Return the places in the block of wanted rows and their names."""
        ids = id_texts(block.table, self._name)
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
            ids = id_texts(block.table, self._name)
            at = np.flatnonzero(look(ids))
            rows.append(at + block.first)
            names += ids.take(pa.array(at)).to_pylist()
            lines.append(block.lines[at])
        return np.concatenate(rows), np.array(names, dtype=np.str_), np.concatenate(lines)

    def _where(self, row: int, line: int) -> str:
        empty = pa.table({self._name: pa.array([None], pa.string())})
        return row_place(
            Source(empty, self._file.path, self._file.format, self._file.path.parent), line, row, self._name
        )


def _hashes(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.fromiter(map(hash, ids.to_pylist()), np.int64, len(ids))


class ByContent:
    """Rows named by a hash of their content and an occurrence number.

    The image column is guessed from the first block when it is not known; `image` says what all rows make of it.
    """

    def __init__(self, file: RowFile, plan: Plan, wanted: set[str], root: Path) -> None:
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
        source = Source(block.table, self._file.path, self._file.format, self._root)
        digests = content_digests(source, self.plan)
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
            if is_string(column.type):
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
