"""Queues: which rows a person sees, in which order.

review      suspect labels, worst first; of one pair (given → suggested), one class, one kind of finding
check       a random sample, suggestions hidden, so that the noise rate can be counted by people
marked      rows set aside for another look
all         every row in the order of the data

A row that waits in the random sample is met in `check`, or where rows are told apart by nothing that the model said: to
be in the queue of suspect labels, or among the rows of a finding, would tell it already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, not_, or_, select

from labelwright.errors import BadInput, did_you_mean
from labelwright.studio import tables as t

KINDS = ("review", "check", "marked", "all")
LONGEST_PAGE = 500
SWAYING = ("suggested", "score", "flagged")


@dataclass(frozen=True)
class Queue:
    """What is to be seen.

    Parameters
    ----------
    kind : str
        review, check, marked or all.
    given, suggested : str, optional
        Labels as the tables hold them: rows of one pair.
    finding : str, optional
        A kind of finding, such as ``exact_duplicate``: rows that it is about, instead of suspect labels.
    decided : bool
        Rows that are decided already, too.
    rows : tuple of int
        Only these rows; none = all.
    """

    kind: str = "review"
    given: str | None = None
    suggested: str | None = None
    finding: str | None = None
    decided: bool = False
    rows: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadInput(f"there is no queue {self.kind!r}", fix=did_you_mean(self.kind, KINDS))

    def select(self, *columns: Any) -> Select[Any]:
        """Return the query for the rows of the queue, in order."""
        c = t.item.c
        query = select(*columns) if columns else select(c.row)
        if self.kind == "check":
            query = query.where(c.check_place.is_not(None)).order_by(c.check_place)
        elif self.kind == "marked":
            query = query.where(c.marked).order_by(c.row)
        elif self.finding is not None:
            rows = select(t.finding.c.row).where(t.finding.c.kind == self.finding, t.finding.c.row.is_not(None))
            query = query.where(c.row.in_(rows)).order_by(c.row)
        elif self.kind == "review":
            query = query.where(c.flagged).order_by(c.score, c.row)
        else:
            query = query.order_by(c.row)
        if self.rows:
            query = query.where(c.row.in_(self.rows))
        for column, wanted in ((c.given, self.given), (c.suggested, self.suggested)):
            if wanted is not None:
                query = query.where(column == wanted)
        if self.suggested is not None or self.finding is not None or self.kind == "review":
            query = query.where(not_(waits()))
        return query if self.decided else query.where(c.verdict.is_(None))


def waits() -> ColumnElement[bool]:
    """Return the test for rows of the random sample that are not decided yet, whose suggestions nobody may see."""
    return and_(t.item.c.check_place.is_not(None), t.item.c.verdict.is_(None))


def page(connection: Connection, queue: Queue, *, limit: int = 50, after: int = 0) -> list[dict[str, Any]]:
    """Return the rows of a queue from place `after` on: row, name, labels as stored, score, verdict, version.

    What the model says of a row is None while it waits in the random sample.
    """
    if not 1 <= limit <= LONGEST_PAGE or after < 0:
        raise BadInput(f"a page of {limit} rows from {after} on", fix=f"ask for 1 to {LONGEST_PAGE} rows")
    c = t.item.c
    told = [case((waits(), None), else_=c[name]).label(name) for name in SWAYING]
    columns = (c.row, c.name, c.given, c.label, c.verdict, c.version, c.marked, *told)
    found = connection.execute(queue.select(*columns).limit(limit).offset(after))
    return [dict(entry._mapping) for entry in found]


def length(connection: Connection, queue: Queue) -> int:
    """Return how many rows a queue has."""
    return int(connection.scalar(select(func.count()).select_from(queue.select().order_by(None).subquery())) or 0)


def pairs(connection: Connection) -> list[dict[str, Any]]:
    """Return the (given → suggested) pairs of suspect labels with how many are left, the largest first."""
    c = t.item.c
    left = func.count().filter(c.verdict.is_(None))
    query = (
        select(c.given, c.suggested, func.count().label("total"), left.label("left"))
        .where(c.flagged, not_(waits()), c.given.is_not(None), c.suggested.is_not(None))
        .group_by(c.given, c.suggested)
        .order_by(left.desc(), c.given, c.suggested)
    )
    return [dict(entry._mapping) for entry in connection.execute(query)]


def is_hidden(connection: Connection, row: int) -> bool:
    """Say whether suggestions of a row must not be told: it is in the random sample and not decided yet."""
    c = t.item.c
    return connection.scalar(select(func.count()).where(c.row == row, waits())) == 1


def waiting_rows(connection: Connection) -> set[int]:
    """Return the rows of the random sample that are not decided yet; at most a hundred."""
    return set(connection.scalars(select(t.item.c.row).where(t.item.c.check_place >= 0, t.item.c.verdict.is_(None))))


def findings_of(connection: Connection, row: int) -> list[dict[str, Any]]:
    """Return what the audit found about a row, but for what would tell something of a row that waits in the sample."""
    c = t.finding.c
    query = select(c.kind, c.row, c.other_row, c.part, c.score, c.reason).where(or_(c.row == row, c.other_row == row))
    hidden = waiting_rows(connection)
    found = [dict(entry._mapping) for entry in connection.execute(query.order_by(c.id))]
    return [entry for entry in found if not hidden & {entry["row"], entry["other_row"]}]
