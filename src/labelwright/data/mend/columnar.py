"""Parquet and Arrow: the label column gets new cells, rejected rows go; schema, metadata and layout stay.

What stays: names, types, nullability and metadata of all columns, the row groups or batches (shorter by the rejected
rows), the compression of each column, and every other cell. What a writer decides anew: encodings of pages, page sizes,
statistics, and who wrote the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelwright.data.column_types import is_list, is_string
from labelwright.data.matrices import class_names
from labelwright.data.mend.arrow_compression import ipc_compression
from labelwright.data.mend.jsonl import as_kind
from labelwright.data.mend.manifest import ManifestLine, decided_lines, file_sha256
from labelwright.data.mend.plan import Changes
from labelwright.data.mend.source_rows import SourceRows
from labelwright.data.mend.tag_cells import written_label
from labelwright.data.readers.places import place
from labelwright.data.tasks import TagStyle
from labelwright.errors import BadInput, listed

_STRING_VIEW = pa.string_view() if hasattr(pa, "string_view") else None  # since Arrow 16


@dataclass(frozen=True)
class ColumnarTable(SourceRows):
    """A Parquet or Arrow file, as `read_parquet` or `read_arrow` gives it: see `SourceRows`."""

    is_tree = False

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended file and say which decisions it holds."""
        position = self.source.table.column_names.index(self.label)
        cells = NewCells(position, changes, self.tags, class_names(self.source.table.schema.field(position)))
        copy = copy_parquet if self.source.format == "parquet" else copy_arrow
        copy(self.path, out, cells)
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=file_sha256(out))
        return [file, *decided_lines(changes, self.items)]


class NewCells:
    """Puts new labels into the tables of a file, one after the other.

    Parameters
    ----------
    position : int
        Number of the label column.
    changes : Changes
        By row of the whole data, from 0.
    tags : TagStyle or None
    names : tuple of str or None
        Names of the classes when the column holds their numbers.
    first : int
        Row of the data with which the first table begins.
    """

    def __init__(
        self, position: int, changes: Changes, tags: TagStyle | None, names: tuple[str, ...] | None, first: int = 0
    ) -> None:
        self._position, self._changes, self._tags, self._names, self._at = position, changes, tags, names, first
        self._relabel = np.array(sorted(changes.relabel), dtype=np.int64)
        self._reject = np.array(sorted(changes.reject), dtype=np.int64)

    def next(self, table: pa.Table) -> pa.Table:
        """Return the next table with its changes made."""
        first, end = self._at, self._at + table.num_rows
        self._at = end
        changed = self._relabel[np.searchsorted(self._relabel, first) : np.searchsorted(self._relabel, end)]
        if len(changed):
            column = self._replaced(table.column(self._position), changed - first, changed)
            table = table.set_column(self._position, table.schema.field(self._position), column)
        gone = self._reject[np.searchsorted(self._reject, first) : np.searchsorted(self._reject, end)]
        if len(gone):
            keep = np.ones(table.num_rows, dtype=bool)
            keep[gone - first] = False
            table = _filtered(table, keep)
        return table

    def _replaced(self, column: pa.ChunkedArray, places: np.ndarray, rows: np.ndarray) -> pa.ChunkedArray:
        """Return the column with new cells at `places`, which are `rows` of the data; its type stays."""
        kind = column.type
        decoded = _held(kind)
        like = next((cell.as_py() for cell in column if cell.is_valid), "")
        values = [self._value(int(row), decoded, like) for row in rows]
        try:
            new = pa.array(values, decoded) if _is_native(decoded) else pa.array(values, pa.string()).cast(decoded)
            return _with_cells(column, places, new)
        except (pa.ArrowException, OverflowError) as error:
            where = self._changes.decided[int(rows[0])].where
            raise BadInput(
                f"the new labels {listed(dict.fromkeys(map(str, values)), 3)} do not fit a column of type {kind} "
                f"({' '.join(str(error).split())[:80]})",
                where=where,
                fix="choose labels of the kind that the column holds",
            ) from None

    def _value(self, row: int, kind: pa.DataType, like: Any) -> Any:
        label, where = self._changes.relabel[row], self._changes.decided[row].where
        if _holds_lists(kind):
            return [self._scalar(tag, kind.value_type, where) for tag in label.split("|") if tag]
        if self._tags is not None:
            return written_label(label, str(like), self._tags)
        return self._scalar(label, kind, where)

    def _scalar(self, label: str, kind: pa.DataType, where: str) -> Any:
        if pa.types.is_integer(kind):
            return self._names.index(label) if self._names is not None else as_kind(label, 0, where)
        if pa.types.is_floating(kind):
            return as_kind(label, 0.0, where)
        return as_kind(label, False, where) if pa.types.is_boolean(kind) else label


def _filtered(table: pa.Table, keep: np.ndarray) -> pa.Table:
    """Return the rows to keep; views and run ends are cut and joined, because pyarrow cannot filter them."""
    whole = [k for k, field in enumerate(table.schema) if not _is_stiff(field.type)]
    kept = table.select(whole).filter(pa.array(keep)) if whole else None
    bounds = np.flatnonzero(np.diff(np.concatenate([[False], keep, [False]]).astype(np.int8)))
    columns = []
    for k, field in enumerate(table.schema):
        if kept is not None and k in whole:
            columns.append(kept.column(whole.index(k)))
            continue
        runs = [table.column(k).slice(a, b - a) for a, b in bounds.reshape(-1, 2).tolist()]
        chunks = [chunk for run in runs for chunk in run.chunks]
        columns.append(pa.chunked_array([pa.concat_arrays(chunks)] if chunks else [], field.type))
    return pa.Table.from_arrays(columns, schema=table.schema)


def _is_stiff(kind: pa.DataType) -> bool:
    """Whether pyarrow can neither filter nor gather a type."""
    return bool(kind == _STRING_VIEW or pa.types.is_binary_view(kind) or pa.types.is_run_end_encoded(kind))


def _held(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values behind dictionaries, run ends and extensions."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _held(kind.value_type)
    return _held(kind.storage_type) if isinstance(kind, pa.BaseExtensionType) else kind


def _holds_lists(kind: pa.DataType) -> bool:
    return bool(is_list(kind) or pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind))


def _is_native(kind: pa.DataType) -> bool:
    """Whether new cells are values of the type already; else they are text, to be cast (dates, decimals)."""
    checks = (_holds_lists, is_string, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return any(check(kind) for check in checks) or kind == _STRING_VIEW


def _with_cells(column: pa.ChunkedArray, places: np.ndarray, new: pa.Array) -> pa.ChunkedArray:
    """Return the column with `new` at `places`, of the type that it had; categories keep their order."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        stored = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        chunks = _with_cells(stored, places, new).chunks
        return pa.chunked_array([pa.ExtensionArray.from_storage(kind, chunk) for chunk in chunks], kind)
    if pa.types.is_run_end_encoded(kind):
        plain = pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], kind.value_type)
        chunks = _with_cells(plain, places, new).chunks
        return pa.chunked_array([pc.run_end_encode(chunk, run_end_type=kind.run_end_type) for chunk in chunks], kind)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
        array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        known = array.dictionary.to_pylist()
        more = [value for value in dict.fromkeys(new.to_pylist()) if value not in set(known)]
        number = {value: code for code, value in enumerate([*known, *more])}
        codes = pa.array([number[value] for value in new.to_pylist()], pa.int64())
        indices = _taken(array.indices.cast(pa.int64()), places, codes).cast(column.type.index_type)
        dictionary = pa.array([*known, *more], column.type.value_type)
        rebuilt = pa.DictionaryArray.from_arrays(indices, dictionary, ordered=column.type.ordered)
        return pa.chunked_array([rebuilt], column.type)
    array = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
    return pa.chunked_array([_taken(array, places, new)], column.type)


def _taken(array: pa.Array, places: np.ndarray, new: pa.Array) -> pa.Array:
    """Return `array` with `new` at `places`: one gather from both, whatever the type."""
    if array.type == _STRING_VIEW:  # pyarrow cannot gather views
        wide = pa.large_string()
        return _taken(array.cast(wide), places, new.cast(wide)).cast(array.type)
    source = np.arange(len(array))
    source[places] = len(array) + np.arange(len(new))
    return pa.concat_arrays([array, new]).take(pa.array(source))


def copy_parquet(path: Path, out: Path, cells: NewCells) -> None:
    """Write a Parquet file anew, row group by row group, with the changes that `cells` makes."""
    file = pq.ParquetFile(path)
    meta = file.metadata
    with_schema = b"ARROW:schema" in (meta.metadata or {})
    settings: dict[str, Any] = {"version": meta.format_version, "store_schema": with_schema}
    if meta.num_row_groups:
        group = meta.row_group(0)
        columns = [group.column(k) for k in range(group.num_columns)]
        settings["compression"] = {c.path_in_schema: _codec(c.compression) for c in columns}
        settings["use_dictionary"] = [c.path_in_schema for c in columns if c.has_dictionary_page] or False
        settings["write_statistics"] = [c.path_in_schema for c in columns if c.is_stats_set] or False
        settings["use_compliant_nested_type"] = not any(".list.item" in c.path_in_schema for c in columns)
        settings["use_deprecated_int96_timestamps"] = any(c.physical_type == "INT96" for c in columns)
    with pq.ParquetWriter(out, file.schema_arrow, **settings) as writer:
        for k in range(meta.num_row_groups):
            table = cells.next(file.read_row_group(k))
            writer.write_table(table, row_group_size=max(table.num_rows, 1))


def _codec(name: str) -> str:
    return "NONE" if name == "UNCOMPRESSED" else name


def copy_arrow(path: Path, out: Path, cells: NewCells) -> None:
    """Write an Arrow file, stream or Feather file (version 2) anew, batch by batch, in the same form."""
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"FEA1"):
        raise BadInput("is a Feather file of version 1", where=place(path), fix="save it as Feather version 2")
    # A file may hold one dictionary a column only, so all batches must agree on it.
    options = pa.ipc.IpcWriteOptions(compression=ipc_compression(path), unify_dictionaries=True)
    with pa.OSFile(str(path)) as stream, pa.OSFile(str(out), "wb") as sink:
        is_file = head == b"ARROW1"
        reader = pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream)
        make = pa.ipc.new_file if is_file else pa.ipc.new_stream
        with make(sink, reader.schema, options=options) as writer:
            for table in _tables(reader, is_file):
                writer.write_table(cells.next(table))


def _tables(reader: Any, is_file: bool) -> Iterator[pa.Table]:
    """Yield the batches as tables; all in one where columns are dictionaries, whose codes belong together."""
    if any(pa.types.is_dictionary(field.type) for field in reader.schema):
        yield reader.read_all()
    elif is_file:
        for k in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(k)])
    else:
        for batch in reader:
            yield pa.Table.from_batches([batch])
