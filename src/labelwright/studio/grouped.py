"""Groups of suspect labels that ask the same question: one pair of given and suggested class, or one neighbourhood.

"Accept the rest" decides a whole group at once. It is offered only after ten of its rows, drawn at random, were decided
one by one.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, not_, select

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.project import facts
from labelwright.studio.queues import pairs, waits

CHECKED_FIRST = 10


@dataclass(frozen=True)
class Group:
    """A pair of labels as the tables hold them."""

    given: str | None
    suggested: str | None

    @property
    def name(self) -> str:
        """What its random rows are drawn by."""
        return f"{self.given}|{self.suggested}"

    def where(self) -> ColumnElement[bool]:
        """Return the condition that its rows meet."""
        return and_(t.item.c.given == self.given, t.item.c.suggested == self.suggested)


@dataclass(frozen=True)
class Neighbourhood:
    """Suspect rows with similar features (`labelwright.studio.neighbourhoods`)."""

    number: int
    rows: tuple[int, ...]

    @property
    def name(self) -> str:
        """What its random rows are drawn by."""
        return f"neighbourhood|{self.number}"

    def where(self) -> ColumnElement[bool]:
        """Return the condition that its rows meet."""
        return and_(t.item.c.row.in_(self.rows), t.item.c.suggested.is_not(None))


AnyGroup = Group | Neighbourhood


def groups(connection: Connection) -> list[dict[str, Any]]:
    """Return every pair with its size, how many rows are left, and how many of its random ten are decided."""
    task, classes = facts(connection)["task"], load_classes(connection)
    return [
        {
            **pair,
            "given_name": classes.words(pair["given"], task),
            "suggested_name": classes.words(pair["suggested"], task),
            **sample_state(connection, Group(pair["given"], pair["suggested"])),
        }
        for pair in pairs(connection)
    ]


def group_rows(connection: Connection, group: AnyGroup, *, decided: bool = False) -> list[int]:
    """Return the rows of a group, worst first; the undecided ones, or all.

    Rows that wait in the random sample are left out: the group's name would tell their suggestion.
    """
    c = t.item.c
    query = select(c.row).where(c.flagged, group.where(), not_(waits()))
    query = query.order_by(c.score, c.row)
    return [int(row) for row in connection.scalars(query if decided else query.where(c.verdict.is_(None)))]


def random_sample(connection: Connection, group: AnyGroup) -> list[int]:
    """Return the ten rows of a group that are to be checked before the rest is accepted; always the same ten."""
    return _drawn(connection, group, group_rows(connection, group, decided=True))


def _drawn(connection: Connection, group: AnyGroup, rows: Iterable[int]) -> list[int]:
    seed, known = f"{facts(connection)['fingerprint']}|{group.name}", sorted(rows)
    return random.Random(seed).sample(known, min(CHECKED_FIRST, len(known)))


def sample_state(connection: Connection, group: AnyGroup) -> dict[str, Any]:
    """Return how many of the random ten are decided, and how many of these agreed with the suggestion."""
    c = t.item.c
    query = select(c.row, c.verdict, c.label, c.suggested).where(c.row.in_(random_sample(connection, group)))
    return _counted(connection.execute(query).all())


def suspects_of(connection: Connection) -> dict[int, Any]:
    """Return the suspect rows with a suggestion that nobody waits for in the random sample: verdict and labels."""
    c = t.item.c
    query = select(c.row, c.verdict, c.label, c.suggested).where(c.flagged, c.suggested.is_not(None), not_(waits()))
    return {told.row: told for told in connection.execute(query)}


def state_of(connection: Connection, group: AnyGroup, rows: Mapping[int, Any]) -> dict[str, Any]:
    """Return what `sample_state` does, of rows that `suspects_of` has read already."""
    return _counted([rows[row] for row in _drawn(connection, group, rows)])


def _counted(sample: Sequence[Any]) -> dict[str, Any]:
    done = [told for told in sample if told.verdict is not None]
    agreed = sum(told.verdict == "relabel" and told.label == told.suggested for told in done)
    return {"sample": len(sample), "sample_decided": len(done), "sample_agreed": agreed}


def checked_enough(connection: Connection, group: AnyGroup) -> None:
    """Raise BadInput where the random rows of a group are not all decided yet."""
    state = sample_state(connection, group)
    if not state["sample"]:
        raise BadInput("there is no such group", fix="reload the page")
    if state["sample_decided"] < state["sample"]:
        raise BadInput(
            f"{state['sample_decided']} of the {state['sample']} random rows of this group are decided",
            fix="decide them one by one first",
        )


def open_sample(connection: Connection, group: AnyGroup) -> list[int]:
    """Return the random rows of a group that are still to be decided."""
    waiting = set(group_rows(connection, group))
    return [row for row in random_sample(connection, group) if row in waiting]


def batches_of(connection: Connection, group: AnyGroup) -> list[dict[str, Any]]:
    """Return the actions that decided rows of a group together and still stand: batch, rows, who, at; newest first."""
    e = t.event.c
    query = (
        select(e.batch, func.count().label("rows"), func.max(e.at).label("at"), t.user.c.name.label("who"))
        .join(t.item, t.item.c.event_id == e.id)
        .join(t.user, t.user.c.id == e.user_id)
        .where(e.batch.is_not(None), group.where())
        .group_by(e.batch, t.user.c.name)
        .order_by(func.max(e.at).desc())
    )
    return [dict(told._mapping) for told in connection.execute(query)]
