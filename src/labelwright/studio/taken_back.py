"""Which events can be taken back: decisions that stand, and the last word of whoever took one back."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_

from labelwright.studio import tables as t


def can_be_taken_back() -> ColumnElement[bool]:
    """Return the test, where events are joined with their rows, for those that can be taken back.

    A decision can as long as its row stands as it says. What took a decision back can, until anything else happens to
    the row. What brought a decision back cannot: that decision stands, and is itself taken back.
    """
    i, e, undone, later = t.item.c, t.event.c, t.event.alias("of_which"), t.event.alias("later")
    undid_a_decision = exists().where(undone.c.id == e.undoes, undone.c.undoes.is_(None))
    nothing_since = ~exists().where(later.c.row == e.row, later.c.id > e.id)
    return or_(and_(e.undoes.is_(None), i.event_id == e.id), and_(undid_a_decision, nothing_since))
