"""What decisions change: each joined with its row, checked, and counted, before anything is written."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.mend.decisions import PART, Decision, Decisions, said
from labelwright.data.mend.labels import LabelRule
from labelwright.data.mend.manifest import ManifestLine
from labelwright.data.readers.places import counted
from labelwright.errors import BadInput, quoted

_SEARCHED = 20_000  # ids looked through for a near one


@dataclass(frozen=True)
class Items:
    """What can be decided on: rows, files or parts, with their labels.

    Parameters
    ----------
    ids : array of str, shape (n,)
        Unique durable names.
    given : sequence of str or None, length n
        The label of each as it stands.
    rule : LabelRule
        Which labels may be given.
    unlabelled : frozenset of int
        Items that have no label of their own and can only be kept or rejected (an image with boxes, a sentence).
    called : sequence of str, length n, optional
        What people call them, such as the path of an image; the id by default.
    total : int, optional
        How many items the data have, where only those that decisions name are here.
    every_id : callable, optional
        Yields the ids of all items then, for a hint when one is not found.
    """

    ids: NDArray[np.str_]
    given: Sequence[str | None]
    rule: LabelRule
    unlabelled: frozenset[int] = frozenset()
    called: Sequence[str] | None = None
    total: int | None = None
    every_id: Callable[[], Iterator[str]] | None = None

    def __len__(self) -> int:
        return len(self.ids) if self.total is None else self.total

    def names(self) -> Iterator[str]:
        """Yield the ids of all items."""
        return iter(self.ids.tolist()) if self.every_id is None else self.every_id()


@dataclass(frozen=True)
class Changes:
    """Decisions joined with the items.

    Parameters
    ----------
    relabel : mapping of int to str
        Item and its new label, which differs from the given one.
    reject : frozenset of int
    decided : mapping of int to Decision
        Every decision, those that change nothing included.
    """

    relabel: Mapping[int, str]
    reject: frozenset[int]
    decided: Mapping[int, Decision]
    undecided: int = 0
    same: int = field(default=0)

    def __len__(self) -> int:
        return len(self.relabel) + len(self.reject)

    def counts(self) -> dict[str, int]:
        """Return how many items were relabelled, rejected, kept, left because nobody can tell, or named twice."""
        verdicts = [entry.decision for entry in self.decided.values()]
        return {
            "relabelled": len(self.relabel),
            "rejected": len(self.reject),
            "kept": verdicts.count("keep"),
            "cannot_tell": verdicts.count("cannot_tell"),
            "already_so": self.same,
            "undecided": self.undecided,
        }


def rejected_remark(changes: Changes) -> tuple[str, ...]:
    """Say that rejected items are not in the new file, where there are any."""
    n = len(changes.reject)
    return (f"{counted(n, 'rejected row')} {'is' if n == 1 else 'are'} not in the new data",) if n else ()


class Mendable(Protocol):
    """Data that decisions can be applied to; one class a format."""

    @property
    def path(self) -> Path:
        """The file or folder."""
        ...

    @property
    def items(self) -> Items:
        """What can be decided on."""
        ...

    @property
    def is_tree(self) -> bool:
        """Whether the data are a folder of files."""
        ...

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Return what else is worth knowing of these changes, before they are made."""
        ...

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended data to `out` (a file, or an empty folder where `is_tree`) and say which file is which."""
        ...


def plan_changes(decisions: Decisions, items: Items, data: str) -> Changes:
    """Join decisions with items by id.

    Parameters
    ----------
    decisions : Decisions
    items : Items
    data : str
        Name of the data, for messages.

    Raises
    ------
    BadInput
        An id is not in the data, a label is none of the classes, a label is given to what has none.

    Examples
    --------
    >>> from labelwright.data.mend.decisions import read_decisions
    >>> from labelwright.data.mend.labels import ClassNames
    >>> items = Items(np.array(["a", "b"]), ("cat", "cat"), ClassNames(("cat", "dog")))
    >>> plan_changes(read_decisions({"id": ["b"], "decision": ["relabel"], "label": ["dog"]}), items, "pets").relabel
    {1: 'dog'}
    """
    rows = _rows(decisions, items, data)
    relabel: dict[int, str] = {}
    reject: list[int] = []
    decided: dict[int, Decision] = {}
    same = 0
    for row, entry in zip(rows, decisions, strict=True):
        if row in decided:
            _check_alike(decided[row], entry)
            continue
        decided[row] = entry
        if entry.decision == "reject":
            reject.append(row)
        elif entry.decision == "relabel":
            label = _new_label(entry, row, items)
            same += label == items.given[row]
            if label != items.given[row]:
                relabel[row] = label
        elif entry.decision == "keep" and entry.label is not None:
            _check_kept(entry, items.given[row])
    return Changes(relabel, frozenset(reject), decided, decisions.undecided, same)


def _check_alike(earlier: Decision, entry: Decision) -> None:
    """Refuse a second decision on an item, such as on a token and on a span that holds it, unless both say the same."""
    if (entry.decision, entry.label) != (earlier.decision, earlier.label):
        raise BadInput(
            f"{quoted(entry.id)} is decided twice: {said(earlier)} ({earlier.where}) and {said(entry)}",
            where=entry.where,
            fix="leave one of the two",
        )


def _new_label(entry: Decision, row: int, items: Items) -> str:
    if row in items.unlabelled:
        raise BadInput(
            f"{quoted(entry.id)} has no label of its own",
            where=entry.where,
            fix=f"name the part, such as {quoted(f'{entry.id}{PART}0')}, or reject it",
        )
    return items.rule.accept(entry.label or "", entry.where)


def _check_kept(entry: Decision, given: str | None) -> None:
    label = entry.label or ""
    if given is None or label.strip() != given.strip():
        raise BadInput(
            f"{quoted(entry.id)} is to keep its label but {quoted(label)} is written beside it; the data say "
            f"{'nothing' if given is None else quoted(given)}",
            where=entry.where,
            fix="write relabel, or empty the label",
        )


def _rows(decisions: Decisions, items: Items, data: str) -> list[int]:
    """Return the item of each decision; BadInput for the first that is not in the data."""
    known = pa.array(items.ids, pa.large_string())
    wanted = pa.array([entry.id for entry in decisions], pa.large_string())
    found = pc.index_in(wanted, value_set=known)
    if found.null_count:
        # Ids from a spreadsheet may come with blanks around them.
        trimmed = pc.index_in(pc.utf8_trim_whitespace(wanted), value_set=known)
        found = pc.coalesce(found, trimmed)
    if found.null_count:
        raise _unknown_id(decisions, np.flatnonzero(pc.is_null(found).to_numpy(zero_copy_only=False)), items, data)
    rows: list[int] = found.to_pylist()
    return rows


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name)


def _unknown_id(decisions: Decisions, missing: NDArray[np.intp], items: Items, data: str) -> BadInput:
    entry = decisions.entries[int(missing[0])]
    more = f" ({len(missing) - 1:,} more like it)" if len(missing) > 1 else ""
    searched = list(islice(items.names(), _SEARCHED))
    near = difflib.get_close_matches(entry.id, searched, n=1, cutoff=0.8)
    padded = next((name for name in items.names() if name.lstrip("0") == entry.id.lstrip("0")), None)
    alike = next((name for name in searched if _folded(name) == _folded(entry.id)), None)
    if alike is not None:
        fix = f"copy {quoted(alike)} from the data: it looks alike, but is made of other Unicode characters"
    elif padded is not None:
        fix = f"write {quoted(padded)} (a spreadsheet may have dropped its zeros)"
    elif near:
        fix = f"did you mean {quoted(near[0])}"
    elif not searched:
        fix = "give --id and the other options as in the audit, and the same data"
    else:
        fix = f"ids look like {quoted(searched[0])}; give --id and the other options as in the audit, and the same data"
    return BadInput(f"there is no row {quoted(entry.id)} in {quoted(data)}{more}", where=entry.where, fix=fix)
