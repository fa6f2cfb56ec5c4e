"""Which rows were added, are gone, were edited or relabelled: two data sets joined on the durable names of their rows.

Rows named by a column keep their name when their content changes: such a row is edited. Rows named by their content
lose their name with it: an edited row is one that is gone and one that was added. Among copies of the same content
the ones with the same label belong together, so that dropping one copy relabels no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.compare.state import AuditState, column_texts


class RowChange(IntEnum):
    """What happened to a row. An edited row may have another label too."""

    UNCHANGED = 0
    ADDED = 1
    GONE = 2
    EDITED = 3
    RELABELLED = 4

    @property
    def word(self) -> str:
        """The change in a word."""
        return self.name.lower()


@dataclass(frozen=True)
class RowChanges:
    """The rows of two data sets, joined.

    Parameters
    ----------
    old_row : array of int64, shape (n_new,)
        The old row of each new row, -1 for added ones.
    new_row : array of int64, shape (n_old,)
        The new row of each old row, -1 for those that are gone.
    change : array of int8, shape (n_new,)
        `RowChange` of each new row.
    relabelled : array of bool, shape (n_new,)
        Whether a row that is still there has another label, edited or not.
    edited_columns : mapping of int to tuple of str
        For each edited new row the columns whose cells differ; empty where the content is known by its hash alone.
    """

    old_row: NDArray[np.int64]
    new_row: NDArray[np.int64]
    change: NDArray[np.int8]
    relabelled: NDArray[np.bool_]
    edited_columns: dict[int, tuple[str, ...]]

    def change_of_old(self) -> NDArray[np.int8]:
        """Return the `RowChange` of each old row, int8 (n_old,)."""
        return np.where(self.new_row < 0, np.int8(RowChange.GONE), self.change[self.new_row]).astype(np.int8)

    def count(self, change: RowChange) -> int:
        """Return how many rows changed so."""
        if change is RowChange.GONE:
            return int(np.count_nonzero(self.new_row < 0))
        return int(np.count_nonzero(self.change == change))

    @property
    def any_change(self) -> bool:
        """Whether any row differs."""
        return bool((self.change != RowChange.UNCHANGED).any() or (self.new_row < 0).any())


def join_rows(old: AuditState, new: AuditState) -> RowChanges:
    """Join two data sets whose rows are named in the same way (by a column, or both by content).

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> def state(labels):
    ...     rows = {"id": list("abc"), "text": ["one", "two", "three"], "label": labels}
    ...     return AuditState.of_dataset(load_dataset(rows, label="label", id="id"))
    >>> changes = join_rows(state(["x", "y", "x"]), state(["x", "x", "y"]))
    >>> [RowChange(c).word for c in changes.change]
    ['unchanged', 'relabelled', 'relabelled']
    """
    shared = [name for name in new.columns if name in old.columns]
    files = not (old.stored or new.stored)
    content = old.content(shared, files=files), new.content(shared, files=files)
    labels = old.given(), new.given()
    if new.plan.id is not None:
        old_row, new_row = _matched(*_codes(old.ids, new.ids))
    else:
        old_content, new_content = content
        assert old_content is not None and new_content is not None
        old_row, new_row = _matched_copies(
            *_codes(old_content, new_content), *_codes(_plain(labels[0]), _plain(labels[1]))
        )
    kept = np.flatnonzero(old_row >= 0)
    relabelled = np.zeros(len(new), dtype=bool)
    relabelled[kept] = labels[1][kept] != labels[0][old_row[kept]]
    edited = np.zeros(len(new), dtype=bool)
    if content[0] is not None and content[1] is not None:
        edited[kept] = content[1][kept] != content[0][old_row[kept]]
    change = np.zeros(len(new), dtype=np.int8)
    change[relabelled], change[edited], change[old_row < 0] = RowChange.RELABELLED, RowChange.EDITED, RowChange.ADDED
    return RowChanges(old_row, new_row, change, relabelled, _edited_columns(old, new, shared, old_row, edited))


def _plain(labels: NDArray[np.object_]) -> NDArray[np.str_]:
    """Return labels as text that sorts; a missing label differs from every text."""
    return np.array(["" if label is None else f"={label}" for label in labels.tolist()], dtype=np.str_)


def _codes(old: NDArray, new: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number equal texts of both sides alike."""
    codes = np.unique(np.concatenate([old, new]), return_inverse=True)[1].reshape(-1).astype(np.int64)
    return codes[: len(old)], codes[len(old) :]


def _matched(old: NDArray[np.int64], new: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the partner of each new and of each old entry, -1 for none; numbers occur once a side."""
    old_row = np.full(len(new), -1, dtype=np.int64)
    new_row = np.full(len(old), -1, dtype=np.int64)
    _, at_old, at_new = np.intersect1d(old, new, assume_unique=True, return_indices=True)
    old_row[at_new], new_row[at_old] = at_old, at_new
    return old_row, new_row


def _matched_copies(
    old: NDArray[np.int64], new: NDArray[np.int64], old_label: NDArray[np.int64], new_label: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Match rows of equal content: first those with equal labels in their order, then the rest in theirs."""
    width = int(max(old_label.max(initial=0), new_label.max(initial=0))) + 1
    old_row, new_row = _matched(*numbered(old * width + old_label, new * width + new_label))
    left_old, left_new = np.flatnonzero(new_row < 0), np.flatnonzero(old_row < 0)
    rest_old, rest_new = _matched(*numbered(old[left_old], new[left_new]))
    found = rest_old >= 0
    old_row[left_new[found]] = left_old[rest_old[found]]
    found = rest_new >= 0
    new_row[left_old[found]] = left_new[rest_new[found]]
    return old_row, new_row


def numbered(old: NDArray[np.int64], new: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Make numbers that repeat within a side unique: the i-th of a value on one side equals the i-th on the other.

    Examples
    --------
    >>> numbered(np.array([7, 7, 9]), np.array([9, 7, 9]))
    (array([0, 1, 2]), array([2, 0, 3]))
    """
    times = np.concatenate([_occurrence(old), _occurrence(new)])
    pairs = np.stack([np.concatenate([old, new]), times], axis=1)
    codes = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return codes[: len(old)], codes[len(old) :]


def _occurrence(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0 for the first of each value, 1 for the second, and so on."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.concatenate([np.ones(min(len(values), 1), dtype=bool), ordered[1:] != ordered[:-1]])
    begin = np.maximum.accumulate(np.where(first, np.arange(len(values)), 0))
    times = np.empty(len(values), dtype=np.int64)
    times[order] = np.arange(len(values)) - begin
    return times


def _edited_columns(
    old: AuditState, new: AuditState, shared: list[str], old_row: NDArray[np.int64], edited: NDArray[np.bool_]
) -> dict[int, tuple[str, ...]]:
    rows = np.flatnonzero(edited)
    found: dict[int, list[str]] = {int(row): [] for row in rows}
    if len(rows):
        before, after = old.source.table.take(old_row[rows]), new.source.table.take(rows)
        for name in shared:
            differs = column_texts(before, name) != column_texts(after, name)
            for row in rows[differs].tolist():
                found[row].append(name)
    return {row: tuple(names) for row, names in found.items()}
