"""Rows in the hands of annotators: leased, given back, taken back; the count in the pool always says how many hold one.

In PostgreSQL each of these is one statement, stored whole or not at all, so that no transaction has to be opened and
closed around it; SQLite knows no such statements, and its writers take turns. That a person holds one row at most is
a rule of the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Float,
    Integer,
    ScalarSelect,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from labelwright.studio import tables as t

TRIED = 100  # rows that were begun, before a new one
OPEN, DONE, SKIPPED = "open", "done", "skipped"
ME: BindParameter[int] = bindparam("me", type_=Integer)
NOW: BindParameter[float] = bindparam("now", type_=Float)
_A, _P, _W = t.assignment.c, t.pool.c, t.pool.alias("waiting").c


def lease(connection: Connection, which: tuple[Any, Any], asked: Mapping[str, Any]) -> tuple[int, int] | None:
    """Lease a row to a person and return the number of the assignment and the row; None when there is none.

    Parameters
    ----------
    connection : Connection
    which : GOLD or ROW
    asked : mapping
        ``me``, ``now``, ``until`` and ``overlap``.

    Raises
    ------
    IntegrityError
        The person holds a row by now: a request of theirs at the same moment was faster.
    """
    at_once, taking = which
    if connection.dialect.name == "postgresql":
        leased = connection.execute(at_once, asked).one_or_none()
        return None if leased is None else (leased.id, leased.row)
    row = connection.scalar(taking, asked)
    return None if row is None else (int(connection.scalar(_INSERT, {**asked, "taken_row": row}) or 0), int(row))


def end_leases(connection: Connection, now: float) -> None:
    """Take rows back from people who left them lying."""
    if connection.dialect.name == "postgresql":
        connection.execute(_END_AT_ONCE, {"now": now})
        return
    for number, row in connection.execute(_OVER, {"now": now}).all():
        connection.execute(delete(t.assignment).where(_A.id == number))
        give_back(connection, row)


def give_back(connection: Connection, row: int) -> None:
    """Count that one person less has a row."""
    connection.execute(update(t.pool).where(_P.row == row).values(taken=_P.taken - 1))


def _first(test: Any, *order: Any) -> ScalarSelect[Any]:
    """Select the first of some rows of the pool that the person never had, but for those in other hands just now.

    `offset` keeps PostgreSQL from joining the whole pool with all assignments: it looks rows up, one by one, in order.
    """
    had = exists(select(_A.id).where(_A.row == _W.row, _A.user_id == ME).limit(1).offset(0))
    query = select(_W.row).where(test, ~had).order_by(*order, _W.place).limit(1)
    return query.with_for_update(skip_locked=True).scalar_subquery()


def _leasing(row: Any) -> tuple[Any, Any]:
    """Return the statement that counts and leases a row, for PostgreSQL, and the one that only counts it."""
    counted = update(t.pool).where(_P.row == row).values(taken=_P.taken + 1).returning(_P.row)
    taken = counted.cte("taken")
    values = select(taken.c.row, ME, literal(OPEN), NOW, bindparam("until", type_=Float))
    columns = [_A.row, _A.user_id, _A.state, _A.handed_at, _A.lease_until]
    return insert(t.assignment).from_select(columns, values).returning(_A.id, _A.row), counted


_INSERT = (
    insert(t.assignment)
    .values(
        row=bindparam("taken_row"), user_id=ME, state=OPEN, handed_at=NOW, lease_until=bindparam("until", type_=Float)
    )
    .returning(_A.id)
)


def _begun_first() -> Any:
    """Select a row of the oldest that were begun, those with most answers first; a new one; any that was begun.

    Who has labelled ten thousand rows that wait for others would pass over all of them each time; so few are tried.
    """
    p, has_room = t.pool.alias("begun").c, bindparam("overlap", type_=Integer)
    oldest = select(p.row).where(p.gold.is_(None), p.taken > 0, p.taken < has_room)
    oldest = oldest.order_by(p.taken.desc(), p.place).limit(TRIED)  # in the order of an index, as all of these
    plain, by_answers = _W.gold.is_(None), _W.taken.desc()
    return func.coalesce(
        _first(plain & (_W.taken < has_room) & _W.row.in_(oldest), by_answers),
        _first(plain & (_W.taken == 0)),
        _first(plain & (_W.taken < has_room), by_answers),
    )


GOLD, ROW = _leasing(_first(_W.gold.is_not(None))), _leasing(_begun_first())

_OVER = select(_A.id, _A.row).where(_A.state == OPEN, _A.lease_until < NOW).order_by(_A.row)
_OVER = _OVER.with_for_update(skip_locked=True)


def _end_at_once() -> Any:
    over = _OVER.cte("over")
    gone = delete(t.assignment).where(_A.id.in_(select(over.c.id))).returning(_A.row).cte("gone")
    number = select(gone.c.row, func.count().label("number")).group_by(gone.c.row).subquery()
    return update(t.pool).where(_P.row == number.c.row).values(taken=_P.taken - number.c.number)


_END_AT_ONCE = _end_at_once()
