"""Tables of predictions: written by `predict`, read back by `evaluate`, from other models too.

classes   id, prediction, confidence, p:CLASS for each class, in_training, and with sets: set (joined by |), set_size
tags      id, prediction (joined by |), p:TAG for each tag, in_training, and with sets: set, set_size
numbers   id, prediction, in_training, and with intervals: low, high
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from labelwright.atomic import write_aside
from labelwright.data.column_types import cell_texts, numbers
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence import LabelSpace
from labelwright.metrics.numerals import number_text

if TYPE_CHECKING:
    from labelwright.learn.trained_model import Predictions

SUFFIXES = (".csv", ".parquet", ".jsonl")
PROBABILITY = "p:"


def predictions_table(predictions: Predictions, space: LabelSpace | None) -> pa.Table:
    """Return predictions as a table."""
    columns: dict[str, object] = {"id": pa.array(predictions.ids.tolist(), pa.string())}
    probs = predictions.probs
    if probs is None or space is None:
        columns |= {"prediction": predictions.values, "in_training": predictions.in_training}
        if predictions.intervals is not None:
            columns |= {"low": predictions.intervals[:, 0], "high": predictions.intervals[:, 1]}
        return pa.table(columns)
    names = np.array(space.names, dtype=object)
    if predictions.on is not None:
        columns["prediction"] = pa.array(["|".join(names[row].tolist()) for row in predictions.on], pa.string())
    else:
        answer = probs.argmax(axis=1) if len(probs) else np.empty(0, np.int64)
        columns["prediction"] = pa.array(names[answer].tolist(), pa.string())
        columns["confidence"] = probs.max(axis=1) if len(probs) else np.empty(0)
    columns |= {f"{PROBABILITY}{name}": probs[:, k] for k, name in enumerate(space.names)}
    columns["in_training"] = predictions.in_training
    if predictions.sets is not None:
        columns["set"] = pa.array(["|".join(names[row].tolist()) for row in predictions.sets], pa.string())
        columns["set_size"] = predictions.sets.sum(axis=1)
    return pa.table(columns)


def check_predictions_path(path: Path) -> None:
    """Refuse a place that predictions cannot be written to, before the work starts."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"predictions are not written as {quoted(path.suffix or path.name)}", fix="use .csv or .parquet")
    if path.is_dir():
        raise BadInput("this is a folder, not a file", where=str(path), fix="choose another --out")


def write_predictions(table: pa.Table, path: Path) -> None:
    """Write predictions as CSV, Parquet or JSONL, whole or not at all."""
    check_predictions_path(path)
    try:
        with write_aside(path) as aside:
            _write(table, aside)
    except OSError as error:
        raise BadInput(f"cannot write here ({error.strerror})", where=str(path), fix="choose another --out") from None


def _write(table: pa.Table, path: Path) -> None:
    if path.suffix.lower() == ".csv":
        pa.csv.write_csv(table, path)
    elif path.suffix.lower() == ".parquet":
        pa.parquet.write_table(table, path, compression="zstd")
    else:
        lines = [json.dumps(row, ensure_ascii=False) for row in table.to_pylist()]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def summary_facts(table: pa.Table, path: Path) -> dict[str, Any]:
    """Return what a table of predictions holds, in a few numbers."""
    told = table.column("prediction")
    facts: dict[str, Any] = {"schema_version": 1, "file": str(path), "n_rows": len(told)}
    facts["in_training"] = int(np.asarray(table.column("in_training")).sum())
    if pa.types.is_floating(told.type):
        values = np.asarray(told)
        quarters = np.quantile(values, [0, 0.5, 1]).tolist() if len(values) else [None] * 3
        facts |= dict(zip(("least", "median", "most"), quarters, strict=True))
        widths = (
            np.asarray(table.column("high")) - np.asarray(table.column("low")) if "low" in table.column_names else []
        )
        wide = float(np.mean(widths)) if len(widths) else None
        return facts | {"mean_width": wide if wide is None or np.isfinite(wide) else None}
    several = "confidence" not in table.column_names
    names = [name for cell in told.to_pylist() for name in (cell.split("|") if several and cell else [cell])]
    facts["predicted"] = {name or "(no tag)": n for name, n in sorted(Counter(names).items())}
    facts["kind"] = "tags" if several else "classes"
    facts["mean_set_size"] = None
    if "set_size" in table.column_names and len(names):
        facts["mean_set_size"] = float(np.asarray(table.column("set_size")).mean())
    return facts


def summary_lines(facts: Mapping[str, Any], quiet: bool) -> list[str]:
    """Return what the command line prints."""
    lines = [f"{facts['n_rows']} rows predicted: {facts['file']}"]
    if quiet:
        return lines
    lines += [f"  {name}: {n}" for name, n in facts.get("predicted", {}).items()]
    if facts.get("least") is not None:
        least, median, most = (number_text(facts[key]) for key in ("least", "median", "most"))
        lines.append(f"  {least} to {most}, half of them below {median}")
    if facts.get("mean_set_size") is not None:
        lines.append(f"Prediction sets hold {facts['mean_set_size']:.2f} {facts['kind']} on average")
    if facts.get("mean_width") is not None:
        lines.append(f"Prediction intervals are {number_text(facts['mean_width'])} wide on average")
    if facts["in_training"]:
        lines.append(f"The model learned from {facts['in_training']} of these rows: judge it on the others")
    return lines


@dataclass(frozen=True)
class ReadPredictions:
    """Predictions as they stand in a file.

    Parameters
    ----------
    ids : tuple of str
    predicted : tuple of str
        For tags joined by ``|``.
    in_training : bool (n,)
    sets : tuple of frozenset, optional
    probs : dict of str to float64 (n,)
        Of each class or tag; empty where the file has none.
    intervals : float64 (n, 2), optional
    task : str, optional
        Of the predictions, where their columns tell it.
    """

    ids: tuple[str, ...]
    predicted: tuple[str, ...]
    in_training: NDArray[np.bool_]
    sets: tuple[frozenset[str], ...] | None
    probs: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    intervals: NDArray[np.float64] | None = None
    task: str | None = None


def read_predictions(path: Path, id: str | None = None) -> ReadPredictions:
    """Read a table with an id and a prediction a row.

    Raises
    ------
    BadInput
        A column is missing, a cell is empty or an id stands there twice.
    """
    source = read_source(path)
    have = source.table.column_names
    key = "id" if "id" in have else id if id in have else None
    for role, name in (("id", key), ("prediction", "prediction" if "prediction" in have else None)):
        if name is None:
            raise BadInput(
                f"it has no column {quoted(role)}; it has {listed(have)}",
                where=path.name,
                fix=did_you_mean(role, have) if role == "prediction" else "give columns id and prediction",
            )
    ids = _cells(source.table.column(str(key)), str(key), path.name)
    several = "confidence" not in have and any(name.startswith(PROBABILITY) for name in have)  # no tag is an answer too
    predicted = _cells(source.table.column("prediction"), "prediction", path.name, empty=several)
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        twice = next(one for one in ids if one in seen or seen.add(one))  # type: ignore[func-returns-value]
        raise BadInput(f"the id {quoted(twice)} stands there more than once", where=path.name, fix="keep one row an id")
    seen_rows = np.zeros(len(ids), dtype=bool)
    if "in_training" in have:
        texts = [str(cell).casefold() for cell in cell_texts(source.table.column("in_training")).to_pylist()]
        seen_rows = np.array([text in ("true", "1") for text in texts], dtype=bool)
    sets = None
    if "set" in have and "set_size" in have and numbers(source.table.column("set_size")) is not None:
        cells = cell_texts(source.table.column("set")).to_pylist()
        sets = tuple(frozenset(name for name in (cell or "").split("|") if name) for cell in cells)
    probs = {
        name[len(PROBABILITY) :]: numbers(source.table.column(name)) for name in have if name.startswith(PROBABILITY)
    }
    ends = [numbers(source.table.column(name)) for name in ("low", "high") if name in have]
    intervals = np.column_stack(ends) if len(ends) == 2 and all(end is not None for end in ends) else None  # type: ignore[arg-type]
    told = {name: values for name, values in probs.items() if values is not None}
    task = "multilabel" if several else "classification" if "confidence" in have else None
    task = "regression" if intervals is not None else task
    return ReadPredictions(ids, predicted, seen_rows, sets, told, intervals, task)


def _cells(column: pa.ChunkedArray, name: str, file: str, empty: bool = False) -> tuple[str, ...]:
    cells = cell_texts(column).to_pylist()
    blank = next((row for row, cell in enumerate(cells) if cell is None or not cell.strip()), None)
    if blank is not None and not empty:
        raise BadInput("the cell is empty", where=f"{file} row {blank}, column {quoted(name)}", fix="fill it")
    return tuple(cell or "" for cell in cells)
