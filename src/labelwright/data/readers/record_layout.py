"""Where the records of delimited text begin, told from its quotes and line ends alone.

In text that keeps to the rules of quoting (RFC 4180) a line end stands between records exactly when the number of
quotes before it is even.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MANY_LINES = 10  # of one record
_QUOTE, _LF, _CR = 34, 10, 13


@dataclass(frozen=True)
class Layout:
    """Where the records of a well-formed file begin and end (byte offsets) and on which line each begins, from 1."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]


def record_layout(data: bytes, delimiter: str) -> Layout | None:
    """Return the layout of the non-blank records, or None where quotes or line ends break RFC 4180.

    A quote opens a cell only after a delimiter or a line end and closes it only before one; then a line end stands
    between records exactly when the number of quotes before it is even.
    """
    return regular_layout(data) if keeps_the_rules(data, ord(delimiter)) else None


def regular_layout(data: bytes) -> Layout:
    """Return the layout of the non-blank records of a text that keeps the rules."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(buffer == _QUOTE)
    feeds = np.flatnonzero(buffer == _LF)
    outside = np.searchsorted(quotes, feeds) % 2 == 0 if len(quotes) else np.ones(len(feeds), dtype=bool)
    ends = feeds[outside]
    lines = np.concatenate([[1], np.flatnonzero(outside) + 2])
    starts = np.concatenate([[0], ends + 1])
    ends = np.append(ends, len(buffer))
    length = ends - starts
    blank = (length == 0) | ((length == 1) & (buffer[np.minimum(starts, len(buffer) - 1)] == _CR))
    return Layout(starts[~blank], ends[~blank], lines[~blank])


def keeps_the_rules(data: bytes, delimiter: int) -> bool:
    """Whether quotes and line ends keep to RFC 4180, in a text that begins and ends with a record."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    if data.find(b"\r") >= 0:
        returns = np.flatnonzero(buffer == _CR)
        if returns[-1] == len(buffer) - 1 or (buffer[returns + 1] != _LF).any():
            return False
    if data.find(b'"') < 0:
        return True
    return _quotes_are_regular(buffer, np.flatnonzero(buffer == _QUOTE), delimiter)


def _quotes_are_regular(buffer: NDArray[np.uint8], quotes: NDArray[np.int64], delimiter: int) -> bool:
    if len(quotes) % 2:
        return False
    padded = np.concatenate([np.array([_LF], np.uint8), buffer, np.array([_LF], np.uint8)])
    before, after = padded[quotes[0::2]], padded[quotes[1::2] + 2]
    opens = (before == delimiter) | (before == _LF)
    closes = (after == delimiter) | (after == _LF) | (after == _CR)
    # Two quotes in a row inside a cell are one written quote: the second closes and reopens at once.
    touching = quotes[2::2] == quotes[1:-1:2] + 1
    opens[1:] |= touching
    closes[:-1] |= touching
    return bool(opens.all() and closes.all())


def swallowed_rows(data: bytes, delimiter: str, layout: Layout, n_columns: int) -> str:
    """Return a warning when a quoted cell runs over many lines that look like rows of the file, else an empty text.

    Two missing quotes far apart make a file that obeys the rules but has lost the rows in between.
    """
    spans = np.diff(layout.lines, append=data.count(b"\n") + 1)
    for record in np.flatnonzero(spans >= _MANY_LINES)[:1000] if n_columns > 1 else ():
        inner = data[layout.starts[record] : layout.ends[record]].split(b"\n")[1:-1]
        alike = sum(line.count(delimiter.encode()) == n_columns - 1 for line in inner)
        if alike >= 0.8 * len(inner):
            return (
                f"line {layout.lines[record]} begins a cell of {spans[record]} lines that look like rows; "
                "a quote may be missing"
            )
    return ""
