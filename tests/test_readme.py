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
