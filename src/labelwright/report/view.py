"""Everything that the report shows, as plain data: saved as ``view.json``, drawn by `render`, stripped by `redact`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import labelwright
from labelwright.audit.kinds import KINDS, kind_of
from labelwright.audit.nutrition import load_answers
from labelwright.audit.summary import PART_WORDS, verdict
from labelwright.report.classes import class_table, label_issues, shown_class_rows, transition
from labelwright.report.feature_map import feature_map
from labelwright.report.part_figures import PartFigures
from labelwright.report.rows import CELL_WIDTH, RowContent, cut, shorten

SCHEMA_VERSION = 1
REASON_WIDTH = 400
WORST_SHOWN = 100
PAIR_KINDS = ("exact_duplicate", "near_duplicate", "split_leak")
IMAGE_KINDS = (
    *("dark", "light", "blurry", "low_information", "odd_size", "odd_aspect_ratio", "grayscale"),
    "unreadable_image",
)
_SHOWN = {"label": WORST_SHOWN} | dict.fromkeys(PAIR_KINDS, 20) | dict.fromkeys(IMAGE_KINDS, 12)
_SHOWN_ROWS, _SHOWN_OTHERS = 12, 100
_SHOWN_PARTS = 24
WITH_PARTS = ("multilabel", *PART_WORDS)


def build_view(result: Any) -> dict[str, Any]:
    """Return the view of an audit: strict JSON (no NaN), small whatever the number of rows.

    Parameters
    ----------
    result : AuditResult
        Of `labelwright.audit.run.run_audit`.

    Examples
    --------
    >>> build_view(result)["verdict"]  # doctest: +SKIP
    '12 of 500 labels are worth a look.'
    """
    dataset, summary = result.dataset, result.summary
    suspects = label_issues(result.issues)
    rows = RowContent(dataset, result.neighbors, sensitive=load_answers(result.options.answers or None).sensitive)
    matrix = None if result.features is None else result.features.matrix
    rows.figures = PartFigures(result)
    by_row = suspects.filter(pc.equal(suspects["level"], "row"))
    view = {
        "schema_version": SCHEMA_VERSION,
        "redacted": False,
        "title": shorten(dataset.source.path.name, CELL_WIDTH),
        "verdict": verdict(summary),
        "facts": _facts(summary),
        "noise": summary.get("noise_rate"),
        "found": _found(summary),
        "transition": transition(dataset, result.noise),
        "classes": class_table(dataset, _of_classes(suspects, dataset.plan.task)),
        "findings": _findings(result.issues, rows, dataset.plan.task),
        "next_in_line": _next_in_line(result.issues, rows, WORST_SHOWN - by_row.num_rows),
        "map": feature_map(dataset, matrix, _row_numbers(by_row), result.options.seed),
        "class_rows": shown_class_rows(dataset),
        "nutrition": None if result.nutrition is None else result.nutrition.to_dict(),
        "made": _made(result),
    }
    strict: dict[str, Any] = _strict(view)
    return strict


def _facts(summary: Mapping[str, Any]) -> dict[str, Any]:
    classes = summary.get("classes")
    return {
        "rows": summary["n_rows"],
        "labelled": summary["n_labelled"],
        "classes": None if classes is None else len(classes),
        "rows_with_issues": summary["n_rows_with_issues"],
        "task": summary["task"],
        "modality": summary["modality"],
        "label": shorten(summary["label"], CELL_WIDTH),
    }


def _found(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every kind that was looked for, with its words and its count."""
    return [
        {"kind": name, "title": kind.title, "meaning": kind.meaning, "remedy": kind.remedy, "count": count}
        for name, count in summary["counts"].items()
        for kind in [kind_of(name)]
    ]


def _of_classes(suspects: pa.Table, task: str) -> pa.Table:
    level = "part" if task in WITH_PARTS else "row"
    return suspects.filter(pc.equal(suspects["level"], level))


def _row_numbers(issues: pa.Table) -> NDArray[np.int64]:
    return np.asarray(issues["row"].drop_null().to_numpy(), dtype=np.int64)


def _findings(issues: pa.Table, rows: RowContent, task: str) -> list[dict[str, Any]]:
    """Return the issues kind by kind, the worst of each with the rows that they are about."""
    flagged = issues.filter(issues["is_issue"])
    kinds = pc.unique(flagged["kind"]).to_pylist()
    order = [name for name in KINDS if name in kinds] + sorted(set(kinds) - set(KINDS))
    out = []
    for name in order:
        found = flagged.filter(pc.equal(flagged["kind"], name))
        parts: dict[int, list[dict[str, Any]]] = {}
        if name == "label" and task in WITH_PARTS:
            found, parts = _rows_and_parts(found)
        level = found["level"][0].as_py()
        default = {"row": _SHOWN_ROWS, "part": _SHOWN_PARTS}.get(level, _SHOWN_OTHERS)
        most = _SHOWN.get(name, default)
        records = _one_a_group(found, most) if level == "pair" else found.slice(0, most).to_pylist()
        items = [_item(record, rows, parts) for record in records]
        out.append({"kind": name, "level": level, "total": found.num_rows, "items": items})
    return out


def _one_a_group(pairs: pa.Table, most: int) -> list[dict[str, Any]]:
    """Return the first pair of each group of copies (they share the second row), with the number of further copies."""
    rows = pc.fill_null(pairs["other_row"], -1).to_numpy()
    _, first, counts = np.unique(rows, return_index=True, return_counts=True)
    order = np.argsort(first, kind="stable")[:most]
    records = pairs.take(pa.array(first[order])).to_pylist()
    return [record | {"copies": int(count) - 1} for record, count in zip(records, counts[order], strict=True)]


def _next_in_line(issues: pa.Table, rows: RowContent, room: int) -> list[dict[str, Any]]:
    """Return the rows of least label quality that are not flagged, so that the worst rows are seen in any case."""
    if room <= 0:
        return []
    judged = pc.and_(pc.equal(issues["kind"], "label"), pc.equal(issues["level"], "row"))
    rest = issues.filter(pc.and_(judged, pc.invert(issues["is_issue"])))
    return [_item(record, rows, {}) for record in rest.slice(0, room).to_pylist()]


def _rows_and_parts(found: pa.Table) -> tuple[pa.Table, dict[int, list[dict[str, Any]]]]:
    """Take the rows of an audit of tags or parts, and the parts in doubt of the rows that will be shown."""
    rows = found.filter(pc.equal(found["level"], "row"))
    tags = found.filter(pc.equal(found["level"], "part"))
    if rows.num_rows == 0:
        return tags, {}
    shown = rows.slice(0, WORST_SHOWN)["row"]
    parts: dict[int, list[dict[str, Any]]] = {}
    for record in tags.filter(pc.is_in(tags["row"], shown.combine_chunks())).to_pylist():
        few = parts.setdefault(record["row"], [])
        if len(few) < 10:
            words = {key: cut(record[key], CELL_WIDTH) for key in ("given", "suggested")}
            few.append({"part": shown_part(record["part"], CELL_WIDTH), **words})
    return rows, parts


def _item(record: Mapping[str, Any], rows: RowContent, parts: Mapping[int, list[dict[str, Any]]]) -> dict[str, Any]:
    row, other = record["row"], record["other_row"]
    if record["column"] in rows.sensitive:
        record = {**record, "part": None, "given": None, "suggested": None, "reason": None}
    return {
        "level": record["level"],
        "card": None if row is None else rows.card(row),
        "other": None if other is None else rows.card(other),
        "part": shown_part(record["part"], CELL_WIDTH),
        "column": cut(record["column"], CELL_WIDTH),
        "score": record["score"],
        "given": cut(record["given"], CELL_WIDTH),
        "suggested": cut(record["suggested"], CELL_WIDTH),
        "reason": cut(record["reason"], REASON_WIDTH),
        "copies": record.get("copies", 0),
        "parts": parts.get(row, []) if row is not None else [],
        "shown": rows.figures.shown(record) if rows.figures is not None else None,
    }


def shown_part(part: str | None, width: int) -> str | None:
    """Return the name of a part for people: the runs of pixels that end the name of a region are left to programs."""
    head, sign, _ = (part or "").partition("~")
    return cut(f"{head}~…" if sign else part, width)


def _made(result: Any) -> dict[str, Any]:
    options, plan = result.options, result.dataset.plan
    content = plan.text or ((plan.image,) if plan.image else ())
    columns = plan.feature_columns if plan.modality == "features" else content or plan.feature_columns
    parameters = {
        "label column": plan.label,
        "task": plan.task,
        "read as": plan.modality,
        "columns read": ", ".join(columns[:20]) + (f" and {len(columns) - 20} more" if len(columns) > 20 else ""),
        "features": None if result.features is None else result.features.name,
        "probabilities": "given" if getattr(options, "pred_probs", None) is not None else "cross-validation",
        "folds": getattr(options, "folds", None),
        "image column": plan.image,
        "id column": plan.id,
        "group column": plan.group,
        "split column": plan.split,
    }
    if result.pred_probs is None and result.part_predictions is None:
        parameters |= {"probabilities": None, "folds": None}
    return {
        "version": labelwright.__version__,
        "seed": options.seed,
        "parameters": {
            name: shorten(value, REASON_WIDTH) if isinstance(value, str) else value
            for name, value in parameters.items()
            if value not in (None, "")
        },
        "ignored": [
            {"column": shorten(i.name, CELL_WIDTH), "reason": shorten(i.reason, REASON_WIDTH)}
            for i in plan.ignored[:200]
        ],
        "notes": [shorten(str(note), REASON_WIDTH) for note in result.notes],
    }


def _strict(value: Any) -> Any:
    """Turn NumPy scalars into plain ones and numbers that JSON lacks into None."""
    if isinstance(value, Mapping):
        return {str(key): _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
