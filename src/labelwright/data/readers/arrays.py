"""NumPy archives (``.npz``): arrays with one entry a row become columns. Pickles are never opened.

``X_data, X_indices, X_indptr, X_shape`` are the parts of a sparse matrix ``X``. Names of classes (``label_names``,
``class_names``, ``classes``) are attached to the label columns that they fit.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.dataset import Source
from labelwright.data.matrices import dense_column, sparse_column, with_class_names
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, listed, quoted

CLASS_NAME_KEYS = ("label_names", "class_names", "classes", "target_names")
_PARTS = ("data", "indices", "indptr", "shape")
_MAX_BYTES = 64 << 30


def read_npz(path: Path, root: Path | None = None) -> Source:
    """Read a NumPy archive.

    Returns
    -------
    Source
        A column for every array whose first dimension is the number of rows: 1-D as it is, 2-D as vectors, uint8 3-D
        and 4-D as images; sparse parts as one sparse column. ``details["ignored"]`` names the other arrays.

    Raises
    ------
    BadInput
        A damaged archive, pickled objects, inconsistent sparse parts, no arrays of equal length.
    """
    arrays = load_arrays(path)
    sparse = {key: _sparse_parts(key, arrays, path) for key in _sparse_keys(arrays)}
    for key in sparse:
        for part in _PARTS:
            del arrays[f"{key}_{part}"]
    names = _class_names(arrays)
    n = _number_of_rows(arrays, sparse, path)
    fields, columns = [], []
    for key, parts in sparse.items():
        if parts[3] == n:
            field, column = sparse_column(key, *parts[:3], width=parts[4])
            fields.append(field)
            columns.append(column)
    ignored = [key for key, parts in sparse.items() if parts[3] != n]
    for key, values in arrays.items():
        if values.ndim == 0 or len(values) != n or values.dtype.kind in "cVMm" or 0 in values.shape:
            ignored.append(key)
            continue
        field, column = dense_column(key, _plain(values))
        fields.append(with_class_names(field, names) if names and _counts_through(values, names) else field)
        columns.append(column)
    details = {"ignored": f"arrays that are not one entry a row: {listed(ignored)}"} if ignored else {}
    return Source(pa.table(columns, schema=pa.schema(fields)), path, "npz", root or path.parent, None, details)


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive; BadInput when it is damaged or holds pickled objects."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
            if sum(entry.file_size for entry in entries) > _MAX_BYTES:
                raise BadInput("unpacks to more than 64 GiB", where=place(path), fix="split the archive")
            return {entry.filename.removesuffix(".npy"): _one_array(archive, entry) for entry in entries}
    except BadInput:
        raise
    except ValueError as error:
        if "pickle" in str(error) or "Object arrays" in str(error):
            raise BadInput(
                "holds pickled objects, which can run code when opened and are never read",
                where=place(path),
                fix="save strings with dtype=str and numbers with a numeric dtype",
            ) from None
        raise _damaged(path, error) from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, MemoryError, NotImplementedError) as error:
        raise _damaged(path, error) from None
    except (SyntaxError, TypeError, KeyError, RuntimeError, OverflowError, AttributeError, RecursionError) as error:
        raise _damaged(path, error) from None  # a garbled array header


def _one_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _damaged(path: Path, error: Exception) -> BadInput:
    return BadInput(
        f"cannot be read as a NumPy archive ({said(error)})", where=place(path), fix="write it again with np.savez"
    )


def _sparse_keys(arrays: dict[str, NDArray[Any]]) -> list[str]:
    keys = [key.removesuffix("_indptr") for key in arrays if key.endswith("_indptr")]
    return [key for key in keys if all(f"{key}_{part}" in arrays for part in _PARTS)]


def _sparse_parts(
    key: str, arrays: dict[str, NDArray[Any]], path: Path
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], int, int]:
    data, indices, indptr, shape = (arrays[f"{key}_{part}"] for part in _PARTS)
    where = f"{place(path)}, sparse matrix {key!r}"
    fix = "save the parts of a scipy.sparse.csr_matrix as they are"
    integral = all(part.dtype.kind in "iu" for part in (indices, indptr, shape))
    if not integral or data.dtype.kind not in "iufb" or shape.shape != (2,) or indptr.ndim != 1 or data.ndim != 1:
        raise BadInput("its parts are no CSR matrix", where=where, fix=fix)
    n, width = int(shape[0]), int(shape[1])
    if len(indptr) != n + 1 or len(indices) != len(data) or indptr[0] != 0 or indptr[-1] != len(data):
        raise BadInput("its parts do not fit together", where=where, fix=fix)
    if (np.diff(indptr.astype(np.int64)) < 0).any() or (
        len(indices) and (indices.min() < 0 or indices.max() >= width or width > 2**31 - 1)
    ):
        raise BadInput(f"an index lies outside its {width} columns", where=where, fix=fix)
    return (data.astype(np.uint8) if data.dtype.kind == "b" else data), indices, indptr, n, width


def _class_names(arrays: dict[str, NDArray[Any]]) -> tuple[str, ...] | None:
    for key in CLASS_NAME_KEYS:
        values = arrays.get(key)
        if values is not None and values.ndim == 1 and values.dtype.kind in "US":
            names = tuple(str(v) for v in _plain(values).tolist())
            if len(set(names)) == len(names):
                return names
    return None


def _number_of_rows(arrays: dict[str, NDArray[Any]], sparse: dict[str, Any], path: Path) -> int:
    lengths = Counter({parts[3]: 2 for parts in sparse.values()})
    for key, values in arrays.items():
        if values.ndim:
            # The matrix of features says best how many rows there are.
            lengths[len(values)] += 3 if key.lower() in ("x", "features", "images") else 1 + (values.ndim > 1)
    lengths.pop(0, None)
    if not lengths:
        raise BadInput("holds no arrays with rows", where=place(path), fix="save arrays with np.savez(file, X=X, y=y)")
    n, support = lengths.most_common(1)[0]
    rivals = [length for length, count in lengths.items() if count == support and length != n]
    if rivals:
        raise BadInput(
            f"its arrays have {quoted(n)} and {listed(rivals)} entries, so the number of rows is not clear",
            where=place(path),
            fix="save the features, labels and ids of one split in one file",
        )
    return n


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return values that Arrow takes: native byte order, text for bytes, no exotic floats."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        return values.astype(np.float64)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _counts_through(values: NDArray[Any], names: tuple[str, ...]) -> bool:
    """Whether an array is a plausible label for these class names: numbers below K, or a 0/1 matrix K wide."""
    if values.dtype.kind not in "iub" or (values.dtype.kind == "b" and values.ndim == 1):
        return False
    if values.ndim == 1:
        return bool(values.min() >= -1 and values.max() < len(names))
    return values.ndim == 2 and values.shape[1] == len(names) and bool(((values >= -1) & (values <= 1)).all())
