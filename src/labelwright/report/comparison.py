"""A comparison of two audits as files (JSON, Parquet, CSV, one HTML page) and as lines for a terminal."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from labelwright.atomic import staged_directory
from labelwright.audit.compare.comparison import Comparison
from labelwright.audit.compare.stored import is_audit_folder
from labelwright.audit.kinds import kind_of
from labelwright.data.readers.places import counted
from labelwright.inert import display_width, inert, shortened
from labelwright.report.comparison_page import render_comparison
from labelwright.report.outputs import spreadsheet_safe
from labelwright.results_folder import refuse_inputs, refuse_unwritable

LISTED = 10
_ROW_WORDS = {
    "added": "added",
    "gone": "gone",
    "edited": "edited (same id, other content)",
    "relabelled": "relabelled",
    "unchanged": "unchanged",
}
_ISSUE_WORDS = ("new", "resolved", "persisting", "flipped_on", "flipped_off")


def check_compare_folder(folder: Path, sides: Iterable[Path]) -> None:
    """Refuse a results folder that cannot be written, or that is one of the two sides; BadInput says why."""
    for side in sides:
        refuse_inputs(folder, [side], within=not is_audit_folder(side))
    refuse_unwritable(folder)


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write ``compare.json``, ``compare.parquet``, ``compare.csv`` and ``compare.html`` into `folder`; return it."""
    table = comparison.table()
    with staged_directory(folder) as aside:
        text = json_module.dumps(comparison.to_dict(), ensure_ascii=False, allow_nan=False, indent=1)
        (aside / "compare.json").write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        pyarrow.parquet.write_table(table, aside / "compare.parquet", compression="zstd")
        pyarrow.csv.write_csv(spreadsheet_safe(table), aside / "compare.csv")
        (aside / "compare.html").write_text(render_comparison(comparison, table), encoding="utf-8")
    return folder


def comparison_lines(comparison: Comparison, *, json: bool = False, folder: Path | None = None) -> list[str]:
    """Return what the command line prints: counts first, then the first changed labels and new findings."""
    if json:
        return [json_module.dumps(comparison.to_dict(), allow_nan=False)]
    old, new = comparison.old, comparison.new
    named = "their content" if comparison.joined_by is None else f"column {comparison.joined_by!r}"
    head = f"{old.name} ({counted(len(old), 'row')}) -> {new.name} ({counted(len(new), 'row')}), rows joined by {named}"
    lines = [head, *(f"  {note}" for note in comparison.notes), "", "Rows", *_row_lines(comparison)]
    lines += ["", *_issue_lines(comparison)]
    table, paths = comparison.table(), new.paths()
    lines += _listed("Relabelled", table, paths, about="row", change="relabelled")
    lines += _listed("New findings", table, paths, about="issue", change="new")
    if folder is not None:
        lines += ["", f"Next: open {folder / 'compare.html'}; every row and finding is in {folder / 'compare.csv'}."]
    return lines


def _row_lines(comparison: Comparison) -> list[str]:
    counts = comparison.row_counts()
    lines = []
    for name, words in _ROW_WORDS.items():
        both = counts["edited_and_relabelled"] if name == "edited" else 0
        lines.append(f"  {counts[name]:>8,}  {words}" + (f", {both:,} of them relabelled too" if both else ""))
    return lines


def _issue_lines(comparison: Comparison) -> list[str]:
    counts = comparison.issue_counts()
    if counts is None:
        return ["Findings: not compared, rows alone were looked at"]
    if not counts:
        return ["Findings: none in either"]
    head = f"{'Findings':<24}{'new':>9}{'resolved':>10}{'persisting':>12}   by the model only: on, off"
    lines = [head]
    for kind, of in counts.items():
        new, resolved, persisting, on, off = (f"{of[word]:,}" for word in _ISSUE_WORDS)
        lines.append(f"  {kind_of(kind).title:<22}{new:>9}{resolved:>10}{persisting:>12}{on:>22},{off:>5}")
    if any(of["flipped_on"] or of["flipped_off"] for of in counts.values()):
        lines.append(
            "  By the model only: the rows did not change, but a model trained on other rows judges them anew."
        )
    return lines


def _listed(title: str, table: pa.Table, paths: Sequence[str] | None, *, about: str, change: str) -> list[str]:
    wanted = pc.and_(pc.equal(table["about"], about), pc.equal(table["change"], change))
    found = table.filter(pc.and_(wanted, pc.invert(table["model_only"])))
    if not found.num_rows:
        return []
    lines = ["", title]
    for entry in found.slice(0, LISTED).to_pylist():
        row = entry["new_row"]
        place = f"row {row}" if row is not None else "-"
        path = paths[row] if paths is not None and row is not None else None  # says more than a hash
        name = shortened(inert(str(path or entry["id"] or entry["columns"] or entry["part"] or "")), 40)
        what = f"{entry['old_label']} -> {entry['new_label']}"
        if about == "issue":
            what = f"{kind_of(entry['kind']).title}: {entry['reason'] or ''}"
        gap = " " * max(1, 12 - display_width(place))
        lines.append(f"  {place}{gap}{name}  {shortened(inert(what), 110)}")
    rest = found.num_rows - LISTED
    return [*lines, f"  and {rest:,} more"] if rest > 0 else lines
