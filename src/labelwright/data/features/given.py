"""Features that the caller brings: columns of the data, or a file with one vector a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts, numbers
from labelwright.data.dataset import Dataset
from labelwright.data.features.build import Features
from labelwright.data.matrices import column_matrix, is_matrix
from labelwright.errors import BadInput, did_you_mean, listed, quoted

if TYPE_CHECKING:
    from labelwright.data.features.column_encoders import VectorEncoder

_WIDEST_SPARSE = 2_048


def features_from_columns(dataset: Dataset) -> Features:
    """Return the plan's feature columns side by side, numbers as they are, checked.

    Raises
    ------
    BadInput
        When a column is absent, holds no numbers, or has a cell that is empty or infinite.
    """
    names = dataset.plan.feature_columns
    table = dataset.source.table
    if not names:
        raise BadInput("no feature column is named", fix="name some with --feature-columns")
    for name in names:
        if name not in table.column_names:
            raise BadInput(f"there is no column {quoted(name)}", fix=did_you_mean(name, table.column_names))
    blocks = [_numbers_of(table, name, dataset.source.path.name) for name in names]
    matrix = _finite(np.concatenate(blocks, axis=1), dataset.source.path.name)
    return Features(matrix, "columns", (f"features: {matrix.shape[1]} numbers from {listed(names)}",))


def fit_columns(dataset: Dataset) -> tuple[VectorEncoder, ...]:
    """Return an encoder a feature column, so that wide sparse columns of further rows meet the same axes."""
    from labelwright.data.features.column_encoders import VectorEncoder

    return tuple(VectorEncoder.learned(_raw(dataset.source.table, name)) for name in dataset.plan.feature_columns)


def vectors_of_columns(
    dataset: Dataset, names: Sequence[str], encoders: Sequence[VectorEncoder]
) -> NDArray[np.float32]:
    """Return feature columns of further rows side by side, read by the encoders of `fit_columns`, checked."""
    table, file = dataset.source.table, dataset.source.path.name
    raw = {name: _raw(table, name, file) for name in names}
    blocks = [encoder.of_matrix(raw[name], name) for name, encoder in zip(names, encoders, strict=True)]
    return _finite(np.concatenate(blocks, axis=1), file)


def _raw(table: pa.Table, name: str, file: str = "") -> Any:
    """Return a column as a matrix (n, ...), sparse where it is stored so."""
    if is_matrix(table.schema.field(name)):
        return column_matrix(table, name)
    return _numbers_of(table, name, file)


def _numbers_of(table: pa.Table, name: str, file: str) -> NDArray[Any]:
    if is_matrix(table.schema.field(name)):
        return dense_rows(column_matrix(table, name))
    column = table.column(name)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return _from_lists(column, f"{file}, column {quoted(name)}")
    values = numbers(column)
    if values is None:
        raise BadInput(f"column {quoted(name)} holds no numbers", where=file, fix="name numeric feature columns")
    return values[:, None]


def dense_rows(matrix: Any) -> NDArray[Any]:
    """Return a matrix column as dense rows (n, d); a wide sparse one is projected on its leading singular vectors."""
    if not hasattr(matrix, "toarray"):
        return matrix.reshape(len(matrix), -1)
    axes = sparse_axes(matrix)
    return matrix.toarray() if axes is None else sp.csr_array(matrix, dtype=np.float32) @ axes


def sparse_axes(matrix: Any) -> NDArray[np.float32] | None:
    """Return the leading right singular vectors (m, d) of a sparse matrix, None where it is narrow enough as it is."""
    if matrix.shape[1] <= _WIDEST_SPARSE:
        return None
    from labelwright.data.features.text import DIMENSIONS, right_singular_vectors

    sparse = sp.csr_array(matrix, dtype=np.float32)
    return right_singular_vectors(sparse, DIMENSIONS, np.random.default_rng(0), jobs=1)


def _from_lists(column: pa.ChunkedArray, where: str) -> NDArray[Any]:
    cells = column.to_pylist()
    lengths = {-1 if cell is None else len(cell) for cell in cells}
    if len(lengths) != 1 or -1 in lengths:
        raise BadInput("the vectors are not all of one length", where=where, fix="give every row the same features")
    try:
        return np.asarray(cells, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput("the vectors hold something else than numbers", where=where) from None


def features_from_file(path: Path, dataset: Dataset) -> Features:
    """Return the vectors of a file, in the order of the rows.

    Parameters
    ----------
    path : Path
        ``.npy`` or ``.npz`` with one matrix (n, d) in the order of the rows (an ``.npz`` may bring ``ids``), or
        ``.parquet`` with numeric columns, or one of vectors, joined by the id column or else in the order of the rows.
    dataset : Dataset

    Raises
    ------
    BadInput
        When the file cannot be read, rows are missing or twice there, or a number is NaN or infinite.
    """
    if not path.is_file():
        raise BadInput(
            f"there is no features file {quoted(path)}",
            fix="name an .npy, .npz or .parquet file, or an encoder: minilm, efficientnet",
        )
    suffix = path.suffix.lower()
    try:
        if suffix == ".npy":
            matrix, ids = np.load(path, allow_pickle=False, mmap_mode="r"), None
        elif suffix == ".npz":
            matrix, ids = _from_npz(path)
        elif suffix == ".parquet":
            matrix, ids = _from_parquet(path, dataset)
        else:
            raise BadInput(f"{quoted(path.name)} is of no known kind", fix="use .npy, .npz or .parquet")
    except BadInput:
        raise
    except (OSError, ValueError, EOFError, KeyError, pa.ArrowException) as trouble:
        raise BadInput(f"the file cannot be read ({type(trouble).__name__})", where=path.name) from None
    order, joined = _order(ids, len(matrix), dataset, path.name)
    matrix = _finite(matrix if order is None else matrix[order], path.name)
    return Features(matrix, path.name, (f"features: {matrix.shape[1]} numbers a row from {path.name}, {joined}",))


def _from_npz(path: Path) -> tuple[NDArray[Any], list[str] | None]:
    with np.load(path, allow_pickle=False) as archive:
        wide = [name for name in archive.files if archive[name].ndim >= 2]
        if len(wide) != 1:
            raise BadInput(
                f"{len(wide)} of its arrays are matrices ({listed(archive.files)})",
                where=path.name,
                fix="keep one matrix (rows, features) in it",
            )
        names = next((name for name in ("ids", "id") if name in archive.files), None)
        return archive[wide[0]], None if names is None else [str(i) for i in archive[names].tolist()]


def _from_parquet(path: Path, dataset: Dataset) -> tuple[NDArray[Any], list[str] | None]:
    import pyarrow.parquet as pq

    table = pq.read_table(path, use_threads=False)
    key = dataset.plan.id if dataset.plan.id in table.column_names else "id" if "id" in table.column_names else None
    ids = None if key is None else [str(i) for i in cell_texts(table.column(key)).to_pylist()]
    apart = {key, dataset.plan.label}
    blocks = [_numbers_of(table, name, path.name) for name in table.column_names if name not in apart]
    if not blocks:
        raise BadInput("it holds no feature columns", where=path.name)
    return np.concatenate(blocks, axis=1), ids


def _order(ids: list[str] | None, n_given: int, dataset: Dataset, file: str) -> tuple[NDArray[np.int64] | None, str]:
    """Return which row of the file belongs to each row of the data; None = as they come."""
    n = len(dataset)
    if ids is None:
        if n_given != n:
            raise BadInput(
                f"it has {n_given} rows and the data has {n}",
                where=file,
                fix="give one vector a row, or .parquet or .npz with ids",
            )
        return None, "in the order of the rows"
    place = {name: row for row, name in enumerate(ids)}
    if len(place) != len(ids):
        twice = next(name for row, name in enumerate(ids) if place[name] != row)
        raise BadInput(f"the id {quoted(twice)} stands there more than once", where=file, fix="keep one row an id")
    wanted = dataset.ids.tolist()
    absent = [name for name in wanted if name not in place]
    if absent:
        raise BadInput(
            f"it lacks {len(absent)} of the {n} ids of the data ({listed(absent, 3)})",
            where=file,
            fix="give a vector for every row, and name the id column with --id",
        )
    return np.array([place[name] for name in wanted], np.int64), "joined by id"


def _finite(matrix: NDArray[Any], file: str) -> NDArray[np.float32]:
    """Return a finite float32 matrix, or raise BadInput that names the first bad row."""
    if matrix.dtype.kind not in "iufb":
        raise BadInput(f"its numbers are of type {matrix.dtype}", where=file, fix="save float32")
    matrix = matrix.reshape(len(matrix), -1) if len(matrix) else matrix.reshape(0, 1)
    if matrix.shape[1] == 0:
        raise BadInput("its vectors are empty", where=file)
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(matrix, dtype=np.float32)
    fine = np.isfinite(rows).all(axis=1)
    if not fine.all():
        raise BadInput(
            f"{int((~fine).sum())} row(s) hold NaN, infinity or nothing",
            where=f"{file} row {int(np.argmin(fine))}",
            fix="fill these features first",
        )
    return rows
