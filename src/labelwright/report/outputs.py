"""The files that an audit leaves: report, issues, marked data, summary, and how it was made."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from labelwright import __version__
from labelwright.atomic import staged_directory, write_aside
from labelwright.audit.run import AuditResult
from labelwright.data.dataset import Dataset
from labelwright.data.identity import content_hashes
from labelwright.errors import BadInput, quoted
from labelwright.inert import inert
from labelwright.report.html import render
from labelwright.report.redact import redact as redact_view
from labelwright.report.view import build_view
from labelwright.results_folder import refuse_inputs, refuse_unwritable

SCHEMA_VERSION = 1
MARK = "run.json"  # by which a folder is known as that of an audit
FILES = ("report.html", "issues.csv", "issues.parquet", "marked.parquet", "summary.json", "view.json")
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "pyarrow", "pillow")
# Formulas in a cell run when a spreadsheet opens the file; a quote before them stops that and is easy to see.
_FORMULA, _NUMBER = re.compile(r"[=+\-@]"), re.compile(r"[+-]?\d+([.,]\d+)?$")


def check_writable(folder: Path, dataset: Dataset) -> None:
    """Refuse a results folder that cannot be written, is the data itself, or holds files of that name of others."""
    refuse_inputs(folder, [dataset.source.path])
    refuse_unwritable(folder)
    foreign = [name for name in FILES if (folder / name).exists()]
    if foreign and not (folder / MARK).exists():
        fix = "choose another --out folder, or move the file away"
        raise BadInput(f"holds {quoted(foreign[0])}, which no audit wrote", where=str(folder), fix=fix)


def write_outputs(result: AuditResult, folder: Path) -> Path:
    """Write every result file into `folder`, each whole or not at all, and return `folder`."""
    check_writable(folder, result.dataset)
    view = build_view(result)
    with staged_directory(folder) as aside:
        pa.parquet.write_table(result.issues, aside / "issues.parquet", compression="zstd")
        pa.csv.write_csv(spreadsheet_safe(issues_for_people(result)), aside / "issues.csv")
        pa.parquet.write_table(marked_table(result), aside / "marked.parquet", compression="zstd")
        _write_json(aside / "summary.json", result.summary)
        _write_json(aside / "run.json", run_facts(result))
        _write_json(aside / "view.json", view)
        (aside / "report.html").write_text(render(view), encoding="utf-8")
    return folder


def write_report(result: AuditResult, path: Path) -> Path:
    """Write the report alone."""
    with write_aside(path) as aside:
        aside.write_text(render(build_view(result)), encoding="utf-8")
    return path


def rewrite_report(folder: Path, *, redact: bool = False, out: Path | None = None) -> Path:
    """Draw the report of an earlier audit again from its ``view.json``; with `redact` without any row content."""
    stored = folder / "view.json"
    try:
        view: Mapping[str, Any] = json.loads(stored.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput("no audit is stored here", where=str(folder), fix="run labelwright audit first") from None
    except (OSError, ValueError) as error:
        raise BadInput(
            f"view.json cannot be read ({type(error).__name__})", where=str(folder), fix="run the audit again"
        ) from None
    path = out or folder / ("report-redacted.html" if redact else "report.html")
    if path.is_dir():
        raise BadInput("this is a folder", where=str(path), fix=f"name a file, such as {path / 'report.html'}")
    with write_aside(path) as aside:
        aside.write_text(render(redact_view(view) if redact else view), encoding="utf-8")
    return path


def issues_for_people(result: AuditResult) -> pa.Table:
    """Return the findings; where rows are named by a column, with a hash of what each row holds.

    Decisions that are written beside them carry the hash, so that a gate sees when a row was edited afterwards.
    """
    dataset, issues = result.dataset, result.issues
    if dataset.plan.id is None:
        return issues
    hashes, rows = content_hashes(dataset.source, dataset.plan), issues["row"].to_pylist()
    content = pa.array([None if row is None else str(hashes[row]) for row in rows], pa.string())
    return issues.append_column("content", content)


def marked_table(result: AuditResult) -> pa.Table:
    """Return the input with its durable id, label quality, flag, weight and suggestion in added columns.

    ``labelwright_weight`` is 1 for a row that is not flagged and its label quality otherwise: rows that look wrong
    count for less in training, and none is dropped.
    """
    n = len(result.dataset)
    quality = np.full(n, np.nan)
    flag = np.zeros(n, dtype=bool)
    suggestion = np.full(n, None, dtype=object)
    for scores in result.scores:
        if scores.kind == "label" and scores.level == "row" and scores.rows is not None:
            quality[scores.rows] = scores.score
            flag[scores.rows] = scores.is_issue
            if scores.suggested is not None:
                suggestion[scores.rows] = np.asarray(scores.suggested, dtype=object)
    added = {
        "labelwright_id": pa.array(result.dataset.ids.tolist(), pa.string()),
        "labelwright_label_quality": pa.array(quality, pa.float64(), mask=np.isnan(quality)),
        "labelwright_flag": pa.array(flag),
        "labelwright_weight": pa.array(np.where(flag, np.nan_to_num(quality, nan=1.0), 1.0)),
        "labelwright_suggestion": pa.array(
            [word if flagged else None for word, flagged in zip(suggestion, flag, strict=True)], pa.string()
        ),
    }
    table = result.dataset.source.table
    for name, column in added.items():
        table = (
            table.set_column(table.column_names.index(name), name, column)
            if name in table.column_names
            else (table.append_column(name, column))
        )
    return table


def spreadsheet_safe(table: pa.Table) -> pa.Table:
    """Return `table` with text cells that neither a spreadsheet nor a terminal acts on.

    Control and direction marks become visible, and a quote stands before what a spreadsheet would run as a formula;
    plain numbers stay as they are.
    """
    for i, column_field in enumerate(table.schema):
        if pa.types.is_string(column_field.type):
            encoded = table.column(i).combine_chunks().dictionary_encode()
            safe = [None if value is None else _safe_cell(value) for value in encoded.dictionary.to_pylist()]
            cells = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(safe, pa.string())).cast(pa.string())
            table = table.set_column(i, column_field, cells)
    return table


def _safe_cell(value: str) -> str:
    shown = inert(value)
    return f"'{shown}" if _FORMULA.match(shown) and not _NUMBER.match(shown) else shown


def run_facts(result: AuditResult) -> dict[str, Any]:
    """Return how the audit was made: versions, settings, machine and timings. The only file that may differ by run."""
    options, source = result.options, result.dataset.source
    return {
        "schema_version": SCHEMA_VERSION,
        "labelwright": __version__,
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "machine": {"system": platform.system(), "processor": platform.machine(), "jobs": options.jobs},
        "settings": {
            "seed": options.seed,
            "folds": options.folds,
            "features": None if options.features is None else str(options.features),
            "pred_probs": None if options.pred_probs is None else "given",
        },
        "data": {"name": source.path.name, "format": source.format, **source.details},
        "notes": list(result.notes),
        "seconds": {name: round(seconds, 3) for name, seconds in result.timings.items()},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _write_json(path: Path, content: Any) -> None:
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)
    except UnicodeEncodeError:
        raise BadInput(f"{quoted(path.name)} holds text that is not Unicode") from None
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
