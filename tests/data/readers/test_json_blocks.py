"""JSON Lines in blocks: the same rows, types, lines and refusals as the file at once."""

from __future__ import annotations

import gzip
import json
import tempfile
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.data.column_types import cell_texts
from labelwright.data.readers import encoded_text, json_blocks
from labelwright.data.readers.dispatch import read_source
from labelwright.data.readers.encoded_text import read_text
from labelwright.data.readers.json_blocks import JsonLinesFile, OtherKinds
from labelwright.data.readers.json_columns import JsonKind, records_table
from labelwright.errors import BadInput

ROWS = [{"id": i, "é": f"naïve {i}", "n": i / 2 if i == 33 else i, "v": [i, 1.5, 2]} for i in range(40)]
TEXT = "".join(f"{json.dumps(row, ensure_ascii=False)}\r\n \n" for row in ROWS)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(encoded_text, "_BLOCK", 61)
    monkeypatch.setattr(json_blocks, "_PIECE", 40)


@pytest.mark.parametrize("encode", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"])
def test_blocks_hold_rows_lines_and_bytes_in_every_encoding(tmp_path, encode):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(TEXT.encode(encode))
    text, seen = read_text(path).data, []
    for block in JsonLinesFile.open(path).settled().blocks():
        assert block.first == len(seen)
        seen += [text[a:b] for a, b in zip(block.starts.tolist(), block.ends.tolist(), strict=True)]
    assert seen == [f"{json.dumps(row, ensure_ascii=False)}\r\n".encode() for row in ROWS]
    source = read_source(path)
    assert source.line_numbers.tolist() == list(range(1, 81, 2))
    assert source.table.to_pylist() == records_table(ROWS).to_pylist()
    assert source.table.schema == records_table(ROWS).schema


def test_a_packed_file_comes_in_blocks_too(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    assert read_source(path).table.to_pylist() == records_table(ROWS).to_pylist()


def test_a_wrong_guess_of_kinds_is_said_and_mended(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(TEXT)
    file = JsonLinesFile.open(path)
    assert sum(len(block.starts) for block in file.blocks(["id"])) == 40
    with pytest.raises(OtherKinds):
        list(file.blocks(["n"]))
    assert {block.table.schema.field("n").type for block in file.settled().blocks(["n"])} == {pa.float64()}


def test_a_key_that_occurs_far_down_is_a_column_of_all_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(TEXT + '{"late": true}\n')
    table = read_source(path).table
    assert table.column("late").to_pylist() == [None] * 40 + [True]
    assert table.schema.field("v").type == pa.string()  # a vector that one row lacks is no vector


def test_marks_at_the_start_of_files_that_were_joined_are_passed_over(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"a": 2}\n')
    assert read_source(path).table.column("a").to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": 1', r"rows.jsonl line 81: is not JSON \(Expecting ',' delimiter at character 9\): '\{\"id\": 1'"),
        ("[1]", r"rows.jsonl line 81: holds '\[1\]', not an object"),
        ('{"id": "\\ud800"}', r"rows.jsonl line 81, column 'id': cannot be read \('utf-8' codec can't encode"),
        ('{"\\ud800": 1}', r"rows.jsonl: cannot be read \('utf-8' codec can't encode"),
        ('{"": 1, "unnamed_5": 2}', "names 'unnamed_5' more than once"),
    ],
)
def test_a_mistake_far_down_is_named_with_its_line(tmp_path, line, message):
    path = tmp_path / "rows.jsonl"
    path.write_text(TEXT + line + "\n")
    with pytest.raises(BadInput, match=message):
        read_source(path)


def test_a_broken_list_is_shown_at_the_line_of_the_mistake(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[{"a": 1},\n {"a": oops}]\n')
    with pytest.raises(BadInput, match=r"rows.json line 2: is not JSON .*: ' \{\"a\": oops\}\]'"):
        read_source(path)


whole, real = st.integers() | st.sampled_from([2**53, 10**15, 2**63, 10**400]), st.floats()
scalars = st.none() | st.booleans() | whole | real | st.text(max_size=2)
columns = st.sampled_from(
    [scalars, st.none() | st.text(max_size=2), whole, real, whole | real]
    + [st.lists(one, max_size=3) for one in (whole, real, whole | real, st.text(max_size=2), scalars)]
).flatmap(lambda values: st.lists(values, min_size=1, max_size=6))


@settings(max_examples=300, deadline=None)
@given(columns, st.data())
def test_kinds_of_parts_merge_to_the_kind_of_the_whole(values, data):
    cut = data.draw(st.integers(0, len(values)))
    kind = JsonKind.of(values)
    assert JsonKind.of(values[:cut]).merge(JsonKind.of(values[cut:])) == kind
    parts = [kind.array(part) for part in (values[:cut], values[cut:]) if part]
    assert repr(pa.chunked_array(parts).to_pylist()) == repr(kind.array(values).to_pylist())


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.floats() | st.integers(-(10**16), 10**16) | st.none(), min_size=1, max_size=8))
def test_numbers_are_spelled_as_the_whole_column_spells_them(numbers):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text("".join(f"{json.dumps({'n': number})}\n" for number in numbers))
        spelled = replace(JsonLinesFile.open(path).settled(), spelled=True)
        texts = [cell for block in spelled.blocks() for cell in cell_texts(block.table.column("n")).to_pylist()]
        assert texts == cell_texts(read_source(path).table.column("n")).to_pylist()


def test_reading_takes_little_more_than_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr(encoded_text, "_BLOCK", 1 << 16)
    monkeypatch.setattr(json_blocks, "_PIECE", 1 << 16)
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": "long " * 60, "k": {"a": i}}) + "\n" for i in range(8000)))
    tracemalloc.start()
    table = read_source(path).table  # Arrow's own memory is not traced
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.num_rows == 8000
    assert peak < path.stat().st_size / 2
