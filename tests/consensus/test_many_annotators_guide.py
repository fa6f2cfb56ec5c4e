"""The guide about many annotators runs as it stands, and shows what the command says."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from consensus.vote_worlds import crowd
from labelwright.cli import run

GUIDE = Path(__file__).parents[2] / "docs" / "many-annotators.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)


def test_the_guide_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    votes, _ = crowd(n=60)
    table = {"task": votes.row, "annotator": votes.source, "label": votes.value}
    pd.DataFrame(table).to_csv("votes.csv", index=False)
    texts = ["see my channel, you won", "ok, later", "call 0800123 now"]
    pd.DataFrame({"text": texts, "length": [14, 8, 16]}).to_csv("comments.csv", index=False)
    Path("rules.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "many-annotators.md", "exec"), names)
    assert len(names["result"].labels) == len(set(table["task"]))
    assert names["merged"].votes.to_matrix()[:, -2:].tolist() == [[1, 0], [-1, -1], [-1, 0]]
    assert names["merged"].votes.n_sources == 6


def test_the_rules_of_the_guide_run_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rules.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    pd.DataFrame({"text": ["you won", "ok", "call 0800123"] * 9, "checked": ["spam", "ham", ""] * 9}).to_csv(
        "messages.csv", index=False
    )
    command = blocks("console")[1].removeprefix("$ labelwright ").split()
    assert run(command) == 0 and Path("messages-labels", "report.html").exists()


def test_the_walk_through_shows_what_the_command_says(tmp_path, monkeypatch, capsys):
    datasets = pytest.importorskip("proofs.datasets")
    if not datasets.available("crowd_weather_amt"):
        pytest.skip("the crowd sets are not on this machine")
    from proofs.crowd_csv import write

    monkeypatch.chdir(tmp_path)
    write("weather_amt", Path("weather.csv"))
    shown = blocks("console")[0].splitlines()
    assert run(shown[0].removeprefix("$ labelwright ").split()) == 0
    assert capsys.readouterr().out.splitlines() == shown[1:]
    assert Path("weather.csv").read_text().splitlines()[:2] == blocks("text")[0].splitlines()[:2]
