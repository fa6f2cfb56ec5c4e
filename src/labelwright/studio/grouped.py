"""Groups of suspect labels that ask the same question: one pair of given and suggested class.

"Accept the rest" decides a whole group at once. It is offered only after ten of its rows, drawn at random, were decided
one by one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, not_, select

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.project import facts
from labelwright.studio.queues import pairs

CHECKED_FIRST = 10


@dataclass(frozen=True)
class Group:
    """A pair of labels as the tables hold them."""

    given: str | None
    suggested: str | None


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


def group_rows(connection: Connection, group: Group, *, decided: bool = False) -> list[int]:
    """Return the rows of a group, worst first; the undecided ones, or all.

    Rows that wait in the random sample are left out: the group's name would tell their suggestion.
    """
    c = t.item.c
    waits = and_(c.check_place.is_not(None), c.verdict.is_(None))
    query = select(c.row).where(c.flagged, c.given == group.given, c.suggested == group.suggested, not_(waits))
    query = query.order_by(c.score, c.row)
    return [int(row) for row in connection.scalars(query if decided else query.where(c.verdict.is_(None)))]


def random_sample(connection: Connection, group: Group) -> list[int]:
    """Return the ten rows of a group that are to be checked before the rest is accepted; always the same ten."""
    rows = sorted(group_rows(connection, group, decided=True))
    seed = f"{facts(connection)['fingerprint']}|{group.given}|{group.suggested}"
    return random.Random(seed).sample(rows, min(CHECKED_FIRST, len(rows)))


def sample_state(connection: Connection, group: Group) -> dict[str, Any]:
    """Return how many of the random ten are decided, and how many of these agreed with the suggestion."""
    c = t.item.c
    sample = random_sample(connection, group)
    done = connection.execute(select(c.verdict, c.label).where(c.row.in_(sample), c.verdict.is_not(None))).all()
    agreed = sum(entry.verdict == "relabel" and entry.label == group.suggested for entry in done)
    return {"sample": len(sample), "sample_decided": len(done), "sample_agreed": agreed}


def checked_enough(connection: Connection, group: Group) -> None:
    """Raise BadInput where the random rows of a group are not all decided yet."""
    state = sample_state(connection, group)
    if not state["sample"]:
        raise BadInput("there is no such group", fix="reload the page")
    if state["sample_decided"] < state["sample"]:
        raise BadInput(
            f"{state['sample_decided']} of the {state['sample']} random rows of this group are decided",
            fix="decide them one by one first",
        )
