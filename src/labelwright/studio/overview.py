"""How the project stands: what the model thinks, what people found, how far the review is, and when to stop.

noise rate      by the model (of the audit) and, apart from it, by people: the random rows that they relabelled or
                rejected, with the exact binomial interval; a row that was decided a second time, when its suggestion
                had been open, counts no more
precision       of the flags that people decided: the share that they changed
errors ahead    among the next 100 rows of the queue, the sum of 1 − score; where at least 30 flags are decided it
                is scaled by how often such a promise held there
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, not_, select

from labelwright.audit.kinds import kind_of
from labelwright.metrics.intervals import clopper_pearson
from labelwright.studio import tables as t
from labelwright.studio.project import facts
from labelwright.studio.queues import Queue, waits

AHEAD = 100
FEWEST_CHECKED = 20  # random rows below which no share is told
FEWEST_TO_SCALE = 30
CHANGED = ("relabel", "reject")


def overview(connection: Connection) -> dict[str, Any]:
    """Return the numbers of the first page as plain data."""
    about = facts(connection)
    return {
        "data": about["data"],
        "task": about["task"],
        "n_rows": about["n_rows"],
        "noise_model": about["noise_rate"],
        "noise_checked": _checked(connection),
        "precision": _precision(connection),
        "progress": _progress(connection),
        "ahead": _ahead(connection),
        "found": _found(connection),
    }


def _share(changed: int, of: int, fewest: int) -> dict[str, Any]:
    """Return a counted share with its 95 % interval; no estimate where too few were looked at."""
    if of < fewest:
        return {"count": changed, "of": of, "needed": fewest, "estimate": None, "low": None, "high": None}
    low, high = clopper_pearson(changed, of)
    return {"count": changed, "of": of, "needed": fewest, "estimate": changed / of, "low": low, "high": high}


def _checked(connection: Connection) -> dict[str, Any]:
    c = t.item.c
    sample = c.check_place.is_not(None)
    changed, of = _changed_of(connection, blind())
    size = connection.scalar(select(func.count()).where(sample)) or 0
    return {**_share(changed, of, min(FEWEST_CHECKED, max(int(size), 1))), "sample": int(size)}


def blind() -> ColumnElement[bool]:
    """Return the test for rows of the random sample whose one decision was made without seeing a suggestion."""
    return and_(t.item.c.check_place >= 0, t.item.c.version == 1)


def _precision(connection: Connection) -> dict[str, Any]:
    changed, of = _changed_of(connection, t.item.c.flagged)
    return _share(changed, of, 1)


def _changed_of(connection: Connection, where: Any) -> tuple[int, int]:
    """Count rows that people changed, and rows that they could judge."""
    c = t.item.c
    query = select(
        func.count().filter(c.verdict.in_(CHANGED)), func.count().filter(c.verdict.in_((*CHANGED, "keep")))
    ).where(where)
    changed, of = connection.execute(query).one()
    return int(changed), int(of)


def _progress(connection: Connection) -> dict[str, Any]:
    c = t.item.c
    decided = select(c.verdict, func.count()).where(c.verdict.is_not(None)).group_by(c.verdict)
    counts = {verdict: int(count) for verdict, count in connection.execute(decided)}
    flagged, left = connection.execute(
        select(func.count(), func.count().filter(c.verdict.is_(None))).where(c.flagged, not_(waits()))
    ).one()
    marked = connection.scalar(select(func.count()).where(c.marked)) or 0
    return {"decided": counts, "flagged": int(flagged), "flagged_left": int(left), "marked": int(marked)}


def _ahead(connection: Connection) -> dict[str, Any]:
    """Return the errors expected among the next rows, so that people know when to stop."""
    c = t.item.c
    query = select(c.score).where(c.verdict.is_(None), c.score.is_not(None)).order_by(c.score).limit(AHEAD)
    scores = [float(score) for score in connection.scalars(query)]
    expected = sum(1 - score for score in scores)
    done = select(c.score, c.verdict).where(c.flagged, c.verdict.in_((*CHANGED, "keep")), c.score.is_not(None))
    decided = connection.execute(done).all()
    promised = sum(1 - entry.score for entry in decided)
    basis = "model estimate"
    if len(decided) >= FEWEST_TO_SCALE and promised > 0:
        expected *= min(sum(entry.verdict in CHANGED for entry in decided) / promised, 1.0)
        basis = "model estimate, scaled by the decisions so far"
    return {"rows": len(scores), "errors": expected, "basis": basis}


def _found(connection: Connection) -> list[dict[str, Any]]:
    """Return what the audit found: kind, how often, in how many rows, and the words for it."""
    c = t.finding.c
    query = select(c.kind, func.count().label("count"), func.count(c.row.distinct()).label("rows"))
    found = connection.execute(query.group_by(c.kind).order_by(func.count().desc(), c.kind)).all()
    return [
        {**entry._mapping, **{name: getattr(kind_of(entry.kind), name) for name in ("title", "meaning", "remedy")}}
        for entry in found
    ]


def next_row(connection: Connection, queue: Queue, after_row: int | None = None) -> int | None:
    """Return the first row of a queue, or the one after `after_row`; None at its end."""
    rows = connection.scalars(queue.select().limit(2)).all()
    rest = [int(row) for row in rows if row != after_row]
    return rest[0] if rest else None
