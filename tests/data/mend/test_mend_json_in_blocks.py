"""JSON Lines larger than a block: rows are found, named and written as if the file were looked at as a whole."""

from __future__ import annotations

import json
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.data import load_dataset
from labelwright.data.identity import row_ids
from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.data.mend.formats import plan_of
from labelwright.data.readers import encoded_text, json_blocks, read_source
from labelwright.errors import BadInput

BY_ID = MendOptions(label="kind", id="id")


def in_blocks_of(monkeypatch, size):
    monkeypatch.setattr(encoded_text, "_BLOCK", size)
    monkeypatch.setattr(json_blocks, "_PIECE", size)


@pytest.fixture
def small_blocks(monkeypatch):
    in_blocks_of(monkeypatch, 64)


@pytest.fixture
def lines(tmp_path):
    def _lines(rows, name="rows.jsonl"):
        path = tmp_path / name
        path.write_bytes("".join(f"{json.dumps(row)}\r\n" for row in rows).encode())
        return path

    return _lines


def mend(path, decisions, options=BY_ID):
    columns = dict(zip(("id", "decision", "label"), map(list, zip(*decisions, strict=True)), strict=True))
    out = path.with_name(f"new{path.suffix}")
    done = apply_decisions(columns, path, out, options)
    return out.read_bytes(), done


def rows_of(n, **more):
    return [{"id": f"{i:03d}", "kind": "cat" if i % 3 else "dog", **more, "n": i % 7} for i in range(n)]


def test_every_row_is_found_wherever_its_block_ends(small_blocks, lines):
    rows = rows_of(60)
    decisions = [(row["id"], "relabel", "fox") if i % 2 else (row["id"], "reject", None) for i, row in enumerate(rows)]
    new, done = mend(lines(rows), decisions[::-1], MendOptions(label="kind", id="id", new_classes=("fox",)))
    assert new == lines([row | {"kind": "fox"} for row in rows[1::2]], "expected.jsonl").read_bytes()
    assert done.n_items == 60


def test_rows_named_by_content_keep_the_names_of_the_audit_across_blocks(small_blocks, lines):
    rows = [{"kind": row["kind"], "n": row["n"]} for row in rows_of(60)]
    rows[50]["late"] = {"deep": [1.50]}
    path = lines(rows)
    ids = load_dataset(path, label="kind").ids
    assert ids[-1].endswith("-9")
    new, _ = mend(path, [(ids[-1], "relabel", "dog"), (ids[50], "reject", None)], MendOptions(label="kind"))
    rows[-1]["kind"] = "dog"
    assert new == lines(rows[:50] + rows[51:], "expected.jsonl").read_bytes()


@pytest.mark.parametrize(("late", "name"), [(40.0, "7"), (0.5, "7")])
def test_numbers_are_named_as_the_whole_column_spells_them(small_blocks, lines, late, name):
    path = lines([*({"id": float(i), "kind": "ab"[i % 2]} for i in range(40)), {"id": late, "kind": "a"}])
    assert load(path)[7] == name
    assert b'{"id": 7.0, "kind": "a"}' in mend(path, [(name, "relabel", "a")])[0]


def load(path):
    return load_dataset(path, label="kind", id="id").ids.tolist()


@pytest.mark.parametrize("late", ["x", 1.5, True, None, 2**70])
def test_a_kind_of_id_that_comes_late_names_all_rows(small_blocks, lines, late):
    path = lines([*({"id": i, "kind": "ab"[i % 2]} for i in range(40)), {"id": late, "kind": "a"}])
    if late is None:
        with pytest.raises(BadInput, match=r"line 41 \(row 40\), column 'id': no id in 1 row"):
            mend(path, [("7", "relabel", "a")])
        return
    ids = load(path)
    new, _ = mend(path, [(ids[40], "relabel", "b"), (ids[7], "relabel", "a")])
    was = path.read_bytes().split(b"\r\n")
    assert new == b"\r\n".join([*was[:7], was[7].replace(b'"b"', b'"a"'), *was[8:40], was[40][:-3] + b'b"}', b""])


def test_an_id_that_names_two_rows_far_apart_is_refused_as_by_an_audit(small_blocks, lines):
    path = lines([*rows_of(60), {"id": "007", "kind": "cat"}])
    with pytest.raises(BadInput) as audit:
        load(path)
    with pytest.raises(BadInput) as apply:
        mend(path, [("001", "keep", None)])
    assert str(apply.value) == str(audit.value)
    assert "line 61 (row 60), column 'id': '007' names rows 7, 60" in str(apply.value)


def test_a_line_that_is_no_json_far_down_is_named_and_nothing_is_written(small_blocks, lines, tmp_path):
    path = lines(rows_of(60))
    path.write_bytes(path.read_bytes() + b'{"id": "x", "kind": \n')
    with pytest.raises(BadInput, match=r"rows.jsonl line 61: is not JSON \(Expecting value at character 21\)"):
        mend(path, [("001", "relabel", "dog")])
    assert [one.name for one in tmp_path.iterdir()] == ["rows.jsonl"]


def test_what_no_table_can_hold_stays_where_nobody_decides_on_it(small_blocks, lines):
    rows = [*rows_of(30), {"id": "x", "kind": "cat", "half": "\ud800"}]
    new, _ = mend(lines(rows), [("001", "relabel", "dog")])
    rows[1]["kind"] = "dog"
    assert new == lines(rows, "expected.jsonl").read_bytes()


def test_minus_one_is_no_label_beside_other_numbers_further_down(small_blocks, lines):
    path = lines([{"id": i, "kind": -1 if i < 3 else i % 4} for i in range(40)])
    new, done = mend(path, [("0", "relabel", "2")])
    assert new.startswith(b'{"id": 0, "kind": 2}\r\n{"id": 1, "kind": -1}')
    assert done.shown == (("0", None, "2"),)


@pytest.mark.parametrize(
    ("labels", "right", "written"),
    [
        ([["a", "b"], ["c"]], "c|a", b'["c", "a"]'),
        ([0.25, 1.0], "0.5", b"0.5"),
        ([True, False], "true", b"true"),
        ([[1, 0], [2]], "1|2", b"[1, 2]"),
    ],
)
def test_a_row_without_label_gets_one_of_the_kind_of_the_others(small_blocks, lines, labels, right, written):
    rows = [{"id": i, "kind": labels[i % 2]} for i in range(30)]
    path = lines([*rows, {"id": 30}])
    options = MendOptions(label="kind", id="id", new_classes=(right,))
    assert mend(path, [("30", "relabel", right)], options)[0].endswith(b'{"id": 30, "kind": %b}\r\n' % written)


def test_a_column_without_a_name_is_mended_under_its_own_key(small_blocks, lines):
    path = lines([{"id": i, "": "ab"[i % 2]} for i in range(30)])
    new, _ = mend(path, [("0", "relabel", "b")], MendOptions(label="unnamed_2", id="id"))
    assert new.startswith(b'{"id": 0, "": "b"}\r\n')


def test_objects_on_lines_may_be_called_json(small_blocks, lines):
    path = lines(rows_of(30), "rows.json")
    assert mend(path, [("001", "relabel", "dog")])[0].count(b"dog") == path.read_bytes().count(b"dog") + 1
    path.write_bytes(path.read_bytes() + b"{\n")
    with pytest.raises(BadInput, match=r"rows.json line 31: is not JSON"):
        mend(path, [("001", "relabel", "dog")])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.dictionaries(st.sampled_from("abé"), values, max_size=3), min_size=2, max_size=8),
    st.integers(1, 80),
    st.sampled_from(["\n", "\r\n", "\n\n \n"]),
    st.booleans(),
    st.data(),
)
def test_a_file_in_blocks_is_mended_like_the_file_at_once(rows, size, end, by_id, data):
    kinds = st.sampled_from([("x", "y"), (0, 1, 2), (True, False), (1, "x"), (0.5, 1.0)])
    label = st.sampled_from(data.draw(kinds))
    rows = [row | {"id": f"r{i}", "kind": data.draw(label)} for i, row in enumerate(rows)]
    asked = MendOptions(label="kind", id="id" if by_id else None, task="classification", new_classes=("1",))
    text = end.join(json.dumps(row, ensure_ascii=by_id) for row in rows)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(text.encode())
        source = read_source(path)
        ids = row_ids(source, plan_of(source, asked)).tolist()
        verdicts = [data.draw(st.sampled_from(["keep", "relabel", "reject"])) for _ in rows]
        decisions = {"id": ids, "decision": verdicts, "label": ["1" if v == "relabel" else None for v in verdicts]}
        results = []
        for block in (1 << 20, size):
            in_blocks_of(patch, block)
            out = Path(folder) / str(block)
            try:
                apply_decisions(decisions, path, out, asked)
                results.append([(out / one).read_bytes() for one in ("rows.jsonl", "manifest.csv")])
            except BadInput as error:
                results.append(str(error))
        assert results[0] == results[1]


def test_memory_does_not_grow_with_the_file(lines, monkeypatch):
    in_blocks_of(monkeypatch, 1 << 16)
    path = lines(rows_of(12_000, text="some longer text " * 20))
    assert path.stat().st_size > 4_000_000
    decisions = {"id": ["007"], "decision": ["relabel"], "label": ["dog"]}
    apply_decisions(decisions, path, path.with_name("first.jsonl"), BY_ID)  # what is loaded at first is no part of it
    tracemalloc.start()
    apply_decisions(decisions, path, path.with_name("new.jsonl"), BY_ID)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_500_000
