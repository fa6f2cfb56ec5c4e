"""Parsed JSON objects as a table: a column keeps the kind of its values where they agree on one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa


def records_table(records: list[dict[str, Any]]) -> pa.Table:
    """Return the records as a table with the keys in the order in which they first occur; a missing key is null."""
    names = list(dict.fromkeys(key for record in records for key in record))
    return pa.table([_column([record.get(name) for record in records]) for name in names], names=names)


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {str}:
        return pa.array(values, pa.string())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int} and all(value is None or abs(value) < 2**63 for value in values):
        return pa.array(values, pa.int64())
    if kinds <= {int, float} and float in kinds and all(abs(v) < 2**53 for v in values if type(v) is int):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds == {list}:
        return _list_column(values)
    return pa.array([_as_text(value) for value in values], pa.string())


def _list_column(values: list[Any]) -> pa.Array:
    inner = {type(item) for value in values if value for item in value}
    if inner <= {str}:
        return pa.array(values, pa.list_(pa.string()))
    widths = {len(value) for value in values if value is not None}
    if inner <= {int, float} and len(widths) == 1 and all(v is not None for v in values):
        try:
            flat = np.asarray(values, dtype=np.float64)
        except (ValueError, OverflowError):
            return pa.array([_as_text(value) for value in values], pa.string())
        return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), flat.shape[1])
    if inner == {int} and all(abs(item) < 2**63 for value in values if value for item in value):
        return pa.array(values, pa.list_(pa.int64()))
    return pa.array([_as_text(value) for value in values], pa.string())


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
