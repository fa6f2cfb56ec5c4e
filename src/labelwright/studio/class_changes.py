"""Classes that change in the middle of a project: renamed, merged, added; each with a preview, each reversible.

A rename touches no row, since rows hold numbers. A merge leaves the rows as they are too: the merged class leads to the
one it went into, and comes back when that is taken back.
"""

from __future__ import annotations

import json
import time
from typing import Any

from sqlalchemy import Connection, func, select, update

from labelwright.errors import BadInput, quoted
from labelwright.studio import tables as t
from labelwright.studio.database import insert_row
from labelwright.studio.decisions import load_classes
from labelwright.studio.project import add_class, facts

LONGEST_NAME = 500


def preview_merge(connection: Connection, source: str, into: str) -> dict[str, Any]:
    """Return how many rows a merge would touch: labelled so now, decided so by people, suggested so."""
    classes = load_classes(connection)
    number, target = classes.number(source), classes.number(into)
    if number == target:
        raise BadInput("a class cannot be merged into itself", fix="name two classes")
    i = t.item.c
    like = _holds(number)
    counts = connection.execute(
        select(
            func.count().filter(like(i.label)),
            func.count().filter(like(i.label), i.verdict.is_not(None)),
            func.count().filter(like(i.suggested)),
        )
    ).one()
    return {"source": source, "into": into, "rows": counts[0], "decided": counts[1], "suggested": counts[2]}


def rename(connection: Connection, old: str, new: str, user_id: int) -> int:
    """Give a class another name and return the number of the change."""
    _wait_for_others(connection)
    number = load_classes(connection).number(old)
    _check_name(connection, new)
    connection.execute(update(t.label_class).where(t.label_class.c.id == number).values(name=new))
    return _told(connection, user_id, "rename", {"class": number, "old": old, "new": new})


def merge(connection: Connection, source: str, into: str, user_id: int) -> int:
    """Let a class go into another one and return the number of the change."""
    _wait_for_others(connection)
    about = preview_merge(connection, source, into)
    classes = load_classes(connection)
    number, target = classes.number(source), classes.number(into)
    connection.execute(update(t.label_class).where(t.label_class.c.id == number).values(merged_into=target))
    return _told(connection, user_id, "merge", {"class": number, "into": target, **about})


def add(connection: Connection, name: str, user_id: int) -> int:
    """Add a class and return the number of the change."""
    _wait_for_others(connection)
    _check_name(connection, name)
    number = add_class(connection, name)
    return _told(connection, user_id, "add", {"class": number, "name": name})


def take_back(connection: Connection, change: int, user_id: int) -> int:
    """Reverse a change and return the number of the reversal.

    Raises
    ------
    BadInput
        No such change, taken back already, or in use: an added class that rows have, a name that was given away.
    """
    _wait_for_others(connection)
    c = t.class_change.c
    told = connection.execute(select(t.class_change).where(c.id == change)).one_or_none()
    if told is None or told.taken_back:
        raise BadInput(f"there is no change {change} to take back", fix="reload the page")
    about = json.loads(told.about)
    which = t.label_class.c.id == about["class"]
    if told.kind == "rename":
        _check_name(connection, about["old"])
        connection.execute(update(t.label_class).where(which).values(name=about["old"]))
    elif told.kind == "merge":
        connection.execute(update(t.label_class).where(which).values(merged_into=None))
    elif told.kind == "add":
        used = connection.scalar(select(func.count()).where(_holds(about["class"])(t.item.c.label)))
        if used:
            raise BadInput(f"{used} rows have this class", fix="relabel them, or merge the class")
        connection.execute(update(t.label_class).where(which).values(merged_into=about["class"]))
    connection.execute(update(t.class_change).where(c.id == change).values(taken_back=True))
    return _told(connection, user_id, "back", {"change": change, **about})


def may_be_renamed(connection: Connection) -> bool:
    """Say whether classes get their names here: masks hold numbers, whose names are given with the data."""
    return facts(connection)["task"] != "segmentation"


def changes(connection: Connection) -> list[dict[str, Any]]:
    """Return every change of classes, the newest first."""
    c = t.class_change.c
    query = select(c.id, c.kind, c.about, c.at, c.taken_back, t.user.c.name.label("who")).join(t.user)
    return [{**row._mapping, "about": json.loads(row.about)} for row in connection.execute(query.order_by(c.id.desc()))]


def _wait_for_others(connection: Connection) -> None:
    """Let changes come one after the other: two at a moment could merge two classes into each other."""
    connection.execute(select(t.meta.c.key).where(t.meta.c.key == "fingerprint").with_for_update())


def _check_name(connection: Connection, name: str) -> None:
    if not may_be_renamed(connection):
        raise BadInput("masks hold numbers, and their names are given with the data", fix="name them by --classes")
    if not name.strip() or len(name) > LONGEST_NAME or "|" in name:
        raise BadInput(f"{quoted(name)} is no name for a class", fix=f"give 1 to {LONGEST_NAME} characters without '|'")
    if name in load_classes(connection).names.values():
        raise BadInput(f"there is a class {quoted(name)} already", fix="merge the two, or choose another name")


def _told(connection: Connection, user_id: int, kind: str, about: dict[str, Any]) -> int:
    values = {"kind": kind, "about": json.dumps(about), "user_id": user_id, "at": time.time(), "taken_back": False}
    return insert_row(connection, t.class_change, **values)


def _holds(number: int) -> Any:
    """Return a test of a stored label for one class among its numbers."""

    def holds(column: Any) -> Any:
        padded = func.replace(func.replace(column, "[", ","), "]", ",")
        return padded.like(f"%,{number},%")

    return holds
