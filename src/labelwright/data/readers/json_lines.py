"""JSON Lines (one object a line) and JSON (one list of objects, or an export of Label Studio).

Strings, numbers and booleans keep their type where a column agrees on one; lists of strings stay lists (tags), lists of
as many numbers in every row become vectors; other nested values are kept as JSON text. Lines are read in blocks, so
that only the table is held; a list is read whole.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.readers.columnar import checked_table
from labelwright.data.readers.encoded_text import EncodedFile, find_encoding, read_text
from labelwright.data.readers.json_blocks import JsonLinesFile, OtherKinds, is_json_list, no_object, not_json
from labelwright.data.readers.json_columns import records_table
from labelwright.data.readers.label_studio import is_label_studio, read_label_studio
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput


def read_json_lines(path: Path, root: Path | None = None) -> Source:
    """Read one JSON object a line, or one JSON list of objects.

    Raises
    ------
    BadInput
        A line is not a JSON object: with the line number.
    """
    text = find_encoding(path)
    return _read_list(path, root) if is_json_list(text) else _read_lines(text, root)


def _read_lines(text: EncodedFile, root: Path | None) -> Source:
    path = text.path
    file = JsonLinesFile.open(path, text)
    try:
        blocks = [(block.table, block.lines) for block in file.blocks()]
    except OtherKinds:
        blocks = [(block.table, block.lines) for block in file.settled().blocks()]
    tables, lines = zip(*blocks, strict=True)
    table = checked_table(pa.concat_tables(tables), path)
    return Source(table, path, "jsonl", root or path.parent, np.concatenate(lines), {"encoding": text.encoding})


def _read_list(path: Path, root: Path | None) -> Source:
    text = read_text(path)
    records = _parsed_list(text.data, path)
    if is_label_studio(records):
        return read_label_studio(records, path, root)
    try:
        table = records_table(records)
    except (pa.ArrowException, UnicodeError, OverflowError, RecursionError) as error:
        raise BadInput(
            f"cannot be read ({said(error)})", where=place(path), fix="write the file again as UTF-8 JSON"
        ) from None
    details = {"encoding": text.encoding}
    return Source(checked_table(table, path), path, "jsonl", root or path.parent, None, details)


def _parsed_list(data: bytes, path: Path) -> list[dict[str, Any]]:
    try:
        records = json.loads(data)
    except RecursionError:
        raise BadInput("is nested too deeply", where=place(path), fix="flatten it") from None
    except ValueError as error:
        number = getattr(error, "lineno", 1)
        raise not_json(path, number, data.split(b"\n", number)[number - 1].decode(), error) from None
    for position, record in enumerate(records):
        if not isinstance(record, dict):
            raise no_object(f"{place(path)} entry {position}", record)
    return list(records)
