"""From findings to mended data and back to a gate, by commands alone, for formats that are folders or exports."""

from __future__ import annotations

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelwright.cli import run
from ticket_world import write_tickets


@pytest.fixture(scope="module")
def tickets(tmp_path_factory):
    path = tmp_path_factory.mktemp("tickets") / "tickets.csv"
    write_tickets(path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def as_export(tickets, folder):
    """Write the tickets as an export of Label Studio."""
    tasks = [
        {
            "id": 100 + i,
            "data": {"text": row["body"]},
            "annotations": [
                {"result": [{"from_name": "topic", "type": "choices", "value": {"choices": [row["topic"]]}}]}
            ],
        }
        for i, row in enumerate(tickets)
    ]
    (folder / "data.json").write_text(json.dumps(tasks))
    return folder / "data.json", folder / "new.json"


def as_hub(tickets, folder):
    """Write the tickets as a hub hands them out: two shards to train on, one to test."""
    names = sorted({row["topic"] for row in tickets})
    features = {"text": {"dtype": "string", "_type": "Value"}, "topic": {"_type": "ClassLabel", "names": names}}
    meta = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    (folder / "data" / "data").mkdir(parents=True)
    third = len(tickets) // 3
    for k, name in enumerate(("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")):
        rows = tickets[k * third : (k + 1) * third]
        columns = {"text": [r["body"] for r in rows], "topic": [names.index(r["topic"]) for r in rows]}
        pq.write_table(pa.table(columns).replace_schema_metadata(meta), folder / "data" / "data" / f"{name}.parquet")
    return folder / "data", folder / "new"


@pytest.mark.parametrize("write", [as_export, as_hub])
def test_audit_decide_apply_compare_and_check(tickets, tmp_path, capsys, write):
    data, new = write(tickets, tmp_path)
    audit = ["--jobs", "1", "--quiet"]
    assert run(["audit", str(data), "--out", str(tmp_path / "audit"), *audit]) == 0
    with (tmp_path / "audit" / "issues.csv").open(newline="", encoding="utf-8") as file:
        label = [row for row in csv.DictReader(file) if row["kind"] == "label"]
    wrong = [row for row in label if row["is_issue"] == "true"]
    assert len(wrong) >= 2
    with (tmp_path / "decisions.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "decision", "label"])
        table.writerow([wrong[0]["id"], "reject", ""])
        table.writerows([row["id"], "relabel", row["suggested"]] for row in wrong[1:])
    assert run(["apply", str(tmp_path / "decisions.csv"), str(data), "--out", str(new)]) == 0
    assert run(["compare", str(tmp_path / "audit"), str(new), "--rows-only", "--out", str(tmp_path / "compared")]) == 0
    rows = json.loads((tmp_path / "compared" / "compare.json").read_text())["rows"]
    assert (rows["gone"], rows["relabelled"], rows["added"]) == (1, len(wrong) - 1, 0)
    assert run(["audit", str(new), "--out", str(tmp_path / "again"), *audit]) == 0
    gate = ["check", str(tmp_path / "again"), "--baseline", str(tmp_path / "audit"), "--fail-on"]
    assert run([*gate, "new:label>0"]) == 0
    capsys.readouterr()
