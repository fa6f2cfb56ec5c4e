"""Which findings are new, resolved or persist, and which of them only the model changed.

A finding is known by its kind, what it is about (row, class, column, group) and its part; where several share all of
that, by their order. A new or resolved finding has a cause in the data when its row, or the other row of a pair, was
added, edited, relabelled or is gone; a finding about no single row, when anything in the data changed. Without such a
cause the model alone has changed its mind: it was trained on other rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.audit.compare.rows import RowChange, RowChanges, numbered

_ABOUT_ROWS = ("row", "pair", "part")


@dataclass(frozen=True)
class IssueChanges:
    """The issues of two audits, joined; entries are those of `AuditState.flagged`.

    Parameters
    ----------
    old, new : pyarrow.Table
        The flagged entries of each side.
    old_match, new_match : array of int64
        The partner of each entry on the other side, -1 for none: resolved and new issues.
    old_caused, new_caused : array of bool
        Whether the data of the entry changed. False for a resolved or new issue: only the model changed.
    """

    old: pa.Table
    new: pa.Table
    old_match: NDArray[np.int64]
    new_match: NDArray[np.int64]
    old_caused: NDArray[np.bool_]
    new_caused: NDArray[np.bool_]

    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """Return which entries are new, flipped_on, persisting (of `new`), resolved and flipped_off (of `old`)."""
        came, went = self.new_match < 0, self.old_match < 0
        return {
            "new": came & self.new_caused,
            "flipped_on": came & ~self.new_caused,
            "persisting": ~came,
            "resolved": went & self.old_caused,
            "flipped_off": went & ~self.old_caused,
        }

    def counts(self) -> dict[str, dict[str, int]]:
        """Return for each kind how many issues are new, resolved, persisting, and flipped by the model only."""
        masks = self.masks()
        of = {word: self.old if word in ("resolved", "flipped_off") else self.new for word in masks}
        kinds = [*self.new["kind"].to_pylist(), *self.old["kind"].to_pylist()]
        found = {word: _tally(of[word], mask) for word, mask in masks.items()}
        order = ("new", "resolved", "persisting", "flipped_on", "flipped_off")
        return {kind: {word: found[word].get(kind, 0) for word in order} for kind in dict.fromkeys(kinds)}


def join_issues(old: pa.Table, new: pa.Table, rows: RowChanges, *, data_changed: bool) -> IssueChanges:
    """Join the flagged findings of two audits.

    Parameters
    ----------
    old, new : pyarrow.Table
        Of `AuditState.flagged`.
    rows : RowChanges
        Of the same two audits.
    data_changed : bool
        Whether anything in the data differs, columns included.
    """
    n_new = len(rows.old_row)
    # Both sides number rows alike: a row that is still there by its new place, a row that is gone after all of those.
    joint = np.where(rows.new_row >= 0, rows.new_row, n_new + np.arange(len(rows.new_row)))
    old_key, new_key = numbered(*_keys(old, new, joint))
    _, at_old, at_new = np.intersect1d(old_key, new_key, assume_unique=True, return_indices=True)
    old_match, new_match = np.full(len(old), -1, dtype=np.int64), np.full(len(new), -1, dtype=np.int64)
    old_match[at_old], new_match[at_new] = at_new, at_old
    return IssueChanges(
        old,
        new,
        old_match,
        new_match,
        _caused(old, rows.change_of_old(), data_changed),
        _caused(new, rows.change, data_changed),
    )


def row_numbers(issues: pa.Table, column: str = "row") -> NDArray[np.int64]:
    """Return the rows that findings are about, -1 where they are about none; int64, shape (m,)."""
    return np.asarray(issues[column].fill_null(-1).to_numpy(), dtype=np.int64)


def about_rows(issues: pa.Table) -> NDArray[np.bool_]:
    """Return which findings are about a row, a pair of rows or a part of one; bool, shape (m,)."""
    return np.asarray(pc.is_in(issues["level"], pa.array(_ABOUT_ROWS)).to_numpy(zero_copy_only=False), dtype=bool)


def _caused(issues: pa.Table, change: NDArray[np.int8], data_changed: bool) -> NDArray[np.bool_]:
    touched = np.append(change != RowChange.UNCHANGED, False)  # the last place answers for "no row"
    by_row = touched[row_numbers(issues)] | touched[row_numbers(issues, "other_row")]
    return np.where(about_rows(issues), by_row, data_changed)


def _keys(old: pa.Table, new: pa.Table, joint: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a number for each finding by kind, level, row, part, column and class."""
    both = pa.concat_tables([old, new])
    row = np.concatenate([np.append(joint, -1)[row_numbers(old)], row_numbers(new)])
    row = np.where(about_rows(both), row, -1)
    # Clusters are numbered anew in every audit; the label of a row may be mended while its finding persists.
    is_cluster = pc.and_(pc.equal(both["level"], "group"), pc.is_null(both["column"]))
    part = pc.if_else(is_cluster, pa.scalar(None, pa.string()), both["part"])
    of_class = pc.if_else(pc.equal(both["level"], "class"), both["given"], pa.scalar(None, pa.string()))
    codes = [_text_codes(column) for column in (both["kind"], both["level"], both["column"], part, of_class)]
    keys = np.unique(np.stack([row, *codes], axis=1), axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return keys[: len(old)], keys[len(old) :]


def _text_codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _tally(issues: pa.Table, mask: NDArray[np.bool_]) -> dict[str, int]:
    counts = pc.value_counts(issues["kind"].filter(pa.array(mask)))
    return {entry["values"]: entry["counts"] for entry in counts.to_pylist()}
