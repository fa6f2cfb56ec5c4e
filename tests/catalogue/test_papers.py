"""The catalogue keeps its promises: every paper has its row, and a row that says "works" can show it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from proofs.verdicts import CATALOGUE, with_verdicts

from labelwright.catalogue.papers import Paper, find_paper, homes, load_papers, select_papers
from labelwright.errors import BadInput

ROOT = Path(__file__).parents[2]
PAPERS = [paper for paper in load_papers() if paper.id.startswith("P")]
BASELINES = [paper for paper in load_papers() if paper.id.startswith("B")]
WORKING = [paper for paper in load_papers() if paper.state == "works"]


def test_ids_homes_and_titles_are_those_of_the_list():
    with (Path(__file__).parent / "papers_list.tsv").open(encoding="utf-8", newline="") as stream:
        wanted = [(row["id"], row["home"], row["title"]) for row in csv.DictReader(stream, delimiter="\t")]
    assert len(wanted) == 193
    assert [(paper.id, paper.home, paper.title) for paper in PAPERS] == wanted


def test_every_id_is_used_once():
    assert max(Counter(paper.id for paper in load_papers()).values()) == 1


def test_every_summary_has_40_to_400_characters_and_is_its_own():
    summaries = [paper.summary for paper in load_papers()]
    assert [p.id for p in load_papers() if not 40 <= len(p.summary) <= 400] == []
    assert len(set(summaries)) == len(summaries)


def test_no_summary_is_the_title_again():
    def words(text: str) -> set[str]:
        return {word.strip(".,:").lower() for word in text.split() if len(word) > 3}

    close = [p.id for p in PAPERS if len(words(p.title) & words(p.summary)) > 0.6 * len(words(p.title))]
    assert close == []


def test_every_row_has_keywords_names_a_source_and_a_module():
    poor = [
        p.id
        for p in load_papers()
        if len(p.keywords) < 2 or not p.names or not p.source or not p.module.startswith("labelwright.")
    ]
    assert poor == []


def test_a_module_stands_in_the_family_of_its_row():
    wrong = [p.id for p in load_papers() if not p.module.startswith(f"labelwright.{p.home.replace('/', '.')}.")]
    assert wrong == []


def test_baselines_are_numbered_without_a_gap():
    assert [paper.id for paper in BASELINES] == [f"B{k:03d}" for k in range(1, len(BASELINES) + 1)]
    assert len(BASELINES) > 60


def test_only_rows_that_work_have_a_proof():
    assert [p.id for p in load_papers() if (p.proof is not None) != (p.state == "works" and p.id[0] == "P")] == []


@pytest.mark.parametrize("paper", WORKING, ids=lambda paper: paper.id)
def test_a_row_that_works_names_a_module_that_cites_it(paper: Paper):
    module, family = import_module(paper.module), import_module(f"labelwright.{paper.home.replace('/', '.')}")
    assert [name for name in paper.names if not hasattr(module, name) and not hasattr(family, name)] == []
    folder = Path(module.__file__ or "")
    files = folder.parent.glob("*.py") if folder.name == "__init__.py" else [folder]
    if paper.id.startswith("P"):
        assert any(f"[{paper.id}]" in file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("paper", [p for p in WORKING if p.id[0] == "P"], ids=lambda paper: paper.id)
def test_a_paper_that_works_has_a_proof_with_a_stored_verdict(paper: Paper):
    assert (ROOT / "proofs" / str(paper.proof)).is_file()
    stored = json.loads((ROOT / "proofs" / "results" / f"{paper.id}.json").read_text(encoding="utf-8"))
    assert stored["paper"] == paper.id
    assert isinstance(stored["verdict"]["holds"], bool)
    assert stored["verdict"]["reason"]


def test_the_catalogue_tells_the_stored_verdicts():
    text = CATALOGUE.read_text(encoding="utf-8")
    assert with_verdicts(text) == text, "run python -m proofs.verdicts"


@pytest.mark.parametrize("paper", WORKING, ids=lambda paper: paper.id)
def test_a_row_that_works_is_named_by_a_test(paper: Paper):
    tests = ROOT / "tests" / paper.home.split("/")[0]
    assert any(paper.id in path.read_text(encoding="utf-8") for path in tests.rglob("test_*.py"))


def test_an_id_is_found_whatever_its_capitals_and_zeros():
    assert find_paper(" p42 ").id == find_paper("P042").id == "P042"


@pytest.mark.parametrize("id", ["", "P999", "P", "P" + "9" * 5000, "../P042", "P04\x1b[31m2", "p\u0664\u0662"])
def test_an_unknown_id_is_one_inert_line(id):
    with pytest.raises(BadInput) as caught:
        find_paper(id)
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_family_takes_its_sub_families():
    assert {paper.home for paper in select_papers("learn")} == {home for home in homes() if home.startswith("learn/")}
    assert {paper.home for paper in select_papers("audit")} == {"audit"}


def test_an_unknown_family_or_state_names_the_ones_there_are():
    with pytest.raises(BadInput, match="'audit'"):
        select_papers("audti")
    with pytest.raises(BadInput, match="'works'"):
        select_papers(state="work")
