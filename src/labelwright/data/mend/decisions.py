"""The table of decisions: which row, what to do with it, and what its label should be.

    id         the durable name of a row, or ``name#part`` for a part of it           needed
    decision   keep, relabel, reject or cannot_tell; empty = not decided              needed
    label      the new label; needed for relabel
    content    a hash of what the row held when it was decided, as issues.csv has it  optional; see `check --decisions`
    given      the label that the row had when it was decided, as issues.csv has it   optional; see `check --decisions`
    who, when, note                                                                   optional, kept in the manifest

Any file that labelwright reads will do, so a spreadsheet or any tool can make it. Column names are found whatever
their case, under a few common other names; decisions may be written with blanks or hyphens. Other columns are ignored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from labelwright.data.column_types import cell_texts, is_list
from labelwright.data.dataset import Source
from labelwright.data.readers.dispatch import read_source
from labelwright.data.readers.frames import from_frame
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, did_you_mean, listed, quoted

VERDICTS = ("keep", "relabel", "reject", "cannot_tell")
PART = "#"
_NAMES = {
    "id": ("id", "labelwright_id", "row_id"),
    "part": ("part",),
    "decision": ("decision", "action", "verdict"),
    "label": ("label", "new_label", "corrected_label"),
    "who": ("who", "by", "annotator", "reviewer"),
    "when": ("when", "date", "time", "timestamp", "decided_at"),
    "note": ("note", "notes", "comment", "comments"),
    "content": ("content", "labelwright_content"),
    "given": ("given", "given_label", "old_label"),
}
_ALSO = {"can't_tell": "cannot_tell", "cant_tell": "cannot_tell", "can’t_tell": "cannot_tell"}


class Decision(NamedTuple):
    """What is to happen to one row.

    `where` is the place of the decision for messages, `content` a hash of what the row held when it was decided (see
    `labelwright.data.identity.content_hashes`), `given` the label that it had then, None where that is not told.
    """

    id: str
    decision: str
    label: str | None = None
    who: str | None = None
    when: str | None = None
    note: str | None = None
    where: str = ""
    content: str | None = None
    given: str | None = None


@dataclass(frozen=True)
class Decisions:
    """Decisions, one a row, in the order in which they were written.

    Parameters
    ----------
    entries : tuple of Decision
        Each id once.
    undecided : int
        Rows of the table that name no decision.

    Examples
    --------
    >>> decisions = read_decisions({"id": ["a", "b"], "decision": ["relabel", "keep"], "label": ["cat", None]})
    >>> decisions.count("relabel"), decisions.entries[0].label
    (1, 'cat')
    """

    entries: tuple[Decision, ...]
    undecided: int = 0

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.entries)

    def count(self, verdict: str) -> int:
        """Return how many decisions are of one kind."""
        return sum(entry.decision == verdict for entry in self.entries)


def read_decisions(decisions: str | os.PathLike[str] | Mapping[str, Any] | Any) -> Decisions:
    """Read decisions from a file (CSV, TSV, xlsx, Parquet, JSONL, Arrow) or a data frame.

    Parameters
    ----------
    decisions : path, data frame, mapping of columns, or Decisions

    Raises
    ------
    BadInput
        A column is missing, a decision is not known, a relabel has no label, an id is decided twice differently: with
        the line.

    Examples
    --------
    >>> read_decisions({"id": [7, 8], "decision": ["Cannot tell", "reject"]}).entries[0].decision
    'cannot_tell'
    """
    if isinstance(decisions, Decisions):
        return decisions
    if isinstance(decisions, str | os.PathLike):
        path = Path(decisions)
        if path.is_dir():
            is_audit = (path / "issues.parquet").is_file()
            fix = "add --auto --max-score S to take its suggestions" if is_audit else "name the file of decisions"
            raise BadInput("is a folder, not a table of decisions", where=place(path), fix=fix)
        source = read_source(path)
    else:
        source = from_frame(decisions)
    columns = _columns(source)
    return _merged(source, columns)


def _columns(source: Source) -> dict[str, list[str | None]]:
    """Return the texts of the columns that matter, under their settled names."""
    names = [str(name) for name in source.table.column_names]
    tidy: dict[str, str] = {}
    for name in names:
        tidy.setdefault(re.sub(r"[\s\-]+", "_", name.strip().casefold()), name)
    found = {role: tidy[alias] for role, known in _NAMES.items() for alias in reversed(known) if alias in tidy}
    for role in ("id", "decision"):
        if role not in found:
            raise BadInput(
                f"has no column {quoted(role)}; it has {listed(names)}",
                where=place(source.path),
                fix="give columns id, decision (keep, relabel, reject, cannot_tell) and label",
            )
    return {role: _texts(source, name) for role, name in found.items()}


def _texts(source: Source, name: str) -> list[str | None]:
    column = source.table.column(name)
    if is_list(column.type):
        return [None if cell is None else "|".join(map(str, cell)) for cell in column.to_pylist()]
    if pa.types.is_struct(column.type) or pa.types.is_binary(column.type):
        raise BadInput(
            f"column {quoted(name)} holds cells of type {column.type}", where=place(source.path), fix="write text"
        )
    return [text if text is not None and text.strip() else None for text in cell_texts(column).to_pylist()]


def _merged(source: Source, columns: dict[str, list[str | None]]) -> Decisions:
    nothing: list[str | None] = [None] * len(source)
    wanted = ("id", "part", "decision", "label", "who", "when", "note", "content", "given")
    entries: dict[str, Decision] = {}
    undecided = 0
    for row, cells in enumerate(zip(*(columns.get(role, nothing) for role in wanted), strict=True)):
        if cells[2] is None and cells[3] is None:
            undecided += 1
            continue
        entry = _decision(source, row, cells)
        known = entries.setdefault(entry.id, entry)
        if (known.decision, known.label) != (entry.decision, entry.label):
            raise BadInput(
                f"{quoted(entry.id)} is decided twice: {said(known)} ({known.where}) and {said(entry)}",
                where=entry.where,
                fix="leave one of the two",
            )
    if not entries:
        raise BadInput("no row names a decision", where=place(source.path), fix="fill the column decision")
    return Decisions(tuple(entries.values()), undecided)


def said(entry: Decision) -> str:
    """Return a decision in words."""
    return f"relabel to {quoted(entry.label)}" if entry.decision == "relabel" else entry.decision


def _decision(source: Source, row: int, cells: tuple[str | None, ...]) -> Decision:
    name, part, verdict, label, who, when, note, content, given = cells
    # Most rows are fine: the place is written out only once per row and kept for the errors of later steps.
    where = _where(source, row)
    if name is None:
        raise BadInput("names no row: its id is empty", where=where, fix="fill the id, or delete the line")
    if verdict is None:
        raise BadInput(
            f"has the label {quoted(label)} but no decision", where=where, fix="write relabel in the column decision"
        )
    word = re.sub(r"[\s\-]+", "_", verdict.strip().casefold())
    word = _ALSO.get(word, word)
    if word not in VERDICTS:
        raise BadInput(f"there is no decision {quoted(verdict)}", where=where, fix=did_you_mean(word, VERDICTS))
    if word == "relabel" and label is None:
        raise BadInput("relabel without a label", where=where, fix="fill the label, or decide cannot_tell")
    full = name if part is None else f"{name}{PART}{part}"
    kept = label if word in ("relabel", "keep") else None
    return Decision(full, word, kept, who, when, note, where, content, given)


def _where(source: Source, row: int) -> str:
    if source.line_numbers is None:
        return f"{place(source.path)} row {row}"
    return f"{place(source.path)} line {int(source.line_numbers[row])}"
