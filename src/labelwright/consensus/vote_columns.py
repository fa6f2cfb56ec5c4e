"""Which column of a table of votes is which, by their names and their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set

import pyarrow as pa
import pyarrow.compute as pc

from labelwright.errors import quoted

ROLES: Mapping[str, tuple[str, ...]] = {
    "task": (
        *("task", "item", "example", "unit", "document", "doc", "row", "image", "question", "hit", "object", "sample"),
        *("id", "name", "text"),
    ),
    "annotator": (
        *("annotator", "worker", "rater", "labeler", "labeller", "coder", "judge", "reviewer", "user", "person"),
        *("source", "participant", "completedby", "who"),
    ),
    "label": (
        *("label", "vote", "answer", "response", "annotation", "class", "category", "rating", "judgment", "judgement"),
        *("choice", "value", "tag"),
    ),
}
GOLD_NAMES = ("gold", "truth", "groundtruth", "goldlabel", "truelabel", "expected", "correct", "reference")
SECONDS_NAMES = ("leadtime", "seconds", "durationseconds", "duration", "worktime", "worktimeinseconds")
MOST_WIDE_CLASSES = 50


def roles(
    table: pa.Table, given: Mapping[str, str | None], gold: str | None
) -> tuple[dict[str, str | None], list[str]]:
    """Return the column of each role: as given, else by name, else the one column that is left for one role."""
    names: list[str] = table.column_names
    taken: set[str | None] = {name for name in (*given.values(), gold) if name is not None}
    found, guessed = dict(given), []
    for role in ROLES:
        if found[role] is None:
            found[role] = by_name(names, ROLES[role], taken)
            taken |= {found[role]} - {None}
            guessed += [role] if found[role] is not None else []
    open_roles = [role for role, name in found.items() if name is None]
    spare = {by_name(names, known, taken) for known in (GOLD_NAMES, SECONDS_NAMES)}
    left = [name for name in names if name not in taken | spare]
    if len(open_roles) == 1 and len(left) == 1:
        found[open_roles[0]] = left[0]
        guessed.append(open_roles[0])
    notes = [f"columns: {', '.join(f'{role} = {quoted(found[role])}' for role in guessed)}"] if guessed else []
    return found, notes


def by_name(names: Sequence[str], known: Sequence[str], taken: Set[str | None]) -> str | None:
    """Return the column whose name is one of `known`, with or without ``_id``; the earliest of `known` wins."""
    plain = {name: re.sub(r"[^a-z0-9]", "", name.casefold()) for name in names if name not in taken}
    for word in known:
        for name, short in plain.items():
            if short in (word, f"{word}id", f"{word}name", f"id{word}"):
                return name
    return None


def spare_gold(names: Sequence[str], taken: Set[str | None]) -> str | None:
    spare = by_name(names, GOLD_NAMES, taken)
    return None if spare is None else f"column {quoted(spare)} was not used; --gold {spare} takes it as known labels"


def wide_columns(table: pa.Table, task: str | None, gold: str | None) -> list[str]:
    """Return the columns that hold votes in a wide table: few values, and values that other columns hold as well."""
    known = set(GOLD_NAMES)
    values: dict[str, set[str]] = {}
    for name in table.column_names:
        if name in (task, gold) or re.sub(r"[^a-z0-9]", "", name.casefold()) in known:
            continue
        try:
            distinct = pc.unique(table[name].cast(pa.string()))
        except pa.ArrowException:
            continue
        texts = {value.strip() for value in distinct.to_pylist() if value is not None and value.strip()}
        if 0 < len(texts) <= MOST_WIDE_CLASSES:
            values[name] = texts
    groups = [
        [other for other, theirs in values.items() if len(mine & theirs) * 2 >= min(len(mine), len(theirs))]
        for mine in values.values()
    ]
    return max(groups, key=len, default=[])
