"""The page on gates works as written: its commands, its workflow, its hook and its Python."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from labelwright.cli import run
from ticket_world import write_tickets

PAGE = (Path(__file__).parents[1] / "docs" / "a-label-gate-in-ci.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


@pytest.fixture
def repository(tmp_path, monkeypatch, capsys):
    """A folder with tickets, their baseline and decisions, and a way to run scripts in it as `bash -e` does.

    Commands of labelwright run in this process, which spares loading it anew a dozen times; all others in a shell.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path / "cache"))
    write_tickets(tmp_path / "tickets.csv")
    (tmp_path / "decisions.csv").write_text(blocks("csv")[0])

    def call(script: str, code: int = 0) -> str:
        printed = []
        for line in script.strip().splitlines():
            words = shlex.split(line)
            if words[0] != "labelwright":
                subprocess.run(["bash", "-ec", line], check=True, capture_output=True)
                continue
            fails_on_purpose = words[-5:] == ["||", "test", "$?", "-eq", "3"]
            target = words[words.index(">") + 1] if ">" in words else None
            ended = run(words[1 : words.index(">")] if target else words[1:])
            out = capsys.readouterr().out
            printed.append(out)
            if target:
                Path(target).write_text(out, encoding="utf-8")
            if ended and not (fails_on_purpose and ended == 3):
                assert (ended, line) == (code, script.strip().splitlines()[-1]), out
                return "".join(printed)
        assert code == 0
        return "".join(printed)

    call(blocks("shell")[0])
    return tmp_path, call


def test_the_commands_of_the_page_run(repository):
    folder, call = repository
    call(blocks("shell")[1], code=3)  # other labels than the confirmed one are suspect too
    for block in blocks("shell")[2:]:
        call(block)
    assert (folder / "labels.xml").exists() and (folder / "changes" / "compare.html").exists()


def test_the_python_of_the_page_runs(repository, capsys):
    exec(compile(blocks("python")[0], "a-label-gate-in-ci.md", "exec"), {})
    out = capsys.readouterr().out
    assert "new:label>0 passed" in out and "'unchanged': 240" in out


def test_the_hook_of_the_page_runs(repository):
    hook = yaml.safe_load(blocks("yaml")[1])["repos"][0]["hooks"][0]
    repository[1](shlex.join(shlex.split(hook["entry"])))
    assert re.match(hook["files"], "tickets.csv")


def test_the_interval_that_the_page_quotes_is_right():
    from labelwright.metrics.intervals import clopper_pearson

    assert [f"{100 * end:.1f}" for end in clopper_pearson(2, 40)] == ["0.6", "16.9"]
    assert "0.6 % to 16.9 %" in PAGE


def test_the_workflow_of_the_page_stops_a_bad_label_and_lets_a_good_one_pass(repository):
    folder, call = repository
    workflow = yaml.safe_load(blocks("yaml")[0])
    assert set(workflow[True]) == {"pull_request"}  # YAML reads `on` as true
    steps = workflow["jobs"]["gate"]["steps"]
    assert all("uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+(/[\w-]+)?@v\d+", step["uses"]) for step in steps)
    audit, gate, scanning = (step["run"] for step in steps if "labelwright " in step.get("run", ""))
    (folder / "data").mkdir()
    write_tickets(folder / "data" / "tickets.csv")
    (folder / "data" / "decisions.csv").write_text(blocks("csv")[0])
    git = "git -c user.name=x -c user.email=x@example.org"
    call(f"git init -q && {git} add data && {git} commit -q -m before")
    relabel(folder / "data" / "tickets.csv", 1)
    call(f"{git} commit -q -a -m after")
    call(audit)
    out = call(gate, code=3)
    assert "::error title=labelwright check,file=data/tickets.csv::new:label>0" in out
    assert "::warning title=Label error,file=data/tickets.csv,line=2::" in out
    call(scanning)
    assert '"version": "2.1.0"' in (folder / "labels.sarif").read_text()
    call(f"{git} commit -q --allow-empty -m again")
    call(audit)
    call(gate)


def relabel(path: Path, row: int) -> None:
    """Give a row another topic."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    topics = sorted({one[2] for one in rows[1:]})
    rows[row][2] = topics[(topics.index(rows[row][2]) + 1) % 3]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
