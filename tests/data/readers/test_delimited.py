"""Delimited text: every cell as written, every mistake with its line."""

from __future__ import annotations

import csv
import gzip
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.data.readers.delimited import read_delimited, sniff_delimiter
from labelwright.data.readers.record_layout import record_layout
from labelwright.errors import BadInput


@pytest.fixture
def write(tmp_path):
    def _write(content, name="rows.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def test_cells_stay_as_written(write):
    table = read_delimited(write("a,b,c\n007,NA,1.0\n 1 , x,\n")).table
    assert table.to_pylist() == [{"a": "007", "b": "NA", "c": "1.0"}, {"a": " 1 ", "b": " x", "c": None}]


def test_an_empty_quoted_cell_is_null(write):
    assert read_delimited(write('a,b\n"",x\n')).table.column("a").to_pylist() == [None]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_delimiter_is_found(write, delimiter):
    lines = [delimiter.join(row) for row in [("text", "n", "label"), ("a b", "1.5", "x"), ("c", "2", "y")]]
    source = read_delimited(write("\n".join(lines)))
    assert source.details["delimiter"] == delimiter
    assert source.table.column_names == ["text", "n", "label"]


def test_a_semicolon_beats_decimal_commas():
    assert sniff_delimiter(b"price;weight;kind\n1,5;2,25;a\n3,5;4,75;b\n") == ";"


def test_commas_inside_quotes_do_not_count():
    assert sniff_delimiter(b'text;label\n"a, b, c";x\n"d, e";y\n') == ";"


def test_a_quoted_line_end_stays_in_its_cell_and_lines_are_counted_through_it(write):
    source = read_delimited(write('text,label\n"one\ntwo",a\nthree,b\n\n"four\r\n\r\nfive",c\nsix,d\n'))
    assert source.table.column("text").to_pylist() == ["one\ntwo", "three", "four\r\n\r\nfive", "six"]
    assert source.line_numbers.tolist() == [2, 4, 6, 9]


def test_a_doubled_quote_is_one_quote(write):
    assert read_delimited(write('a,b\n"say ""hi""",""""\n')).table.to_pylist() == [{"a": 'say "hi"', "b": '"'}]


def test_a_quote_inside_a_plain_cell_is_a_letter(write):
    source = read_delimited(write('size,label\n5" pipe,a\n6,b\n'))
    assert source.table.column("size").to_pylist() == ['5" pipe', "6"]
    assert source.line_numbers.tolist() == [2, 3]


def test_windows_and_old_mac_line_ends_are_read(write):
    for end in ("\r\n", "\r"):
        source = read_delimited(write(f"a,b{end}1,2{end}{end}3,4{end}"))
        assert source.table.column("a").to_pylist() == ["1", "3"]
        assert source.line_numbers.tolist() == [2, 4]


def test_a_gzip_file_is_read(write):
    source = read_delimited(write(gzip.compress(b"a,b\n1,2\n"), "rows.csv.gz"))
    assert source.table.num_rows == 1


def test_a_column_without_a_name_gets_one(write):
    assert read_delimited(write(",text\n0,x\n")).table.column_names == ["unnamed_1", "text"]


def test_a_cell_of_three_megabytes_is_read(write):
    text = "x" * 3_000_000
    assert read_delimited(write(f'a,b\n"{text}",1\n2,3\n')).table.column("a")[0].as_py() == text


def test_rows_swallowed_by_a_quote_are_warned_of(write):
    rows = "".join(f"{i},text {i},b\n" for i in range(30))
    source = read_delimited(write('id,text,label\n0,"broken,a\n' + rows + '99,broken",c\n'))
    assert "line 2 begins a cell of 32 lines that look like rows" in source.details["warning"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "rows.csv: the file is empty"),
        (" \n \n", "the file is empty"),
        ("a,b\n", "has a header line but no rows"),
        ("a,b\n1,2\n3\n", "rows.csv line 3: has 1 cell but the header names 2"),
        ("a,b\n1,2\n\n3,4,5\n", "rows.csv line 4: has 3 cells but the header names 2"),
        ('a,b\n"x\ny",2\n3\n', "rows.csv line 4: has 1 cell"),
        ('a,b\n1,2\n3,"four\n5,6\n', "rows.csv line 3: a quote opens here and never closes"),
        ('a,b\n"x"y,2\n', "rows.csv line 2: a quoted cell is broken"),
        ("a,b,a\n1,2,3\n", "rows.csv line 1: the header names 'a' more than once"),
        ("a,b\n1,2\x00\n", "rows.csv line 2: holds a NUL byte"),
    ],
)
def test_a_mistake_is_named_with_its_line(write, content, message):
    with pytest.raises(BadInput) as caught:
        read_delimited(write(content))
    assert message in str(caught.value)
    assert "Fix: " in str(caught.value)


cells = st.text(st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"]), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_what_the_standard_writer_writes_comes_back(tmp_path_factory, rows, end):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(["first", "second"])
    writer.writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_bytes(out.getvalue().encode())
    if sniff_delimiter(out.getvalue().encode()) == ",":
        table = read_delimited(path).table
        assert [list(row.values()) for row in table.to_pylist()] == rows


def test_fast_and_strict_reading_agree_on_lines(write):
    rng = np.random.default_rng(0)
    rows = [["a\nb" if rng.random() < 0.2 else "plain", 'q"q' if rng.random() < 0.2 else "z"] for _ in range(500)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["x", "y"], *rows])
    reader = csv.reader(io.StringIO(out.getvalue()))
    firsts, line = [], 1
    for _ in reader:
        firsts.append(line)
        line = reader.line_num + 1
    layout = record_layout(out.getvalue().encode(), ",")
    assert layout is not None
    assert layout.lines.tolist() == firsts


def test_no_thread_of_arrow_outlives_the_reading_of_a_small_file(write, monkeypatch):
    """Such a thread aborts a process that ends at once: about one in twenty that refused its decisions."""
    import pyarrow.csv

    seen, read = [], pyarrow.csv.read_csv
    monkeypatch.setattr(pyarrow.csv, "read_csv", lambda *a, **k: seen.append(k["read_options"]) or read(*a, **k))
    read_delimited(write("a,b\n1,2\n"))
    assert [options.use_threads for options in seen] == [False]
