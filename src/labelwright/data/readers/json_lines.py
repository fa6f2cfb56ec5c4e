"""JSON Lines (one object a line) and JSON (one list of objects, or an export of Label Studio).

Strings, numbers and booleans keep their type where a column agrees on one; lists of strings stay lists (tags), lists of
as many numbers in every row become vectors; other nested values are kept as JSON text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.readers.columnar import checked_table
from labelwright.data.readers.encoded_text import read_text
from labelwright.data.readers.json_columns import records_table
from labelwright.data.readers.label_studio import is_label_studio, read_label_studio
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, quoted


def read_json_lines(path: Path, root: Path | None = None) -> Source:
    """Read one JSON object a line, or one JSON list of objects.

    Raises
    ------
    BadInput
        A line is not a JSON object: with the line number.
    """
    text = read_text(path)
    details = {"encoding": text.encoding}
    if text.data.lstrip()[:1] == b"[":
        records, lines = _whole(text.data, path), None
        if is_label_studio(records):
            return read_label_studio(records, path, root)
    else:
        records, numbers = _by_line(text.data, path)
        lines = np.asarray(numbers, dtype=np.int64)
    try:
        table = records_table(records)
    except (pa.ArrowException, UnicodeError, OverflowError, RecursionError) as error:
        raise BadInput(
            f"cannot be read ({said(error)})", where=place(path), fix="write the file again as UTF-8 JSON"
        ) from None
    return Source(checked_table(table, path), path, "jsonl", root or path.parent, lines, details)


def _by_line(data: bytes, path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except RecursionError:
            raise BadInput("is nested too deeply", where=f"{place(path)} line {number}", fix="flatten it") from None
        except ValueError as error:
            raise _not_json(path, number, line, error) from None
        if not isinstance(record, dict):
            raise _no_object(f"{place(path)} line {number}", record)
        records.append(record)
        numbers.append(number)
    return records, numbers


def _not_json(path: Path, number: int, line: bytes, error: ValueError) -> BadInput:
    reason = getattr(error, "msg", None) or said(error)
    column = getattr(error, "colno", None)
    at = f" at character {column}" if column else ""
    shown = quoted(line[:200].decode("utf-8", errors="replace"))
    return BadInput(
        f"is not JSON ({reason}{at}): {shown}",
        where=f"{place(path)} line {number}",
        fix='write one object a line, such as {"text": "...", "label": "..."}',
    )


def _no_object(where: str, record: object) -> BadInput:
    return BadInput(
        f"holds {quoted(json.dumps(record)[:200])}, not an object",
        where=where,
        fix='write each row as an object, such as {"text": "...", "label": "..."}',
    )


def _whole(data: bytes, path: Path) -> list[dict[str, Any]]:
    try:
        records = json.loads(data)
    except RecursionError:
        raise BadInput("is nested too deeply", where=place(path), fix="flatten it") from None
    except ValueError as error:
        raise _not_json(path, getattr(error, "lineno", 1), data[:200], error) from None
    for position, record in enumerate(records):
        if not isinstance(record, dict):
            raise _no_object(f"{place(path)} entry {position}", record)
    return list(records)
