"""`labelwright compare` from the outside: folders of audits, data files, and what it leaves."""

from __future__ import annotations

import csv
import json
import shutil

import pyarrow.parquet as pq
import pytest

from json_schema import problems
from labelwright.cli import run
from labelwright.report.schemas import schema
from ticket_world import write_tickets

AUDIT = ["--label", "topic", "--id", "ticket", "--jobs", "1", "--quiet"]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Tickets and their audit, and the same with three labels changed, one row edited, one gone and one added."""
    folder = tmp_path_factory.mktemp("two")
    write_tickets(folder / "old.csv")
    rows = list(csv.reader((folder / "old.csv").open(encoding="utf-8", newline="")))
    for row in rows[2:5]:
        row[2] = "login" if row[2] != "login" else "delivery"
    rows[6][1] += " and another word"
    del rows[10]
    rows.append(["T9999", "invoice refund charge card payment please", "billing"])
    with (folder / "new.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    for name in ("old", "new"):
        assert run(["audit", str(folder / f"{name}.csv"), *AUDIT, "--out", str(folder / f"{name}-audit")]) == 0
    return folder


@pytest.fixture(scope="module")
def compared(two):
    assert run(["compare", str(two / "old-audit"), str(two / "new-audit"), "--out", str(two / "out")]) == 0
    return two / "out"


def test_the_counts_are_those_of_the_edits(compared):
    rows = json.loads((compared / "compare.json").read_text())["rows"]
    expected = {"added": 1, "gone": 1, "edited": 1, "edited_and_relabelled": 0, "relabelled": 3, "unchanged": 235}
    assert rows == expected


def test_what_it_writes_fits_the_schemas(compared, two):
    assert problems(json.loads((compared / "compare.json").read_text()), schema("compare")) == []
    rows = pq.read_table(compared / "compare.parquet").to_pylist()
    assert [p for row in rows for p in problems(row, schema("compare-row"))] == []
    for name in ("summary", "run", "view"):
        assert problems(json.loads((two / "new-audit" / f"{name}.json").read_text()), schema(name)) == []
    issues = pq.read_table(two / "new-audit" / "issues.parquet").to_pylist()
    assert [p for row in issues for p in problems(row, schema("issue"))] == []


def test_new_label_errors_stand_on_changed_rows_only(compared):
    rows = pq.read_table(compared / "compare.parquet").to_pylist()
    changed = {row["id"] for row in rows if row["about"] == "row"}
    new = [row for row in rows if row["kind"] == "label" and row["change"] == "new"]
    assert {row["id"] for row in new if not row["model_only"]} <= changed
    assert not {row["id"] for row in new if row["model_only"]} & changed


def test_data_files_are_audited_on_the_spot_with_the_same_result(two, compared, tmp_path, capsys):
    files = [str(two / "old.csv"), str(two / "new.csv"), "--label", "topic", "--id", "ticket", "--jobs", "1"]
    assert run(["compare", *files, "--out", str(tmp_path / "o"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((compared / "compare.json").read_text())


def test_new_data_are_read_like_the_old_audit(two, tmp_path, capsys):
    sides = [str(two / "old-audit"), str(two / "new.csv")]
    assert run(["compare", *sides, "--rows-only", "--out", str(tmp_path / "o")]) == 0
    assert "relabelled" in (out := capsys.readouterr().out)
    assert "column 'ticket'" in out


def test_the_last_line_says_what_to_do_next(two, tmp_path, capsys):
    run(["compare", str(two / "old-audit"), str(two / "old-audit"), "--out", str(tmp_path / "o")])
    assert capsys.readouterr().out.splitlines()[-1].startswith("Next: open ")


@pytest.mark.parametrize(
    ("sides", "says"),
    [
        (("nowhere", "new-audit"), "there is no such file or folder"),
        (("old-audit", "broken"), "lacks 'marked.parquet'"),
        (("old-audit", "garbled"), "cannot be read"),
        (("old-audit", "later"), "not of the format"),
    ],
)
def test_what_cannot_be_compared_ends_in_one_line(two, tmp_path, capsys, sides, says):
    for name in ("broken", "garbled", "later"):
        shutil.rmtree(two / name, ignore_errors=True)
        shutil.copytree(two / "new-audit", two / name)
    (two / "broken" / "marked.parquet").unlink()
    (two / "garbled" / "issues.parquet").write_bytes(b"PAR1 nothing")
    (two / "later" / "summary.json").write_text('{"schema_version": 99}')
    assert run(["compare", *(str(two / side) for side in sides), "--out", str(tmp_path / "o")]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_results_never_land_in_an_audit_that_is_compared(two, capsys):
    before = sorted(path.name for path in (two / "old-audit").iterdir())
    sides = [str(two / "old-audit"), str(two / "new-audit")]
    assert run(["compare", *sides, "--out", str(two / "old-audit")]) == 2
    assert sorted(path.name for path in (two / "old-audit").iterdir()) == before
