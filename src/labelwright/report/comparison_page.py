"""The page of a comparison: one HTML file without network or script, in the style of the report."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from labelwright.audit.compare.comparison import Comparison
from labelwright.audit.compare.rows import RowChange
from labelwright.audit.kinds import kind_of
from labelwright.report.pages import render_page

MOST_SHOWN = 200
CELL_WIDTH = 120
_SECTIONS = (
    ("relabelled", "Relabelled rows", "The content is as it was, the label is another.", False),
    ("edited", "Edited rows", "The same row by its id, with other content.", False),
    ("added", "Added rows", "Rows that the old data do not have.", False),
    ("gone", "Rows that are gone", "Rows that the new data do not have.", False),
    ("new", "New findings", "On rows that were added, edited or relabelled.", False),
    ("resolved", "Resolved findings", "On rows that were edited or relabelled, or are gone.", False),
    (
        "new",
        "Raised by the model only",
        "The rows did not change; a model trained on other rows now doubts them.",
        True,
    ),
    ("resolved", "Dropped by the model only", "The rows did not change; the model no longer doubts them.", True),
)
_ROWS = {change.word for change in RowChange}


def render_comparison(comparison: Comparison, table: pa.Table) -> str:
    """Return the page of a comparison.

    Parameters
    ----------
    comparison : Comparison
    table : pyarrow.Table
        Its `table()`; each section shows its first 200 entries.
    """
    counts = comparison.issue_counts()
    return render_page(
        "comparison.html",
        facts=comparison.to_dict(),
        verdict=verdict(comparison),
        issues=[] if counts is None else [(kind_of(kind), of) for kind, of in counts.items()],
        sections=[section for section in (_section(table, *about) for about in _SECTIONS) if section["total"]],
    )


def verdict(comparison: Comparison) -> str:
    """Return one plain sentence on what changed."""
    counts, issues = comparison.row_counts(), comparison.issue_counts()
    changed = {word: counts[word] for word in ("added", "gone", "edited", "relabelled") if counts[word]}
    rows = ", ".join(f"{count:,} {word}" for word, count in changed.items())
    head = f"Rows: {rows}" if rows else "No row changed"
    if issues is None:
        return f"{head}. Findings were not compared."
    new, gone = (sum(of[word] for of in issues.values()) for word in ("new", "resolved"))
    flips = sum(of["flipped_on"] + of["flipped_off"] for of in issues.values())
    tail = f"; {flips:,} more flipped by the model only" if flips else ""
    return f"{head}. Findings: {new:,} new, {gone:,} resolved{tail}."


def _section(table: pa.Table, change: str, title: str, lead: str, model_only: bool) -> dict[str, Any]:
    wanted = pc.and_(pc.equal(table["change"], change), pc.equal(table["model_only"], model_only))
    found = table.filter(wanted)
    return {
        "name": f"{change}{'-by-model' if model_only else ''}",
        "title": title,
        "lead": lead,
        "is_rows": change in _ROWS,
        "total": found.num_rows,
        "entries": [_entry(entry) for entry in found.slice(0, MOST_SHOWN).to_pylist()],
    }


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    cells = {name: _cut(value) for name, value in entry.items()}
    return cells | {"title": None if entry["kind"] is None else kind_of(entry["kind"]).title}


def _cut(value: Any) -> Any:
    return f"{value[: CELL_WIDTH - 1]}…" if isinstance(value, str) and len(value) > CELL_WIDTH else value
