"""`labelwright apply` from the outside: what it prints, writes, refuses and returns."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelwright import Audit
from labelwright.audit.findings import SCHEMA
from labelwright.cli import run

BYTES = b'\xef\xbb\xbfticket,body,topic\r\nT1,"a ""q"", b",billing\r\nT2,plain,"login"\nT3,=x,login\nT4,007,billing'


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A folder with tickets.csv, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets.csv").write_bytes(BYTES)
    return tmp_path


def decisions(path: Path, *rows: str, header: str = "id,decision,label") -> str:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path.name


def apply(*arguments: str) -> int:
    return run(["apply", *arguments, "--id", "ticket", "--label", "topic"])


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_a_mended_file_and_its_manifest_appear_and_the_data_stay(world, capsys):
    table = decisions(world / "d.csv", "T2,relabel,billing", "T3,reject,")
    assert apply(table, "tickets.csv", "--out", "new") == 0
    assert (world / "new/tickets.csv").read_bytes() == BYTES.replace(b'"login"', b'"billing"').replace(
        b"T3,=x,login\n", b""
    )
    assert (world / "tickets.csv").read_bytes() == BYTES
    lines = list(csv.DictReader((world / "new/manifest.csv").open(newline="")))
    assert [(line["id"], line["decision"], line["old_label"], line["new_label"]) for line in lines[1:]] == [
        ("T2", "relabel", "login", "billing"),
        ("T3", "reject", "login", ""),
    ]
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "  1 rejected row is not in the new data"
    assert said[-1].startswith("Next: diff tickets.csv new/tickets.csv")


def test_a_dry_run_lists_the_changes_and_writes_nothing(world, capsys):
    table = decisions(world / "d.csv", "T2,relabel,billing")
    before = files(world)
    assert apply(table, "tickets.csv", "--out", "new", "--dry-run") == 0
    out = capsys.readouterr().out
    assert "'T2'  'login'  ->  'billing'" in out and "Nothing was written" in out
    assert files(world) == before and not (world / "new").exists()


def test_json_says_what_was_done_and_nothing_else(world, capsys):
    table = decisions(world / "d.csv", "T2,relabel,billing", "T1,keep,", "T4,cannot tell,")
    assert apply(table, "tickets.csv", "--out", "new.csv", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert done["schema_version"] == 1
    assert done["counts"] == {
        "relabelled": 1,
        "rejected": 0,
        "kept": 1,
        "cannot_tell": 1,
        "already_so": 0,
        "undecided": 0,
    }
    assert (done["out"], done["manifest"]) == ("new.csv", "new.csv.manifest.csv")


WRONG = {
    "an id that is not there": (["T9,keep,"], r"d.csv line 2: there is no row 'T9' in 'tickets.csv'"),
    "a class that is none": (
        ["T1,keep,", "T2,relabel,biling"],
        r"d.csv line 3: 'biling' is not a class.*did you mean 'billing'",
    ),
    "two decisions for one row": (
        ["T1,keep,", "T1,reject,"],
        r"d.csv line 3: 'T1' is decided twice: keep \(d.csv line 2\)",
    ),
    "a decision that is none": (["T1,relable,login"], r"d.csv line 2: there is no decision 'relable'.*'relabel'"),
    "a label without a decision": (["T1,,login"], "has the label 'login' but no decision"),
    "a relabel without a label": (["T1,relabel,"], "relabel without a label"),
    "an empty id": ([",keep,"], "its id is empty"),
    "another label beside keep": (["T1,keep,login"], "is to keep its label but 'login' is written"),
    "no decision at all": (["T1,,"], "no row names a decision"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_decisions_are_one_line_exit_2_and_nothing_written(world, capsys, case):
    rows, said = WRONG[case]
    table = decisions(world / "d.csv", *rows)
    before = files(world)
    assert apply(table, "tickets.csv", "--out", "new") == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"error: .*Fix: .*\n", error) and error.count("\n") == 1
    assert re.search(said, error), error
    assert files(world) == before and not (world / "new").exists()


def test_columns_may_come_under_other_names_and_from_a_spreadsheet(world):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["Labelwright ID", "Verdict", "New label", "Annotator"], ["T2 ", "Relabel", " billing", "Ann"]):
        book.active.append(row)
    book.save(world / "d.xlsx")
    assert apply("d.xlsx", "tickets.csv", "--out", "new.csv") == 0
    assert (world / "new.csv").read_bytes() == BYTES.replace(b'"login"', b'"billing"')


def test_lost_zeros_are_guessed(world, capsys):
    (world / "tickets.csv").write_text("ticket,body,topic\n0071,a,x\n0072,b,y\n")
    table = decisions(world / "d.csv", "72,keep,")
    assert apply(table, "tickets.csv", "--out", "new") == 2
    assert "write '0072' (a spreadsheet may have dropped its zeros)" in capsys.readouterr().err


def test_a_column_that_is_missing_is_named_with_those_there_are(world, capsys):
    table = decisions(world / "d.csv", "T1,x", header="id,what")
    assert apply(table, "tickets.csv", "--out", "new") == 2
    assert "has no column 'decision'; it has 'id', 'what'" in capsys.readouterr().err


def test_a_new_class_needs_to_be_named(world):
    table = decisions(world / "d.csv", "T2,relabel,refund")
    assert apply(table, "tickets.csv", "--out", "a") == 2
    assert apply(table, "tickets.csv", "--out", "a", "--new-class", "refund") == 0


def test_a_place_that_is_taken_is_refused(world, capsys):
    table = decisions(world / "d.csv", "T2,relabel,billing")
    (world / "full").mkdir()
    (world / "full/x").write_text("mine")
    (world / "there.csv").write_text("mine")
    for out in ("full", "there.csv", "tickets.csv", "."):
        assert apply(table, "tickets.csv", "--out", out) == 2
    assert (world / "there.csv").read_text() == (world / "full/x").read_text() == "mine"
    (world / "empty").mkdir()
    assert apply(table, "tickets.csv", "--out", "empty") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "DECISIONS and DATA are needed"),
        (["d.csv", "tickets.csv"], "where to write is not said"),
        (["d.csv", "tickets.csv", "--out", "x", "--auto"], "--auto needs a bound"),
        (["d.csv", "tickets.csv", "--out", "x", "--max-score", "0.1"], "--max-score belongs to --auto"),
        (["d.csv", "tickets.csv", "--out", "x", "--in-place"], "--in-place writes no new folder"),
        (["d.csv", "tickets.csv", "--undo", "m.csv"], "--undo takes the manifest alone"),
        (["--undo", "m.csv"], "there is no such manifest"),
        (["d.csv", "nothing.csv", "--out", "x"], "there is no such file"),
    ],
)
def test_options_that_do_not_go_together_are_refused(world, capsys, arguments, said):
    decisions(world / "d.csv", "T2,relabel,billing")
    assert run(["apply", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_hostile_names_reach_the_terminal_inert(world, capsys):
    (world / "tickets.csv").write_text("ticket,body,topic\n::error::\x1b[31m,a,x\n2,b,\u202ey\n", encoding="utf-8")
    table = decisions(world / "d.csv", "::error::\x1b[31m,relabel,\u202ey")
    assert apply(table, "tickets.csv", "--out", "new", "--dry-run") == 0
    out = capsys.readouterr().out
    assert not re.search("[\x1b\u202e]", out)
    assert not [line for line in out.splitlines() if line.lstrip().startswith("::")]


def audit_folder(folder: Path, *rows: tuple[str, float, str | None]) -> Path:
    """Write what `apply --auto` reads of an audit: (id, score, suggestion) of label issues."""
    folder.mkdir()
    names = ("id", "score", "suggested")
    entries = [
        {
            "level": "row",
            "kind": "label",
            "is_issue": row[2] is not None,
            "reason": "so",
            **dict(zip(names, row, strict=True)),
        }
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(entries, schema=SCHEMA), folder / "issues.parquet")
    (folder / "summary.json").write_text(json.dumps({"task": "classification", "classes": ["billing", "login"]}))
    return folder


def test_auto_first_says_how_many_changes_it_expects_to_be_wrong(world, capsys):
    audit_folder(
        world / "audit", ("T1", 0.2, "login"), ("T2", 0.1, "billing"), ("T3", 0.4, "billing"), ("T4", 0.9, None)
    )
    assert apply("audit", "tickets.csv", "--auto", "--max-score", "0.3", "--out", "new.csv") == 0
    out = capsys.readouterr().out
    assert out.startswith("--auto takes 2 suggestions and expects about 0.3 of them to be wrong (model estimate")
    assert (world / "new.csv").read_bytes() == BYTES.replace(b'"login"', b'"billing"').replace(
        b'b",billing', b'b",login'
    )
    assert "labelwright --auto" in (world / "new.csv.manifest.csv").read_text()


def test_auto_without_an_audit_or_a_suggestion_is_refused(world, capsys):
    audit_folder(world / "audit", ("T1", 0.2, "login"))
    for folder, score, said in (("nothing", "0.5", "no audit is stored"), ("audit", "0.1", "the lowest score is 0.2")):
        assert apply(folder, "tickets.csv", "--auto", "--max-score", score, "--out", "new") == 2
        assert said in capsys.readouterr().err


def test_a_real_audit_is_applied_without_a_person(tickets, tmp_path, capsys):
    audit = Audit(tickets, label="topic", id="ticket", jobs=1).run()
    audit.save(tmp_path / "audit")
    common = [str(tickets), "--label", "topic", "--id", "ticket", "--out", str(tmp_path / "new.csv")]
    assert run(["apply", str(tmp_path / "audit"), *common, "--auto", "--max-score", "0.5"]) == 0
    old, new = tickets.read_text().splitlines(), (tmp_path / "new.csv").read_text().splitlines()
    expected = audit.suggestions(0.5)
    assert sum(a != b for a, b in zip(old, new, strict=True)) == len(expected.decisions) >= 5
    assert expected.at_least and expected.low <= expected.expected_wrong <= expected.high
    done = audit.apply(expected.decisions, tmp_path / "again.csv")
    assert done.n_changed == len(expected.decisions)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "new.csv").read_bytes()


def test_frames_in_memory_give_a_new_frame_of_their_kind():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": ["a", "b", "c"], "x": [1.0, 2.0, 3.0], "kind": ["cat", "dog", "cat"]})
    audit = Audit(frame, label="kind", id="id")
    mended = audit.apply({"id": ["a", "b"], "decision": ["relabel", "reject"], "label": ["dog", None]}).frame
    assert isinstance(mended, pandas.DataFrame)
    assert mended["kind"].tolist() == ["dog", "cat"]
    assert frame["kind"].tolist() == ["cat", "dog", "cat"]


def test_an_interrupted_run_leaves_nothing_and_exits_130(tmp_path):
    data = tmp_path / "pets"
    for i in range(2000):
        (data / f"{'cat' if i % 2 else 'dog'}").mkdir(parents=True, exist_ok=True)
        (data / f"{'cat' if i % 2 else 'dog'}" / f"{i}.png").write_bytes(b"%d" % i)
    from labelwright.data import load_dataset

    ids = load_dataset(data).ids
    table = decisions(tmp_path / "d.csv", f"{ids[0]},reject,")
    command = [sys.executable, "-m", "labelwright", "apply", table, "pets", "--out", "new"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not list(tmp_path.glob(".labelwright-staging-*/new")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130, error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.csv", "pets"]


def test_in_place_and_undo_at_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("cat/a.png", "cat/b.png", "dog/a.png"):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(name.encode())
    from labelwright.data import load_dataset

    ids = load_dataset("pets").ids
    table = decisions(tmp_path / "d.csv", f"{ids[0]},relabel,dog")
    assert run(["apply", table, "pets", "--in-place"]) == 0
    assert (tmp_path / "pets/dog/a-2.png").read_bytes() == b"cat/a.png"
    assert "takes it back" in capsys.readouterr().out
    assert run(["apply", "--undo", "pets/.labelwright/0001/manifest.csv"]) == 0
    assert sorted(p.relative_to(tmp_path).as_posix() for p in (tmp_path / "pets").rglob("*.png")) == [
        "pets/cat/a.png",
        "pets/cat/b.png",
        "pets/dog/a.png",
    ]
