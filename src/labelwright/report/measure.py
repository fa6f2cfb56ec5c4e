"""The report of a measure as files (JSON, one HTML page, CSV tables) and as lines for a terminal."""

from __future__ import annotations

import json as json_module
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from labelwright import __version__
from labelwright.atomic import staged_directory, write_aside
from labelwright.errors import BadInput
from labelwright.metrics.report import Report, ReportTable
from labelwright.report.measure_page import render_measure
from labelwright.report.outputs import spreadsheet_safe
from labelwright.report.pages import number
from labelwright.results_folder import refuse_inputs, refuse_unwritable

_WORST_FIRST = ("serious", "caution", "info")


def measure_facts(name: str, report: Report) -> dict[str, Any]:
    """Return what ``report.json`` holds: the report, the name of the measure and the version that made it.

    JSON knows no numbers that are not finite: they stand as null.
    """
    facts: dict[str, Any] = _finite({"measure": name, "labelwright": __version__, **report.to_dict()})
    return facts


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check_measure_folder(folder: Path, inputs: Sequence[Path] = ()) -> None:
    """Refuse a results folder that cannot be written, or that is or lies in an input; BadInput says why."""
    refuse_inputs(folder, inputs)
    refuse_unwritable(folder)


def write_measure(name: str, report: Report, folder: Path | str, files: Mapping[str, bytes] | None = None) -> Path:
    """Write ``report.json``, ``report.html``, a CSV for each table that names a file, and `files`; return `folder`."""
    folder = Path(folder)
    facts = json_module.dumps(measure_facts(name, report), ensure_ascii=False, allow_nan=False, indent=1)
    page = render_measure(name, report)
    with staged_directory(folder) as aside:
        (aside / "report.json").write_text(facts + "\n", encoding="utf-8", errors="backslashreplace")
        (aside / "report.html").write_text(page, encoding="utf-8", errors="backslashreplace")
        for table in (table for section in report.sections for table in section.tables if table.file):
            pyarrow.csv.write_csv(spreadsheet_safe(_arrow(table)), aside / table.file)
        for file, content in (files or {}).items():
            (aside / file).write_bytes(content)
    return folder


def is_measure(folder: Path) -> bool:
    """Say whether a folder holds what a measure wrote."""
    return (folder / "report.json").is_file()


def rewrite_measure(folder: Path, *, redact: bool = False, out: Path | None = None) -> Path:
    """Draw the page of an earlier measure again from its ``report.json``; with `redact` without rows and names."""
    from labelwright.report.redact_measure import redact_measure

    try:
        facts = json_module.loads((folder / "report.json").read_text(encoding="utf-8"))
        name, report = facts["measure"], redact_measure(facts) if redact else Report.from_dict(facts)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        what = f"report.json cannot be read as a measure ({type(error).__name__})"
        raise BadInput(what, where=str(folder), fix="measure again") from None
    path = out or folder / ("report-redacted.html" if redact else "report.html")
    with write_aside(path) as aside:
        page = render_measure(name, report, redacted=redact)
        aside.write_text(page, encoding="utf-8", errors="backslashreplace")
    return path


def measure_lines(
    name: str, report: Report, *, json: bool = False, folder: Path | None = None, files: Sequence[str] = ()
) -> list[str]:
    """Return what the command line prints: the verdict, the first figures, alerts, and what to do next.

    With `folder` the last line says where the results lie; `files` are those beside the report and its tables.
    """
    if json:
        return [json_module.dumps(measure_facts(name, report), allow_nan=False)]
    lines = [report.title, "", report.verdict]
    if report.figures:
        width = max(len(figure) for figure in report.figures)
        lines += ["", *(f"  {figure:<{width}}  {number(value)}" for figure, value in report.figures.items())]
    alerts = sorted(report.alerts, key=lambda alert: _WORST_FIRST.index(alert.severity))
    if alerts:
        lines += ["", *(f"  {alert.severity}: {alert.message} {alert.mitigation}".rstrip() for alert in alerts)]
    steps = list(report.next_steps)
    if folder is not None:
        steps.append(f"Open {folder / 'report.html'}")
        tables = [table.file for section in report.sections for table in section.tables if table.file]
        if beside := [*files, *tables]:
            steps[-1] += f"; beside it: {', '.join(beside)}"
    if steps:
        lines += ["", "Next", *(f"  - {step.rstrip('.')}." for step in steps)]
    return lines


def _arrow(table: ReportTable) -> pa.Table:
    """Return the table as Arrow; a column of mixed kinds becomes text, None stays empty."""
    columns = {}
    for j, name in enumerate(table.columns):
        cells = [row[j] for row in table.rows]
        kinds = {type(cell) for cell in cells if cell is not None}
        mixed = len(kinds) > 1 and not kinds <= {int, float}
        columns[name] = [None if cell is None else str(cell) for cell in cells] if mixed else cells
    return pa.table({name: pa.array(cells) for name, cells in columns.items()})
