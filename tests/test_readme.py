"""The README's promises run."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_five_lines_of_python_run(tmp_path, monkeypatch, tickets):
    code = re.search(r"```python\n(.*?)```", README, re.S)
    assert code is not None
    tickets.rename(tmp_path / "tickets.csv")
    monkeypatch.chdir(tmp_path)
    exec(compile(code[1], "README.md", "exec"), {})
    assert "label" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_every_command_of_the_readme_exists():
    from typer.main import get_command

    from labelwright.cli import build_app

    known = set(get_command(build_app()).commands)
    named = set(re.findall(r"labelwright ([a-z]+)", " ".join(re.findall(r"`(labelwright [^`]*)`", README))))
    assert named <= known


def test_every_file_that_the_readme_links_to_exists():
    root = Path(__file__).parents[1]
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [link for link in links if not (root / link).exists()] == []


def test_the_mixed_evidence_of_the_readme_runs():
    import numpy as np
    import pytest

    pytest.importorskip("torch")
    code = re.findall(r"```python\n(.*?)```", README, re.S)[1]
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 120)
    names = {
        "X": np.eye(10)[truth] * 3 + rng.normal(size=(120, 10)),
        "trusted": truth[:30],
        "trusted_rows": np.arange(30),
        "row": np.repeat(np.arange(40), 3),
        "annotator": np.tile([0, 1, 2], 40),
        "vote": np.repeat(truth[30:70], 3),
        "voted_rows": np.arange(30, 70),
        "sets": np.eye(10, dtype=bool)[truth[70:100]] | (rng.random((30, 10)) < 0.2),
        "set_rows": np.arange(70, 100),
    }
    code = code.replace("800, 20, 10", "40, 3, 10").replace("ImpreciseClassifier()", "ImpreciseClassifier(epochs=15)")
    exec(compile(code, "README.md", "exec"), names)
    assert (names["model"].predict(names["X"]) == truth).mean() > 0.7
