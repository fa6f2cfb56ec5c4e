"""`labelwright check` from the outside: exit codes, baselines, decisions and formats."""

from __future__ import annotations

import csv
import json
from xml.etree import ElementTree

import pytest

from json_schema import problems
from labelwright.cli import run
from labelwright.report.schemas import schema
from ticket_world import write_tickets

DATA = ["--label", "topic", "--id", "ticket", "--jobs", "1"]


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Tickets with eight wrong labels, their audit, and the same with one more wrong label."""
    folder = tmp_path_factory.mktemp("audited")
    wrong = write_tickets(folder / "tickets.csv")
    assert run(["audit", str(folder / "tickets.csv"), *DATA, "--quiet", "--out", str(folder / "audit")]) == 0
    rows = list(csv.reader((folder / "tickets.csv").open(encoding="utf-8", newline="")))
    row = next(i for i in range(240) if i not in wrong)
    rows[row + 1][2] = "login" if rows[row + 1][2] != "login" else "delivery"
    (folder / "later").mkdir()
    with (folder / "later" / "tickets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder, row


def check(*arguments):
    return run(["check", *map(str, arguments)])


def test_a_gate_that_holds_ends_with_three_and_one_that_does_not_with_zero(audited, capsys):
    audit = audited[0] / "audit"
    assert check(audit, "--fail-on", "label>0") == 3
    assert check(audit, "--fail-on", "label>20%") == 0
    assert check(audit, "--fail-on", "label>20%", "--fail-on", "label>0") == 3
    assert "Gate failed: 1 of 2 conditions." in capsys.readouterr().out


def test_data_are_audited_on_the_spot_and_findings_have_their_lines(audited, capsys):
    folder, row = audited
    later = folder / "later" / "tickets.csv"
    assert check(later, "--baseline", folder / "audit", "--fail-on", "new:label>0", "--format", "json") == 3
    verdict = json.loads(capsys.readouterr().out)
    assert problems(verdict, schema("check")) == []
    assert [(f["row"], f["line"]) for f in verdict["gates"][0]["findings"]] == [(row, row + 2)]
    assert verdict["baseline"]["rows"]["relabelled"] == 1


def test_nothing_new_passes_beside_its_own_baseline(audited):
    assert check(audited[0] / "audit", "--baseline", audited[0] / "audit", "--fail-on", "new:any>0") == 0


def test_decisions_waive_until_the_label_changes(audited, tmp_path, capsys):
    folder, row = audited
    name, label = f"T{row:04d}", "login"
    later = [folder / "later" / "tickets.csv", "--baseline", folder / "audit", "--fail-on", "new:label>0"]
    given = list(csv.reader((folder / "later" / "tickets.csv").open(encoding="utf-8")))[row + 1][2]
    decisions = tmp_path / "decisions.csv"
    decisions.write_text(f"id,decision,label,who\n{name},keep,{given},Ann\n")
    assert check(*later, "--decisions", decisions) == 0
    assert "1 more waived, confirmed by people" in capsys.readouterr().out
    other = "billing" if given != "billing" else label
    decisions.write_text(f"id,decision,label,who\n{name},keep,{other},Ann\n")
    assert check(*later, "--decisions", decisions) == 3
    assert "changed since" in capsys.readouterr().out


def test_a_row_edited_after_its_label_was_confirmed_is_waived_no_longer(audited, tmp_path, capsys):
    """The hash comes from issues.csv, the file that people decide in, and goes through `apply` into the manifest."""
    folder, _ = audited
    flagged = next(
        line
        for line in csv.DictReader((folder / "audit" / "issues.csv").open(encoding="utf-8"))
        if line["kind"] == "label" and line["is_issue"] == "true"
    )
    decisions = tmp_path / "decisions.csv"
    decisions.write_text(f"id,decision,label,content\n{flagged['id']},keep,{flagged['given']},{flagged['content']}\n")
    gate = ["--fail-on", "label>0", "--decisions", decisions]
    check(folder / "audit", *gate)
    assert "1 more waived" in (out := capsys.readouterr().out) and "nobody sees" not in out
    check(folder / "tickets.csv", *DATA, *gate)
    assert "1 more waived" in capsys.readouterr().out

    edited = tmp_path / "tickets.csv"
    lines = (folder / "tickets.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith(flagged["id"]))
    lines[at] = lines[at].replace(",", ",edited ", 1)
    edited.write_text("".join(lines), encoding="utf-8")
    check(edited, *DATA, *gate)
    out = capsys.readouterr().out
    assert "waived" not in out and "1 decision: row edited since" in out

    apply = ["apply", str(decisions), str(folder / "tickets.csv"), *DATA[:4], "--out", str(tmp_path / "new")]
    assert run(apply) == 0
    check(folder / "audit", "--fail-on", "label>0", "--decisions", tmp_path / "new" / "manifest.csv")
    assert "1 more waived" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github"])
def test_every_format_ends_with_the_same_code(audited, form, capsys):
    assert check(audited[0] / "audit", "--fail-on", "label>0", "--format", form) == 3
    out = capsys.readouterr().out
    if form in ("json", "sarif"):
        json.loads(out)
    elif form == "junit":
        ElementTree.fromstring(out)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "no condition is given"),
        (("--fail-on", "lable>0"), "did you mean 'label'"),
        (("--fail-on", "label"), "in quotes"),
        (("--fail-on", "new:label>0"), "--baseline"),
        (("--fail-on", "label>0", "--format", "sariff"), "did you mean 'sarif'"),
        (("--fail-on", "label>0", "--baseline", "nowhere"), "there is no such file or folder"),
        (("--fail-on", "label>0", "--decisions", "nowhere.csv"), "there is no such file or folder"),
        (("--fail-on", "split_leak>0"), "was not looked for"),
        (("--fail",), "No such option"),
    ],
)
def test_usage_errors_end_with_two_and_one_line(audited, arguments, says, capsys):
    assert check(audited[0] / "audit", *arguments) == 2
    shown = capsys.readouterr()
    assert says in shown.err and shown.err.count("\n") == 1 and shown.out == ""


def test_conditions_are_read_before_any_work(tmp_path, capsys):
    assert check(tmp_path / "nowhere.csv", "--fail-on", "lable>0") == 2
    assert "did you mean" in capsys.readouterr().err
