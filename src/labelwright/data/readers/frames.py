"""Data frames in memory: pandas, Polars, Arrow and anything else that narwhals knows, and plain dicts of columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.matrices import dense_column
from labelwright.data.readers.columnar import checked_table
from labelwright.data.readers.json_columns import records_table
from labelwright.data.readers.places import said
from labelwright.errors import BadInput, listed

_NAME = Path("data frame")


def from_frame(frame: Any, root: Path | None = None) -> Source:
    """Take a data frame as a source.

    Parameters
    ----------
    frame : data frame
        pandas, Polars (lazy frames are collected), Arrow table or record batch, or a mapping of column names to lists
        or arrays (2-D arrays become vectors). A pandas index is not a column: reset it if it is data.
    root : Path, optional
        Folder for images named by a column, by default the working directory.

    Examples
    --------
    >>> from_frame({"text": ["a", "b"], "label": ["x", "y"]}).table.num_rows
    2
    """
    if isinstance(frame, pa.RecordBatch):
        frame = pa.Table.from_batches([frame])
    if isinstance(frame, pa.Table):
        table = frame
    elif isinstance(frame, Mapping):
        table = _from_columns(frame)
    else:
        table = _through_narwhals(frame)
    table = table.replace_schema_metadata(None)
    return Source(checked_table(table, _NAME), _NAME, "memory", root or Path.cwd())


def _from_columns(columns: Mapping[Any, Any]) -> pa.Table:
    lengths = {str(name): len(values) for name, values in columns.items() if hasattr(values, "__len__")}
    if len(lengths) < len(columns) or len(set(lengths.values())) > 1:
        shown = listed((f"{name}: {length}" for name, length in lengths.items()), 6)
        raise BadInput(f"the columns differ in length ({shown})", fix="give every column one entry a row")
    fields, arrays = [], []
    for name, values in columns.items():
        field, array = _column(str(name), values)
        fields.append(field)
        arrays.append(array)
    return pa.table(arrays, schema=pa.schema(fields))


def _column(name: str, values: Any) -> tuple[pa.Field, pa.Array]:
    if isinstance(values, np.ndarray) and values.ndim > 1 and values.dtype.kind in "iufb":
        return dense_column(name, values.astype(np.uint8) if values.dtype.kind == "b" else values)
    try:
        array = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        array = _mixed(list(values), name)
    return pa.field(name, array.type), array


def _mixed(values: list[Any], name: str) -> pa.Array:
    """Return a column of mixed types as text, nested values as JSON."""
    try:
        plain = [
            v.item() if isinstance(v, np.generic) else v.tolist() if isinstance(v, np.ndarray) else v for v in values
        ]
        plain = [None if isinstance(v, float) and v != v else v for v in plain]
        if all(v is None or isinstance(v, str | int | float | bool | list | dict) for v in plain):
            return records_table([{name: v} for v in plain]).column(0).combine_chunks()
        return pa.array([None if v is None else str(v) for v in plain], pa.string())
    except (pa.ArrowException, TypeError, ValueError, UnicodeError, RecursionError) as error:
        raise BadInput(f"column {name!r} cannot be read ({said(error)})", fix="give it one type") from None


def _through_narwhals(frame: Any) -> pa.Table:
    import narwhals as nw

    try:
        wrapped: Any = nw.from_native(frame)
    except TypeError:
        raise BadInput(
            f"cannot read a {type(frame).__name__}",
            fix="give a path, a pandas, Polars or Arrow frame, or a dict of columns",
        ) from None
    if isinstance(wrapped, nw.LazyFrame):
        wrapped = wrapped.collect()
    try:
        return wrapped.to_arrow()
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        columns = {str(name): wrapped.get_column(name).to_list() for name in wrapped.columns}
        return _from_columns(columns)
