"""Predicted probabilities from outside: joined to the data by class name and row id, and checked before use.

A file that says which column is which class and which row is which item is joined by both. A bare array cannot say it,
so the order assumed is noted, and `check_pred_probs` looks for the signs that it is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.data.matrices import column_matrix, is_matrix, is_sparse
from labelwright.data.pred_probs_checks import check_pred_probs
from labelwright.data.pred_probs_columns import (
    as_ids,
    class_columns,
    id_column,
    join_rows,
    number_columns,
    refuse_extra,
    shared_key,
)
from labelwright.data.readers.arrays import CLASS_NAME_KEYS, load_arrays
from labelwright.data.readers.dispatch import read_source
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, listed, quoted
from labelwright.evidence.space import LabelSpace

__all__ = ["PredProbs", "check_pred_probs", "load_pred_probs"]

_KEYS = ("pred_probs", "probs", "probabilities", "predictions")
LARGE = 100_000_000  # numbers; more are read from the file where they are needed
_ROUNDING = 0.02  # how far a row may miss a sum of 1 and still be rescaled


@dataclass(frozen=True)
class PredProbs:
    """Probabilities in the order of the data's rows and classes.

    Parameters
    ----------
    values : array of float64, shape (n, K)
        More than 100 million numbers in a ``.npy`` file stay there, memory-mapped, in their own float32 or float64.
    notes : tuple of str
        What was assumed, and what looks wrong with them.
    """

    values: NDArray[np.float64]
    notes: tuple[str, ...] = ()


def load_pred_probs(path: Any, dataset: Dataset, classes: Sequence[str] | None = None) -> PredProbs:
    """Load predicted probabilities and line them up with a data set.

    Parameters
    ----------
    path : path or array
        ``.npy``; ``.npz`` with ``pred_probs`` (and ``class_names``, where stored); ``.parquet``, ``.csv`` and other
        tables with one column for each class, in any order, and perhaps a column of row ids. An array in memory is read
        like ``.npy``.
    dataset : Dataset
        With classes: a regression has no probabilities.
    classes : sequence of str, optional
        The class of each column of a bare array. Without it the order of the data's classes is assumed and noted.

    Returns
    -------
    PredProbs
        ``values`` float64 (n, K); rows that miss a sum of 1 by rounding are rescaled.

    Raises
    ------
    BadInput
        Missing or extra classes or ids, wrong shapes, values that are no probabilities, permuted columns, shifted rows.

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> data = load_dataset({"text": ["good", "bad"], "label": ["pos", "neg"]}, label="label")
    >>> load_pred_probs(np.array([[0.1, 0.9], [0.8, 0.2]]), data).notes
    ("pred_probs names no classes: its columns are taken as 'neg', 'pos'",)
    """
    if dataset.space is None:
        raise BadInput("a regression has no class probabilities", fix="leave out --pred-probs")
    if not isinstance(path, str | Path):
        loaded = _bare(np.asarray(path), classes, dataset.space, "pred_probs")
    else:
        loaded = _load_file(Path(path), dataset, classes)
    values, notes = loaded.values, list[str]()
    if values.size <= LARGE or values.dtype not in (np.float32, np.float64):
        values, notes = _rescaled(np.ascontiguousarray(values, dtype=np.float64), dataset)
    warnings = check_pred_probs(values, dataset.labels, dataset.space)
    return replace(loaded, values=values, notes=(*loaded.notes, *notes, *warnings))


def _load_file(path: Path, dataset: Dataset, classes: Sequence[str] | None) -> PredProbs:
    assert dataset.space is not None
    if not path.is_file():
        raise BadInput("there is no such file of probabilities", where=str(path), fix="check the path")
    suffix = path.suffix.lower()
    if suffix == ".npy":
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError, SyntaxError, TypeError, MemoryError) as error:
            raise BadInput(
                f"cannot be read ({said(error)})", where=place(path), fix="save it with numpy.save"
            ) from None
        return _bare(array, classes, dataset.space, place(path))
    if suffix == ".npz":
        return _from_archive(path, dataset, classes)
    return _from_table(path, dataset)


def _from_archive(path: Path, dataset: Dataset, classes: Sequence[str] | None) -> PredProbs:
    assert dataset.space is not None
    arrays = load_arrays(path)
    named = [key for key in _KEYS if key in arrays] or [key for key, a in arrays.items() if a.ndim == 2]
    if len(named) != 1 and not any(key in arrays for key in _KEYS):
        raise BadInput(
            f"holds {len(named)} matrices ({listed(named)})" if named else "holds no matrix",
            where=place(path),
            fix="save the probabilities as 'pred_probs'",
        )
    if classes is None:
        for key in CLASS_NAME_KEYS:
            if key in arrays and arrays[key].ndim == 1 and arrays[key].dtype.kind == "U":
                classes = [str(name) for name in arrays[key].tolist()]
                break
    return _bare(arrays[named[0]], classes, dataset.space, place(path))


def _bare(array: NDArray[Any], classes: Sequence[str] | None, space: LabelSpace, where: str) -> PredProbs:
    """Put the columns of an array in the order of the classes."""
    if array.ndim != 2 or array.dtype.kind not in "iuf":
        raise BadInput(
            f"pred_probs is an array of shape {array.shape} and type {array.dtype}, not numbers of shape (n, K)",
            where=where,
            fix="save one row of class probabilities for each item",
        )
    if classes is None:
        _check_width(array.shape[1], None, space, where)
        return PredProbs(array, (f"pred_probs names no classes: its columns are taken as {listed(space.names, 12)}",))
    _check_width(array.shape[1], classes, space, where)
    columns = {name: k for k, name in enumerate(classes)}
    order = [columns[name] for name in space.names]
    return PredProbs(array if order == list(range(len(order))) else array[:, order])


def _check_width(width: int, classes: Sequence[str] | None, space: LabelSpace, where: str) -> None:
    missing = [name for name in space.names if classes is not None and name not in classes]
    extra = [name for name in classes or () if name not in space.index]
    if classes is not None and width != len(classes):
        raise BadInput(
            f"pred_probs has {width} columns but --classes names {len(classes)}",
            where=where,
            fix="name the class of every column, in order",
        )
    if missing:
        raise BadInput(
            f"pred_probs has {width} columns but labels name {len(space)} classes: missing {listed(missing)}",
            where=where,
            fix="give every class a column (zeros where the model does not know it)",
        )
    if extra:
        raise BadInput(
            f"pred_probs has {width} columns but labels name {len(space)} classes: {listed(extra)} not among them",
            where=where,
            fix="name all classes of the data with --classes",
        )
    if width != len(space):
        raise BadInput(
            f"pred_probs has {width} columns but labels name {len(space)} classes: {listed(space.names, 12)}",
            where=where,
            fix="give one column for each class, and say which is which with --classes",
        )


def _from_table(path: Path, dataset: Dataset) -> PredProbs:
    """Join a table by class name and row id."""
    assert dataset.space is not None
    table = read_source(path).table
    vectors = [f.name for f in table.schema if is_matrix(f) and not is_sparse(f)]
    if len(vectors) == 1 and not set(dataset.space.names) <= set(table.column_names):
        found = _bare(column_matrix(table, vectors[0]), None, dataset.space, place(path))
        matrix, notes, used = found.values, list(found.notes), {vectors[0]}
    else:
        columns = class_columns(table, dataset.space, place(path))
        matrix, notes, used = number_columns(table, columns, place(path)), [], set(columns)
    id_name, own_ids = id_column(table, dataset, used), dataset.ids
    if id_name is None and (id_name := shared_key(table, dataset, used)):
        own_ids = as_ids(dataset.column(id_name))
        notes.append(f"pred_probs was joined by column {quoted(id_name)}, which names each row here and there")
    refuse_extra(table, dataset, used | ({id_name} if id_name else set()), place(path))
    if id_name is None:
        if len(matrix) != len(dataset):
            raise _wrong_length(len(matrix), len(dataset), place(path))
        return PredProbs(matrix, (*notes, "pred_probs has no id column: its rows are taken in the order of the data"))
    order, joined = join_rows(as_ids(table.column(id_name)), own_ids, dataset, place(path), id_name)
    return PredProbs(matrix[order], (*notes, *joined))


def _wrong_length(rows: int, expected: int, where: str) -> BadInput:
    return BadInput(
        f"pred_probs has {rows} rows but the data have {expected}",
        where=where,
        fix="give one row of probabilities for each row of the data, or join them by an id column",
    )


def _rescaled(values: NDArray[np.float64], dataset: Dataset) -> tuple[NDArray[np.float64], list[str]]:
    """Divide rows that miss a sum of 1 by rounding (half precision, printed digits) by their sum."""
    if dataset.plan.task != "classification" or values.shape[0] == 0 or not np.isfinite(values).all():
        return values, []
    sums = values.sum(axis=1)
    worst = float(np.abs(sums - 1).max())
    if values.min() < 0 or not 1e-3 < worst <= _ROUNDING:
        return values, []
    return values / sums[:, None], [f"pred_probs was rescaled: its rows miss a sum of 1 by up to {worst:.4f}"]
