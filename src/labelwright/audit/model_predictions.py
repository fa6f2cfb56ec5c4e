"""Predictions of several models on the same labelled rows, read from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts
from labelwright.data.dataset import Dataset
from labelwright.data.pred_probs import load_pred_probs
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, quoted


def model_names(files: Sequence[Path]) -> list[str]:
    """Return the name of each model, that of its file; BadInput when two share one."""
    names = [path.name.removesuffix("".join(path.suffixes[-2:])) or path.name for path in files]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise BadInput(f"two files of predictions are called {quoted(twice[0])}", fix="rename one of them")
    return names


def predicted_classes(path: Path, dataset: Dataset) -> NDArray[np.int64]:
    """Return the class that a model predicts for each row, int64 (n,), -1 where its file has no such row.

    Parameters
    ----------
    path : Path
        A table with columns id and prediction, such as `labelwright predict` writes; or probabilities as
        `load_pred_probs` takes them.
    dataset : Dataset
        Of single labels.
    """
    assert dataset.space is not None
    if path.suffix.lower() in (".npy", ".npz"):
        return np.asarray(class_scores(path, dataset).argmax(axis=1), dtype=np.int64)
    table = read_source(path).table
    if "prediction" not in table.column_names:
        return np.asarray(class_scores(path, dataset).argmax(axis=1), dtype=np.int64)
    answers = cell_texts(table.column("prediction")).to_pylist()
    key = next((name for name in ("id", dataset.plan.id) if name in table.column_names), None)
    if key is None and len(answers) != len(dataset):
        raise BadInput(
            f"it has {len(answers)} predictions but there are {len(dataset)} rows", where=path.name, fix="add column id"
        )
    ids = dataset.ids.tolist() if key is None else cell_texts(table.column(key)).to_pylist()
    row_of = {one: row for row, one in enumerate(dataset.ids.tolist())}
    found = np.full(len(dataset), -1, dtype=np.int64)
    for one, answer in zip(ids, answers, strict=True):
        row = row_of.get(str(one), -1)
        if row >= 0 and answer is not None:
            if answer not in dataset.space.index:
                fix = did_you_mean(str(answer), dataset.space.names)
                raise BadInput(f"{quoted(answer)} is not among the classes", where=path.name, fix=fix)
            found[row] = dataset.space.index[answer]
    if (found < 0).all():
        raise BadInput("no prediction is about a row of the data", where=path.name, fix="name the id column with --id")
    return found


def class_scores(path: Path, dataset: Dataset) -> NDArray[np.float64]:
    """Return the probability of each class, float64 (n, K), joined by class name and row id."""
    return np.asarray(load_pred_probs(path, dataset).values, dtype=np.float64)
