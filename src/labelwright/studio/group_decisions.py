"""Decisions about many rows in one action, and taking them back: a few statements, however many rows there are.

An action first adds its events, all with its name, and then brings the rows to the state that these events say.
PostgreSQL locks the rows while it reads them, so that nobody decides them in between.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    func,
    insert,
    literal,
    select,
    update,
)

from labelwright.errors import BadInput, quoted
from labelwright.studio import tables as t
from labelwright.studio.database import pieces, present
from labelwright.studio.decisions import checked_label
from labelwright.studio.taken_back import can_be_taken_back

_TOLD = ("row", "verdict_before", "label_before", "event_before", "verdict", "label", "user_id", "at", "batch")


def decide_together(connection: Connection, rows: Sequence[int], verdict: str, label: Any, user_id: int) -> str:
    """Decide many undecided rows in one action with one undo; return the name of the action.

    ``label=None`` with relabel takes the suggestion of each row, where it has one. Rows that somebody decided meanwhile
    are left alone.

    Raises
    ------
    BadInput
        No such row, verdict or class.
    """
    i, batch, at = t.item.c, str(uuid.uuid4()), time.time()
    new: ColumnElement[Any] = i.suggested
    if verdict != "relabel" or label is not None:
        stored = checked_label(connection, verdict, label, None)
        new = i.given if verdict != "relabel" else literal(stored)
    missing = set(rows) - present(connection, i.row, rows)
    if missing:
        raise BadInput(f"there is no row {min(missing)}", fix="reload the page")
    for part in pieces(rows):
        chosen = select(i.row, i.verdict, i.label, i.event_id, literal(verdict), new, literal(user_id), literal(at),
                        literal(batch)).where(i.row.in_(part), i.verdict.is_(None))  # fmt: skip
        if new is i.suggested:
            chosen = chosen.where(i.suggested.is_not(None))
        _add_events(connection, _TOLD, chosen)
    _bring_to(connection, batch)
    return batch


def decide_each(connection: Connection, labels: Mapping[int, str], user_id: int, *, queue: str | None = None) -> str:
    """Give undecided rows the labels (as stored) that are said of each, in one action; return its name."""
    i, batch, at = t.item.c, str(uuid.uuid4()), time.time()
    for part in pieces(list(labels)):
        query = select(i.row, i.given, i.label, i.event_id).where(i.row.in_(part), i.verdict.is_(None))
        told = [
            {
                "row": row.row,
                "label_before": row.label,
                "event_before": row.event_id,
                "verdict": "keep" if labels[row.row] == row.given else "relabel",
                "label": labels[row.row],
                "user_id": user_id,
                "at": at,
                "batch": batch,
                "queue": queue,
            }
            for row in connection.execute(query.order_by(i.row).with_for_update())
        ]
        if told:
            connection.execute(insert(t.event), told)
    _bring_to(connection, batch)
    return batch


def undo_together(connection: Connection, batch: str, user_id: int) -> int:
    """Take back what one action did, but for rows decided again since; return how many rows that were.

    An action that took decisions back is taken back the same way: then these decisions stand again.
    """
    if not connection.scalar(select(func.count()).where(t.event.c.batch == batch)):
        raise BadInput(f"there is no action {quoted(batch)}", fix="look into the history")
    e = t.event.c
    last = (
        select(e.row, e.id, t.item.c.version)
        .join(t.item, t.item.c.row == e.row)
        .where(e.batch == batch, can_be_taken_back())
    )
    return _undo(connection, last.subquery(), user_id)


def undo_of_user(connection: Connection, who: int, since: float, user_id: int) -> int:
    """Take back every standing decision of one person since a time, in one action; return how many rows that were.

    Where the decision before is theirs, too, a row goes back to where it stood before the first of them.
    """
    i, e, earlier = t.item.c, t.event.c, t.event.alias("earlier")
    last = select(i.row, e.id, e.event_before, i.version).join(t.event, i.event_id == e.id)
    chain = last.where(e.user_id == who, e.at >= since).cte("chain", recursive=True)
    more = select(chain.c.row, earlier.c.id, earlier.c.event_before, chain.c.version)
    more = more.join(earlier, chain.c.event_before == earlier.c.id)
    whole = chain.union_all(more.where(earlier.c.user_id == who, earlier.c.at >= since))
    first = select(whole.c.row, func.min(whole.c.id).label("id"), whole.c.version)
    first = first.group_by(whole.c.row, whole.c.version)
    return _undo(connection, first.subquery(), user_id)


def _undo(connection: Connection, which: Subquery, user_id: int) -> int:
    """Bring rows back to where they stood before an event of each, in one action; return how many.

    `which` has the `row`, the `id` of the event, and the `version` of the row: one that has changed since stays.
    """
    i, e, batch = t.item.c, t.event.c, str(uuid.uuid4())
    rows = select(i.row, i.verdict, i.label, i.event_id, e.verdict_before, e.label_before, literal(user_id),
                  literal(time.time()), literal(batch), e.id)  # fmt: skip
    rows = rows.join(which, and_(which.c.row == i.row, which.c.version == i.version)).join(t.event, e.id == which.c.id)
    _add_events(connection, (*_TOLD, "undoes"), rows)
    undone = int(connection.scalar(select(func.count()).where(e.batch == batch)) or 0)
    if undone:
        _bring_to(connection, batch, stands=_before_undone())
    return undone


def _add_events(connection: Connection, names: Sequence[str], rows: Select[Any]) -> None:
    locked = rows.order_by(t.item.c.row).with_for_update(of=t.item)
    connection.execute(insert(t.event).from_select(list(names), locked, include_defaults=False))


def _before_undone() -> ColumnElement[Any]:
    """Return, for an event that undoes another, the one that stood before that other."""
    other = t.event.alias("undone")
    return select(other.c.event_before).where(other.c.id == t.event.c.undoes).scalar_subquery()


def _bring_to(connection: Connection, batch: str, stands: ColumnElement[Any] | None = None) -> None:
    """Bring the rows of an action to the state that its events say."""
    i, e = t.item.c, t.event.c
    state = {
        "verdict": e.verdict,
        "label": e.label,
        "version": i.version + 1,
        "event_id": e.id if stands is None else stands,
    }
    connection.execute(update(t.item).where(i.row == e.row, e.batch == batch).values(**state))
