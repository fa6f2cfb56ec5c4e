"""Who decided what and when, from which label to which."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, or_, select

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.project import facts
from labelwright.studio.taken_back import can_be_taken_back


def history(
    connection: Connection,
    *,
    row: int | None = None,
    user_id: int | None = None,
    batch: str | None = None,
    together: bool = False,
    limit: int = 100,
    before: int = 0,
) -> list[dict[str, Any]]:
    """Return events, the newest first.

    Parameters
    ----------
    connection : Connection
    row, user_id : int, optional
        Only those of one row or one person.
    batch : str, optional
        Only those of one action.
    together : bool
        One event stands for all of its action, with how many rows it concerns and in how many it can be taken back.
    limit : int
        1 to 1000.
    before : int
        Only events with a lower number than this; 0 = from the newest on.
    """
    if not 1 <= limit <= 1000:
        raise BadInput(f"a page of {limit} events", fix="ask for 1 to 1000")
    e, task, classes = t.event.c, facts(connection)["task"], load_classes(connection)
    undone = t.event.alias("undone")
    columns = (
        t.user.c.name.label("who"),
        t.item.c.name,
        can_be_taken_back().label("stands"),
        undone.c.undoes.label("of"),
    )
    query = select(t.event, *columns).join(t.user, e.user_id == t.user.c.id).join(t.item, e.row == t.item.c.row)
    query = query.outerjoin(undone, undone.c.id == e.undoes)
    for column, wanted in ((e.row, row), (e.user_id, user_id), (e.batch, batch)):
        if wanted is not None:
            query = query.where(column == wanted)
    if together:
        first = select(func.min(e.id)).where(e.batch.is_not(None)).group_by(e.batch)
        query = query.where(or_(e.batch.is_(None), e.id.in_(first)))
    if before:
        query = query.where(e.id < before)
    found = connection.execute(query.order_by(e.id.desc()).limit(limit)).all()
    sizes = _sizes(connection, {told.batch for told in found if told.batch is not None}) if together else {}
    return [
        {
            "event": told.id,
            "row": told.row,
            "id": told.name,
            "user_id": told.user_id,
            "who": told.who,
            "at": told.at,
            "verdict": told.verdict,
            "verdict_before": told.verdict_before,
            "label": classes.words(told.label, task),
            "label_before": classes.words(told.label_before, task),
            "note": told.note,
            "batch": told.batch,
            "undoes": told.undoes,
            "brings_back": told.of is not None,
            "stands": bool(told.stands),
            **sizes.get(told.batch, {}),
        }
        for told in found
    ]


def _sizes(connection: Connection, batches: set[str]) -> dict[str | None, dict[str, int]]:
    """Return how many rows each action concerns, and in how many of them it can be taken back."""
    e, stands = t.event.c, func.count().filter(can_be_taken_back())
    query = select(e.batch, func.count().label("batch_rows"), stands.label("batch_stands"))
    query = query.select_from(t.event.join(t.item, t.item.c.row == e.row)).where(e.batch.in_(batches)).group_by(e.batch)
    return {
        told.batch: {"batch_rows": told.batch_rows, "batch_stands": told.batch_stands}
        for told in connection.execute(query)
    }


def people(connection: Connection) -> list[dict[str, Any]]:
    """Return who decided something: id and name, by name."""
    deciding = select(t.event.c.user_id)
    query = select(t.user.c.id, t.user.c.name).where(t.user.c.id.in_(deciding)).order_by(t.user.c.name)
    return [dict(told._mapping) for told in connection.execute(query)]


def row_of(connection: Connection, event: int) -> int:
    """Return the row that an event is about; BadInput when there is no such event."""
    row = connection.scalar(select(t.event.c.row).where(t.event.c.id == event))
    if row is None:
        raise BadInput(f"there is no decision {event}", fix="look into the history")
    return int(row)
