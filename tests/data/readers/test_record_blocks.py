"""Delimited files in blocks: the same rows, lines and refusals as the file at once."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.data.readers import encoded_text, record_blocks
from labelwright.data.readers.delimited import read_delimited
from labelwright.data.readers.encoded_text import find_encoding, read_text
from labelwright.data.readers.record_blocks import DelimitedFile, whole_records
from labelwright.errors import BadInput

TEXT = "name,kind,more\n" + "".join(f'naïve {i},"a, ""b""\nc",ä – {i}\r\n\n' for i in range(40))
slow = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(encoded_text, "_BLOCK", 13)
    monkeypatch.setattr(record_blocks, "_ROWS", 2)


def at_once(path: Path):
    source = read_delimited(path)
    return source.table.to_pylist(), source.line_numbers.tolist()


def in_blocks(path: Path):
    file = DelimitedFile.open(path)
    rows, lines, records = [], [], []
    text = read_text(path).data
    for block in file.blocks():
        assert block.first == len(rows)
        rows += block.table.to_pylist()
        lines += block.lines.tolist()
        records += [text[a:b] for a, b in zip(block.starts.tolist(), block.ends.tolist(), strict=True)]
    return rows, lines, records


@pytest.mark.parametrize("encode", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"])
def test_blocks_hold_the_rows_and_lines_of_the_file_in_every_encoding(tmp_path, encode):
    path = tmp_path / "rows.csv"
    path.write_bytes(TEXT.encode(encode))
    rows, lines, records = in_blocks(path)
    assert (rows, lines) == at_once(path)
    assert records[3] == 'naïve 3,"a, ""b""\nc",ä – 3\r\n'.encode()


def test_a_packed_file_comes_in_blocks_too(tmp_path):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    assert in_blocks(path)[:2] == at_once(path)


@slow
@given(st.lists(st.text(st.sampled_from('ab é"\n\r,;'), max_size=6), min_size=4, max_size=12), st.booleans())
def test_any_cells_come_back_with_the_bytes_of_their_records(cells, strict):
    width = 2
    rows = [cells[i : i + width] for i in range(0, len(cells) - 1, width)]
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if strict else csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerows([["x", "y"], *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(out.getvalue().encode())
        try:
            expected = at_once(path)
        except BadInput as error:
            with pytest.raises(BadInput) as raised:
                in_blocks(path)
            assert str(raised.value) == str(error)
            return
        found, lines, records = in_blocks(path)
        assert (found, lines) == expected
        delimiter = DelimitedFile.open(path).delimiter
        parsed = [next(csv.reader(io.StringIO(r.decode(), newline=""), delimiter=delimiter)) for r in records]
        assert [[cell or None for cell in record] for record in parsed] == [list(row.values()) for row in found]


@pytest.mark.parametrize(
    "data",
    [
        b'id,kind\r1,5" pipe\r2,a "b" c\r',
        b"id,kind\n\n\n1,cat\n\n2,dog",
        b'id,kind\n1,"cat\n2,dog\n',
        b"id,kind\n1,cat\n2,dog,more\n3,cat\n",
        b"id,kind\n1,cat\n2\n3,cat\n",
        b'id,kind\n1,"cat"x\n2,dog\n',
        b"id,kind\n",
        b"id,id\n1,2\n",
        b" \n \n",
        b"PK\x03\x04 and more",
        b"id,kind\n1,\xff\n" + "é".encode() * 9,
        b"id,kind\n1,\x81\n",
        b"id,kind\n1,a\0b\n",
        codecs.BOM_UTF16_LE + b"i\0d\0,\0k\0\n\0001",
        bytes(range(1, 256)) * 4,
    ],
)
def test_odd_files_are_read_or_refused_as_at_once(tmp_path, data):
    path = tmp_path / "odd.csv"
    path.write_bytes(data)
    try:
        expected = at_once(path)
    except BadInput as error:
        with pytest.raises(BadInput) as raised:
            in_blocks(path)
        assert str(raised.value) == str(error)
    else:
        assert in_blocks(path)[:2] == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_the_encoding_found_in_blocks_is_that_of_the_file_at_once(tmp_path, encoding):
    path = tmp_path / "rows.csv"
    path.write_bytes(TEXT.encode(encoding))
    file, text = find_encoding(path), read_text(path)
    assert file.encoding == text.encoding
    assert b"".join(file.blocks()) == text.data
    assert file.mark + text.data.decode().encode(file.codec) == path.read_bytes()


def test_whole_records_cut_after_line_ends_outside_of_quotes():
    pieces = list(whole_records([b'a\n"1\n', b'2"\n3\n', b"4"]))
    assert pieces == [b"a\n", b'"1\n2"\n3\n', b"4"]
