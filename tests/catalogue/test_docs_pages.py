"""The documentation says what the package does: its code runs, its figures are counted, its pages are there."""

from __future__ import annotations

import csv
import importlib.util
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml

from labelwright.catalogue.papers import load_papers
from labelwright.catalogue.show import markdown_table

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def settings() -> dict:
    return yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pages():
    pytest.importorskip("mkdocs", reason="the documentation needs the extra docs")
    spec = importlib.util.spec_from_file_location("docs_pages", DOCS / "pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def nav_targets(entry) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    children = entry.values() if isinstance(entry, dict) else entry
    return [target for child in children for target in nav_targets(child)]


def test_the_example_of_the_one_idea_runs_and_says_what_the_page_says():
    code = re.search(r"```python\n(.*?)```", (DOCS / "concepts.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    names: dict = {}
    exec(code[1], names)
    assert np.array_equal(names["result"].q.round(2), [[0.65, 0.35], [0.05, 0.95]])


def test_every_page_of_the_menu_is_there(settings, pages):
    built = pages.built_pages()
    missing = [name for name in nav_targets(settings["nav"]) if name not in built and not (DOCS / name).is_file()]
    assert missing == []


def test_every_page_is_in_the_menu(settings):
    targets = nav_targets(settings["nav"])
    assert [p.name for p in DOCS.glob("*.md") if p.relative_to(DOCS).as_posix() not in targets] == []


def test_the_site_takes_no_font_from_elsewhere(settings):
    assert settings["theme"]["font"] is False
    assert settings["strict"] is True
    assert not {"extra_javascript", "extra_css"} & set(settings)


def test_the_table_of_papers_has_a_line_a_row():
    table = markdown_table(load_papers())
    assert table.count("\n") == len(load_papers()) + 2
    assert all(line.count(" | ") == 4 for line in table.splitlines()[2:])


def test_every_command_and_every_public_name_has_its_reference(pages):
    built = pages.built_pages()
    page = built["reference/command-line.md"]
    for command in ("audit", "report", "demo", "doctor", "cache clear", "papers search", "prove"):
        assert f" labelwright {command}\n" in page
    assert "::: labelwright.catalogue.claims.Beats" in built["reference/catalogue.md"]


def test_the_extras_that_the_page_names_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = set(re.findall(r"labelwright\[(\w+)\]", (DOCS / "install.md").read_text(encoding="utf-8")))
    assert named and named <= set(project["optional-dependencies"])


def test_the_quickstart_counts_the_messages_right():
    with (ROOT / "src/labelwright/data/demo/sms.csv").open(encoding="utf-8", newline="") as stream:
        rows = sum(1 for _ in csv.DictReader(stream))
    assert f"{rows:,} real text messages" in (DOCS / "quickstart.md").read_text(encoding="utf-8")


def test_the_citation_has_the_version_of_the_package():
    from labelwright import __version__

    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == __version__


def test_the_catalogue_shows_its_face():
    import labelwright.catalogue as catalogue

    assert [name for name in catalogue.__all__ if not hasattr(catalogue, name)] == []
