"""`labelwright audit` from the outside: what it prints, writes and returns."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from labelwright.cli import run
from ticket_world import write_tickets

FILES = {"report.html", "issues.parquet", "issues.csv", "marked.parquet", "summary.json", "run.json", "view.json"}


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """One audit of the tickets, shared by the tests that only read what it left."""
    folder = tmp_path_factory.mktemp("audited")
    wrong = write_tickets(folder / "tickets.csv")
    before = (folder / "tickets.csv").read_bytes()
    assert (
        run(["audit", str(folder / "tickets.csv"), "--label", "topic", "--out", str(folder / "out"), "--jobs", "1"])
        == 0
    )
    assert (folder / "tickets.csv").read_bytes() == before
    return folder, wrong


def test_it_writes_every_promised_file_privately(audited):
    out = audited[0] / "out"
    assert {path.name for path in out.iterdir()} == FILES
    assert out.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.iterdir())


def test_it_finds_most_planted_errors_and_little_else(audited):
    issues = pq.read_table(audited[0] / "out" / "issues.parquet").to_pylist()
    found = {row["row"] for row in issues if row["kind"] == "label" and row["is_issue"]}
    assert len(found & set(audited[1])) >= 6
    assert len(found - set(audited[1])) <= 2


def test_marked_data_are_the_input_plus_five_columns(audited):
    marked = pq.read_table(audited[0] / "out" / "marked.parquet")
    assert marked.column_names == [
        *("ticket", "body", "topic"),
        *("labelwright_id", "labelwright_label_quality", "labelwright_flag"),
        *("labelwright_weight", "labelwright_suggestion"),
    ]
    assert marked.num_rows == 240


def test_the_summary_has_a_noise_rate_inside_its_interval_and_rows_of_truth(audited):
    summary = json.loads((audited[0] / "out" / "summary.json").read_text())
    rate = summary["noise_rate"]
    assert rate["low"] <= rate["estimate"] <= rate["high"]
    assert rate["basis"] == "model estimate"
    assert [round(sum(row), 3) for row in summary["transition_matrix"]] == [1.0, 1.0, 1.0]
    assert summary["schema_version"] == 1


def test_the_last_line_says_what_to_do_next(tickets, tmp_path, capsys):
    assert run(["audit", str(tickets), "--label", "topic", "--out", str(tmp_path / "o"), "--quiet", "--jobs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith("Next: labelwright studio ")


@pytest.mark.parametrize("out", ["audit", "other/audit", "my audit"])
def test_the_next_command_is_one_that_the_studio_understands(tickets, tmp_path, capsys, monkeypatch, out):
    pytest.importorskip("fastapi", reason="the studio needs labelwright[studio]")
    from labelwright.studio.studio import data_and_options

    monkeypatch.chdir(tmp_path)
    shutil.copy(tickets, tmp_path / "made.csv")
    assert run(["audit", "made.csv", "--label", "topic", "--out", out, "--quiet", "--jobs", "1"]) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1].removeprefix("Next: ").partition("   (")[0])
    assert words[:2] == ["labelwright", "studio"]
    data, known = data_and_options(Path(words[2]))
    assert data.resolve() == tmp_path / "made.csv"
    assert known.get("label", words[-1]) == "topic"


def test_json_prints_the_summary_alone(tickets, tmp_path, capsys):
    out = tmp_path / "o"
    assert run(["audit", str(tickets), "--label", "topic", "--out", str(out), "--json", "--jobs", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((out / "summary.json").read_text())


def test_row_content_is_printed_on_request_only(tickets, tmp_path, capsys):
    command = ["audit", str(tickets), "--label", "topic", "--out", str(tmp_path / "o"), "--jobs", "1"]
    run(command)
    silent = capsys.readouterr().out
    run([*command, "--show-text"])
    shown = capsys.readouterr().out
    assert "password" not in silent
    assert "password" in shown


def test_dry_run_writes_nothing(tickets, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert run(["audit", str(tickets), "--label", "topic", "--dry-run"]) == 0
    assert sorted(tmp_path.rglob("*")) == before
    assert "expected time" in capsys.readouterr().out


def test_the_number_of_jobs_changes_no_result(tickets, tmp_path):
    for jobs in ("1", "2"):
        run(["audit", str(tickets), "--label", "topic", "--out", str(tmp_path / jobs), "--jobs", jobs, "--quiet"])
        run(["cache", "clear"])
    for name in sorted(FILES - {"run.json"}):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_a_report_drawn_again_is_the_same(audited, tmp_path):
    out = audited[0] / "out"
    assert run(["report", str(out), "--out", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_bytes() == (out / "report.html").read_bytes()


def test_a_redacted_report_has_no_word_of_any_row(audited, tmp_path):
    assert run(["report", str(audited[0] / "out"), "--redact", "--out", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert [word for word in ("password", "invoice", "courier", "T0000") if word in page] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--label", "topc"], "did you mean 'topic'"),
        (["--label", "topic", "--task", "sorting"], "sorting"),
        (["--label", "topic", "--text", "bdy"], "did you mean 'body'"),
        (["--label", "topic", "--id", "nope"], "nope"),
        (["--label", "topic", "--pred-probs", "missing.npy"], "missing.npy"),
        (["--label", "topic", "--colour"], "--colour"),
        (["--label", "topic", "--jobs", "0"], "jobs"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(tickets, tmp_path, capsys, arguments, words):
    out = tmp_path / "out"
    assert run(["audit", str(tickets), *arguments, "--out", str(out)]) == 2
    printed = capsys.readouterr()
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert words in errors[0]
    assert not out.exists() or list(out.iterdir()) == []


def test_a_warning_about_the_whole_result_is_told_even_to_those_who_asked_for_quiet(tickets, tmp_path, capsys):
    labels = [line["topic"] for line in csv.DictReader(tickets.open(encoding="utf-8"))]
    names = sorted(set(labels))
    probs = np.full((len(labels), len(names)), 0.001)
    probs[np.arange(len(labels)), [names.index(label) for label in labels]] = 1 - 0.001 * (len(names) - 1)
    np.save(tmp_path / "seen.npy", probs)
    out = tmp_path / "out"
    arguments = ["audit", str(tickets), "--label", "topic", "--pred-probs", str(tmp_path / "seen.npy"), "--quiet"]
    assert run([*arguments, "--classes", ",".join(names), "--out", str(out)]) == 0
    assert "WARNING: pred_probs agrees with 100.00 % of the given labels" in capsys.readouterr().out
    (warning,) = json.loads((out / "summary.json").read_text(encoding="utf-8"))["warnings"]
    assert warning.startswith("pred_probs agrees with 100.00 %")
