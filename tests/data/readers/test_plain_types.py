"""Columns of unusual Arrow types: read as what they mean, and copied as they are where labels are mended."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelwright.data.load import load_dataset
from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.data.readers import read_source
from labelwright.data.readers.columnar import arrow_table
from labelwright.data.readers.plain_types import plain_type
from labelwright.errors import BadInput

LABELS = ["a", "b", "a", "b"]
RUNS = pa.RunEndEncodedArray.from_arrays(pa.array([2, 4], pa.int32()), pa.array(["a", "b"]))
UUIDS = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes([i] * 16) for i in range(4)], pa.binary(16)))
UNION = pa.UnionArray.from_sparse(pa.array([0, 1, 0, 1], pa.int8()), [pa.array(LABELS), pa.array([1, 2, 3, 4])])
ODD = {
    "runs": RUNS,
    "bytes": pa.array([b"a", b"b", None, b"c"], pa.binary_view()),
    "texts": pa.array(["a", "b", None, "c"], pa.string_view()),
    "union": UNION,
    "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(LABELS)),
    "views": pa.array([[1, 2], [3], None, [4]], pa.list_view(pa.int64())),
    "uuid": UUIDS,
    "codes": pa.array(LABELS).dictionary_encode(),
    "span": pa.array([1, 2, 3, 4], pa.duration("s")),
    "half": pa.array(np.arange(4, dtype=np.float16)),
    "wide": pa.array([Decimal(i) for i in range(4)], pa.decimal256(70, 0)),
    "ago": pa.array([(1, 2, 3)] * 4, pa.month_day_nano_interval()),
    "map": pa.array([[("a", 1)]] * 4, pa.map_(pa.string(), pa.int64())),
}
TABLE = pa.table({"id": ["p", "q", "r", "s"], "x": [1.5, 2.5, 3.5, 4.5], "label": LABELS, **ODD})


def stored(path, table, make=pa.ipc.new_file):
    with make(str(path), table.schema) as writer:
        writer.write_table(table)
    return path


@pytest.mark.parametrize(
    ("array", "cells"),
    [
        (RUNS, ["a", "a", "b", "b"]),
        (UUIDS.slice(1, 1), ["01010101-0101-0101-0101-010101010101"]),
        (ODD["json"], LABELS),
        (ODD["views"], [[1, 2], [3], None, [4]]),
        (pa.array([["a"], ["b"]], pa.large_list_view(pa.string())), [["a"], ["b"]]),
        (ODD["bytes"], [b"a", b"b", None, b"c"]),
    ],
)
def test_a_column_becomes_one_that_means_the_same(array, cells):
    assert plain_type(pa.chunked_array([array])).to_pylist() == cells


def test_times_in_a_zone_that_nobody_knows_are_in_utc(tmp_path):
    times = pa.array([0, 3600], pa.timestamp("s", "Mars/Base"))
    path = stored(tmp_path / "t.arrow", pa.table({"at": times, "x": [1.5, 2.5], "label": ["a", "b"]}))
    assert load_dataset(path, label="label", id="at").ids.tolist() == ["1970-01-01 00:00:00Z", "1970-01-01 01:00:00Z"]


@pytest.mark.parametrize("make", [pa.ipc.new_file, pa.ipc.new_stream])
@pytest.mark.parametrize("label", ["label", "runs", "json", "texts", "codes"])
def test_labels_are_mended_and_rows_rejected_beside_any_type(tmp_path, label, make):
    path = stored(tmp_path / "odd.arrow", TABLE, make)
    decisions = {"id": ["p", "q"], "decision": ["relabel", "reject"], "label": ["b", None]}
    apply_decisions(decisions, path, tmp_path / "new.arrow", MendOptions(label=label, id="id"))
    new = arrow_table(tmp_path / "new.arrow")
    new.validate(full=True)
    assert new.schema.equals(TABLE.schema, check_metadata=True)
    for name in TABLE.column_names:
        kept = [cell for row, cell in enumerate(TABLE.column(name).to_pylist()) if row != 1]
        assert new.column(name).to_pylist() == (["b", *kept[1:]] if name == label else kept)


def test_a_row_is_named_by_its_content_beside_any_type(tmp_path):
    assert len(set(load_dataset(stored(tmp_path / "odd.arrow", TABLE), label="label").ids.tolist())) == 4


def test_a_column_that_nothing_can_be_done_with_is_said_not_to_be_read(tmp_path):
    path = stored(tmp_path / "odd.arrow", TABLE.select(["x", "label", "union"]))
    ignored = {one.name: one.reason for one in load_dataset(path, label="label").plan.ignored}
    assert ignored["union"].startswith("cells of type sparse_union")


def test_ids_that_differ_in_nul_bytes_at_the_end_are_refused(tmp_path):
    path = tmp_path / "ids.parquet"
    pq.write_table(pa.table({"i": ["a", "a\0"], "label": ["a", "b"]}), path)
    with pytest.raises(BadInput, match=r"ids.parquet row 1, column 'i': the id ends with a NUL character"):
        load_dataset(path, label="label", id="i")


@pytest.mark.parametrize("cut", [0, 3, 8, 300, -1])
@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "s.arrow"])
def test_a_file_that_was_cut_off_is_one_line(tmp_path, name, cut):
    path, table = tmp_path / name, pa.table({"x": list(range(500)), "label": LABELS * 125})
    if name.endswith("parquet"):
        pq.write_table(table, path)
    else:
        stored(path, table, pa.ipc.new_file if name[0] == "t" else pa.ipc.new_stream)
    path.write_bytes(path.read_bytes()[:cut] if cut >= 0 else path.read_bytes()[: -(path.stat().st_size // 3)])
    with pytest.raises(BadInput, match="cannot be read as"):
        read_source(path)
