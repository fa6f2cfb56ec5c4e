"""Take the decisions out of a project: as a table, and made true in a new copy of the data."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from labelwright.data.dataset import Dataset
from labelwright.data.mend.datasets import apply_to_dataset, with_rows_as_seen
from labelwright.data.mend.decisions import Decision, Decisions
from labelwright.data.mend.formats import MendOptions
from labelwright.data.mend.run import Applied
from labelwright.errors import BadInput, quoted
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.project import facts

# Letters, digits and single separators within: no path, no stream, no hidden file, no dot or space that Windows drops.
_FILE_NAME = re.compile(r"\w(?:[\w .()+,-]*[\w)])?")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{k}" for port in ("com", "lpt") for k in "0123456789¹²³")}
LONGEST_FILE_NAME = 200  # bytes; file systems take 255, and what is written aside has a longer one


def decisions(connection: Connection) -> Decisions:
    """Return the standing decision of every decided row, as `labelwright apply` takes them."""
    c, task, classes = t.item.c, facts(connection)["task"], load_classes(connection)
    query = (
        select(c.name, c.verdict, c.label, t.user.c.name.label("who"), t.event.c.at, t.event.c.note)
        .join(t.event, c.event_id == t.event.c.id)
        .join(t.user, t.event.c.user_id == t.user.c.id)
        .where(c.verdict.is_not(None))
        .order_by(c.row)
    )
    entries = [
        Decision(
            told.name,
            told.verdict,
            classes.words(told.label, task) if told.verdict == "relabel" else None,
            told.who,
            datetime.fromtimestamp(told.at, UTC).isoformat(timespec="seconds"),
            told.note,
        )
        for told in connection.execute(query)
    ]
    return Decisions(tuple(entries))


def decisions_table(found: Decisions, dataset: Dataset) -> dict[str, list[Any]]:
    """Return decisions as columns, with a hash of what the row held and the label that was kept."""
    names = ("id", "decision", "label", "who", "when", "note", "content", "given")
    entries = with_rows_as_seen(found, dataset)
    return {name: [getattr(entry, name) for entry in entries] for name in names}


def checked_file_name(name: str) -> str:
    """Return the name of a file that is fine on every system and stays in its folder; BadInput for any other.

    Examples
    --------
    >>> checked_file_name("tickets-mended.csv")
    'tickets-mended.csv'
    >>> checked_file_name("../tickets.csv")
    Traceback (most recent call last):
    ...
    labelwright.errors.BadInput: '../tickets.csv' is no name for a file. Fix: give letters, digits, '-', '_', '.' alone.
    """
    stem = name.split(".")[0].casefold()
    if not _FILE_NAME.fullmatch(name) or stem in _DEVICES or len(name.encode()) > LONGEST_FILE_NAME:
        raise BadInput(f"{quoted(name)} is no name for a file", fix="give letters, digits, '-', '_', '.' alone")
    return name


def as_written(dataset: Dataset, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the classes as the data write them: for tokens also the tags of spans of each type."""
    tags = [f"{mark}-{name}" for mark in "BI" for name in classes] if dataset.plan.task == "token" else []
    return (*classes, *tags)


def mended_name(dataset: Dataset) -> str:
    """Return how a mended copy of the data is called when nothing else is said."""
    path = dataset.source.path
    return f"{path.stem}-mended{path.suffix}"


def mended_copy(
    dataset: Dataset, found: Decisions, out: Path, new_classes: tuple[str, ...] = (), *, spreadsheet_safe: bool = False
) -> Applied:
    """Write a new copy of the data in which the decisions are true; every undecided byte is kept.

    ``spreadsheet_safe`` puts a quote before every cell that a spreadsheet would run as a formula, undecided ones too.

    Raises
    ------
    BadInput
        `out` exists, or a decision no longer fits the data.
    """
    options = MendOptions(new_classes=as_written(dataset, new_classes), spreadsheet_safe=spreadsheet_safe)
    return apply_to_dataset(dataset, found, out, options)
