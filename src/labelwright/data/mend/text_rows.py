"""Rows of a text file that are mended where they stand: decided rows get new bytes, rejected ones go, the others stay.

The file is looked through once for the rows that decisions name and once to write it, block by block, so that its size
does not matter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.dataset import Plan
from labelwright.data.mend.decisions import Decisions
from labelwright.data.mend.given import Given, given_labels, label_rule
from labelwright.data.mend.labels import ClassNames
from labelwright.data.mend.manifest import ManifestLine, decided_lines
from labelwright.data.mend.plan import Changes, Items, rejected_remark
from labelwright.data.mend.raw_text import Spot, rewritten, write_text
from labelwright.data.mend.row_scan import Found, RowFile, scan, some_ids
from labelwright.data.tasks import TagStyle, read_task


def _no_items() -> Items:
    return Items(np.empty(0, dtype=np.str_), (), ClassNames(()))


def _no_places() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class TextRows(ABC):
    """A text file whose label column can be mended; `about` finds the rows that decisions name.

    Parameters
    ----------
    file : RowFile
    plan : Plan
        The label, the id or the image; the task is settled by `about`.
    task : str, optional
        The task asked for.
    classes : tuple of str, optional
    new_classes : tuple of str
        Classes that may be given though no row has them.
    root : Path
        The folder of images that a column names.
    items : Items
        The rows found, in the order of the file.
    starts, ends : array of int64
        Their bytes.
    tags : TagStyle or None
        How several tags are written in a cell.
    like : object
        The first label of the data, None where there is none or before `about`.
    """

    file: RowFile
    plan: Plan
    task: str | None
    classes: tuple[str, ...] | None
    new_classes: tuple[str, ...]
    root: Path
    items: Items = field(default_factory=_no_items)
    starts: NDArray[np.int64] = field(default_factory=_no_places)
    ends: NDArray[np.int64] = field(default_factory=_no_places)
    tags: TagStyle | None = None
    like: Any = None

    is_tree = False

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    def about(self, decisions: Decisions) -> Self:
        """Return the table with the rows that decisions name as its items."""
        found = scan(self.file, self.plan, (entry.id for entry in decisions), self.root)
        task = read_task(found.values, self.plan.label, self.task, found.counts).task
        plan = replace(self.plan, task=task)
        rule, style = label_rule(found.values, plan, self.classes, self.new_classes)
        given = _given(found, plan, style, self.classes)
        items = Items(found.ids, given, rule, total=found.n_rows, every_id=self._every_id)
        like = next((cell.as_py() for cell in found.values.table.column(0) if cell.is_valid), None)
        return replace(self, plan=plan, items=items, starts=found.starts, ends=found.ends, tags=style, like=like)

    def _every_id(self) -> Iterator[str]:
        """Yield the ids of all rows; of the first ones where their content names them, as those look alike."""
        return some_ids(self.file, self.plan, self.root)

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Say that rejected rows are left out."""
        return rejected_remark(changes)

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended file and say which decisions it holds."""
        digest = write_text(self.file.text, self._pieces(changes), out)
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=digest)
        return [file, *decided_lines(changes, self.items)]

    def _pieces(self, changes: Changes) -> Iterable[bytes]:
        """Return the new text in pieces."""
        return rewritten(self.file.text.blocks(), self._spots(changes))

    def _spots(self, changes: Changes) -> Iterator[Spot]:
        for row in sorted({*changes.relabel, *changes.reject}):
            change = _gone if row in changes.reject else partial(self._relabelled, changes, row)
            yield Spot(int(self.starts[row]), int(self.ends[row]), change)

    @abstractmethod
    def _relabelled(self, changes: Changes, row: int, record: bytes) -> bytes:
        """Return the bytes of a record with its new label."""


def _given(found: Found, plan: Plan, style: TagStyle | None, classes: tuple[str, ...] | None) -> Given:
    """Return the labels of the rows found; of -1 all labels tell whether it is one."""
    kind = found.labels.table.schema.field(0).type
    if plan.task != "classification" or not pa.types.is_integer(kind):
        return given_labels(found.labels, plan, style, classes)
    table = pa.concat_tables([found.values.table, found.labels.table])
    return given_labels(replace(found.values, table=table), plan, style, classes)[len(found.counts) :]


def _gone(record: bytes) -> bytes:
    return b""
