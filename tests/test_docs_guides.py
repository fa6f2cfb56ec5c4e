"""What the guides show works as shown."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

from labelwright import Audit
from parts_world import write_sentences

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of one language in a page."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S)


def test_the_python_of_the_audit_guide_runs(tmp_path, monkeypatch, tickets):
    tickets.rename(tmp_path / "tickets.csv")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(blocks("audit-a-data-set.md", "python")[0], "audit-a-data-set.md", "exec"), names)
    assert names["suspects"].num_rows >= 6
    assert (tmp_path / "tickets-audit" / "report.html").exists()


def test_the_python_of_the_guide_to_tokens_runs(tmp_path, monkeypatch):
    write_sentences(tmp_path / "corpus.conll")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    page = "audit-tokens-boxes-and-masks.md"
    exec(compile(blocks(page, "python")[0], page, "exec"), names)
    assert sorted(names["suspects"]) == ["10#0", "17#3", "3#3"]
    assert (tmp_path / "mended.conll").exists()


def test_the_yaml_of_the_nutrition_guide_is_understood(tmp_path):
    about = tmp_path / "about.yaml"
    about.write_text(blocks("nutrition-label.md", "yaml")[0], encoding="utf-8")
    rng = random.Random(0)
    with (tmp_path / "loans.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["income", "age", "sex", "employed_since", "granted"])
        for _ in range(300):
            income, sex = rng.randrange(20_000, 90_000), rng.choice(["female", "male"])
            granted = "yes" if income > (45_000 if sex == "male" else 60_000) else "no"
            writer.writerow([income, rng.randrange(18, 80), sex, rng.randrange(1980, 2024), granted])
    audit = Audit(tmp_path / "loans.csv", label="granted", about=about, jobs=1).run()
    assert audit.result.nutrition is not None
    touched = {alert.category for alert in audit.result.nutrition.alerts if "approve" in alert.use_cases}
    assert "label quality" in touched or "representation" in touched or "sensitive attributes" in touched
    lines = audit.lines(folder=tmp_path / "out")
    assert "Alerts about the data set" in lines and any("groups of 'sex'" in line for line in lines)
    assert "nothing stands out" not in lines[-1]


def test_the_method_of_the_architecture_page_trains():
    import numpy as np
    import pytest

    pytest.importorskip("torch")
    from labelwright.learn import ImpreciseClassifier

    names: dict[str, type] = {}
    exec(compile(blocks("architecture.md", "python")[0], "architecture.md", "exec"), names)
    y = np.arange(60) % 2
    x = y[:, None] * 3.0 + np.random.default_rng(0).normal(size=(60, 2))
    model = ImpreciseClassifier(names["DoubtWeighting"](), epochs=15).fit(x, y)
    assert (model.predict(x) == y).mean() > 0.9


def test_the_measures_page_names_every_question_with_its_command_and_its_python_runs(tmp_path, monkeypatch):
    from labelwright.audit.measures import MEASURES

    text = (DOCS / "measures.md").read_text(encoding="utf-8")
    for entry in MEASURES:
        assert f"| {entry.question} | `labelwright measure {entry.name}` |" in text
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("measures.md", "python")[0], "measures.md", "exec"), {})
    assert (tmp_path / "judges-report" / "report.html").exists()
