"""Columns of types that little can be done with, as ones that mean the same: extensions, run ends, views, odd zones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def with_plain_types(table: pa.Table) -> pa.Table:
    """Return the table with every column as `plain_type` gives it; names and metadata stay."""
    for position, field in enumerate(table.schema):
        column = plain_type(table.column(position))
        if column.type != field.type:
            plain = pa.field(field.name, column.type, field.nullable, field.metadata)
            table = table.set_column(position, plain, column)
    return table


def plain_type(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return an extension as what it is stored as (a UUID as text), run ends and views spelled out.

    Times in a zone that nobody knows are in UTC. Other columns stay as they are.

    Examples
    --------
    >>> plain_type(pa.chunked_array([pa.array([b"a"], pa.binary_view())])).type
    DataType(large_binary)
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            texts = [None if cell is None else str(cell) for cell in column.to_pylist()]
            return pa.chunked_array([pa.array(texts, pa.string())])
        return plain_type(pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type))
    if pa.types.is_run_end_encoded(kind):
        return plain_type(pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], kind.value_type))
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        return pa.chunked_array([_lists(chunk) for chunk in column.chunks], pa.large_list(kind.value_field))
    if pa.types.is_binary_view(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_timestamp(kind) and kind.tz is not None and not _is_zone(kind.tz):
        return column.cast(pa.timestamp(kind.unit, "UTC"))
    return column


def _lists(views: pa.Array) -> pa.Array:
    """Return views of lists as lists; the cast of pyarrow 26 loses the last one."""
    lengths = pc.list_value_length(views).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
    kind = pa.large_list(views.type.value_field)
    return pa.LargeListArray.from_arrays(offsets, pc.list_flatten(views), type=kind, mask=views.is_null())


def _is_zone(name: str) -> bool:
    try:
        pa.lib.string_to_tzinfo(name)
    except (pa.ArrowException, ValueError, LookupError, OSError):
        return False
    return True
