"""The audit in a few numbers (`summary.json`) and in a few plain lines (the terminal)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelwright.audit.kinds import KINDS, kind_of
from labelwright.inert import display_width, inert, shortened
from labelwright.metrics.numerals import percent

if TYPE_CHECKING:
    from labelwright.audit.close_contradictions import Difficulty
    from labelwright.audit.noise_rate import NoiseEstimate
    from labelwright.audit.run import AuditResult
    from labelwright.data.dataset import Dataset

SCHEMA_VERSION = 1
WORST_SHOWN = 10
ALERTS_SHOWN = 5
WARNING = "WARNING: "  # notes that begin so put the whole result in doubt
PART_WORDS = {"token": "sentences", "detection": "images", "segmentation": "images"}
# A matrix of more classes than this is left to Python users: as JSON it would dwarf everything else.
WIDEST_MATRIX = 1000


def summarise(
    dataset: Dataset,
    issues: pa.Table,
    noise: NoiseEstimate | None,
    difficulty: Difficulty | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the content of ``summary.json``: strict JSON, no timings, the same for the same data, seed and version."""
    space = dataset.space
    flagged = issues.filter(issues["is_issue"])
    rows = pc.unique(flagged["row"].drop_null())
    return {
        "schema_version": SCHEMA_VERSION,
        "data": dataset.source.path.name,
        "n_rows": len(dataset),
        "n_labelled": _labelled(dataset),
        "task": dataset.plan.task,
        "modality": dataset.plan.modality,
        "label": dataset.plan.label,
        "classes": list(space.names) if space else None,
        "noise_rate": None
        if noise is None
        else {
            "estimate": round(float(noise.noise_rate), 6),
            "low": round(float(noise.low), 6),
            "high": round(float(noise.high), 6),
            "level": 0.95,
            "basis": "model estimate",
        },
        "n_rows_with_issues": len(rows),
        "counts": count_by_kind(issues),
        "transition_matrix": None
        if noise is None or space is None or len(space) > WIDEST_MATRIX
        else np.round(noise.transition_matrix, 6).tolist(),
        "difficulty": None if difficulty is None else difficulty.facts(),
        "warnings": [note.removeprefix(WARNING) for note in notes if note.startswith(WARNING)],
    }


def count_by_kind(issues: pa.Table) -> dict[str, int]:
    """Return the number of issues of each kind looked for, in the order of the catalogue of kinds.

    A row with several wrong parts is one label issue; its parts stand in the table beside it. Kinds that are about
    parts alone count these.
    """
    counts = counted_issues(issues).group_by("kind").aggregate([("is_issue", "sum")])
    found = dict(zip(counts["kind"].to_pylist(), counts["is_issue_sum"].to_pylist(), strict=True))
    order = [name for name in KINDS if name in found] + sorted(set(found) - set(KINDS))
    return {name: int(found[name]) for name in order}


def counted_issues(issues: pa.Table) -> pa.Table:
    """Return the findings that counts are about: parts only of kinds that have no row of their own."""
    of_parts = pc.equal(issues["level"], "part")
    of_rows = pc.unique(issues.filter(pc.invert(of_parts))["kind"])
    beside = pc.is_in(issues["kind"], value_set=of_rows.cast(pa.string()))
    return issues.filter(pc.invert(pc.and_(of_parts, beside)))


def verdict(summary: Mapping[str, Any]) -> str:
    """Return one plain sentence about the labels."""
    suspects, n = summary["counts"].get("label", 0), summary["n_labelled"]
    if summary["task"] in PART_WORDS:
        return _part_verdict(summary)
    if not n:
        return "No row has a label, so no label could be judged."
    what = "sets of tags" if summary["task"] == "multilabel" else "labels"
    looked = (
        f"{suspects:,} of {n:,} {what} {'is' if suspects == 1 else 'are'} worth a look"
        if suspects
        else f"None of {n:,} {what} stands out as wrong"
    )
    rate = summary["noise_rate"]
    if rate is None:
        return f"{looked}."
    return (
        f"{looked}; about {percent(rate['estimate'])} are wrong "
        f"(model estimate, {percent(rate['low'])} to {percent(rate['high'])}; not checked by people)."
    )


def _part_verdict(summary: Mapping[str, Any]) -> str:
    """Say how many sentences or images are worth a look, and whether a model judged them."""
    words, n = PART_WORDS[summary["task"]], summary["n_rows"]
    if "label" in summary["counts"]:
        suspects = summary["counts"]["label"]
        if not suspects:
            return f"None of {n:,} {words} has a label that stands out as wrong."
        return f"{suspects:,} of {n:,} {words} {'has' if suspects == 1 else 'have'} a label worth a look."
    found = summary["n_rows_with_issues"]
    if summary["task"] == "token":
        return f"The tags could not be judged; {found:,} of {n:,} sentences hold something odd in themselves."
    return (
        f"No model's predictions were given: {found:,} of {n:,} {words} {'has' if found == 1 else 'have'} something "
        "odd in themselves; predictions would find wrong labels too."
    )


def plain_lines(result: AuditResult, *, quiet: bool, show_text: bool, folder: Path | None) -> list[str]:
    """Return the lines for a terminal; row content appears only with `show_text`. The last line says what to do."""
    summary = result.summary
    following = next_steps(result, folder)
    if quiet:
        return [*(WARNING + told for told in summary["warnings"]), verdict(summary), *following]
    rows = PART_WORDS.get(summary["task"], "rows")
    head = f"{summary['data']}: {summary['n_rows']:,} {rows}, {_task_words(summary)}"
    lines = [head, *(f"  {note}" for note in result.notes), "", verdict(summary)]
    found = [(kind_of(name), count) for name, count in summary["counts"].items() if count]
    if found:
        lines += ["", "What was found"]
        width = max(len(kind.title) for kind, _ in found)
        lines += [f"  {kind.title:<{width}}  {count:>7,}  {kind.meaning}" for kind, count in found]
    lines += alert_lines(result)
    worst = _worst(result)
    if worst:
        lines += ["", "Most suspect labels", *_worst_lines(result, worst, show_text)]
    return [*lines, "", *following]


def alert_lines(result: AuditResult) -> list[str]:
    """Return what the nutrition label warns of, the most serious first; nothing where it only informs."""
    alerts = () if result.nutrition is None else result.nutrition.alerts
    worst_first = sorted(alerts, key=lambda alert: alert.severity != "serious")
    told = {alert.message: alert.severity for alert in worst_first if alert.severity != "info"}
    if not told:
        return []
    shown = [f"  {severity:<7}  {inert(message)}" for message, severity in list(told.items())[:ALERTS_SHOWN]]
    more = [f"  and {len(told) - ALERTS_SHOWN} more in the report"] if len(told) > ALERTS_SHOWN else []
    return ["", "Alerts about the data set", *shown, *more]


def next_steps(result: AuditResult, folder: Path | None) -> list[str]:
    """Return where everything stands and, in the last line, the one thing to do next."""
    if folder is None:
        return ["Next: .issues lists every finding; .report('report.html') draws them."]
    if not any(result.summary["counts"].values()):
        if alert_lines(result):
            return [f"Next: no label stands out; the nutrition label in {folder / 'report.html'} tells of the alerts."]
        return [f"Next: nothing stands out; {folder / 'report.html'} shows what was looked at."]
    places = f"open {folder / 'report.html'}; every finding is in {folder / 'issues.csv'}."
    # What was found in boxes and masks rests on files that the folder of an audit does not name.
    task = result.dataset.plan.task
    alone = task not in PART_WORDS or (task == "token" and result.options.pred_probs is None)
    if not result.summary["counts"].get("label") or not alone:
        return [f"Next: {places}"]
    return [
        f"To look at them: {places}",
        f"Next: {studio_command(result.dataset, folder)}   (mends them in the browser)",
    ]


def studio_command(dataset: Dataset, folder: Path) -> str:
    """Return the command that opens the studio on an audited data set.

    The folder of the audit says everything where the data lie beside or within it; the data and their column are named
    otherwise.
    """
    path = dataset.source.path
    if path.resolve().parent in (folder.resolve(), folder.resolve().parent):
        return f"labelwright studio {_typed(folder)}"
    column = "" if path.is_dir() else f" --label {_typed(dataset.plan.label)}"
    column = f" --task {dataset.plan.task}" if dataset.parts is not None else column
    return f"labelwright studio {_typed(path)}{column}"


def _typed(word: object) -> str:
    return shlex.quote(inert(str(word)))


def _worst(result: AuditResult) -> list[dict[str, Any]]:
    issues = result.issues
    if issues.num_rows == 0:
        return []
    level = "part" if result.dataset.plan.task in PART_WORDS else "row"
    chosen = pc.and_(pc.and_(pc.equal(issues["kind"], "label"), pc.equal(issues["level"], level)), issues["is_issue"])
    return issues.filter(chosen).slice(0, WORST_SHOWN).to_pylist()


def _worst_lines(result: AuditResult, worst: list[dict[str, Any]], show_text: bool) -> list[str]:
    parts = [f"#{str(row['part']).partition('~')[0]}" if row["level"] == "part" else "" for row in worst]
    named = [f"{row_name(result.dataset, row['row'])}{part}" for row, part in zip(worst, parts, strict=True)]
    names = [shortened(inert(name), 40) for name in named]
    given = [shortened(inert(str(row["given"])), 24) for row in worst]
    wide = max(display_width(name) for name in names), max(display_width(name) for name in given)
    lines = []
    for row, name, was in zip(worst, names, given, strict=True):
        pad = " " * (wide[0] - display_width(name)), " " * (wide[1] - display_width(was))
        suggested = shortened(inert(str(row["suggested"])), 24) if row["suggested"] is not None else "?"
        lines.append(f"  {name}{pad[0]}  {was}{pad[1]}  ->  {suggested}")
        if show_text and row["row"] is not None:
            lines.append(f"      {shortened(inert(_content(result.dataset, row['row'])), 160)}")
    return lines


def row_name(dataset: Dataset, row: int) -> str:
    """Return what a person finds a row by: its id, its file, or its place in the file."""
    plan, source = dataset.plan, dataset.source
    if plan.id is not None:
        return str(dataset.ids[row])
    if source.format == "image_folder" and plan.image is not None:
        return str(dataset.column(plan.image)[row].as_py())
    return f"line {source.line_numbers[row]}" if source.line_numbers is not None else f"row {row}"


def _content(dataset: Dataset, row: int) -> str:
    """Return the content of a row on one line, for people who asked to see it."""
    plan = dataset.plan
    names = plan.text or ((plan.image,) if plan.image else plan.feature_columns)
    cells = [dataset.column(name)[row].as_py() for name in names]
    return " | ".join(
        "" if cell is None else "(bytes)" if isinstance(cell, bytes | dict) else str(cell) for cell in cells
    )


def _labelled(dataset: Dataset) -> int:
    labels = dataset.labels
    if dataset.plan.task == "regression":
        return int(np.count_nonzero(~np.isnan(labels)))
    known = labels >= 0
    return int(np.count_nonzero(known if known.ndim == 1 else known.any(axis=1)))


def _task_words(summary: Mapping[str, Any]) -> str:
    classes = summary["classes"]
    over = f" over {len(classes):,} classes" if classes else ""
    if summary["task"] in PART_WORDS:
        return f"{summary['task']}{over}"
    return f"{summary['task']}{over}, judged by {summary['modality']}, labels in {summary['label']!r}"
