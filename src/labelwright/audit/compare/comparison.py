"""Two audits held against each other: counts, then every changed row and issue as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright import __version__
from labelwright.audit.compare.issues import IssueChanges, join_issues, row_numbers
from labelwright.audit.compare.rows import RowChange, RowChanges, join_rows
from labelwright.audit.compare.state import AuditState
from labelwright.audit.kinds import KINDS
from labelwright.errors import BadInput, listed, quoted

SCHEMA_VERSION = 1
TABLE = pa.schema(
    [
        ("about", pa.string()),
        ("change", pa.string()),
        ("model_only", pa.bool_()),
        ("kind", pa.string()),
        ("level", pa.string()),
        ("id", pa.string()),
        ("old_row", pa.int64()),
        ("new_row", pa.int64()),
        ("old_label", pa.string()),
        ("new_label", pa.string()),
        ("part", pa.string()),
        ("columns", pa.string()),
        ("score", pa.float64()),
        ("suggested", pa.string()),
        ("reason", pa.string()),
    ]
)
_ROW_ORDER = (RowChange.RELABELLED, RowChange.EDITED, RowChange.ADDED, RowChange.GONE)


@dataclass(frozen=True)
class Comparison:
    """What changed between two states of a data set.

    Parameters
    ----------
    old, new : AuditState
    rows : RowChanges
    issues : IssueChanges or None
        None when one side was not audited.
    notes : tuple of str
        What a reader must know to read the counts, in plain words.
    """

    old: AuditState
    new: AuditState
    rows: RowChanges
    issues: IssueChanges | None
    notes: tuple[str, ...]

    @property
    def joined_by(self) -> str | None:
        """The column that names rows, None when their content does."""
        return self.new.plan.id

    def row_counts(self) -> dict[str, int]:
        """Return how many rows were added, are gone, were edited, relabelled, or are unchanged.

        ``edited_and_relabelled`` counts those of the edited that have another label too.
        """
        counts = {change.word: self.rows.count(change) for change in (RowChange.ADDED, RowChange.GONE)}
        both = self.rows.relabelled & (self.rows.change == RowChange.EDITED)
        return counts | {
            "edited": self.rows.count(RowChange.EDITED),
            "edited_and_relabelled": int(np.count_nonzero(both)),
            "relabelled": self.rows.count(RowChange.RELABELLED),
            "unchanged": self.rows.count(RowChange.UNCHANGED),
        }

    def issue_counts(self) -> dict[str, dict[str, int]] | None:
        """Return for each kind how many issues are new, resolved, persisting and flipped by the model only."""
        if self.issues is None:
            return None
        counts = self.issues.counts()
        order = [name for name in KINDS if name in counts] + sorted(set(counts) - set(KINDS))
        return {name: counts[name] for name in order}

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as strict JSON; see ``compare.schema.json``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "labelwright": __version__,
            "old": _side(self.old),
            "new": _side(self.new),
            "joined_by": {"column": self.joined_by} if self.joined_by is not None else "content",
            "columns": {"added": _less(self.new, self.old), "gone": _less(self.old, self.new)},
            "rows": self.row_counts(),
            "issues": self.issue_counts(),
            "notes": list(self.notes),
        }

    def table(self) -> pa.Table:
        """Return every changed row and every issue of either side; columns as in `TABLE`.

        Rows come first (relabelled, edited, added, gone), then issues: new, resolved, flipped by the model only,
        persisting.
        """
        parts = [self._row_part(change) for change in _ROW_ORDER]
        if self.issues is not None:
            masks = self.issues.masks()
            parts += [
                self._issue_part(masks["new"], "new", new=True),
                self._issue_part(masks["resolved"], "resolved", new=False),
                self._issue_part(masks["flipped_on"], "new", new=True, model_only=True),
                self._issue_part(masks["flipped_off"], "resolved", new=False, model_only=True),
                self._issue_part(masks["persisting"], "persisting", new=True),
            ]
        return pa.concat_tables(parts).combine_chunks()

    def _row_part(self, change: RowChange) -> pa.Table:
        gone = change is RowChange.GONE
        rows = np.flatnonzero(self.rows.new_row < 0 if gone else self.rows.change == change)
        none = np.full(len(rows), -1, dtype=np.int64)
        old_row, new_row = (rows, none) if gone else (self.rows.old_row[rows], rows)
        ids = (self.old if gone else self.new).ids[rows]
        columns = [", ".join(self.rows.edited_columns.get(int(row), ())) or None for row in rows]
        return self._part("row", change.word, old_row, new_row, {"id": ids.tolist(), "columns": columns})

    def _issue_part(self, mask: NDArray[np.bool_], change: str, *, new: bool, model_only: bool = False) -> pa.Table:
        assert self.issues is not None
        issues = (self.issues.new if new else self.issues.old).filter(pa.array(mask))
        row = row_numbers(issues)
        partner = np.append(self.rows.old_row if new else self.rows.new_row, -1)[row]
        old_row, new_row = (partner, row) if new else (row, partner)
        texts = {name: issues[name] for name in ("kind", "level", "id", "part", "score", "suggested", "reason")}
        return self._part("issue", change, old_row, new_row, {**texts, "columns": issues["column"]}, model_only)

    def _part(
        self,
        about: str,
        change: str,
        old_row: NDArray[np.int64],
        new_row: NDArray[np.int64],
        columns: Mapping[str, Any],
        model_only: bool = False,
    ) -> pa.Table:
        n = len(old_row)
        cells: dict[str, Any] = {name: pa.nulls(n, TABLE.field(name).type) for name in TABLE.names}
        cells |= {"about": [about] * n, "change": [change] * n, "model_only": [model_only] * n}
        cells |= {"old_label": _labels(self.old, old_row), "new_label": _labels(self.new, new_row)}
        cells |= {"old_row": pa.array(old_row, mask=old_row < 0), "new_row": pa.array(new_row, mask=new_row < 0)}
        return pa.table({**cells, **columns}, schema=TABLE)


def compare_states(old: AuditState, new: AuditState, *, id: str | None = None) -> Comparison:
    """Hold two states of a data set against each other.

    Parameters
    ----------
    old, new : AuditState
    id : str, optional
        Join rows on this column, whatever named them in the audits.

    Raises
    ------
    BadInput
        When the rows of the two sides are named in different ways, or the column does not name rows.

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> def state(texts):
    ...     return AuditState.of_dataset(load_dataset({"text": texts, "label": list("xyx")}, label="label"))
    >>> compare_states(state(["one", "two", "three"]), state(["one", "two", "four"])).row_counts()["added"]
    1
    """
    if id is not None:
        old, new = old.named_by(id), new.named_by(id)
    if old.plan.id != new.plan.id:
        named = [f"{quoted(s.name)} by {'its content' if s.plan.id is None else quoted(s.plan.id)}" for s in (old, new)]
        column = old.plan.id or new.plan.id
        raise BadInput(f"rows are named in different ways: {' and '.join(named)}", fix=f"give --id {column}")
    rows = join_rows(old, new)
    issues = None
    if old.issues is not None and new.issues is not None:
        changed = rows.any_change or set(old.columns) != set(new.columns)
        issues = join_issues(old.flagged(), new.flagged(), rows, data_changed=changed)
    return Comparison(old, new, rows, issues, tuple(_notes(old, new, rows)))


def _notes(old: AuditState, new: AuditState, rows: RowChanges) -> list[str]:
    notes = []
    if len(old) and len(new) and not (rows.old_row >= 0).any():
        notes.append("no row is in both: are these two states of the same data?")
    if new.plan.id is None:
        notes.append(
            "rows are named by their content: an edited row counts as one gone and one added; --id tells them apart"
        )
    elif old.stored or new.stored:
        images = [state for state in (old, new) if state.plan.image or state.plan.modality == "image"]
        notes += ["images are compared by their names: an audit does not keep their bytes"] if images else []
    if old.plan.label != new.plan.label:
        notes.append(f"the label column was {quoted(old.plan.label)} and is {quoted(new.plan.label)}")
    added, gone = _less(new, old), _less(old, new)
    if added or gone:
        said = [f"{word} {listed(names)}" for word, names in (("added:", added), ("gone:", gone)) if names]
        notes.append(f"columns differ ({'; '.join(said)}); rows are compared over the columns that both have")
    if old.issues is not None and new.issues is not None:
        keys = sorted({*old.settings, *new.settings})
        differ = [key for key in keys if old.settings.get(key) != new.settings.get(key)]
        if differ:
            said = [f"{key} {quoted(old.settings.get(key))}, now {quoted(new.settings.get(key))}" for key in differ]
            notes.append(
                f"the audits were made in different ways ({'; '.join(said)}): findings may flip for that alone"
            )
    return notes


def _less(some: AuditState, others: AuditState) -> list[str]:
    """Return the columns of one state that the other lacks."""
    return [name for name in some.columns if name not in others.columns]


def _side(state: AuditState) -> dict[str, Any]:
    summary = state.summary
    return {
        "data": state.name,
        "n_rows": len(state),
        "label": state.plan.label,
        "audited": state.issues is not None,
        "noise_rate": None if summary is None else summary["noise_rate"],
    }


def _labels(state: AuditState, rows: NDArray[np.int64]) -> pa.Array:
    given = [*state.given().tolist(), None]  # the last place answers for "no row"
    return pa.array([given[row] for row in rows.tolist()], pa.string())
