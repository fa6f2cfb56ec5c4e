"""CSV and TSV: the label's cell of a decided row changes, the lines of a rejected row go, every other byte stays.

The file is looked through once for the rows that decisions name and once to write it, block by block, so that its size
does not matter. Only decided rows are cut into cells. A new cell is quoted when the old one was, or when it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Plan
from labelwright.data.mend.decisions import Decisions
from labelwright.data.mend.given import given_labels, label_rule
from labelwright.data.mend.labels import ClassNames
from labelwright.data.mend.manifest import ManifestLine, decided_lines, safe_cell
from labelwright.data.mend.plan import Changes, Items, rejected_remark
from labelwright.data.mend.raw_text import Spot, encoded, rewritten, write_text
from labelwright.data.mend.row_scan import scan, some_ids
from labelwright.data.mend.tag_cells import written_label
from labelwright.data.readers.record_blocks import DelimitedFile
from labelwright.data.tasks import TagStyle, read_task


def _no_items() -> Items:
    return Items(np.empty(0, dtype=np.str_), (), ClassNames(()))


def _no_places() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class DelimitedTable:
    """A delimited text file whose label column can be mended; `about` finds the rows that decisions name.

    Parameters
    ----------
    file : DelimitedFile
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
    spreadsheet_safe : bool
        Put a quote before every cell that a spreadsheet would run as a formula. Changes cells that nobody decided on.
    """

    file: DelimitedFile
    plan: Plan
    task: str | None
    classes: tuple[str, ...] | None
    new_classes: tuple[str, ...]
    root: Path
    spreadsheet_safe: bool = False
    items: Items = field(default_factory=_no_items)
    starts: NDArray[np.int64] = field(default_factory=_no_places)
    ends: NDArray[np.int64] = field(default_factory=_no_places)
    tags: TagStyle | None = None

    is_tree = False

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    def about(self, decisions: Decisions) -> DelimitedTable:
        """Return the table with the rows that decisions name as its items."""
        found = scan(self.file, self.plan, (entry.id for entry in decisions), self.root)
        task = read_task(found.values, self.plan.label, self.task, found.counts).task
        plan = replace(self.plan, task=task)
        rule, style = label_rule(found.values, plan, self.classes, self.new_classes)
        given = given_labels(found.labels, plan, style, self.classes)
        items = Items(found.ids, given, rule, total=found.n_rows, every_id=self._every_id)
        return replace(self, plan=plan, items=items, starts=found.starts, ends=found.ends, tags=style)

    def _every_id(self) -> Iterator[str]:
        """Yield the ids of all rows; of the first ones where their content names them, as those look alike."""
        return some_ids(self.file, self.plan, self.root)

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Say that rejected rows are left out, and that cells change which nobody decided on where that was asked."""
        safe = ("formulas are neutralised in every cell, as asked",) if self.spreadsheet_safe else ()
        return (*rejected_remark(changes), *safe)

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended file and say which decisions it holds."""
        names = self.file.names
        grammar = Grammar(self.file.delimiter, names.index(self.plan.label), len(names))
        pieces: Iterable[bytes] = rewritten(self.file.text.blocks(), self._spots(changes, grammar))
        if self.spreadsheet_safe:
            pieces = _neutralised(self.file.whole(pieces), grammar)
        digest = write_text(self.file.text, pieces, out)
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=digest)
        return [file, *decided_lines(changes, self.items)]

    def _spots(self, changes: Changes, grammar: Grammar) -> Iterator[Spot]:
        for row in sorted({*changes.relabel, *changes.reject}):
            change = _gone if row in changes.reject else partial(self._relabelled, changes, grammar, row)
            yield Spot(int(self.starts[row]), int(self.ends[row]), change)

    def _relabelled(self, changes: Changes, grammar: Grammar, row: int, record: bytes) -> bytes:
        """Return the bytes of a record with its new label."""
        begin, end = grammar.cell(record, 0)
        like = record[begin:end].strip(b'"').replace(b'""', b'"').decode()
        label = written_label(changes.relabel[row], like, self.tags)
        text = encoded(self.file.text, label, changes.decided[row].where)
        return record[:begin] + grammar.cell_text(text, record[begin:end]) + record[end:]


def _gone(record: bytes) -> bytes:
    return b""


class Grammar:
    """The cells of one record as Python's csv module reads them, by their bytes.

    Parameters
    ----------
    delimiter : str
        One ASCII character.
    column : int
        The column of interest, from 0.
    width : int
        Cells in a record.

    Examples
    --------
    >>> Grammar(",", 1, 2).cell(b'"a,b",cat', 0)
    (6, 9)
    """

    def __init__(self, delimiter: str, column: int, width: int) -> None:
        self._delimiter = delimiter.encode()
        d = re.escape(self._delimiter)
        cell = rb'(?:"[^"]*(?:""[^"]*)*"|[^' + d + rb"\r\n]*)"
        self._cell = re.compile(b"(?:%b%b){%d}(%b)" % (cell, d, column, cell))
        self.cells = re.compile(b"(%b)(%b|\r\n|\n|\r|\\Z)" % (cell, d))
        self._must_quote = re.compile(b'[%b"\r\n]' % d)
        self._alone = width == 1

    def cell(self, data: bytes, start: int) -> tuple[int, int]:
        """Return the span of the column's cell in the record that begins at `start`, quotes included."""
        match = self._cell.match(data, start)
        if match is None:
            raise ValueError(f"no such cell in the record at byte {start}")
        return match.span(1)

    def cell_text(self, text: bytes, like: bytes) -> bytes:
        """Return `text` as a cell, quoted where `like` is or where it must be."""
        if like.startswith(b'"') or self._must_quote.search(text) or (self._alone and not text):
            return b'"' + text.replace(b'"', b'""') + b'"'
        return text


def _neutralised(blocks: Iterable[bytes], grammar: Grammar) -> Iterator[bytes]:
    """Yield whole records with a quote before each cell that would run as a formula."""
    for data in blocks:
        yield b"".join(_safe_cells(data, grammar))


def _safe_cells(data: bytes, grammar: Grammar) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        match = grammar.cells.match(data, position)
        if match is None:
            raise ValueError(f"no cell at byte {position}")
        cell, separator = match.groups()
        quoted = cell.startswith(b'"')
        inner = cell[1:] if quoted else cell
        safe = safe_cell(inner.decode().rstrip('"') if quoted else inner.decode())
        if safe.startswith("'") and not inner.startswith(b"'"):
            cell = b"\"'" + inner if quoted else b"'" + inner
        yield cell + separator
        position = match.end()
        if not separator and position >= len(data):
            break
