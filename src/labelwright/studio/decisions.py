"""Decisions of people about rows: made, undone, told. Every change adds an event; nothing is ever overwritten.

One decision is one transaction. Who decides says which version of the row was seen: where another person was faster,
nothing changes and it is said what was decided. The same action sent twice (a browser that heard no answer) counts
once.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from labelwright.errors import BadInput, LabelwrightError, quoted
from labelwright.studio import tables as t
from labelwright.studio.database import insert_row
from labelwright.studio.label_codes import Classes
from labelwright.studio.project import facts

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


def load_classes(connection: Connection) -> Classes:
    """Return the classes of the project."""
    c = t.label_class.c
    found = connection.execute(select(c.id, c.name, c.merged_into).order_by(c.position))
    return Classes((told.id, told.name, told.merged_into) for told in found)


def decide(connection: Connection, choice: Choice, user_id: int) -> int:
    """Store one decision and return the number of its event.

    Raises
    ------
    BadInput
        No such row, verdict or class; a relabel without a label.
    Conflict
        The row has changed since it was seen.
    """
    known = _already(connection, choice)
    if known is not None:
        return known
    before = _item(connection, choice.row)
    if before.version != choice.version:
        raise Conflict(standing(connection, choice.row))
    label = _label(connection, choice, before)
    values = {
        "queue": choice.queue,
        "note": choice.note,
        "client_key": choice.client_key,
    }
    return _change(connection, before, choice.verdict, label, user_id, **values)


def decide_together(connection: Connection, rows: Sequence[int], verdict: str, label: Any, user_id: int) -> str:
    """Decide many undecided rows in one action with one undo; return the name of the action.

    ``label=None`` with relabel takes the suggestion of each row. Rows that somebody decided meanwhile are left alone.
    """
    batch = str(uuid.uuid4())
    for row in rows:
        before = _item(connection, row)
        if before.verdict is not None:
            continue
        if verdict == "relabel" and label is None:
            if before.suggested is None:
                continue
            _change(connection, before, verdict, before.suggested, user_id, batch=batch)
            continue
        choice = Choice(row, verdict, before.version, label)
        _change(connection, before, verdict, _label(connection, choice, before), user_id, batch=batch)
    return batch


def decide_each(connection: Connection, labels: Mapping[int, str], user_id: int, *, queue: str | None = None) -> str:
    """Give undecided rows the labels (as stored) that are said of each, in one action; return its name."""
    batch = str(uuid.uuid4())
    for row, label in labels.items():
        before = _item(connection, row)
        if before.verdict is None:
            verdict = "keep" if label == before.given else "relabel"
            _change(connection, before, verdict, label, user_id, batch=batch, queue=queue)
    return batch


def undo(connection: Connection, event_id: int, user_id: int) -> int:
    """Take one decision back and return the number of the event that does so.

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
    if before.event_id != event_id:
        raise Conflict(standing(connection, told.row))
    return _take_back(connection, before, told, user_id)


def undo_together(connection: Connection, batch: str, user_id: int) -> int:
    """Take back what one action did, but for rows decided again since; return how many rows that were."""
    events = connection.execute(select(t.event.c.id, t.event.c.row).where(t.event.c.batch == batch)).all()
    if not events:
        raise BadInput(f"there is no action {quoted(batch)}", fix="look into the history")
    return _undo_standing(connection, [entry.id for entry in events], user_id)


def undo_of_user(connection: Connection, who: int, since: float, user_id: int) -> int:
    """Take back every standing decision of one person since a time; return how many."""
    chosen = select(t.event.c.id).where(t.event.c.user_id == who, t.event.c.at >= since).order_by(t.event.c.id.desc())
    return _undo_standing(connection, list(connection.scalars(chosen)), user_id)


def _undo_standing(connection: Connection, events: Sequence[int], user_id: int) -> int:
    undone = 0
    for number in events:
        told = connection.execute(select(t.event).where(t.event.c.id == number)).one()
        before = _item(connection, told.row)
        if before.event_id == number and told.undoes is None:
            _take_back(connection, before, told, user_id)
            undone += 1
    return undone


def standing(connection: Connection, row: int) -> dict[str, Any]:
    """Return how a row stands: verdict, label in words, version, and who decided it when."""
    now = _item(connection, row)
    task = facts(connection)["task"]
    last = None
    if now.event_id is not None:
        last = connection.execute(
            select(t.event.c.at, t.user.c.name).join(t.user, t.event.c.user_id == t.user.c.id)
            .where(t.event.c.id == now.event_id)
        ).one()  # fmt: skip
    return {
        "row": row,
        "verdict": now.verdict,
        "label": load_classes(connection).words(now.label, task),
        "version": now.version,
        "event": now.event_id,
        "who": None if last is None else last.name,
        "at": None if last is None else last.at,
    }


def mark(connection: Connection, row: int, marked: bool) -> None:
    """Set a row aside for another look, or take the mark away."""
    _item(connection, row)
    connection.execute(update(t.item).where(t.item.c.row == row).values(marked=marked))


def _already(connection: Connection, choice: Choice) -> int | None:
    if choice.client_key is None:
        return None
    same = (t.event.c.client_key == choice.client_key, t.event.c.row == choice.row)
    return connection.scalar(select(t.event.c.id).where(*same))


def _item(connection: Connection, row: int) -> Row[Any]:
    found = connection.execute(select(t.item).where(t.item.c.row == row).with_for_update()).one_or_none()
    if found is None:
        raise BadInput(f"there is no row {row}", fix="reload the page")
    return found


def _label(connection: Connection, choice: Choice, before: Row[Any]) -> str | None:
    if choice.verdict not in VERDICTS:
        raise BadInput(f"there is no decision {quoted(choice.verdict)}", fix="keep, relabel, reject or cannot_tell")
    if choice.verdict != "relabel":
        return None if before.given is None else str(before.given)
    if choice.label is None:
        raise BadInput("a relabel needs a label", fix="choose a class")
    return load_classes(connection).label_of(choice.label, facts(connection)["task"])


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
    connection.execute(update(t.item).where(t.item.c.row == before.row).values(**state))
    return number
