"""JSON Lines and JSON lists: the label's value changes, every other byte stays."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.data.mend.json_spans import elements, members, removal
from labelwright.errors import BadInput

OPTIONS = MendOptions(label="kind", id="id", task="classification")


def mend(path: Path, rows: list[tuple[str, str, str | None]], options: MendOptions = OPTIONS) -> bytes:
    """Apply (id, decision, label) rows to a file and return the new file's bytes."""
    decisions = dict(zip(("id", "decision", "label"), map(list, zip(*rows, strict=True)), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"new{path.suffix}"
        apply_decisions(decisions, path, out, options)
        return out.read_bytes()


LINES = (
    b'{"id" : 1, "n": 1.50, "kind": "cat", "t": "caf\\u00e9 \\/"}\r\n'
    b"\n"
    b'{"kind":"dog","id":2, "nested": {"kind": "x"}}\n'
    b'{"id": 3, "t": "\xc3\xa9", "kind": null}\n'
    b'{"id": 4, "kind": "cat", "kind": "dog"}'
)


def test_only_the_value_of_the_label_changes(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(LINES)
    mended = mend(path, [("1", "relabel", "dog"), ("2", "relabel", "cat"), ("3", "relabel", "cat")])
    assert mended == LINES.replace(b'0, "kind": "cat"', b'0, "kind": "dog"').replace(
        b'{"kind":"dog"', b'{"kind":"cat"'
    ).replace(b"null", b'"cat"')


def test_of_two_equal_keys_the_last_counts_and_is_changed(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(LINES)
    assert mend(path, [("4", "relabel", "cat")]) == LINES.replace(b'"cat", "kind": "dog"', b'"cat", "kind": "cat"')


def test_a_rejected_line_goes_and_blank_lines_stay(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(LINES)
    lines = LINES.split(b"\n")
    assert mend(path, [("2", "reject", None)]) == b"\n".join([*lines[:2], *lines[3:]])


def test_a_row_without_the_key_gets_it_as_its_last_member(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"id": 1, "kind": "cat"}\n{"id": 2, "kind": "dog"}\n{"id": 3}\n')
    assert mend(path, [("3", "relabel", "dog")]).endswith(b'{"id": 3, "kind": "dog"}\n')


def test_numbers_stay_numbers_and_words_are_refused(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"id": 1, "kind": 0}\n{"id": 2, "kind": 1}\n')
    assert mend(path, [("2", "relabel", "0")]) == b'{"id": 1, "kind": 0}\n{"id": 2, "kind": 0}\n'
    with pytest.raises(BadInput, match="is not a whole number"):
        mend(path, [("2", "relabel", "x")], MendOptions(label="kind", id="id", new_classes=("x",)))


def test_lists_of_tags_stay_lists(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"id": 1, "kind": ["a","b"]}\n{"id": 2, "kind": ["c"]}\n')
    assert mend(path, [("1", "relabel", "c|a")], MendOptions(label="kind", id="id")) == (
        b'{"id": 1, "kind": ["c","a"]}\n{"id": 2, "kind": ["c"]}\n'
    )


LIST = b'\xef\xbb\xbf [\n  {"id": 1, "kind": "caf\xc3\xa9"},\n  {"id": 2, "kind": "b"} ,\n  {"id": 3, "kind": "b"}\n]\n'


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("1", b'\xef\xbb\xbf [\n  {"id": 2, "kind": "b"} ,\n  {"id": 3, "kind": "b"}\n]\n'),
        ("2", b'\xef\xbb\xbf [\n  {"id": 1, "kind": "caf\xc3\xa9"} ,\n  {"id": 3, "kind": "b"}\n]\n'),
        ("3", b'\xef\xbb\xbf [\n  {"id": 1, "kind": "caf\xc3\xa9"},\n  {"id": 2, "kind": "b"}\n]\n'),
    ],
)
def test_a_rejected_element_leaves_a_list_with_its_layout(tmp_path, gone, left):
    path = tmp_path / "data.json"
    path.write_bytes(LIST)
    assert mend(path, [(gone, "reject", None)]) == left


def test_an_element_of_a_list_is_relabelled_behind_wide_characters(tmp_path):
    path = tmp_path / "data.json"
    path.write_bytes(LIST)
    assert mend(path, [("2", "relabel", "café"), ("1", "relabel", "b")]) == LIST.replace(
        b'"b"} ,', '"café"} ,'.encode()
    ).replace(b'1, "kind": "caf\xc3\xa9"', b'1, "kind": "b"')


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(values, max_size=6), st.sampled_from([None, 1]), st.data())
def test_cutting_elements_leaves_the_list_without_them(items, indent, data):
    text = json.dumps(items, indent=indent)
    gone = data.draw(st.sets(st.integers(0, max(len(items) - 1, 0)))) if items else set()
    spans = list(elements(text))
    for begin, end in sorted(removal(spans, gone, text), reverse=True):
        text = text[:begin] + text[end:]
    assert json.loads(text) == [item for i, item in enumerate(items) if i not in gone]


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=4), values, max_size=4), st.booleans())
def test_spans_of_members_hold_their_values(content, ascii_only):
    text = json.dumps(content, ensure_ascii=ascii_only)
    assert {m.key: json.loads(text[m.start : m.end]) for m in members(text)} == content


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.dictionaries(st.text('ab\\"é\n/', max_size=2), values, max_size=3), min_size=2, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
    st.data(),
)
def test_relabelling_lines_equals_editing_the_parsed_lines(rows, end, ascii_only, as_list, data):
    rows = [row | {"id": f"r{i}", "kind": "ab"[i % 2]} for i, row in enumerate(rows)]
    rows = [{key: row[key] for key in data.draw(st.permutations(list(row)))} for row in rows]
    texts = [json.dumps(row, ensure_ascii=ascii_only) for row in rows]
    text = f"[{(',' + end).join(texts)}]" if as_list else end.join(texts)
    verdicts = [data.draw(st.sampled_from(["keep", "relabel", "reject"])) for _ in rows]
    label = data.draw(st.sampled_from("ab"))
    expected = [
        row | {"kind": label} if verdict == "relabel" else row
        for row, verdict in zip(rows, verdicts, strict=True)
        if verdict != "reject"
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data.json{'' if as_list else 'l'}"
        path.write_bytes(text.encode())
        assert mend(path, [(row["id"], "keep", None) for row in rows]) == text.encode()
        named = zip(rows, verdicts, strict=True)
        mended = mend(path, [(row["id"], v, label if v == "relabel" else None) for row, v in named]).decode()
    assert (
        json.loads(mended) if as_list else [json.loads(line) for line in mended.split("\n") if line.strip()]
    ) == expected
