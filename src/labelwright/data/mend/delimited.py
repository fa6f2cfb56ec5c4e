"""CSV and TSV: the label's cell of a decided row changes, the lines of a rejected row go, every other byte stays.

Rows begin where the reader says they do; only decided rows are cut into cells. A new cell is quoted when the old one
was, or when it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Source
from labelwright.data.mend.manifest import ManifestLine, decided_lines, safe_cell
from labelwright.data.mend.plan import Changes, Items, rejected_remark
from labelwright.data.mend.raw_text import Edit, RawText, spliced
from labelwright.data.mend.tag_cells import written_label
from labelwright.data.tasks import TagStyle

_LF, _CR = 10, 13
_BLOCK = 1 << 24
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class DelimitedTable:
    """A delimited text file whose label column can be mended.

    Parameters
    ----------
    path : Path
    lines : array of int64, shape (n,)
        First line of each row, from 1.
    delimiter : str
    column, width : int
        Number of the label column, from 0, and of columns.
    items : Items
        One a row.
    tags : TagStyle or None
        How several tags are written in a cell.
    spreadsheet_safe : bool
        Put a quote before every cell that a spreadsheet would run as a formula. Changes cells that nobody decided on.
    """

    path: Path
    lines: NDArray[np.int64]
    delimiter: str
    column: int
    width: int
    items: Items
    tags: TagStyle | None = None
    spreadsheet_safe: bool = False

    is_tree = False

    @classmethod
    def of(
        cls, source: Source, label: str, items: Items, tags: TagStyle | None = None, *, spreadsheet_safe: bool = False
    ) -> DelimitedTable:
        """Take what is needed of a source as `read_delimited` gives it; the table itself may go."""
        names = source.table.column_names
        lines = np.zeros(0, np.int64) if source.line_numbers is None else source.line_numbers
        delimiter = source.details["delimiter"]
        return cls(source.path, lines, delimiter, names.index(label), len(names), items, tags, spreadsheet_safe)

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Say that rejected rows are left out, and that cells change which nobody decided on where that was asked."""
        safe = ("formulas are neutralised in every cell, as asked",) if self.spreadsheet_safe else ()
        return (*rejected_remark(changes), *safe)

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended file and say which decisions it holds."""
        raw = RawText.read(self.path)
        pieces: Iterable[bytes] = spliced(raw.data, self._edits(raw, changes))
        if self.spreadsheet_safe:
            pieces = _neutralised(b"".join(pieces), self._grammar())
        digest = raw.write(pieces, out)
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=digest)
        return [file, *decided_lines(changes, self.items)]

    def _grammar(self) -> Grammar:
        return Grammar(self.delimiter, self.column, self.width)

    def _edits(self, raw: RawText, changes: Changes) -> Iterator[Edit]:
        grammar = self._grammar()
        rows = np.array(sorted({*changes.relabel, *changes.reject}), dtype=np.int64)
        starts = line_offsets(raw.data, self.lines[rows])
        for row, start in zip(rows.tolist(), starts.tolist(), strict=True):
            if row in changes.reject:
                yield Edit(start, grammar.record_end(raw.data, start), b"")
                continue
            begin, end = grammar.cell(raw.data, start)
            like = raw.data[begin:end].strip(b'"').replace(b'""', b'"').decode()
            label = written_label(changes.relabel[row], like, self.tags)
            text = raw.encode(label, changes.decided[row].where)
            yield Edit(begin, end, grammar.cell_text(text, raw.data[begin:end]))


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
        self._record = re.compile(b"%b(?:%b%b){%d}" % (cell, d, cell, width - 1))
        self.cells = re.compile(b"(%b)(%b|\r\n|\n|\r|\\Z)" % (cell, d))
        self._must_quote = re.compile(b'[%b"\r\n]' % d)
        self._alone = width == 1

    def cell(self, data: bytes, start: int) -> tuple[int, int]:
        """Return the span of the column's cell in the record that begins at `start`, quotes included."""
        match = self._cell.match(data, start)
        if match is None:
            raise ValueError(f"no such cell in the record at byte {start}")
        return match.span(1)

    def record_end(self, data: bytes, start: int) -> int:
        """Return where the record that begins at `start` ends, its line end included."""
        match = self._record.match(data, start)
        if match is None:
            raise ValueError(f"no record at byte {start}")
        line_end = _LINE_END.match(data, match.end())
        return line_end.end() if line_end else match.end()

    def cell_text(self, text: bytes, like: bytes) -> bytes:
        """Return `text` as a cell, quoted where `like` is or where it must be."""
        if like.startswith(b'"') or self._must_quote.search(text) or (self._alone and not text):
            return b'"' + text.replace(b'"', b'""') + b'"'
        return text


def line_offsets(data: bytes, lines: NDArray[np.int64], *, returns: bool = True) -> NDArray[np.int64]:
    """Return the byte at which each line begins; lines count from 1 and end in LF, CR LF or (with `returns`) CR.

    Parameters
    ----------
    data : bytes
    lines : array of int64, shape (m,)
        Ascending.

    Examples
    --------
    >>> line_offsets(b"a\\r\\nb\\rc", np.array([1, 2, 3]))
    array([0, 3, 5])
    """
    buffer = np.frombuffer(data, dtype=np.uint8)
    offsets = np.zeros(len(lines), dtype=np.int64)
    seen = 1  # lines that have begun
    at = int(np.searchsorted(lines, 1, side="right"))
    for block in range(0, len(buffer), _BLOCK):
        part = buffer[block : block + _BLOCK]
        following = np.append(part[1:], buffer[block + _BLOCK] if block + _BLOCK < len(buffer) else 0)
        ends = (part == _LF) | ((part == _CR) & (following != _LF)) if returns else part == _LF
        begins = np.flatnonzero(ends) + block + 1
        upto = int(np.searchsorted(lines, seen + len(begins), side="right"))
        offsets[at:upto] = begins[lines[at:upto] - seen - 1]
        seen, at = seen + len(begins), upto
        if at == len(lines):
            break
    return offsets


def _neutralised(data: bytes, grammar: Grammar) -> Iterator[bytes]:
    """Yield the file with a quote before each cell that would run as a formula."""
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
