"""Delimited files larger than a block: rows are found and named as an audit names them, in bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from labelwright.data import load_dataset
from labelwright.data.mend import MendOptions, apply_decisions, read_decisions
from labelwright.data.mend.formats import open_mendable
from labelwright.data.readers import encoded_text, read_source
from labelwright.data.tasks import read_task
from labelwright.errors import BadInput

BY_ID = MendOptions(label="kind", id="id")
ROWS = [(f"{i:03d}", f"text {i % 7}, more", "cat" if i % 3 else "dog") for i in range(60)]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(encoded_text, "_BLOCK", 64)


@pytest.fixture
def table(tmp_path):
    def _table(rows=ROWS, header="id,text,kind", name="rows.csv"):
        path = tmp_path / name
        path.write_bytes("".join([header + "\r\n", *(f'{a},"{b}",{c}\r\n' for a, b, c in rows)]).encode())
        return path

    return _table


def mend(path, decisions, options):
    columns = dict(zip(("id", "decision", "label"), map(list, zip(*decisions, strict=True)), strict=True))
    out = path.with_name("new.csv")
    done = apply_decisions(columns, path, out, options)
    return out.read_bytes(), done


def test_every_row_is_found_wherever_its_block_ends(small_blocks, table):
    path = table()
    decisions = [(a, "relabel", "fox") if i % 2 else (a, "reject", None) for i, (a, _, _) in enumerate(ROWS)]
    new, done = mend(path, decisions[::-1], MendOptions(label="kind", id="id", new_classes=("fox",)))
    assert new == table([(a, b, "fox") for a, b, _ in ROWS[1::2]], name="expected.csv").read_bytes()
    assert done.n_items == 60


def test_rows_named_by_content_keep_the_names_of_the_audit_across_blocks(small_blocks, table):
    path = table(header=",text,kind")
    ids = load_dataset(path, label="kind").ids
    assert ids[-1].endswith("-9")
    new, _ = mend(path, [(ids[-1], "relabel", "dog"), (ids[1], "reject", None)], MendOptions(label="kind"))
    lines = path.read_bytes().split(b"\r\n")
    assert new == b"\r\n".join([*lines[:2], *lines[3:-2], lines[-2].replace(b"cat", b"dog"), b""])


@pytest.mark.parametrize("cells", [["", "{i}.png"], ["{i}.PNG ", "{i}"], ["{i}.png", "{i}.png"]])
def test_a_column_of_image_names_is_found_as_an_audit_finds_it(small_blocks, tmp_path, cells):
    for i in range(40):
        (tmp_path / f"{i}.png").write_bytes(bytes([i // 2]))
    texts = [cells[i % 20 == 3 or i >= 20].format(i=i) for i in range(40)]
    path = tmp_path / "rows.csv"
    path.write_text("".join(["img,n,kind\n", *(f"{t},{i % 3},{'ab'[i % 2]}\n" for i, t in enumerate(texts))]))
    ids = load_dataset(path, label="kind").ids.tolist()
    decisions = read_decisions({"id": ids, "decision": ["keep"] * len(ids)})
    assert open_mendable(path, MendOptions(label="kind")).about(decisions).items.ids.tolist() == ids


def test_an_id_that_names_two_rows_far_apart_is_refused_as_by_an_audit(small_blocks, table):
    path = table([*ROWS, ("007", "again", "cat"), ("003", "again", "cat")])
    with pytest.raises(BadInput) as audit:
        load_dataset(path, label="kind", id="id")
    with pytest.raises(BadInput) as apply:
        mend(path, [("001", "keep", None)], BY_ID)
    assert str(apply.value) == str(audit.value)
    assert "line 63 (row 61), column 'id': '003' names rows 3, 61, and '007' name more" in str(apply.value)


def test_ids_with_one_hash_are_told_apart(small_blocks, table, monkeypatch):
    from labelwright.data.mend import row_names

    monkeypatch.setattr(row_names, "_hashes", lambda ids: np.zeros(len(ids), np.int64))
    assert mend(table(), [("059", "keep", None)], BY_ID)[0] == table().read_bytes()


def test_an_empty_id_far_down_is_refused_as_by_an_audit(small_blocks, table):
    path = table([*ROWS, ("", "again", "cat")])
    with pytest.raises(BadInput) as audit:
        load_dataset(path, label="kind", id="id")
    with pytest.raises(BadInput) as apply:
        mend(path, [("001", "keep", None)], BY_ID)
    assert str(apply.value) == str(audit.value)


def test_an_unknown_id_gets_a_hint_from_all_rows(small_blocks, table):
    with pytest.raises(BadInput, match=r"write '059' \(a spreadsheet may have dropped its zeros\)"):
        mend(table(), [("59", "keep", None)], BY_ID)
    with pytest.raises(BadInput, match=r"ids look like '[0-9a-f]{32}'"):
        mend(table(), [("59", "keep", None)], MendOptions(label="kind"))


@pytest.mark.parametrize(
    ("labels", "task", "right"),
    [
        ([str(k % 30) for k in range(300)], "classification", "7"),
        ([f"{k / 7:.3f}" for k in range(300)], "regression", "0.25"),
        (["a|b", "b|c", "c"] * 100, "multilabel", "a|c"),
    ],
)
def test_the_task_is_read_from_all_labels(small_blocks, table, labels, task, right):
    path = table([(f"{k:03d}", "x", label) for k, label in enumerate(labels)])
    assert load_dataset(path, label="kind", id="id").plan.task == task
    new, _ = mend(path, [("299", "relabel", right)], BY_ID)
    assert new.endswith(f'299,"x",{right}\r\n'.encode())


@pytest.mark.parametrize(("last", "task", "right"), [("7.5", "regression", "0.25"), ("x", "classification", "0.5")])
def test_many_numbers_are_not_kept_and_one_that_is_none_is_still_seen(
    small_blocks, table, monkeypatch, last, task, right
):
    from labelwright.data.mend import label_counts

    monkeypatch.setattr(label_counts, "_MANY", 100)
    labels = [*(f"{k / 2}" for k in range(2000)), last]
    path = table([(f"{k:04d}", "x", label) for k, label in enumerate(labels)])
    decisions = read_decisions({"id": ["0007"], "decision": ["relabel"], "label": [right]})
    opened = open_mendable(path, BY_ID).about(decisions)
    assert opened.plan.task == task == read_task(read_source(path), "kind").task
    assert (len(opened.items), opened.items.given) == (2001, ["3.5"])
    new, _ = mend(path, [("0007", "relabel", right)], BY_ID)
    assert f'0007,"x",{right}\r\n'.encode() in new


def test_a_label_that_is_no_number_is_named_with_its_line(small_blocks, table):
    path = table([(f"{k:03d}", "x", str(k) if k != 200 else "many") for k in range(300)])
    options = MendOptions(label="kind", id="id", task="regression")
    with pytest.raises(BadInput, match=r"line 202 \(row 200\), column 'kind': 'many' is no number"):
        mend(path, [("001", "keep", None)], options)


def test_formulas_are_neutralised_across_blocks(small_blocks, table):
    rows = [(a, f"=1+{i}", c) for i, (a, _, c) in enumerate(ROWS)]
    options = MendOptions(label="kind", id="id", spreadsheet_safe=True)
    safe = table([(a, f"'{b}", c) for a, b, c in rows], name="safe.csv").read_bytes()
    assert mend(table(rows), [("000", "keep", None)], options)[0] == safe


def test_memory_does_not_grow_with_the_file(table, monkeypatch):
    monkeypatch.setattr(encoded_text, "_BLOCK", 1 << 16)
    path = table([(str(i), "some longer text " * 20, "cat" if i % 3 else "dog") for i in range(12_000)])
    assert path.stat().st_size > 4_000_000
    decisions = {"id": ["7"], "decision": ["relabel"], "label": ["dog"]}
    apply_decisions(decisions, path, path.with_name("first.csv"), BY_ID)  # what is loaded at first is no part of it
    tracemalloc.start()
    apply_decisions(decisions, path, path.with_name("new.csv"), BY_ID)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_500_000
