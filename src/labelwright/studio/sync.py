"""Carry the decisions of a project over to newer data: rows are found again by their durable names.

A decision goes over where the row is still there and its given label is the one that people saw. Everything else is
listed: rows that are gone, rows whose label was changed elsewhere, new rows. Parts of rows go over alike
(`labelwright.studio.sync_parts`).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from labelwright.audit.run import AuditResult
from labelwright.data.dataset import Dataset
from labelwright.data.mend.manifest import safe_cell
from labelwright.errors import quoted
from labelwright.studio import tables as t
from labelwright.studio.copying import continue_numbers
from labelwright.studio.decisions import load_classes
from labelwright.studio.part_content import item_of
from labelwright.studio.project import facts, fill
from labelwright.studio.sync_parts import PartsAgain

SHOWN = 5
WORDS = {
    "gone": "decided rows are not in the new data",
    "label_changed": "decided rows have another label in the new data: decide them again",
    "class_gone": "decisions name a class that the new data lack",
    "new": "rows are new",
}
_CHUNK = 10_000


@dataclass
class Carried:
    """What went over and what did not: counts, and the names of the rows of each kind."""

    carried: int = 0
    already_so: int = 0
    rows: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in WORDS})

    @property
    def counts(self) -> dict[str, int]:
        """How many rows there are of each kind."""
        return {kind: len(names) for kind, names in self.rows.items()}

    def write_csv(self, path: Path) -> None:
        """Write every row that needs a look, safe to open in a spreadsheet: what it is, and its name."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["what", "id"])
            writer.writerows([kind, safe_cell(name)] for kind, names in self.rows.items() for name in names)

    def lines(self) -> list[str]:
        """Return the result in plain words."""
        lines = [f"{self.carried:,} decisions were carried over ({self.already_so:,} are true in the new data already)"]
        for kind, said in WORDS.items():
            if names := self.rows[kind]:
                more = ", ..." if len(names) > SHOWN else ""
                lines.append(f"{len(names):,} {said}: {', '.join(map(quoted, names[:SHOWN]))}{more}")
        return lines


def carry_over(old: Connection, new: Connection, audit: AuditResult) -> Carried:
    """Fill the empty tables of `new` from an audit of the newer data and carry the decisions of `old` over.

    The history of a row that goes over goes with it; accounts do too.
    """
    fill(new, audit, seed=audit.options.seed)
    users = [dict(row._mapping) for row in old.execute(select(t.user))]
    if users:
        new.execute(insert(t.user), users)
    result, about = Carried(), (load_classes(old), load_classes(new), facts(old)["task"])
    state_of = _states_of_rows if audit.dataset.parts is None else _states_of_parts
    states = state_of(old, new, audit.dataset, result, about)
    numbers = _copy_history(old, new, {row: state["new_row"] for row, state in states.items()}, about)
    values = [{**state, "standing": numbers.get(state["standing"])} for state in states.values()]
    change = update(t.item).where(t.item.c.row == bindparam("new_row")).values(event_id=bindparam("standing"))
    for start in range(0, len(values), _CHUNK):
        new.execute(change, values[start : start + _CHUNK])
    continue_numbers(new, [t.user, t.event])
    return result


def _states_of_rows(
    old: Connection, new: Connection, dataset: Dataset, result: Carried, about: Any
) -> dict[int, dict[str, Any]]:
    """Return how each decided row stands in the new project, by its number in the old one."""
    i = t.item.c
    rows = {told.name: told for told in new.execute(select(i.row, i.name, i.given))}
    known = set(old.scalars(select(i.name)))
    result.rows["new"] = [name for name in rows if name not in known]
    found = {told.row: _state(told, rows.get(told.name), result, about) for told in _decided(old)}
    return {row: state for row, state in found.items() if state is not None}


def _states_of_parts(
    old: Connection, new: Connection, dataset: Dataset, result: Carried, about: Any
) -> dict[int, dict[str, Any]]:
    """Return the same where rows have parts; parts that the new audit does not doubt get items."""
    again = PartsAgain(old, dataset)
    result.rows["new"] = again.new_rows
    found = {}
    for told in _decided(old):
        place = again.place(told, about[0].words(told.label, about[2]))
        label = _recoded(told.label, *about)
        if place is None:
            result.carried += 1
            result.already_so += 1
        elif isinstance(place, str):
            result.rows[place].append(told.name)
        elif label is None and told.label is not None:
            result.rows["class_gone"].append(told.name)
        else:
            result.carried += 1
            result.already_so += place.true
            found[told.row] = _stands(told, item_of(new, again.parts, place.row, place.part), label, place.true)
    return found


def _decided(old: Connection) -> Sequence[Any]:
    i = t.item.c
    return old.execute(select(t.item).where(i.verdict.is_not(None)).order_by(i.row)).all()


def _stands(told: Any, row: int, label: str | None, true_already: bool) -> dict[str, Any]:
    verdict = "keep" if true_already else told.verdict
    return {"new_row": row, "verdict": verdict, "label": label, "version": told.version,
            "marked": told.marked, "standing": told.event_id}  # fmt: skip


def _state(told: Any, row: Any, result: Carried, about: Any) -> dict[str, Any] | None:
    """Return how a row of the new project stands, None where the decision does not go over."""
    old_classes, new_classes, task = about
    if row is None:
        result.rows["gone"].append(told.name)
        return None
    given, wanted = old_classes.words(told.given, task), old_classes.words(told.label, task)
    given_now = new_classes.words(row.given, task)
    if given_now not in (given, wanted):
        result.rows["label_changed"].append(told.name)
        return None
    label = _recoded(told.label, *about)
    if label is None and told.label is not None:
        result.rows["class_gone"].append(told.name)
        return None
    true_already = told.verdict == "relabel" and given_now == wanted
    result.already_so += true_already
    result.carried += 1
    return _stands(told, row.row, label, true_already)


def _copy_history(old: Connection, new: Connection, rows: Mapping[int, int], about: Any) -> Mapping[int | None, int]:
    """Copy the events of some rows and return the new number of each."""
    numbers: dict[int | None, int] = {}
    stream = old.execute(select(t.event).order_by(t.event.c.id).execution_options(yield_per=_CHUNK))
    for part in stream.partitions(_CHUNK):
        events = [_event(told, rows[told.row], numbers, about) for told in part if told.row in rows]
        if events:
            new.execute(insert(t.event), events)
    return numbers


def _event(told: Any, new_row: int, numbers: dict[int | None, int], about: Any) -> dict[str, Any]:
    numbers[told.id] = len(numbers) + 1
    return dict(told._mapping) | {
        "id": numbers[told.id],
        "row": new_row,
        "label": _recoded(told.label, *about),
        "label_before": _recoded(told.label_before, *about),
        "undoes": numbers.get(told.undoes),
        "event_before": numbers.get(told.event_before),
    }


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
