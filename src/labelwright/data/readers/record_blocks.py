"""Delimited text read record by record in blocks, so that a file of any size takes the memory of a block.

What `read_delimited` makes of a file at once comes here in pieces: the same cells, lines and refusals. Beside each row
stands where its bytes are in the text as UTF-8.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.readers import delimited
from labelwright.data.readers.encoded_text import EncodedFile, find_encoding
from labelwright.data.readers.places import place
from labelwright.data.readers.record_layout import keeps_the_rules, regular_layout
from labelwright.errors import BadInput

_SAMPLE = 1 << 17
_LONGEST = 1 << 28  # bytes of a record; a quote that never closes makes one of the rest of the file
_ROWS = 1 << 15  # in a block of a file that bends the rules


@dataclass(frozen=True)
class RecordBlock:
    """Rows that follow each other.

    Parameters
    ----------
    table : pyarrow.Table
        The columns asked for, as `read_delimited` gives them.
    first : int
        Number of the first row, from 0.
    starts, ends : array of int64, shape (n,)
        Bytes of each record in the text as UTF-8, its line end included.
    lines : array of int64, shape (n,)
        The line on which each begins, from 1.
    """

    table: pa.Table
    first: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]


@dataclass(frozen=True)
class DelimitedFile:
    """A delimited text file that stays on the disk.

    Parameters
    ----------
    text : EncodedFile
    delimiter : str
    names : tuple of str
        The columns.
    """

    text: EncodedFile
    delimiter: str
    names: tuple[str, ...]

    format = "csv"

    @classmethod
    def open(cls, path: Path) -> DelimitedFile:
        """Find encoding, delimiter and header; BadInput where the file is no delimited text."""
        text = find_encoding(path)
        head = bytearray()
        for block in text.blocks():
            head += block
            if len(head) > _SAMPLE:
                break
        prefer = "\t" if ".tsv" in path.name.lower() else ","
        delimiter = delimited.sniff_delimiter(bytes(head), prefer=prefer)
        opened = cls(text, delimiter, ())
        return cls(text, delimiter, opened._header())

    @property
    def path(self) -> Path:
        """The file."""
        return self.text.path

    @cached_property
    def is_regular(self) -> bool:
        """Whether quotes and line ends keep to RFC 4180; found by looking through the file once."""
        quote = ord(self.delimiter)
        return all(
            len(data) <= _LONGEST and keeps_the_rules(data, quote)
            for data in whole_records(self.text.blocks(), longest=_LONGEST)
        )

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[RecordBlock]:
        """Yield all rows in blocks; BadInput for the first record that cannot be read."""
        n_rows = 0
        for block in self._regular(columns) if self.is_regular else self._irregular(columns):
            yield RecordBlock(block.table, n_rows, block.starts, block.ends, block.lines)
            n_rows += len(block.starts)
        if not n_rows:
            raise BadInput(
                "has a header line but no rows", where=place(self.path), fix="give a file with at least one row"
            )

    def whole(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield text of this form cut between records."""
        if self.is_regular:
            yield from whole_records(pieces)
            return
        batch: list[bytes] = []
        for _, raw in _slow_records(pieces, self.delimiter, self.path):
            batch.append(raw)
            if len(batch) == _ROWS:
                yield b"".join(batch)
                batch = []
        yield b"".join(batch)

    def _header(self) -> tuple[str, ...]:
        line = 1
        for record, raw in _slow_records(self.text.blocks(), self.delimiter, self.path):
            if record:
                return tuple(delimited.checked_names(record, f"{place(self.path)} line {line}"))
            line += _line_ends(raw)
        raise BadInput("the file is empty", where=place(self.path), fix="give a file with a header line and rows")

    def _regular(self, columns: Sequence[str] | None) -> Iterator[RecordBlock]:
        offset, line, header = 0, 1, 1
        for data in whole_records(self.text.blocks()):
            layout = regular_layout(data)
            if len(layout.starts) > header:
                table = delimited.read_block(
                    data, self.delimiter, layout, list(self.names), self.path, line, columns
                ).slice(header)
                starts, ends = layout.starts[header:] + offset, np.minimum(layout.ends[header:] + 1, len(data)) + offset
                yield RecordBlock(table, 0, starts, ends, layout.lines[header:] + line - 1)
            header -= min(header, len(layout.starts))
            offset, line = offset + len(data), line + data.count(b"\n")

    def _irregular(self, columns: Sequence[str] | None) -> Iterator[RecordBlock]:
        offset, line, header = 0, 1, True
        rows: list[list[str]] = []
        places: list[tuple[int, int, int]] = []
        for record, raw in _slow_records(self.text.blocks(), self.delimiter, self.path):
            end = offset + len(raw)
            if record and not header:
                if len(record) != len(self.names):
                    raise delimited.ragged(self.path, line, len(record), len(self.names))
                rows.append(record)
                places.append((offset, end, line))
            header = header and not record
            offset, line = end, line + _line_ends(raw)
            if len(rows) == _ROWS:
                yield self._block(rows, places, columns)
                rows, places = [], []
        if rows:
            yield self._block(rows, places, columns)

    def _block(
        self, rows: list[list[str]], places: list[tuple[int, int, int]], columns: Sequence[str] | None
    ) -> RecordBlock:
        cells = dict(zip(self.names, zip(*rows, strict=True), strict=True))
        wanted = self.names if columns is None else columns
        arrays = [pa.array([cell or None for cell in cells[name]], pa.string()) for name in wanted]
        at = np.array(places, dtype=np.int64)
        return RecordBlock(pa.table(arrays, names=list(wanted)), 0, at[:, 0], at[:, 1], at[:, 2])


def whole_records(blocks: Iterable[bytes], longest: int | None = None) -> Iterator[bytes]:
    """Yield a text that keeps the rules of quoting in blocks that end with a record.

    Parameters
    ----------
    blocks : iterable of bytes
    longest : int, optional
        Give up, with all that is at hand, where a record is longer.

    Examples
    --------
    >>> list(whole_records([b'a,b\\n1,"x', b'\\ny"\\n2,z']))
    [b'a,b\\n', b'1,"x\\ny"\\n', b'2,z']
    """
    rest = b""
    for block in blocks:
        data = rest + block if rest else block
        cut = _last_record_end(data)
        if cut:
            yield data[:cut]
        elif longest is not None and len(data) > longest:
            yield data
            return
        rest = data[cut:]
    if rest:
        yield rest


def _last_record_end(data: bytes) -> int:
    """Return where the last whole record ends: after the last line end with an even number of quotes before it."""
    feed = data.rfind(b"\n")
    while feed >= 0 and data.count(b'"', 0, feed) % 2:
        feed = data.rfind(b"\n", 0, data.rfind(b'"', 0, feed))
    return feed + 1


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a stream."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest = iter(pieces), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not len(self._rest):
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        n = min(len(buffer), len(self._rest))
        buffer[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n


class _Lines:
    """Lines of a text that remember what was taken since they were last asked."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._taken = lines, [""]

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        return line

    def take(self) -> bytes:
        taken = "".join(self._taken).encode()
        self._taken.clear()
        return taken


def _slow_records(pieces: Iterable[bytes], delimiter: str, path: Path) -> Iterator[tuple[list[str], bytes]]:
    """Yield each record, blank ones too, with its bytes, as Python's strict reader sees it."""
    lines = _Lines(io.TextIOWrapper(io.BufferedReader(_Pieces(pieces)), encoding="utf-8", newline=""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    first = 1
    while True:
        with delimited.unlimited_fields():
            try:
                record = next(reader, None)
            except csv.Error as error:
                raise delimited.broken(path, first, error) from None
        if record is None:
            return
        yield record, lines.take()
        first = reader.line_num + 1


def _line_ends(raw: bytes) -> int:
    return raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
