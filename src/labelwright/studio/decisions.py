"""Decisions of people about rows: made, undone, told. Every change adds an event; nothing is ever overwritten.

One decision is one transaction. Who decides says which version of the row was seen: where another person was faster,
nothing changes and it is said what was decided. The same action sent twice (a browser that heard no answer) counts
once.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Row, String, bindparam, cast, func, select, update

from labelwright.errors import BadInput, LabelwrightError, quoted
from labelwright.studio import tables as t
from labelwright.studio.database import insert_row
from labelwright.studio.label_codes import Classes
from labelwright.studio.project import facts
from labelwright.studio.taken_back import can_be_taken_back

VERDICTS = ("keep", "relabel", "reject", "cannot_tell")


class Conflict(LabelwrightError):
    """Somebody else was faster; `current` says how the row stands now."""

    def __init__(self, current: dict[str, Any]) -> None:
        super().__init__("another person has decided this row meanwhile")
        self.current = current


@dataclass(frozen=True)
class Choice:
    """What a person decided about one row.

    Parameters
    ----------
    row : int
    verdict : str
        keep, relabel, reject or cannot_tell.
    label : str, list of str or float, optional
        The new label; needed for relabel alone.
    version : int
        Of the row as it was seen.
    note : str, optional
    queue : str, optional
        Where the person met the row.
    client_key : str, optional
        Names the action, so that it counts once however often it arrives.
    """

    row: int
    verdict: str
    version: int
    label: Any = None
    note: str | None = None
    queue: str | None = None
    client_key: str | None = None


_C = t.class_change.c
CLASSES_VERSION = (  # differs after every change of the classes, in whatever order two of them are stored
    select(cast(func.count(), String) + ":" + cast(func.coalesce(func.max(_C.at), 0.0), String))
    .select_from(t.class_change)
    .scalar_subquery()
)
_KNOWN: WeakKeyDictionary[Engine, tuple[str, Classes]] = WeakKeyDictionary()


def load_classes(connection: Connection, version: str | None = None) -> Classes:
    """Return the classes of the project, which are read again when they have changed.

    Parameters
    ----------
    connection : Connection
    version : str, optional
        `CLASSES_VERSION`, where a query of the caller's has brought it along.
    """
    if version is None:
        version = str(connection.scalar(select(CLASSES_VERSION)))
    known = _KNOWN.get(connection.engine)
    if known is not None and known[0] == version:
        return known[1]
    c = t.label_class.c
    found = connection.execute(select(c.id, c.name, c.merged_into).order_by(c.position))
    classes = Classes((told.id, told.name, told.merged_into) for told in found)
    _KNOWN[connection.engine] = version, classes
    return classes


def known_classes(connection: Connection, *, fresh: bool = False) -> tuple[str, Classes]:
    """Return the classes as they were read last, and their version: for who tests the version afterwards.

    `fresh` looks whether they have changed.
    """
    known = None if fresh else _KNOWN.get(connection.engine)
    if known is None:
        version = str(connection.scalar(select(CLASSES_VERSION)))
        known = version, load_classes(connection, version)
    return known


def decide(connection: Connection, choice: Choice, user_id: int) -> int:
    """Store one decision and return the number of its event.

    Raises
    ------
    BadInput
        No such row, verdict or class; a relabel without a label.
    Conflict
        The row has changed since it was seen.
    """
    before = _item(connection, choice.row)  # locked, so that the same action sent twice at once counts once
    known = _already(connection, choice, user_id)
    if known is not None:
        return known
    if before.version != choice.version:
        raise Conflict(standing(connection, choice.row))
    label = checked_label(connection, choice.verdict, choice.label, before.given)
    values = {
        "queue": choice.queue,
        "note": choice.note,
        "client_key": choice.client_key,
    }
    return _change(connection, before, choice.verdict, label, user_id, **values)


def decide_each_as_said(connection: Connection, choices: Sequence[Choice], user_id: int) -> str:
    """Decide several rows in one action with one undo, all of them or none; return its name. Raises as `decide`."""
    batch = str(uuid.uuid4())
    for choice in choices:
        before = _item(connection, choice.row)
        if before.version != choice.version:
            raise Conflict(standing(connection, choice.row))
        label = checked_label(connection, choice.verdict, choice.label, before.given)
        values = {"queue": choice.queue, "note": choice.note, "batch": batch}
        _change(connection, before, choice.verdict, label, user_id, **values)
    return batch


def undo(connection: Connection, event_id: int, user_id: int) -> int:
    """Take one decision back and return the number of the event that does so; what took one back, the same way.

    Raises
    ------
    BadInput
        No such event.
    Conflict
        The row was decided again since.
    """
    told = connection.execute(select(t.event).where(t.event.c.id == event_id)).one_or_none()
    if told is None:
        raise BadInput(f"there is no decision {event_id}", fix="look into the history")
    before = _item(connection, told.row)
    if not connection.scalar(
        select(can_be_taken_back()).select_from(t.event.join(t.item)).where(t.event.c.id == event_id)
    ):
        raise Conflict(standing(connection, told.row))
    return _take_back(connection, before, told, user_id)


def standing(connection: Connection, row: int) -> dict[str, Any]:
    """Return how a row stands: verdict, label in words, version, and who decided it when."""
    now = connection.execute(_STANDING, {"number": row}).one_or_none()
    if now is None:
        raise _no_row(row)
    return {
        "row": row,
        "verdict": now.verdict,
        "label": load_classes(connection, now.classes).words(now.label, facts(connection)["task"]),
        "version": now.version,
        "event": now.event_id,
        "who": now.name,
        "at": now.at,
    }


_I = t.item.c
_LOCKED_ITEM = select(t.item).where(_I.row == bindparam("number")).with_for_update()
_STANDING = (
    select(_I.verdict, _I.label, _I.version, _I.event_id, t.event.c.at, t.user.c.name, CLASSES_VERSION.label("classes"))
    .select_from(t.item.outerjoin(t.event, t.event.c.id == _I.event_id).outerjoin(t.user))
    .where(_I.row == bindparam("number"))
)


def mark(connection: Connection, row: int, marked: bool) -> None:
    """Set a row aside for another look, or take the mark away."""
    _item(connection, row)
    connection.execute(update(t.item).where(t.item.c.row == row).values(marked=marked))


def _already(connection: Connection, choice: Choice, user_id: int) -> int | None:
    if choice.client_key is None:
        return None
    same = (t.event.c.client_key == choice.client_key, t.event.c.row == choice.row)
    known = connection.execute(select(t.event.c.id, t.event.c.user_id).where(*same)).one_or_none()
    if known is not None and known.user_id != user_id:
        raise BadInput("somebody else's action has this client_key", fix="send a random one")
    return None if known is None else int(known.id)


def _item(connection: Connection, row: int) -> Row[Any]:
    """Return how a row is, locked until the transaction ends."""
    found = connection.execute(_LOCKED_ITEM, {"number": row}).one_or_none()
    if found is None:
        raise _no_row(row)
    return found


def _no_row(row: int) -> BadInput:
    return BadInput(f"there is no row {row}", fix="reload the page")


def checked_label(connection: Connection, verdict: str, label: Any, given: str | None) -> str | None:
    """Return the label, as stored, that a decision leaves; BadInput for what is no decision."""
    if verdict not in VERDICTS:
        raise BadInput(f"there is no decision {quoted(verdict)}", fix="keep, relabel, reject or cannot_tell")
    if verdict != "relabel":
        return given
    if label is None:
        raise BadInput("a relabel needs a label", fix="choose a class")
    return load_classes(connection).label_of(label, facts(connection)["task"])


def _take_back(connection: Connection, before: Row[Any], told: Row[Any], user_id: int) -> int:
    """Bring a row back to where it stood before an event; the decision before that one stands again."""
    number = _change(connection, before, told.verdict_before, told.label_before, user_id, undoes=told.id)
    connection.execute(update(t.item).where(t.item.c.row == before.row).values(event_id=told.event_before))
    return number


def _change(
    connection: Connection, before: Row[Any], verdict: str | None, label: str | None, user_id: int, **values: Any
) -> int:
    """Add the event and bring the row to its new state."""
    told = {
        "row": before.row,
        "verdict_before": before.verdict,
        "label_before": before.label,
        "event_before": before.event_id,
        "verdict": verdict,
        "label": label,
        "user_id": user_id,
        "at": time.time(),
        **values,
    }
    number = insert_row(connection, t.event, **told)
    state = {"verdict": verdict, "label": label, "version": before.version + 1, "event_id": number}
    connection.execute(_CHANGED, {"number": before.row, **state})
    return number


_CHANGED = (
    update(t.item)
    .where(_I.row == bindparam("number"))
    .values({name: bindparam(name) for name in ("verdict", "label", "version", "event_id")})
)
