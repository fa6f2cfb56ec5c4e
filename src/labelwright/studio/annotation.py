"""Handing rows to annotators: each gets another one, some rows several people, some with a known answer.

A row that is handed out is leased; after 30 idle minutes it goes to somebody else. Nobody gets a row twice, whether
labelled or skipped. Rows that were begun are finished before new ones start. Each row counts who took it; PostgreSQL
hands rows out side by side, passing over those that it is handing to somebody else just then. A person who asks twice
at the same moment is told of the same row.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.database import Database, DatabaseUnavailable, gather_statistics, insert_row, present
from labelwright.studio.decisions import CLASSES_VERSION, known_classes, load_classes
from labelwright.studio.gold import is_gold_place
from labelwright.studio.leases import DONE, GOLD, ME, NOW, OPEN, ROW, SKIPPED, end_leases, give_back, lease
from labelwright.studio.project import facts

SETTINGS, _TEXT = "annotation", "labelwright_guidelines"
TRIES = 3


@dataclass(frozen=True)
class Plan:
    """How rows are handed out.

    Parameters
    ----------
    overlap : int, default 3
        People who label each row.
    quota : int or None
        Rows that one person may label; None = no limit.
    gold_every : int, default 10
        One question in so many has a known answer, as long as there are some, at a place that differs from person to
        person; 0 = none.
    lease_seconds : float, default 1800
        How long a row waits for the person who has it.
    """

    overlap: int = 3
    quota: int | None = None
    gold_every: int = 10
    lease_seconds: float = 1800.0

    def __post_init__(self) -> None:
        if self.overlap < 1 or (self.quota is not None and self.quota < 1) or self.gold_every < 0:
            raise BadInput(
                "overlap and quota are at least 1, a gold question comes every 0 (never) or more rows",
                fix="choose other numbers",
            )
        if not 10 <= self.lease_seconds <= 86_400:
            raise BadInput(f"a lease of {self.lease_seconds:g} s", fix="choose 10 seconds to a day")


def plan(connection: Connection) -> Plan:
    """Return how rows are handed out in this project."""
    return _plan_of(connection.scalar(select(_stored_plan())))


def _plan_of(stored: str | None) -> Plan:
    return Plan() if stored is None else Plan(**json.loads(stored))


def set_plan(connection: Connection, wanted: Plan) -> None:
    """Store how rows are handed out from now on."""
    connection.execute(delete(t.meta).where(t.meta.c.key == SETTINGS))
    connection.execute(insert(t.meta).values(key=SETTINGS, value=json.dumps(asdict(wanted))))


def add_rows(connection: Connection, rows: Sequence[int]) -> int:
    """Put rows at the end of the pool, those that it has left alone; return how many are new. BadInput: no such row."""
    there, known = present(connection, t.item.c.row, rows), present(connection, t.pool.c.row, rows)
    if missing := [row for row in rows if row not in there]:
        raise BadInput(f"there is no row {missing[0]}", fix="name rows of the data")
    start = int(connection.scalar(select(func.max(t.pool.c.place))) or 0) + 1
    new = [row for row in dict.fromkeys(rows) if row not in known]
    if new:
        connection.execute(insert(t.pool), [{"row": row, "place": start + k} for k, row in enumerate(new)])
        gather_statistics(connection, t.pool)
    return len(new)


def add_gold(connection: Connection, answers: dict[int, Any]) -> int:
    """Make rows gold questions with known answers (a class, classes or a number); return how many."""
    classes, task = load_classes(connection), facts(connection)["task"]
    add_rows(connection, list(answers))
    for row, answer in answers.items():
        label = classes.label_of(answer, task)
        connection.execute(update(t.pool).where(t.pool.c.row == row).values(gold=label))
    return len(answers)


def next_row(database: Database, user_id: int) -> dict[str, Any] | None:
    """Do as `hand_out`, each step stored by itself; of two requests of a person at one moment both get the same row."""
    for _ in range(TRIES):
        with suppress(IntegrityError), database.steps() as connection:
            return hand_out(connection, user_id)
    raise DatabaseUnavailable()


def hand_out(connection: Connection, user_id: int) -> dict[str, Any] | None:
    """Lease the next row to a person; None when nothing is left for them.

    Returns
    -------
    dict or None
        ``assignment``, ``row``, ``lease_until``, how many rows the person has labelled (``done``), and the
        ``guidelines``.
    """
    now = time.time()
    stands = connection.execute(_STANDS, {"me": user_id, "now": now}).one()
    if stands.over:
        end_leases(connection, now)
        stands = connection.execute(_STANDS, {"me": user_id, "now": now}).one()
    settings, done = _plan_of(stands.plan), int(stands.done)
    told = {"done": done, "guidelines": _guidelines_of(connection, stands.newest)}
    if stands.id is not None:
        return {"assignment": stands.id, "row": stands.row, "lease_until": stands.lease_until, **told}
    if settings.quota is not None and done >= settings.quota:
        return None
    asked = {"me": user_id, "now": now, "until": now + settings.lease_seconds, "overlap": settings.overlap}
    leased = None
    if is_gold_place(facts(connection)["fingerprint"], user_id, done, settings.gold_every):
        leased = lease(connection, GOLD, asked)
    leased = leased or lease(connection, ROW, asked)
    if leased is None:
        return None
    return {"assignment": leased[0], "row": leased[1], "lease_until": asked["until"], **told}


_NEWEST = select(func.max(t.guideline.c.version)).scalar_subquery()


def _stored_plan() -> ScalarSelect[Any]:
    return select(t.meta.c.value).where(t.meta.c.key == SETTINGS).scalar_subquery()


def _stands() -> Select[Any]:
    """Select how a person stands: rows labelled, the row in hand if any; and the settings, and whether leases ended."""
    u, a = t.user.c, t.assignment.c
    over = exists().where(a.state == OPEN, a.lease_until < NOW).correlate(None)
    labelled = select(func.count()).where(a.user_id == ME, a.state == DONE).scalar_subquery()
    held = and_(a.user_id == u.id, a.state == OPEN)
    about = (_stored_plan().label("plan"), over.label("over"), _NEWEST.label("newest"), labelled.label("done"))
    query = select(*about, a.id, a.row, a.lease_until)
    return query.select_from(t.user.outerjoin(t.assignment, held)).where(u.id == ME)


_STANDS = _stands()


def submit(
    connection: Connection, assignment: int, user_id: int, answer: Any, *, seconds: float | None = None
) -> dict[str, Any]:
    """Store the label that a person gave to the row that they hold.

    Sending the same answer again changes nothing.

    Raises
    ------
    BadInput
        The row is not theirs (any more), or the answer is no label.
    """
    done = {"assignment": assignment, "state": DONE}
    label, version = _label(connection, answer)
    for _ in range(TRIES):
        told = {"number": assignment, "me": user_id, "label": label, "seconds": seconds, "classes": version}
        if connection.scalar(_ANSWER, told) is not None:
            return done
        held = _held(connection, assignment, user_id)  # answered before, gone, or the classes have changed meanwhile
        version, classes = held.classes, load_classes(connection, held.classes)
        label = classes.label_of(answer, facts(connection)["task"])
        if held.state == DONE and held.label == label:
            return done
        if held.state != OPEN:
            raise BadInput("this row was answered already", fix="go on to the next one")
    raise DatabaseUnavailable()


def _label(connection: Connection, answer: Any) -> tuple[str, str]:
    """Return an answer as stored, and the version of the classes that it was written with: those last read, if any."""
    task, (version, classes) = facts(connection)["task"], known_classes(connection)
    try:
        return classes.label_of(answer, task), version
    except BadInput:  # a class that was added or renamed since
        version, classes = known_classes(connection, fresh=True)
        return classes.label_of(answer, task), version


def skip(connection: Connection, assignment: int, user_id: int) -> None:
    """Give a row back without an answer; the person does not get it again."""
    held = _held(connection, assignment, user_id)
    if held.state == OPEN:
        connection.execute(update(t.assignment).where(t.assignment.c.id == assignment).values(state=SKIPPED))
        give_back(connection, held.row)


def _held(connection: Connection, assignment: int, user_id: int) -> Row[Any]:
    held = connection.execute(_HELD, {"number": assignment, "me": user_id}).one_or_none()
    if held is None:
        raise BadInput("this row has gone to somebody else", fix="go on to the next one")
    return held


_A = t.assignment.c
_MINE = (_A.id == bindparam("number"), _A.user_id == ME)
_HELD = select(t.assignment, CLASSES_VERSION.label("classes")).where(*_MINE).with_for_update(of=t.assignment)
_ANSWER = (  # one statement; it finds no row where the label was written with classes that have changed since
    update(t.assignment)
    .where(*_MINE, _A.state == OPEN, bindparam("classes") == CLASSES_VERSION)
    .values(state=DONE, label=bindparam("label"), seconds=bindparam("seconds"), guideline=func.coalesce(_NEWEST, 0))
    .returning(_A.id)
)


def guidelines(connection: Connection) -> dict[str, Any]:
    """Return the newest guidelines, version 0 and empty when there are none."""
    return _guidelines_of(connection, connection.scalar(select(_NEWEST)))


def _guidelines_of(connection: Connection, version: int | None) -> dict[str, Any]:
    """Return one version of the guidelines; it never changes, so each connection reads it once."""
    if version is None:
        return {"version": 0, "text": ""}
    known: tuple[int, str] | None = connection.info.get(_TEXT)
    if known is None or known[0] != version:
        text = connection.scalar(select(t.guideline.c.text).where(t.guideline.c.version == version))
        known = connection.info[_TEXT] = version, str(text)
    return {"version": version, "text": known[1]}


def set_guidelines(connection: Connection, text: str, user_id: int) -> int:
    """Store a new version of the guidelines and return its number."""
    return insert_row(connection, t.guideline, text=text, user_id=user_id, at=time.time())


def standing_votes(connection: Connection) -> list[tuple[int, int, str, float | None]]:
    """Return every vote: row, user, label as stored, seconds."""
    a = t.assignment.c
    query = select(a.row, a.user_id, a.label, a.seconds).where(a.state == DONE).order_by(a.id)
    return [(told.row, told.user_id, told.label, told.seconds) for told in connection.execute(query)]


def progress(connection: Connection) -> dict[str, Any]:
    """Return how far the annotation is: rows, rows with all their votes, votes, votes still asked."""
    a, p = t.assignment.c, t.pool.c
    overlap = plan(connection).overlap
    votes = select(a.row, func.count().label("number")).where(a.state == DONE).group_by(a.row).subquery()
    number = func.coalesce(votes.c.number, 0)
    query = select(func.count(), func.count().filter(number >= overlap), func.coalesce(func.sum(number), 0))
    asked = query.select_from(t.pool).outerjoin(votes, votes.c.row == p.row).where(or_(p.gold.is_(None)))
    rows, complete, given = connection.execute(asked).one()
    gold = connection.scalar(select(func.count()).where(p.gold.is_not(None))) or 0
    return {"rows": int(rows), "complete": int(complete), "votes": int(given), "overlap": overlap, "gold": int(gold)}
