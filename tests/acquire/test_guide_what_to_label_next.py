"""What the page "What to label next" shows works as shown."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np

from labelwright.cli import run

PAGE = (Path(__file__).parents[2] / "docs" / "what-to-label-next.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.S)
COMMANDS = [line[2:] for block in re.findall(r"```console\n(.*?)```", PAGE, re.S) for line in block.splitlines()]


def table(path, header, rows):
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def fill(path, digit):
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label"] = f"d{digit[int(row['id'][3:])]}"
    table(path, list(rows[0]), [list(row.values()) for row in rows])


def test_the_guide_runs_from_start_to_finish(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(PYTHON[0], "guide", "exec"), names)
    exec(compile(PYTHON[1], "guide", "exec"), names)
    pixels, digit = np.asarray(names["pixels"]), np.asarray(names["digit"])
    assert len(names["chosen"]) == 20  # type: ignore[arg-type]
    rng, rows = np.random.default_rng(0), range(300)
    pixel = [f"p{i}" for i in range(64)]
    table("labelled.csv", ["image", *pixel, "digit"], [[f"img{i}", *pixels[i], f"d{digit[i]}"] for i in rows])
    said = [f"d{digit[i] if rng.random() < 0.8 else rng.integers(10)}" for i in range(1797)]
    table("predictions.csv", ["id", "prediction"], [[f"img{i}", said[i]] for i in range(1797)])
    votes = [(f"img{i}", f"ann{j}", said[i] if j else f"d{digit[i]}") for i in rows for j in rng.permutation(4)[:2]]
    table("votes.csv", ["task", "annotator", "label"], votes)
    tiers = [[f"img{i}", *pixels[i], said[i], f"d{digit[i]}" if i < 90 else ""] for i in rows]
    table("tiers.csv", ["image", *pixel, "crowd", "expert"], tiers)
    assert len(COMMANDS) == 8
    for line in COMMANDS:
        if "--answers" in line:
            fill("digits-next/next.csv", digit)
        if "evaluate" in line:
            fill("checks/next.csv", digit)
        assert run(shlex.split(line)[1:]) == 0, line
    assert (tmp_path / "labelled-next" / "curve.html").is_file()
    assert (tmp_path / "tiers-next" / "plan.html").is_file()
    assert "Accuracy by active testing (40 checked rows" in capsys.readouterr().out


def test_every_name_on_the_page_is_public():
    import labelwright.acquire as face

    for name in ("budget_sweep", "plan_budget", "classify_regime", "ActiveTester", "estimate_risk", "BADGE", "Pool"):
        assert name in PAGE and hasattr(face, name)


def test_the_page_names_every_method_of_the_command_line():
    from labelwright.acquire.methods import METHODS

    assert [method.name for method in METHODS if f"`{method.name}`" not in PAGE] == []
