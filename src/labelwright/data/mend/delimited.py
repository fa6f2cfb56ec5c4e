"""CSV and TSV: the label's cell of a decided row changes, the lines of a rejected row go, every other byte stays.

Only decided rows are cut into cells. A new cell is quoted when the old one was, or when it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from labelwright.data.mend.manifest import safe_cell
from labelwright.data.mend.plan import Changes
from labelwright.data.mend.raw_text import encoded
from labelwright.data.mend.tag_cells import written_label
from labelwright.data.mend.text_rows import TextRows
from labelwright.data.readers.record_blocks import DelimitedFile


@dataclass(frozen=True)
class DelimitedTable(TextRows):
    """A delimited text file whose label column can be mended: see `TextRows`.

    Parameters
    ----------
    file : DelimitedFile
    spreadsheet_safe : bool
        Put a quote before every cell that a spreadsheet would run as a formula. Changes cells that nobody decided on.
    """

    file: DelimitedFile
    spreadsheet_safe: bool = False

    @cached_property
    def _grammar(self) -> Grammar:
        names = self.file.names
        return Grammar(self.file.delimiter, names.index(self.plan.label), len(names))

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Say that rejected rows are left out, and that cells change which nobody decided on where that was asked."""
        safe = ("formulas are neutralised in every cell, as asked",) if self.spreadsheet_safe else ()
        return (*super().remarks(changes), *safe)

    def _pieces(self, changes: Changes) -> Iterable[bytes]:
        pieces = super()._pieces(changes)
        return _neutralised(self.file.whole(pieces), self._grammar) if self.spreadsheet_safe else pieces

    def _relabelled(self, changes: Changes, row: int, record: bytes) -> bytes:
        begin, end = self._grammar.cell(record, 0)
        like = record[begin:end].strip(b'"').replace(b'""', b'"').decode()
        label = written_label(changes.relabel[row], like, self.tags)
        text = encoded(self.file.text, label, changes.decided[row].where)
        return record[:begin] + self._grammar.cell_text(text, record[begin:end]) + record[end:]


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
