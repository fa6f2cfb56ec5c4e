"""What measures read from files: labelled rows with predictions, what people checked, prices, texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.data.mend.decisions import read_decisions
from labelwright.errors import BadInput, did_you_mean, quoted

Floats = NDArray[np.float64]


def checked_labels(decisions: Path, dataset: Dataset) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return what people decided: the class of each row, int64 (n,), -1 where none, and which rows were checked.

    Keep says the given label, relabel another; reject says that the label is wrong and gives none, so such a row is
    checked and has class -1. Undecided rows are not checked.
    """
    assert dataset.space is not None
    where = {name: row for row, name in enumerate(dataset.ids.tolist())}
    truth, checked = np.full(len(dataset), -1, np.int64), np.zeros(len(dataset), bool)
    told = read_decisions(decisions)
    for one in told:
        row = where.get(one.id, -1)
        if row < 0 or one.decision == "cannot_tell":
            continue
        if one.decision == "relabel" and one.label not in dataset.space.index:
            fix = did_you_mean(str(one.label), dataset.space.names)
            raise BadInput(f"{quoted(one.label)} is not among the classes", where=one.where, fix=fix)
        checked[row] = True
        if one.decision == "keep":
            truth[row] = dataset.labels[row]
        elif one.decision == "relabel":
            truth[row] = dataset.space.index[str(one.label)]
    if len(told) and not any(one.id in where for one in told):
        raise BadInput(
            "no decision is about a row of the data", where=decisions.name, fix="name the id column with --id"
        )
    return truth, checked


def classes_of(dataset: Dataset) -> tuple[str, ...]:
    """Return the class names of a classification; BadInput for other tasks, and for fewer than two classes."""
    if dataset.plan.task != "classification" or dataset.space is None:
        raise BadInput(
            f"the labels are {dataset.plan.task}, this measure takes one class a row", fix="name another column"
        )
    if len(dataset.space) < 2:
        raise BadInput("all labels are the same", fix="give data with at least two classes")
    return tuple(dataset.space.names)


def read_yaml_mapping(path: Path, what: str) -> dict[str, Any]:
    """Return a YAML file as a mapping; BadInput in one line when it is none."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"there is no such file of {what}", where=str(path), fix="check the path") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        place = getattr(error, "problem_mark", None)
        line = f" line {place.line + 1}" if place is not None else ""
        raise BadInput(f"cannot be read as YAML ({type(error).__name__})", where=f"{path.name}{line}") from None
    if not isinstance(content, Mapping) or not content:
        raise BadInput(f"holds no mapping of {what}", where=path.name, fix="write lines of the form name: value")
    return {str(name): value for name, value in content.items()}


def read_prices(path: Path) -> dict[str, float]:
    """Return a YAML file of ``name: price``; BadInput where one is no number of 0 or more."""
    found = {}
    for name, price in read_yaml_mapping(path, "prices").items():
        if isinstance(price, bool) or not isinstance(price, int | float) or not price >= 0:
            raise BadInput(f"the price of {quoted(name)} is {quoted(price)}", where=path.name, fix="write a number")
        found[name] = float(price)
    return found


def read_text(path: Path, longest: int) -> str:
    """Return a UTF-8 text file; BadInput in one line when it is none, or longer than `longest` characters."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"cannot be read as text ({type(error).__name__})", where=path.name, fix="save it as UTF-8"
        ) from None
    if len(text) > longest:
        raise BadInput(f"has {len(text):,} characters", where=path.name, fix=f"give at most {longest:,}")
    return text
