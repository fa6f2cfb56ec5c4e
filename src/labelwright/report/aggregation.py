"""Merged votes as files (Parquet, CSV, JSON, one HTML page) and as lines for a terminal."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from labelwright.atomic import staged_directory
from labelwright.consensus.aggregation import Aggregation
from labelwright.consensus.annotators import LEAST_JUDGED
from labelwright.consensus.workflow import AboutVotes
from labelwright.data.readers.places import counted
from labelwright.metrics.numerals import percent
from labelwright.report.aggregation_page import render_aggregation
from labelwright.report.aggregation_view import agreement_words, arrow, summary_of, verdict
from labelwright.report.outputs import spreadsheet_safe
from labelwright.results_folder import refuse_inputs, refuse_unwritable


def check_aggregate_folder(folder: Path, *inputs: Path | None) -> None:
    """Refuse a results folder that cannot be written, or that is one of the inputs; BadInput says why."""
    refuse_inputs(folder, inputs, within=False)
    refuse_unwritable(folder)


def write_aggregation(result: Aggregation, about: AboutVotes, folder: Path) -> Path:
    """Write ``labels.parquet``, ``annotators.csv``, ``reask.csv``, ``summary.json`` and ``report.html``, or nothing."""
    summary = summary_of(result, about)
    with staged_directory(folder) as aside:
        pyarrow.parquet.write_table(arrow(result.labels), aside / "labels.parquet", compression="zstd")
        for name, table in (("annotators", result.annotators), ("reask", result.reask)):
            pyarrow.csv.write_csv(spreadsheet_safe(_texts(arrow(table))), aside / f"{name}.csv")
        text = json_module.dumps(summary, ensure_ascii=False, allow_nan=False, indent=1)
        (aside / "summary.json").write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        (aside / "report.html").write_text(render_aggregation(result, about, summary), encoding="utf-8")
    return folder


def aggregation_lines(
    result: Aggregation, about: AboutVotes, *, json: bool = False, quiet: bool = False, folder: Path | None = None
) -> list[str]:
    """Return what the command line prints: the verdict, agreement, quality of the work, and what to do next."""
    summary = summary_of(result, about)
    if json:
        return [json_module.dumps(summary, allow_nan=False)]
    if quiet:
        return [verdict(summary, about)]
    lines = [
        f"{about.name}: {counted(summary['n_votes'], 'vote')} of {counted(summary['n_annotators'], about.noun)} on "
        f"{counted(summary['n_tasks'], about.unit)} ({about.form})",
        *(f"  {note}" for note in summary["notes"]),
        *("", verdict(summary, about), agreement_words(summary, about)),
    ]
    if summary["expected_right"] is not None:
        lines.append(f"Model estimate: {percent(summary['expected_right'])} of the labels are expected to be right.")
    lines += _checked_line(summary["known_labels"], about.unit)
    method = summary["method"]
    because = f": {method['reason']}" if method["reason"] else ""
    lines.append(f"Method: {method['name']}{because}.")
    few = summary["n_annotators"] - summary["n_annotators_ranked"]
    if few and about.form != "rules":
        lines.append(
            f"Not enough data about the work of {counted(few, 'annotator')} (under {LEAST_JUDGED} judged tasks)."
        )
    if summary["dependent"]:
        pairs = counted(len(summary["dependent"]), "pair")
        what = "speak about the same rows" if about.form == "rules" else "give the same answers"
        lines.append(f"{pairs} of {about.noun}s {what} more often than independent work would.")
    if folder is not None:
        lines += ["", f"Next: open {folder / 'report.html'}; the labels are in {folder / 'labels.parquet'}."]
        if summary["n_reask"]:
            whom = "tasks a person should label" if about.form == "rules" else "tasks to ask again, and whom,"
            stand = "is" if summary["n_reask"] == 1 else "are"
            lines.append(f"{counted(summary['n_reask'], 'row')} of {whom} {stand} in {folder / 'reask.csv'}.")
    return lines


def _checked_line(known: dict[str, Any], unit: str) -> list[str]:
    right = known["accuracy_without_them"]
    if right is None:
        return []
    return [
        f"Checked by people: on {counted(known['n_with_votes'], unit)} of known label the votes alone are right in "
        f"{percent(right['estimate'])} (95 % interval {100 * right['low']:.1f} to {100 * right['high']:.1f})."
    ]


def _texts(table: pa.Table) -> pa.Table:
    """Return the table with ids as text, so that neutralising sees them."""
    for i, field in enumerate(table.schema):
        if field.name in ("task", "annotator") and not pa.types.is_string(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(pa.string()))
    return table
