"""Delimited files: decided cells change, every other byte stays."""

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

from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.errors import BadInput

CLASSES = ("cat", "dog", "a,b", 'say "x"', "007", "-5", "NA")
OPTIONS = MendOptions(label="kind", id="id", task="classification")


def mend(path: Path, rows: list[tuple[str, str, str | None]], options: MendOptions = OPTIONS) -> bytes:
    """Apply (id, decision, label) rows to a file and return the new file's bytes."""
    decisions = dict(zip(("id", "decision", "label"), map(list, zip(*rows, strict=True)), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"new{path.suffix}"
        apply_decisions(decisions, path, out, options)
        return out.read_bytes()


def write(folder: Path, data: bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def as_cell(text: str, quote: bool, delimiter: str) -> str:
    must = quote or any(c in text for c in (delimiter, '"', "\r", "\n")) or text == ""
    return '"' + text.replace('"', '""') + '"' if must else text


@st.composite
def files(draw):
    """Return (bytes, delimiter, records): a file in a random dress, its header and its rows."""
    delimiter = draw(st.sampled_from(",;\t|"))
    n = draw(st.integers(2, 6))
    text = st.text(st.sampled_from('ab é€"\n\r,;\t|=-07'), max_size=8)
    labels = draw(st.lists(st.sampled_from(CLASSES), min_size=n, max_size=n).filter(lambda x: len(set(x)) > 1))
    rows = [[f"r{i}", labels[i], draw(text)] for i in range(n)]
    order = draw(st.permutations(range(3)))
    records = [[row[k] for k in order] for row in [["id", "kind", "text, more"], *rows]]
    ends = draw(st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=n + 1, max_size=n + 1))
    if draw(st.booleans()):
        ends[-1] = ""
    lines = [
        delimiter.join(as_cell(cell, draw(st.booleans()), delimiter) for cell in record) + end
        for record, end in zip(records, ends, strict=True)
    ]
    mark, codec = draw(
        st.sampled_from(
            [
                (b"", "utf-8"),
                (codecs.BOM_UTF8, "utf-8"),
                (codecs.BOM_UTF16_LE, "utf-16-le"),
                (codecs.BOM_UTF16_BE, "utf-16-be"),
                (b"", "cp1252"),
            ]
        )
    )
    return mark + "".join(lines).encode(codec), delimiter, records


slow = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def parsed(data: bytes, delimiter: str, like: bytes) -> list[list[str]]:
    for mark, codec in (
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (codecs.BOM_UTF8, "utf-8-sig"),
    ):
        if like.startswith(mark):
            return list(csv.reader(io.StringIO(data.decode(codec), newline=""), delimiter=delimiter))
    try:
        like.decode()
        return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))
    except UnicodeDecodeError:
        return list(csv.reader(io.StringIO(data.decode("cp1252"), newline=""), delimiter=delimiter))


def read_or_skip(path: Path, delimiter: str) -> bool:
    """Whether the reader finds the delimiter that was meant (tiny files are ambiguous)."""
    from labelwright.data.readers.dispatch import read_source

    try:
        source = read_source(path)
    except BadInput:
        return False
    return source.details["delimiter"] == delimiter and {"id", "kind"} <= set(source.table.column_names)


@slow
@given(files())
def test_keeping_every_row_keeps_every_byte(file):
    data, delimiter, records = file
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), data)
        if read_or_skip(path, delimiter):
            ids = [row[records[0].index("id")] for row in records[1:]]
            assert mend(path, [(i, "keep", None) for i in ids]) == data


@slow
@given(files(), st.data())
def test_relabelling_then_parsing_equals_editing_the_parsed_table(file, data_source):
    data, delimiter, records = file
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), data)
        if not read_or_skip(path, delimiter):
            return
        at_id, at_kind = records[0].index("id"), records[0].index("kind")
        classes = sorted({row[at_kind] for row in records[1:]})
        rows, expected = [], [records[0]]
        for record in records[1:]:
            verdict = data_source.draw(st.sampled_from(["keep", "relabel", "reject", "cannot_tell"]))
            label = data_source.draw(st.sampled_from(classes)) if verdict == "relabel" else None
            rows.append((record[at_id], verdict, label))
            if verdict != "reject":
                changed = list(record)
                changed[at_kind] = label or record[at_kind]
                expected.append(changed)
        assert parsed(mend(path, rows), delimiter, data) == expected


@slow
@given(files(), st.data())
def test_a_relabelled_row_leaves_the_bytes_before_and_after_its_cell(file, data_source):
    data, delimiter, records = file
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), data)
        if not read_or_skip(path, delimiter):
            return
        at_id, at_kind = records[0].index("id"), records[0].index("kind")
        record = data_source.draw(st.sampled_from(records[1:]))
        other = next(row[at_kind] for row in records[1:] if row[at_kind] != record[at_kind])
        mended = mend(path, [(record[at_id], "relabel", other)])
        head = next((i for i, (a, b) in enumerate(zip(data, mended, strict=False)) if a != b), len(mended))
        tail = next((i for i, (a, b) in enumerate(zip(data[::-1], mended[::-1], strict=False)) if a != b), len(mended))
        widest = len(as_cell(record[at_kind], True, delimiter).encode("utf-16-le"))
        assert len(data) - head - tail <= widest


PLAIN = b'id,kind,n\r\n1,cat,007\r\n2,"dog",NA\n3,cat,-5\r\n4,dog,"a\nb"\n5,,x'


def test_only_the_cell_changes_and_keeps_its_quotes(tmp_path):
    path = write(tmp_path, PLAIN)
    assert mend(path, [("2", "relabel", "cat")]) == PLAIN.replace(b'"dog"', b'"cat"')


def test_rejected_rows_lose_their_lines_and_nothing_else(tmp_path):
    path = write(tmp_path, PLAIN)
    assert mend(path, [("2", "reject", None), ("4", "reject", None)]) == b"id,kind,n\r\n1,cat,007\r\n3,cat,-5\r\n5,,x"


def test_a_row_without_a_label_can_get_one(tmp_path):
    assert mend(write(tmp_path, PLAIN), [("5", "relabel", "cat")]) == PLAIN.replace(b"5,,x", b"5,cat,x")


def test_relabelling_to_the_same_class_keeps_every_byte(tmp_path):
    assert mend(write(tmp_path, PLAIN), [("2", "relabel", "dog")]) == PLAIN


def test_a_file_with_stray_quotes_and_bare_returns_is_edited_by_its_bytes(tmp_path):
    data = b'id,kind,n\r1,cat,5" pipe\r2,dog,a "b" c\r3,cat,x\r'
    assert mend(write(tmp_path, data), [("2", "relabel", "cat"), ("3", "reject", None)]) == (
        b'id,kind,n\r1,cat,5" pipe\r2,cat,a "b" c\r'
    )


def test_blank_lines_stay(tmp_path):
    data = b"\n\nid,kind\n\n1,cat\n\n2,dog\n\n"
    assert mend(write(tmp_path, data), [("2", "relabel", "cat")]) == b"\n\nid,kind\n\n1,cat\n\n2,cat\n\n"


def test_a_gzip_file_holds_the_mended_bytes(tmp_path):
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(PLAIN))
    assert gzip.decompress(mend(path, [("1", "relabel", "dog")])) == PLAIN.replace(b"1,cat", b"1,dog")


def test_a_class_that_the_encoding_cannot_hold_is_refused(tmp_path):
    path = write(tmp_path, "id,kind\n1,café\n2,thé\n".encode("cp1252"))
    with pytest.raises(BadInput, match="cannot be written in cp1252"):
        mend(path, [("1", "relabel", "猫")], MendOptions(label="kind", id="id", new_classes=("猫",)))


def test_several_tags_keep_the_style_of_their_cell(tmp_path):
    data = b"id,kind\n1,a | b\n2,a|c\n3,b|c\n4,a|b\n"
    options = MendOptions(label="kind", id="id", task="multilabel")
    assert mend(write(tmp_path, data), [("1", "relabel", "a|c"), ("2", "relabel", "b|a")], options) == (
        b"id,kind\n1,a | c\n2,b|a\n3,b|c\n4,a|b\n"
    )


def test_rows_without_an_id_are_found_by_their_content(tmp_path):
    from labelwright.data import load_dataset

    path = write(tmp_path, b"text,kind\nred,cat\nred,dog\nblue,cat\n")
    ids = load_dataset(path, label="kind").ids
    assert ids[1] == f"{ids[0]}-2"
    options = MendOptions(label="kind")
    assert mend(path, [(str(ids[1]), "relabel", "cat")], options) == b"text,kind\nred,cat\nred,cat\nblue,cat\n"


def test_formulas_are_neutralised_on_request_only(tmp_path):
    data = b'id,kind,n\n1,cat,=1+1\n2,dog,"+cmd, x"\n3,cat,-5\n'
    assert mend(write(tmp_path, data), [("1", "keep", None)]) == data
    safe = MendOptions(label="kind", id="id", spreadsheet_safe=True)
    assert mend(write(tmp_path, data), [("1", "keep", None)], safe) == (
        b"id,kind,n\n1,cat,'=1+1\n2,dog,\"'+cmd, x\"\n3,cat,-5\n"
    )
