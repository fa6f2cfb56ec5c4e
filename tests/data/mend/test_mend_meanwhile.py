"""Data that another program changes while decisions are applied, and ids that only look alike."""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelwright.data.load import load_dataset
from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.data.mend import run as mend_run
from labelwright.data.mend.datasets import apply_to_dataset
from labelwright.errors import BadInput

ROWS = {"id": ["p", "q", "r"], "label": ["a", "b", "a"]}
BY_ID = MendOptions(label="label", id="id")
DECISIONS = {"id": ["q"], "decision": ["relabel"], "label": ["a"]}


@pytest.fixture(params=["rows.csv", "rows.jsonl", "rows.json", "rows.parquet"])
def path(tmp_path, request):
    path = tmp_path / request.param
    cells = [dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)]
    if path.suffix == ".parquet":
        pq.write_table(pa.table(ROWS), path)
    elif path.suffix == ".csv":
        path.write_text("id,label\n" + "".join(f"{row['id']},{row['label']}\n" for row in cells))
    else:
        path.write_text(json.dumps(cells) if path.suffix == ".json" else "".join(json.dumps(c) + "\n" for c in cells))
    return path


def touch(path):
    facts = path.stat()
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000))


def test_a_file_that_changes_while_decisions_are_applied_leaves_nothing(path, monkeypatch):
    real = mend_run.plan_changes
    monkeypatch.setattr(mend_run, "plan_changes", lambda *args: touch(path) or real(*args))
    with pytest.raises(BadInput, match=f"{path.name}: has changed since it was read"):
        apply_decisions(DECISIONS, path, path.with_name("new"), BY_ID)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_that_changed_after_its_audit_is_not_mended_by_it(path):
    dataset = load_dataset(path, label="label", id="id")
    touch(path)
    with pytest.raises(BadInput, match=f"{path.name}: has changed since it was read"):
        apply_to_dataset(dataset, DECISIONS, path.with_name("new"), MendOptions())


@pytest.mark.parametrize(("there", "wanted"), [("caf\u00e9", "cafe\u0301"), ("\uff11\uff12", "12")])
def test_an_id_of_other_characters_that_looks_alike_is_pointed_out(tmp_path, there, wanted):
    path = tmp_path / "rows.csv"
    path.write_text(f"id,label\n{there},a\nx,b\n", encoding="utf-8")
    with pytest.raises(BadInput, match=f"copy '{there}' from the data: it looks alike, but is made of other Unicode"):
        apply_decisions({"id": [wanted], "decision": ["keep"]}, path, tmp_path / "new.csv", BY_ID)
