"""Carry the decisions of a project over to newer data: rows are found again by their durable names.

A decision goes over where the row is still there and its given label is the one that people saw. Everything else is
listed: rows that are gone, rows whose label was changed elsewhere, new rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update

from labelwright.audit.run import AuditResult
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.project import facts, fill

SHOWN = 20


@dataclass
class Carried:
    """What went over and what did not: counts, and the first few rows of each kind."""

    carried: int = 0
    already_so: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {"gone": 0, "label_changed": 0, "class_gone": 0, "new": 0})
    shown: dict[str, list[str]] = field(default_factory=dict)

    def note(self, kind: str, name: str) -> None:
        """Count a row that needs a look."""
        self.counts[kind] += 1
        some = self.shown.setdefault(kind, [])
        if len(some) < SHOWN:
            some.append(name)

    def lines(self) -> list[str]:
        """Return the result in plain words."""
        words = {
            "gone": "decided rows are not in the new data",
            "label_changed": "decided rows have another label in the new data: decide them again",
            "class_gone": "decisions name a class that the new data lack",
            "new": "rows are new",
        }
        lines = [f"{self.carried:,} decisions were carried over ({self.already_so:,} are true in the new data already)"]
        for kind, said in words.items():
            if self.counts[kind]:
                lines.append(f"{self.counts[kind]:,} {said}: {', '.join(self.shown[kind][:5])} ...")
        return lines


def carry_over(old: Connection, new: Connection, audit: AuditResult) -> Carried:
    """Fill the empty tables of `new` from an audit of the newer data and carry the decisions of `old` over.

    The history of a row that goes over goes with it; accounts do too.
    """
    fill(new, audit, seed=audit.options.seed)
    users = [dict(row._mapping) for row in old.execute(select(t.user))]
    if users:
        new.execute(insert(t.user), users)
    result, task = Carried(), facts(old)["task"]
    old_classes, new_classes = load_classes(old), load_classes(new)
    i = t.item.c
    rows = {told.name: told for told in new.execute(select(i.row, i.name, i.given))}
    before = list(old.execute(select(t.item)))
    known = {told.name for told in before}
    for name in rows:
        if name not in known:
            result.note("new", name)
    for told in before:
        if told.verdict is None:
            continue
        row = rows.get(told.name)
        if row is None:
            result.note("gone", told.name)
            continue
        _carry(old, new, told, row, result, (old_classes, new_classes, task))
    return result


def _carry(old: Connection, new: Connection, told: Any, row: Any, result: Carried, about: Any) -> None:
    old_classes, new_classes, task = about
    given, wanted = old_classes.words(told.given, task), old_classes.words(told.label, task)
    given_now = new_classes.words(row.given, task)
    if given_now not in (given, wanted):
        result.note("label_changed", told.name)
        return
    label = _recoded(told.label, old_classes, new_classes, task)
    if label is None and told.label is not None:
        result.note("class_gone", told.name)
        return
    if given_now == wanted and told.verdict == "relabel":
        result.already_so += 1
    result.carried += 1
    number = _copy_history(old, new, told.row, row.row, (old_classes, new_classes, task))
    verdict = "keep" if told.verdict == "relabel" and given_now == wanted else told.verdict
    values = {"verdict": verdict, "label": label, "version": told.version, "event_id": number, "marked": told.marked}
    new.execute(update(t.item).where(t.item.c.row == row.row).values(**values))


def _copy_history(old: Connection, new: Connection, row: int, new_row: int, about: Any) -> int | None:
    """Copy the events of a row and return the number of the one that stands."""
    numbers: dict[int | None, int | None] = {None: None}
    standing = old.scalar(select(t.item.c.event_id).where(t.item.c.row == row))
    for told in old.execute(select(t.event).where(t.event.c.row == row).order_by(t.event.c.id)):
        values = dict(told._mapping)
        key = values.pop("id")
        values |= {
            "row": new_row,
            "label": _recoded(told.label, *about),
            "label_before": _recoded(told.label_before, *about),
            "undoes": numbers.get(told.undoes),
            "event_before": numbers.get(told.event_before),
        }
        made = new.execute(insert(t.event).values(**values)).inserted_primary_key
        numbers[key] = None if made is None else int(made[0])
    return numbers.get(standing)


def _recoded(text: str | None, old_classes: Any, new_classes: Any, task: str) -> str | None:
    """Return a stored label with the numbers that its classes have in the new project; None when one is missing."""
    words = old_classes.words(text, task)
    if words is None or task == "regression":
        return text
    names = [name for name in (words.split("|") if task == "multilabel" else [words]) if name]
    if any(name not in new_classes.names.values() for name in names):
        return None
    found: str = new_classes.label_of(names if task == "multilabel" else names[0], task)
    return found
