"""The manifest: which file became which, and who decided what; one line a file and one line a decision.

    schema_version, id, decision, old_label, new_label, old_path, new_path, sha256, who, when, note, content

A line with paths is about a file: `sha256` is that of the bytes at `new_path`. A line with an id is about a row, file
or part that the decisions or the data name; `content` is the hash of the row that its decision carries. In folders of
images both are the same line. Nothing in it is left out or changed for the sake of spreadsheets unless that was asked
for.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from labelwright.data.mend.plan import Changes, Items

SCHEMA_VERSION = 1
MANIFEST = "manifest.csv"
_BLOCK = 1 << 20
# What a spreadsheet would run when it opens the file; plain numbers are harmless.
_FORMULA, _NUMBER = re.compile(r"[=+\-@\t\r]"), re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?$")


class ManifestLine(NamedTuple):
    """One line of the manifest; empty where a field does not apply."""

    id: str = ""
    decision: str = ""
    old_label: str = ""
    new_label: str = ""
    old_path: str = ""
    new_path: str = ""
    sha256: str = ""
    who: str = ""
    when: str = ""
    note: str = ""
    content: str = ""


def decided_line(row: int, changes: Changes, items: Items) -> ManifestLine:
    """Return the line of an item, with its decision when there is one."""
    entry = changes.decided.get(row)
    given = items.given[row] or ""
    if entry is None:
        return ManifestLine(id=str(items.ids[row]), old_label=given, new_label=given)
    new = changes.relabel.get(row, given) if row not in changes.reject else ""
    return ManifestLine(
        id=str(items.ids[row]),
        decision=entry.decision,
        old_label=given,
        new_label=new,
        who=entry.who or "",
        when=entry.when or "",
        note=entry.note or "",
        content=entry.content or "",
    )


def decided_lines(changes: Changes, items: Items) -> list[ManifestLine]:
    """Return one line for each decision, in the order of the items."""
    return [decided_line(row, changes, items) for row in sorted(changes.decided)]


def write_manifest(path: Path, lines: Iterable[ManifestLine], *, spreadsheet_safe: bool = False) -> None:
    """Write the manifest as CSV in UTF-8; with `spreadsheet_safe` a quote stands before what would run as a formula."""
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow(("schema_version", *ManifestLine._fields))
        for line in lines:
            cells = [safe_cell(cell) for cell in line] if spreadsheet_safe else line
            writer.writerow((SCHEMA_VERSION, *cells))


def safe_cell(text: str) -> str:
    """Return `text` with a quote before it when a spreadsheet would run it as a formula.

    Examples
    --------
    >>> safe_cell("=1+1"), safe_cell("-5"), safe_cell("cat")
    ("'=1+1", '-5', 'cat')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
