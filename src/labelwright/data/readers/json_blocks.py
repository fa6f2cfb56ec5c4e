"""JSON Lines read line by line in blocks, so that a file of any size takes the memory of a block.

What kind of values a column holds takes a look at all rows. It is guessed from the first block; `blocks` says so when
a later one shows that the guess was wrong, and `settled` looks at all rows. Beside each row stands where its bytes are
in the text as UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.readers.delimited import checked_names
from labelwright.data.readers.encoded_text import EncodedFile, find_encoding, whole_lines
from labelwright.data.readers.json_columns import JsonKind, keys_of
from labelwright.data.readers.places import place, said
from labelwright.data.readers.record_blocks import RecordBlock
from labelwright.errors import BadInput, quoted

_LF, _BLANKS = 10, " \t\r\v\f"
_PIECE = 1 << 22  # bytes; parsed JSON takes several times as much
_MARK = "\ufeff"  # files that were joined have one at the start of a line
_READ = json.JSONDecoder().decode
_ABSENT = JsonKind(has_null=True)


class OtherKinds(Exception):
    """A block holds values of other kinds, or other keys, than those before it: see `JsonLinesFile.settled`."""


class _Lines(NamedTuple):
    """The objects of some lines, where their bytes begin and end, and their lines from 1."""

    records: list[dict[str, Any]]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]


@dataclass(frozen=True)
class JsonLinesFile:
    """A file of one JSON object a line that stays on the disk.

    Parameters
    ----------
    text : EncodedFile
    kinds : mapping of str to JsonKind
        Of the values of each key, in the order in which the keys first occur.
    is_settled : bool
        Whether `kinds` are those of all rows.
    spelled : bool
        Give floats as the text that the whole column would be written as, which a block alone cannot tell.
    """

    text: EncodedFile
    kinds: Mapping[str, JsonKind]
    is_settled: bool = False
    spelled: bool = False

    format = "jsonl"

    @classmethod
    def open(cls, path: Path, text: EncodedFile | None = None) -> JsonLinesFile:
        """Find the encoding and guess the kinds of values; BadInput where the first lines are no objects."""
        text = text or find_encoding(path)
        first = next((part.records for part in _parsed(text) if part.records), [])
        return cls(text, _kinds(first, {}, 0))

    def settled(self) -> JsonLinesFile:
        """Return the file with the kinds of values of all rows."""
        if self.is_settled:
            return self
        kinds: Mapping[str, JsonKind] = {}
        n_rows = 0
        for part in _parsed(self.text):
            kinds = _kinds(part.records, kinds, n_rows)
            n_rows += len(part.records)
        return replace(self, kinds=kinds, is_settled=True)

    @property
    def path(self) -> Path:
        """The file."""
        return self.text.path

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns: the keys, ``unnamed_1`` where one is blank."""
        keys = list(self.kinds)
        try:
            for key in keys:
                key.encode()
        except UnicodeError as error:
            raise _unfit(place(self.path), error) from None
        return tuple(checked_names(keys, place(self.path)))

    def key(self, name: str) -> str:
        """Return the key of a column."""
        return list(self.kinds)[self.names.index(name)]

    def has_floats(self, name: str) -> bool:
        """Whether a column holds numbers that are not all whole."""
        return bool(pa.types.is_float64(self.kinds[self.key(name)].type))

    @cached_property
    def is_ascii(self) -> bool:
        """Whether nothing but ASCII occurs, so that other characters are escaped."""
        return all(block.isascii() for block in self.text.blocks())

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[RecordBlock]:
        """Yield all rows in blocks.

        Raises
        ------
        BadInput
            A line is no object, or a text of the columns asked for cannot be stored: with the line.
        OtherKinds
            The kinds of the values were guessed wrong.
        """
        names = self.names if columns is None else columns
        if not (self.is_settled or set(names) <= set(self.names)):
            raise OtherKinds
        keys = {name: self.key(name) for name in names}
        n_rows = 0
        for part in _parsed(self.text):
            if columns is None and not (self.is_settled or self.kinds.keys() >= set(keys_of(part.records))):
                raise OtherKinds
            if part.records:
                arrays = [self._column(name, key, part) for name, key in keys.items()]
                table = pa.table(arrays, names=list(names))
                yield RecordBlock(table, n_rows, part.starts, part.ends, part.lines)
            n_rows += len(part.records)

    def _column(self, name: str, key: str, part: _Lines) -> pa.Array | pa.ChunkedArray:
        values = [record.get(key) for record in part.records]
        kind = self.kinds[key]
        if not self.is_settled and kind.merge(JsonKind.of(values)).spelling != kind.spelling:
            raise OtherKinds
        try:
            column = kind.array(values)
        except (pa.ArrowException, UnicodeError, OverflowError, RecursionError) as error:
            at = next((k for k, value in enumerate(values) if not _is_storable(value)), None)
            line = "" if at is None else f" line {part.lines[at]}"
            raise _unfit(f"{place(self.path)}{line}, column {quoted(name)}", error) from None
        return _spelled(column, kind) if self.spelled and pa.types.is_float64(column.type) else column


def is_json_list(text: EncodedFile) -> bool:
    """Whether the first character that is no blank opens a list."""
    begin = next((start for block in text.blocks() if (start := block.lstrip())), b"")
    return begin.startswith(b"[")


def not_json(path: Path, number: int, line: str, error: ValueError) -> BadInput:
    """Return the error of text on a line that is no JSON."""
    reason = getattr(error, "msg", None) or said(error)
    column = getattr(error, "colno", None)
    at = f" at character {column}" if column else ""
    return BadInput(
        f"is not JSON ({reason}{at}): {quoted(line[:200])}",
        where=f"{place(path)} line {number}",
        fix='write one object a line, such as {"text": "...", "label": "..."}',
    )


def no_object(where: str, record: object) -> BadInput:
    """Return the error of a row that is no object."""
    return BadInput(
        f"holds {quoted(json.dumps(record)[:200])}, not an object",
        where=where,
        fix='write each row as an object, such as {"text": "...", "label": "..."}',
    )


def _parsed(text: EncodedFile) -> Iterator[_Lines]:
    """Yield the objects of all lines in blocks."""
    offset, line = 0, 1
    for data in whole_lines(_pieces(text.blocks())):
        texts = data.decode().split("\n")
        held = np.array([k for k, one in enumerate(texts) if one.strip(_BLANKS)], dtype=np.int64)
        records = _objects([texts[k] for k in held], held + line, text.path)
        feeds = np.flatnonzero(np.frombuffer(data, np.uint8) == _LF) + 1
        bounds = np.concatenate([[0], feeds, [len(data)]]) + offset
        yield _Lines(records, bounds[held], bounds[held + 1], held + line)
        offset, line = offset + len(data), line + len(feeds)


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    return (block[at : at + _PIECE] for block in blocks for at in range(0, len(block), _PIECE))


def _objects(texts: list[str], lines: NDArray[np.int64], path: Path) -> list[dict[str, Any]]:
    """Return the objects that lines hold; BadInput names the line that holds none."""
    records: list[dict[str, Any]] = []
    for number, text in zip(lines.tolist(), texts, strict=True):
        try:
            record = _READ(text.removeprefix(_MARK))
        except RecursionError:
            raise BadInput("is nested too deeply", where=f"{place(path)} line {number}", fix="flatten it") from None
        except ValueError as error:
            raise not_json(path, number, text, error) from None
        if not isinstance(record, dict):
            raise no_object(f"{place(path)} line {number}", record)
        records.append(record)
    return records


def _kinds(records: list[dict[str, Any]], before: Mapping[str, JsonKind], n_before: int) -> dict[str, JsonKind]:
    """Return the kinds of values of all rows up to these; `before` are those of the `n_before` rows before them."""
    kinds = dict(before)
    for key in (*before, *(key for key in keys_of(records) if key not in before)):
        known = before.get(key, _ABSENT if n_before else JsonKind())
        kinds[key] = known.merge(JsonKind.of([record.get(key) for record in records]))
    return kinds


def _spelled(column: pa.Array, kind: JsonKind) -> pa.Array:
    """Return floats as text: without their point where all floats of the data are whole numbers."""
    known = pc.if_else(pc.is_nan(column), None, column)
    return (known if kind.spelling[1] else known.cast(pa.int64())).cast(pa.string())


def _unfit(where: str, error: Exception) -> BadInput:
    """Return the error of what no table can hold, such as half of a pair of surrogates."""
    return BadInput(f"cannot be read ({said(error)})", where=where, fix="write the file again as UTF-8 JSON")


def _is_storable(value: Any) -> bool:
    try:
        pa.array([json.dumps(value, ensure_ascii=False)], pa.string())
    except (pa.ArrowException, UnicodeError, RecursionError):
        return False
    return True
