"""Parquet and Arrow (file, stream, Feather): types as stored, buffers checked before anything looks at them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.matrices import with_fixed_sizes
from labelwright.data.readers.delimited import checked_names
from labelwright.data.readers.places import place, said
from labelwright.data.readers.plain_types import with_plain_types
from labelwright.errors import BadInput


def read_parquet(path: Path, root: Path | None = None) -> Source:
    """Read a Parquet file; column types stay as stored. BadInput when the file is damaged or has no rows."""
    import pyarrow.parquet

    table = _read(path, "Parquet", lambda: pyarrow.parquet.ParquetFile(path).read())
    return Source(table, path, "parquet", root or path.parent)


def read_arrow(path: Path, root: Path | None = None) -> Source:
    """Read an Arrow IPC file or stream, or a Feather file. BadInput when the file is damaged or has no rows."""
    table = _read(path, "Arrow", lambda: arrow_table(path))
    return Source(table, path, "arrow", root or path.parent)


def arrow_table(path: Path) -> pa.Table:
    """Return the table of an Arrow file, stream or Feather file, told apart by their first bytes."""
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"FEA1"):
        import pyarrow.feather

        return pyarrow.feather.read_table(path)
    with pa.OSFile(str(path)) as stream:
        reader = pa.ipc.open_file(stream) if head == b"ARROW1" else pa.ipc.open_stream(stream)
        return reader.read_all()


def _read(path: Path, what: str, read: Callable[[], pa.Table]) -> pa.Table:
    try:
        table = read()
        table.validate(full=True)  # a damaged file may hold offsets that point outside its buffers
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = said(error)
        raise BadInput(
            f"cannot be read as {what} ({reason})", where=place(path), fix="write the file again, or copy it again"
        ) from None
    return checked_table(table, path)


def checked_table(table: pa.Table, path: Path) -> pa.Table:
    """Return the table with columns of plain types; BadInput for doubled column names, no columns or no rows."""
    if table.num_columns == 0 or table.num_rows == 0:
        raise BadInput("holds no rows", where=place(path), fix="give a file with at least one row")
    named = table.rename_columns(checked_names(list(table.column_names), place(path)))
    return with_fixed_sizes(with_plain_types(named))
