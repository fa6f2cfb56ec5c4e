"""Parquet and Arrow: types as stored."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput

TABLE = pa.table({"x": [1, None, 3], "v": [[0.5, 1.0], [1.5, 2.0], [2.5, 3.0]], "label": ["a", "b", None]})


def _parquet(path):
    pyarrow.parquet.write_table(TABLE, path)


def _file(path):
    with pa.ipc.new_file(path, TABLE.schema) as writer:
        writer.write_table(TABLE)


def _stream(path):
    with pa.ipc.new_stream(path, TABLE.schema) as writer:
        writer.write_table(TABLE)


def _feather(path):
    pyarrow.feather.write_feather(TABLE, str(path))


@pytest.mark.parametrize(
    ("suffix", "write", "kind"),
    [
        ("parquet", _parquet, "parquet"),
        ("arrow", _file, "arrow"),
        ("arrow", _stream, "arrow"),
        ("feather", _feather, "arrow"),
    ],
)
def test_values_and_types_come_back(tmp_path, suffix, write, kind):
    path = tmp_path / f"rows.{suffix}"
    write(path)
    source = read_source(path)
    assert source.format == kind
    assert source.table.column("x").to_pylist() == [1, None, 3]
    assert source.table.schema.field("x").type == pa.int64()


def test_lists_of_one_length_become_vectors(tmp_path):
    _parquet(tmp_path / "rows.parquet")
    assert read_source(tmp_path / "rows.parquet").table.schema.field("v").type.list_size == 2


def test_a_truncated_parquet_file_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    _parquet(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInput, match=r"rows.parquet: cannot be read as Parquet"):
        read_source(path)


def test_a_table_without_rows_is_refused(tmp_path):
    pyarrow.parquet.write_table(TABLE.slice(0, 0), tmp_path / "rows.parquet")
    with pytest.raises(BadInput, match="holds no rows"):
        read_source(tmp_path / "rows.parquet")


def test_doubled_column_names_are_refused(tmp_path):
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    pyarrow.parquet.write_table(twice, tmp_path / "rows.parquet")
    with pytest.raises(BadInput, match="the header names 'a' more than once"):
        read_source(tmp_path / "rows.parquet")
