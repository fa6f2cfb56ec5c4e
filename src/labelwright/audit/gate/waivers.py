"""Labels that people confirmed: what a table of decisions says about the rows as they are now.

A label counts as confirmed when the decision is ``keep``, or ``relabel`` to the label that the row now has. It counts
only as long as nothing changed under it. The label must be the one that was confirmed: the decision names it, or it
tells which label was given then, or the row has the same label in the baseline; a ``keep`` with none of these confirms
nothing. Rows named by their content lose their name when edited; rows named by a column are held against the hash of
their content that the decision carries, and against the baseline, when there is one. A decision without a hash counts,
and it is said that nothing guards it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.compare.rows import RowChange, RowChanges
from labelwright.audit.compare.state import DIGEST_LENGTH, AuditState
from labelwright.data.mend.decisions import PART, Decision
from labelwright.data.parts.formats import PART_TASKS
from labelwright.data.readers.places import counted

# A person who confirmed a label has done what these kinds of finding ask for: looked at the row and its label.
WAIVED_KINDS = ("label", "valuation")


@dataclass(frozen=True)
class Waivers:
    """What decisions say about the rows of a data set.

    Parameters
    ----------
    rows : array of bool, shape (n,)
        Rows whose label a person confirmed.
    parts : frozenset of (int, str)
        Row and tag of single tags that a person confirmed.
    who : mapping of int to str
        Who confirmed a row, where the decision says so.
    counts : mapping of str to int
        Decisions by what became of them: ``confirmed``, ``label_changed``, ``label_unknown`` (nothing tells which label
        was kept), ``edited``, ``not_applied``, ``unknown`` (no such row), ``cannot_tell``.
    unguarded : int
        Confirmed rows for which neither a hash nor a baseline says that they still hold what they held then.
    """

    rows: NDArray[np.bool_]
    parts: frozenset[tuple[int, str]]
    who: dict[int, str]
    counts: dict[str, int]
    unguarded: int = 0

    def lines(self) -> list[str]:
        """Return in plain words what became of the decisions; nothing when there are none."""
        words = {
            "confirmed": "label confirmed as it is now",
            "label_changed": "label changed since it was confirmed, so without effect",
            "label_unknown": "kept label not told, and without effect where there is no baseline: write it in the "
            "column label, or leave the column given of issues.csv beside it",
            "edited": "row edited since, so without effect",
            "not_applied": "change that the data do not show yet",
            "unknown": "row not in the data (gone, or edited since)",
            "cannot_tell": "a person could not tell",
        }
        return [
            f"{counted(self.counts[name], 'decision')}: {said}" for name, said in words.items() if self.counts[name]
        ]


NAMES = ("confirmed", "label_changed", "label_unknown", "edited", "not_applied", "unknown", "cannot_tell")


def find_waivers(state: AuditState, decisions: Iterable[Decision] = (), changes: RowChanges | None = None) -> Waivers:
    """Hold decisions against the rows as they are.

    Parameters
    ----------
    state : AuditState
    decisions : iterable of Decision
        See `labelwright.data.mend.read_decisions`.
    changes : RowChanges, optional
        Since the baseline: a row edited since then is no longer confirmed, nor one that was relabelled, unless the
        decision names its present label.
    """
    at = {name: row for row, name in enumerate(state.ids.tolist())}
    given, many = state.given(), state.plan.task == "multilabel"
    has_parts = state.plan.task in PART_TASKS  # there a whole row has no label of its own
    rows = np.zeros(len(state), dtype=bool)
    parts: set[tuple[int, str]] = set()
    who: dict[int, str] = {}
    counts: Counter[str] = Counter()
    entries = list(decisions)
    content = state.decided_content() if any(entry.content for entry in entries) else None
    unguarded = 0
    for entry in entries:
        row, part = _found(entry.id, at)
        outcome = (
            "unknown" if row is None else _outcome(entry, row, given[row], changes, many, has_parts or part is not None)
        )
        if outcome == "confirmed" and row is not None and content is not None and entry.content:
            outcome = "confirmed" if entry.content.strip()[:DIGEST_LENGTH] == content[row] else "edited"
        counts[outcome] += 1
        if row is not None and outcome == "confirmed":
            unguarded += state.plan.id is not None and changes is None and (content is None or not entry.content)
            who |= {row: entry.who} if entry.who else {}
            if part is None:
                rows[row] = True
            else:
                parts.add((row, part))
    return Waivers(rows, frozenset(parts), who, {name: counts[name] for name in NAMES}, unguarded)


def _found(name: str, at: dict[str, int]) -> tuple[int | None, str | None]:
    """Return the row that an id names, and the part where it names one."""
    if name in at:
        return at[name], None
    whole, mark, part = name.rpartition(PART)
    return (at.get(whole), part) if mark else (None, None)


def _outcome(
    entry: Decision, row: int, given: str | None, changes: RowChanges | None, many: bool, is_part: bool
) -> str:
    if entry.decision == "cannot_tell":
        return "cannot_tell"
    if entry.decision == "reject" or (entry.decision == "relabel" and is_part):
        return "not_applied"
    told = None if is_part else entry.label if entry.label is not None else entry.given
    if told is not None and not _same_label(told, given, many):
        return "not_applied" if entry.decision == "relabel" else "label_changed"
    if changes is not None and changes.old_row[row] >= 0:
        if changes.change[row] == RowChange.EDITED:
            return "edited"
        return "label_changed" if changes.relabelled[row] and told is None else "confirmed"
    return "confirmed" if told is not None or is_part else "label_unknown"


def _same_label(said: str | None, given: str | None, many: bool) -> bool:
    if said is None or given is None:
        return said is given
    # In files meant for spreadsheets a quote stands before what one would run as a formula.
    return _tags(said) == _tags(given) if many else said.strip() in (given.strip(), f"'{given.strip()}")


def _tags(cell: str) -> frozenset[str]:
    return frozenset(tag.strip(" []'\"") for tag in re.split(r"[|,;]", cell)) - {""}
