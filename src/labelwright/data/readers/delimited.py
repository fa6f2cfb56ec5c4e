"""CSV, TSV and their cousins: every cell a string exactly as written, null only where the cell is empty.

Files that keep to the rules of quoting (RFC 4180) go through Arrow at the speed of the disk; where the lines begin is
known from the quotes before each line end. Files that bend the rules go through Python's strict parser, which names the
line it cannot read.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from labelwright.data.dataset import Source
from labelwright.data.readers.encoded_text import read_text
from labelwright.data.readers.places import place, said
from labelwright.data.readers.record_layout import Layout, record_layout, swallowed_rows
from labelwright.errors import BadInput, listed

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_SAMPLE = 1 << 17  # bytes looked at to find the delimiter
# A thread of Arrow may let go of the text after the reader has returned. Where the process ends at once, after a small
# file with a mistake in it say, that thread meets an interpreter that is gone, and the process is aborted.
_THREADED = 1 << 23  # bytes


def read_delimited(path: Path, root: Path | None = None) -> Source:
    """Read a delimited text file with a header line.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.tsv``, ``.txt``, each also as ``.gz``.
    root : Path, optional
        Folder for images named by a column, by default the folder of `path`.

    Returns
    -------
    Source
        String columns and the line, from 1, on which each row begins.

    Raises
    ------
    BadInput
        Ragged rows, an unclosed quote, NUL bytes, doubled header names, no rows: with the line.
    """
    text = read_text(path)
    delimiter = sniff_delimiter(text.data, prefer="\t" if ".tsv" in path.name.lower() else ",")
    layout = record_layout(text.data, delimiter)
    if layout is None:
        names, table, lines = _read_slowly(text.data, delimiter, path)
    else:
        names = _header(text.data[layout.starts[0] : layout.ends[0]], delimiter, path, int(layout.lines[0]))
        table, lines = _read_fast(text.data, delimiter, layout, names, path), layout.lines[1:]
    if table.num_rows == 0:
        raise BadInput("has a header line but no rows", where=place(path), fix="give a file with at least one row")
    details = {"encoding": text.encoding, "delimiter": delimiter}
    if layout is not None and (warning := swallowed_rows(text.data, delimiter, layout, len(names))):
        details["warning"] = warning
    return Source(table, path, "csv", root or path.parent, lines, details)


def sniff_delimiter(data: bytes, prefer: str = ",") -> str:
    """Return the delimiter under which the first rows have the same number of cells, `prefer` when none does.

    Examples
    --------
    >>> sniff_delimiter(b"text;price\\n'yes, so';1,5\\n")
    ';'
    """
    sample = data[:_SAMPLE]
    if len(data) > _SAMPLE:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    text = sample.decode("utf-8", errors="ignore")
    best, best_merit = prefer, (0.0, 0, 0)
    for delimiter in DELIMITERS:
        widths = _widths(text, delimiter)
        if not widths or widths[0] < 2:
            continue
        same = sum(width == widths[0] for width in widths) / len(widths)
        merit = (round(same, 2), int(delimiter == prefer), widths[0])
        if merit > best_merit:
            best, best_merit = delimiter, merit
    return best


def _widths(text: str, delimiter: str) -> list[int]:
    """Return the number of cells of the first non-blank records."""
    widths: list[int] = []
    with unlimited_fields():
        try:
            for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
                if record:
                    widths.append(len(record))
                if len(widths) == 500:
                    break
        except csv.Error:
            pass
    return widths


@contextmanager
def unlimited_fields() -> Iterator[None]:
    """Let Python's reader take cells of any length."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _header(line: bytes, delimiter: str, path: Path, line_number: int) -> list[str]:
    with unlimited_fields():
        names = next(csv.reader(io.StringIO(line.decode(), newline=""), delimiter=delimiter))
    return checked_names(names, f"{place(path)} line {line_number}")


def checked_names(names: list[str], where: str) -> list[str]:
    """Return the column names, empty ones as ``unnamed_1``; BadInput where two columns have the same name."""
    named = [name if name.strip() else f"unnamed_{position + 1}" for position, name in enumerate(names)]
    twice = [name for name in dict.fromkeys(named) if named.count(name) > 1] if len(set(named)) < len(named) else []
    if twice:
        raise BadInput(f"the header names {listed(twice)} more than once", where=where, fix="rename the columns")
    return named


def _read_fast(data: bytes, delimiter: str, layout: Layout, names: list[str], path: Path) -> pa.Table:
    return read_block(data, delimiter, layout, names, path).slice(1)


def read_block(
    data: bytes,
    delimiter: str,
    layout: Layout,
    names: list[str],
    path: Path,
    line: int = 1,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Return well-formed records as a table of strings, the header too where it is among them.

    Parameters
    ----------
    data : bytes
    delimiter : str
    layout : Layout
        Of `data`.
    names : list of str
        All columns.
    path : Path
        For messages, which name the line.
    line : int
        The line of the file with which `data` begin.
    columns : sequence of str, optional
        The columns wanted, by default all.
    """
    longest = int((layout.ends - layout.starts).max()) + 2
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(data),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=len(data) >= _THREADED,
                column_names=names,
                skip_rows=0,
                block_size=min(max(1 << 22, 2 * longest), 2**31 - 1),
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                include_columns=None if columns is None else list(columns),
            ),
        )
    except pa.ArrowException:
        table = None
    if table is None or table.num_rows != len(layout.starts):
        table = _parsed_slowly(data, delimiter, path, line, names)[0]  # names the line that does not fit
        return table if columns is None else table.select(list(columns))
    return table


def _read_slowly(data: bytes, delimiter: str, path: Path) -> tuple[list[str], pa.Table, NDArray[np.int64]]:
    """Parse with Python's strict reader: the names, the table, the first line of each row."""
    table, lines = _parsed_slowly(data, delimiter, path, 1, None)
    return table.column_names, table, lines


def _parsed_slowly(
    data: bytes, delimiter: str, path: Path, line: int, names: list[str] | None
) -> tuple[pa.Table, NDArray[np.int64]]:
    """Parse with Python's strict reader; the first record names the columns unless they are known."""
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    first = line
    with unlimited_fields():
        try:
            for record in reader:
                if record and names is None:
                    names = checked_names(record, f"{place(path)} line {first}")
                elif record and names is not None:
                    if len(record) != len(names):
                        raise ragged(path, first, len(record), len(names))
                    rows.append(record)
                    lines.append(first)
                first = reader.line_num + line
        except csv.Error as error:
            raise broken(path, first, error) from None
    columns = zip(*rows, strict=True) if rows else ([] for _ in names or ())
    arrays = [pa.array([cell or None for cell in column], pa.string()) for column in columns]
    return pa.table(arrays, names=names or []), np.asarray(lines, dtype=np.int64)


def ragged(path: Path, line: int, cells: int, expected: int) -> BadInput:
    """Return the error of a record with too many or too few cells."""
    return BadInput(
        f"has {cells} cell{'s' * (cells != 1)} but the header names {expected}",
        where=f"{place(path)} line {line}",
        fix="put cells that hold the delimiter or a line end in double quotes",
    )


def broken(path: Path, line: int, error: csv.Error) -> BadInput:
    """Return the error of a record that Python's reader cannot read."""
    if "unexpected end" in str(error):
        problem, fix = "a quote opens here and never closes", "close it, or write a literal quote as two"
    else:
        problem, fix = f"a quoted cell is broken ({said(error)})", "write a quote inside a quoted cell as two"
    return BadInput(problem, where=f"{place(path)} line {line}", fix=fix)
