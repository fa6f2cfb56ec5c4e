"""Folders written by ``save_to_disk`` of Hugging Face ``datasets``, read without that library.

A data set is Arrow streams beside ``state.json``; several splits are folders beside ``dataset_dict.json``. Class
numbers become class names; images stay ``{bytes, path}``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.matrices import with_class_names
from labelwright.data.readers.columnar import arrow_table, checked_table
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, quoted


def is_huggingface(path: Path) -> bool:
    """Whether a folder was written by ``save_to_disk``."""
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def read_huggingface(path: Path, root: Path | None = None) -> Source:
    """Read a saved data set, or all splits of a saved dictionary of data sets with the split in a column.

    Raises
    ------
    BadInput
        A file that the folder names is missing, damaged or lies outside it; the splits differ in their columns.
    """
    if (path / "dataset_dict.json").is_file():
        splits = _json(path / "dataset_dict.json", path).get("splits")
        if not isinstance(splits, list) or not splits:
            raise BadInput("dataset_dict.json names no splits", where=place(path), fix="save the data set again")
        table = joined_splits([with_split(_one(_inside(path, str(name)), path), str(name)) for name in splits], path)
        details = {"splits": ", ".join(str(name) for name in splits)}
    else:
        table, details = _one(path, path), {}
    return Source(checked_table(table, path), path, "huggingface", root or path, None, details)


def joined_splits(tables: list[pa.Table], path: Path) -> pa.Table:
    """Return the tables of all splits as one; BadInput where their columns differ."""
    try:
        return pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        reason = said(error)
        raise BadInput(f"its splits differ in their columns ({reason})", where=place(path), fix="read one") from None


def _one(folder: Path, top: Path) -> pa.Table:
    files = _json(folder / "state.json", top).get("_data_files")
    if not isinstance(files, list) or not files:
        raise BadInput("state.json names no data files", where=place(top), fix="save the data set again")
    tables = []
    for entry in files:
        name = str(entry.get("filename")) if isinstance(entry, dict) else str(entry)
        file = _inside(folder, name)
        try:
            table = arrow_table(file)
            table.validate(full=True)
            tables.append(table)
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            reason = said(error)
            raise BadInput(
                f"{quoted(name)} cannot be read ({reason})", where=place(top), fix="save the data set again"
            ) from None
    table = pa.concat_tables(tables)
    return with_named_classes(table, _features(folder, table))


def _inside(folder: Path, name: str) -> Path:
    target = folder / name
    if not target.resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"names the file {quoted(name)} outside of itself", where=place(folder), fix="save it again")
    return target


def _json(file: Path, top: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(
            f"{file.name} cannot be read ({said(error)})", where=place(top), fix="save the data set again"
        ) from None
    return content if isinstance(content, dict) else {}


def _features(folder: Path, table: pa.Table) -> dict[str, Any]:
    """Return the declared types of the columns, from ``dataset_info.json`` or the Arrow schema."""
    info: Any = {}
    if (folder / "dataset_info.json").is_file():
        info = _json(folder / "dataset_info.json", folder)
    features = info.get("features")
    return features if isinstance(features, dict) and features else features_of_schema(table.schema)


def features_of_schema(schema: pa.Schema) -> dict[str, Any]:
    """Return the types of columns as `datasets` stores them in the metadata of Arrow and Parquet files."""
    try:
        stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = stored.get("info", {}).get("features")
    except (ValueError, AttributeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def with_named_classes(table: pa.Table, features: dict[str, Any]) -> pa.Table:
    """Replace class numbers (alone or in lists) by class names, -1 by null."""
    for position, name in enumerate(table.column_names):
        feature = features.get(name)
        inner = feature.get("feature") if isinstance(feature, dict) else None
        for names, nested in ((_names(feature), False), (_names(inner), True)):
            if names is not None:
                column = _named(table.column(position), names, nested)
                field = with_class_names(pa.field(name, column.type), names)
                table = table.set_column(position, field, column)
    return table


def _names(feature: Any) -> list[str] | None:
    if isinstance(feature, list) and feature:
        feature = feature[0]
    if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list):
        return [str(name) for name in feature["names"]]
    return None


def _named(column: pa.ChunkedArray, names: list[str], nested: bool) -> pa.ChunkedArray:
    def name(code: Any) -> str | None:
        if code is None or code == -1:
            return None
        if not isinstance(code, int) or not 0 <= code < len(names):
            raise BadInput(f"holds class number {code} but names {len(names)} classes", fix="save the data set again")
        return names[code]

    values = column.to_pylist()
    if nested:
        lists = [None if codes is None else [name(code) for code in codes] for codes in values]
        return pa.chunked_array([pa.array(lists, pa.list_(pa.string()))])
    return pa.chunked_array([pa.array([name(code) for code in values], pa.string())])


def with_split(table: pa.Table, split: str) -> pa.Table:
    """Return the table with the split of its rows in a column, unless it has one."""
    if "split" in table.column_names:
        return table
    return table.append_column("split", pa.array([split] * table.num_rows, pa.string()))
