"""JSON Lines and JSON lists."""

from __future__ import annotations

import pyarrow as pa
import pytest

from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput


@pytest.fixture
def read(tmp_path):
    def _read(text, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_source(path)

    return _read


def test_types_are_kept_where_a_column_agrees_on_one(read):
    table = read('{"a": 1, "b": 1, "c": true, "d": "x"}\n{"a": 2, "b": 0.5, "d": "y"}\n').table
    assert [f.type for f in table.schema] == [pa.int64(), pa.float64(), pa.bool_(), pa.string()]
    assert table.column("c").to_pylist() == [True, None]


def test_mixed_values_become_text(read):
    assert read('{"a": 1}\n{"a": "one"}\n{"a": null}\n').table.column("a").to_pylist() == ["1", "one", None]


def test_nested_values_are_kept_as_json(read):
    assert read('{"a": {"b": [1, "é"]}}\n').table.column("a").to_pylist() == ['{"b": [1, "é"]}']


def test_lists_of_strings_stay_lists(read):
    assert read('{"t": ["a", "b"]}\n{"t": []}\n').table.column("t").to_pylist() == [["a", "b"], []]


def test_lists_of_as_many_numbers_become_vectors(read):
    assert read('{"v": [1, 2.5]}\n{"v": [3, 4]}\n').table.column("v").type.list_size == 2


def test_line_numbers_skip_blank_lines(read):
    assert read('{"a": 1}\n\n{"a": 2}\n').line_numbers.tolist() == [1, 3]


def test_a_list_of_objects_is_read(read):
    assert read('[{"a": 1}, {"a": 2}]', "rows.json").table.num_rows == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": \n', r"rows.jsonl line 2: is not JSON \(Expecting value at character 7\)"),
        ('{"a": 1}\n[1, 2]\n', r"rows.jsonl line 2: holds '\[1, 2\]', not an object"),
        ('{"a": 1}\n\n3\n', r"rows.jsonl line 3: holds '3', not an object"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a": ' + "[" * 200_000 + "\n", "rows.jsonl line 1: is nested too deeply"),
        ('{"a": "\\ud800"}\n', "cannot be read"),
        ("{}\n{}\n", "holds no rows"),
    ],
)
def test_a_mistake_is_named_with_its_line(read, text, message):
    with pytest.raises(BadInput, match=message):
        read(text)
