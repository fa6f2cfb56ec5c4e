"""Tables of predictions: written by `predict`, read back by `evaluate`, from other models too.

id, prediction, confidence, p:CLASS for each class, in_training, and with sets: set (joined by |), set_size
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
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

if TYPE_CHECKING:
    from labelwright.learn.trained_model import Predictions

SUFFIXES = (".csv", ".parquet", ".jsonl")
PROBABILITY = "p:"


def predictions_table(predictions: Predictions, space: LabelSpace) -> pa.Table:
    """Return predictions as a table."""
    probs, names = predictions.probs, np.array(space.names, dtype=object)
    answer = probs.argmax(axis=1) if len(probs) else np.empty(0, np.int64)
    columns: dict[str, object] = {
        "id": pa.array(predictions.ids.tolist(), pa.string()),
        "prediction": pa.array(names[answer].tolist(), pa.string()),
        "confidence": probs.max(axis=1) if len(probs) else np.empty(0),
    }
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
    names = table.column("prediction").to_pylist()
    facts: dict[str, Any] = {"schema_version": 1, "file": str(path), "n_rows": len(names)}
    facts["predicted"] = {name: names.count(name) for name in sorted(set(names))}
    facts["in_training"] = int(np.asarray(table.column("in_training")).sum())
    facts["mean_set_size"] = None
    if "set_size" in table.column_names and len(names):
        facts["mean_set_size"] = float(np.asarray(table.column("set_size")).mean())
    return facts


def summary_lines(facts: Mapping[str, Any], quiet: bool) -> list[str]:
    """Return what the command line prints."""
    lines = [f"{facts['n_rows']} rows predicted: {facts['file']}"]
    if quiet:
        return lines
    lines += [f"  {name}: {n}" for name, n in facts["predicted"].items()]
    if facts["mean_set_size"] is not None:
        lines.append(f"Prediction sets hold {facts['mean_set_size']:.2f} classes on average")
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
    in_training : bool (n,)
    sets : tuple of frozenset, optional
    """

    ids: tuple[str, ...]
    predicted: tuple[str, ...]
    in_training: NDArray[np.bool_]
    sets: tuple[frozenset[str], ...] | None


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
    ids, predicted = (_cells(source.table.column(name), name, path.name) for name in (str(key), "prediction"))
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
    return ReadPredictions(ids, predicted, seen_rows, sets)


def _cells(column: pa.ChunkedArray, name: str, file: str) -> tuple[str, ...]:
    cells = cell_texts(column).to_pylist()
    empty = next((row for row, cell in enumerate(cells) if cell is None or not cell.strip()), None)
    if empty is not None:
        raise BadInput("the cell is empty", where=f"{file} row {empty}, column {quoted(name)}", fix="fill it")
    return tuple(str(cell) for cell in cells)
