"""Parquet and Arrow: the label's cells change; schema, metadata, row groups, compression and other columns stay."""

from __future__ import annotations

import datetime
import decimal

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from labelwright import Audit
from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.data.mend.arrow_compression import ipc_compression
from labelwright.errors import BadInput

OPTIONS = MendOptions(label="kind", id="id")
DECISIONS = {"id": ["1", "4", "5"], "decision": ["relabel", "relabel", "reject"], "label": ["dog", "cat", None]}
KINDS = {
    "string": pa.array(["cat", "dog", "cat", "dog", "cat", "dog"]),
    "large_string": pa.array(["cat", "dog", "cat", "dog", "cat", "dog"], pa.large_string()),
    "dictionary": pa.DictionaryArray.from_arrays(
        pa.array([1, 0, 1, 0, 1, 0], pa.int8()), pa.array(["dog", "cat"]), ordered=True
    ),
}


def table(kind: pa.Array) -> pa.Table:
    """Return six rows with awkward neighbours of the label column."""
    fields = [
        pa.field("id", pa.int32(), nullable=False),
        pa.field("kind", kind.type, metadata={"note": "the label"}),
        pa.field("x", pa.list_(pa.float32())),
        pa.field("t", pa.timestamp("us", "UTC")),
    ]
    columns = [
        pa.array([0, 1, 2, 3, 4, 5], pa.int32()),
        kind,
        [[0.1], None, [], [1, 2], [3], [4]],
        [0, 1, None, 3, 4, 5],
    ]
    arrays = [pa.array(c, f.type) if not isinstance(c, pa.Array) else c for c, f in zip(columns, fields, strict=True)]
    return pa.table(arrays, schema=pa.schema(fields, metadata={"made": "by hand"}))


def check(old: pa.Table, new: pa.Table) -> None:
    """Rows 1 and 4 are relabelled, row 5 is gone, all else is equal."""
    assert new.schema.equals(old.schema, check_metadata=True)
    expected = old.column("kind").to_pylist()
    expected[1], expected[4] = "dog", "cat"
    assert new.column("kind").to_pylist() == expected[:5]
    assert new.drop_columns(["kind"]).equals(old.slice(0, 5).drop_columns(["kind"]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compression", ["zstd", "NONE", "snappy"])
def test_parquet_keeps_schema_row_groups_and_compression(tmp_path, kind, compression):
    old = table(KINDS[kind])
    path, out = tmp_path / "data.parquet", tmp_path / "new.parquet"
    pq.write_table(old, path, row_group_size=4, compression=compression, use_dictionary=["kind"])
    apply_decisions(DECISIONS, path, out, OPTIONS)
    check(pq.read_table(path), pq.read_table(out))
    before, after = pq.ParquetFile(path).metadata, pq.ParquetFile(out).metadata
    assert [after.row_group(k).num_rows for k in range(after.num_row_groups)] == [4, 1]
    assert before.format_version == after.format_version
    for k in range(before.num_columns):
        b, a = before.row_group(0).column(k), after.row_group(0).column(k)
        assert (a.path_in_schema, a.compression, a.has_dictionary_page) == (
            b.path_in_schema,
            b.compression,
            b.has_dictionary_page,
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("form", ["file", "stream"])
def test_arrow_keeps_schema_batches_and_compression(tmp_path, kind, compression, form):
    old = table(KINDS[kind])
    path, out = tmp_path / "data.arrow", tmp_path / "new.arrow"
    make = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with make(str(path), old.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(old, max_chunksize=4)
    apply_decisions(DECISIONS, path, out, OPTIONS)
    opener = pa.ipc.open_file if form == "file" else pa.ipc.open_stream
    new = opener(pa.OSFile(str(out))).read_all()
    check(old, new)
    assert [len(c) for c in new.column("id").chunks] == [4, 1]
    assert ipc_compression(out) == compression


def test_a_new_class_joins_the_categories_at_their_end(tmp_path):
    path, out = tmp_path / "data.parquet", tmp_path / "new.parquet"
    pq.write_table(table(KINDS["dictionary"]), path)
    decisions = {"id": ["0"], "decision": ["relabel"], "label": ["emu"]}
    apply_decisions(decisions, path, out, MendOptions(label="kind", id="id", new_classes=("emu",)))
    column = pq.read_table(out).column("kind")
    assert column.to_pylist()[:2] == ["emu", "dog"]
    assert column.type == KINDS["dictionary"].type


def test_numbers_stay_numbers(tmp_path):
    path, out = tmp_path / "data.parquet", tmp_path / "new.parquet"
    pq.write_table(pa.table({"id": [1, 2, 3], "kind": pa.array([0, 1, None], pa.int8())}), path)
    apply_decisions({"id": [3], "decision": ["relabel"], "label": ["1"]}, path, out, OPTIONS)
    assert pq.read_table(out).column("kind").to_pylist() == [0, 1, 1]
    assert pq.read_schema(out).field("kind").type == pa.int8()


def test_a_class_that_does_not_fit_the_type_is_one_clear_line(tmp_path):
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"id": [1, 2], "kind": pa.array([0, 1], pa.int8())}), path)
    options = MendOptions(label="kind", id="id", new_classes=("300", "x"))
    for label, said in (("300", "do not fit a column of type int8"), ("x", "is not a whole number")):
        with pytest.raises(BadInput, match=said):
            apply_decisions(
                {"id": [1], "decision": ["relabel"], "label": [label]}, path, tmp_path / "n.parquet", options
            )
    assert [p.name for p in tmp_path.iterdir()] == ["data.parquet"]


def test_lists_of_tags_stay_lists(tmp_path):
    path, out = tmp_path / "data.parquet", tmp_path / "new.parquet"
    pq.write_table(pa.table({"id": [1, 2], "kind": [["a", "b"], ["c"]]}), path)
    apply_decisions({"id": [1], "decision": ["relabel"], "label": ["c|a"]}, path, out, OPTIONS)
    assert pq.read_table(out).column("kind").to_pylist() == [["c", "a"], ["c"]]


def test_feather_keeps_its_compression(tmp_path):
    path, out = tmp_path / "data.feather", tmp_path / "new.feather"
    pyarrow.feather.write_feather(table(KINDS["string"]), path)
    apply_decisions(DECISIONS, path, out, OPTIONS)
    check(pyarrow.feather.read_table(path), pyarrow.feather.read_table(out))
    assert ipc_compression(out) == ipc_compression(path) == "lz4"


def test_views_dates_and_truth_values_keep_their_types(tmp_path):
    day = datetime.date
    columns = {
        "view": (pa.array(["a", "b", "a"], pa.string_view()), "b", "b"),
        "date": (pa.array([day(2020, 1, 1), day(2020, 1, 2), day(2020, 1, 1)]), "2020-01-02", day(2020, 1, 2)),
        "truth": (pa.array([True, False, True]), "False", False),
        "decimal": (
            pa.array([decimal.Decimal("1.10"), decimal.Decimal("2.20"), None]),
            "2.20",
            decimal.Decimal("2.20"),
        ),
    }
    for name, (cells, label, value) in columns.items():
        path, out = tmp_path / f"{name}.arrow", tmp_path / f"{name}-new.arrow"
        old = pa.table({"id": [1, 2, 3], "kind": cells, "other": pa.array(["x", "y", "z"], pa.string_view())})
        with pa.ipc.new_file(str(path), old.schema) as writer:
            writer.write_table(old)
        decisions = {"id": ["1", "3"], "decision": ["relabel", "reject"], "label": [label, None]}
        apply_decisions(decisions, path, out, OPTIONS)
        new = pa.ipc.open_file(pa.OSFile(str(out))).read_all()
        assert new.schema == old.schema
        assert new["kind"].to_pylist() == [value, cells[1].as_py()]
        assert new["other"].to_pylist() == ["x", "y"]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_of_other_libraries_come_back_as_they_are(library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"id": ["a", "b", "c"], "x": [1, 2, 3], "kind": ["cat", "dog", "cat"]})
    audit = Audit(frame, label="kind", id="id")
    mended = audit.apply({"id": ["a", "c"], "decision": ["relabel", "reject"], "label": ["dog", None]}).frame
    assert isinstance(mended, frames.DataFrame)
    assert mended["kind"].to_list() == ["dog", "dog"] and mended["x"].to_list() == [1, 2]
