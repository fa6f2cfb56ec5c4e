"""Columns that hold a matrix: one fixed-size list, image or sparse row in each cell.

Dense rows are ``FixedSizeList`` (its shape beyond two dimensions in the field's metadata), sparse rows are lists of
``{index, value}`` with the width in the metadata. Names of the classes that a label column counts through travel there
too. `column_matrix` is the one way back to NumPy and SciPy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.errors import BadInput, quoted

SHAPE, WIDTH, CLASSES = b"labelwright.shape", b"labelwright.sparse_width", b"labelwright.class_names"


def dense_column(name: str, values: NDArray[Any]) -> tuple[pa.Field, pa.Array]:
    """Return an array of shape (n, ...) as a column; two or more dimensions become fixed-size lists with the shape."""
    flat = np.ascontiguousarray(values)
    if flat.ndim == 1:
        array = pa.array(flat)
        return pa.field(name, array.type), array
    width = int(np.prod(flat.shape[1:]))
    array = pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), width)
    metadata = {SHAPE: json.dumps(list(flat.shape[1:])).encode()} if flat.ndim > 2 else None
    return pa.field(name, array.type, metadata=metadata), array


def sparse_column(
    name: str, data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any], width: int
) -> tuple[pa.Field, pa.Array]:
    """Return the rows of a CSR matrix as a column of ``{index, value}`` lists."""
    cells = pa.StructArray.from_arrays([pa.array(indices.astype(np.int32)), pa.array(data)], names=["index", "value"])
    array = pa.LargeListArray.from_arrays(pa.array(indptr.astype(np.int64)), cells)
    return pa.field(name, array.type, metadata={WIDTH: str(width).encode()}), array


def with_fixed_sizes(table: pa.Table) -> pa.Table:
    """Return the table with lists of as many numbers in every row (embeddings) as fixed-size lists.

    Lists of one length that hold null, and lists of whole numbers shorter than three, stay what they are: those may be
    tags.
    """
    for position, field in enumerate(table.schema):
        kind = field.type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or is_sparse(field):
            continue
        whole = pa.types.is_integer(kind.value_type)
        column = table.column(position)
        if not (whole or pa.types.is_floating(kind.value_type)) or column.null_count:
            continue
        lengths = pc.min_max(pc.list_value_length(column)).as_py()
        width = lengths["min"]
        if width is None or width != lengths["max"] or width < (3 if whole else 1):
            continue
        flat = pc.list_flatten(column)
        if flat.null_count:
            continue
        values = flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat
        fixed = pa.FixedSizeListArray.from_arrays(values, width)
        table = table.set_column(position, pa.field(field.name, fixed.type, metadata=field.metadata), fixed)
    return table


def is_sparse(field: pa.Field) -> bool:
    """Whether a column holds the rows of a sparse matrix."""
    return bool(field.metadata and WIDTH in field.metadata)


def is_matrix(field: pa.Field) -> bool:
    """Whether each cell of a column is a row of a numeric matrix (dense or sparse)."""
    kind = field.type
    return is_sparse(field) or (
        pa.types.is_fixed_size_list(kind)
        and (pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type))
    )


def matrix_width(field: pa.Field) -> int:
    """Return how many numbers a cell of a matrix column holds."""
    return int(field.metadata[WIDTH]) if is_sparse(field) else int(field.type.list_size)


def image_shape(field: pa.Field) -> tuple[int, ...] | None:
    """Return ``(height, width)`` or ``(height, width, channels)`` of a column of uint8 images, else None."""
    if not (pa.types.is_fixed_size_list(field.type) and field.type.value_type == pa.uint8() and field.metadata):
        return None
    shape = json.loads(field.metadata.get(SHAPE, b"[]"))
    is_image = len(shape) == 2 or (len(shape) == 3 and (shape[2] in (1, 3, 4) or shape[0] in (1, 3)))
    return tuple(shape) if is_image else None


def class_names(field: pa.Field) -> tuple[str, ...] | None:
    """Return the names of the classes that came with a column, in order, else None."""
    if not field.metadata or CLASSES not in field.metadata:
        return None
    return tuple(json.loads(field.metadata[CLASSES]))


def with_class_names(field: pa.Field, names: Sequence[str]) -> pa.Field:
    """Return the field with the names of its classes attached."""
    return field.with_metadata({**(field.metadata or {}), CLASSES: json.dumps(list(names)).encode()})


def column_matrix(table: pa.Table, name: str) -> Any:
    """Return a matrix column as it is: ndarray (n, ...) or ``scipy.sparse.csr_matrix`` (n, width).

    Raises
    ------
    BadInput
        A cell is null: a matrix has no missing rows.

    Examples
    --------
    >>> field, array = dense_column("X", np.eye(2))
    >>> column_matrix(pa.table([array], schema=pa.schema([field])), "X").shape
    (2, 2)
    """
    field, column = table.schema.field(name), table.column(name)
    if column.null_count:
        raise BadInput(
            f"column {quoted(name)} has no vector in {column.null_count:,} of {len(column):,} rows",
            fix="fill or drop those rows",
        )
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], field.type)
    if is_sparse(field):
        return _csr(array, int(field.metadata[WIDTH]))
    flat = array.flatten().to_numpy(zero_copy_only=False)
    shape = json.loads(field.metadata[SHAPE]) if field.metadata and SHAPE in field.metadata else [field.type.list_size]
    return flat.reshape(len(array), *shape)


def _csr(array: pa.LargeListArray, width: int) -> Any:
    from scipy.sparse import csr_matrix

    offsets = array.offsets.to_numpy()
    cells = array.flatten()
    data = cells.field("value").to_numpy(zero_copy_only=False)
    indices = cells.field("index").to_numpy(zero_copy_only=False)
    return csr_matrix((data, indices, offsets - offsets[0]), shape=(len(array), width))
