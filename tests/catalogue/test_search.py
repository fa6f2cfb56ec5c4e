"""Plain words find the right component."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.catalogue.search import search_papers, stem, words_of

QUESTIONS = [
    ("some of my annotators are lazy", "P121"),
    ("which labels are wrong", "P042"),
    ("mislabled rows", "P042"),
    ("several annotators disagree, merge their votes", "P121"),
    ("only percentages per group are known", "P069"),
    ("train a network although labels are noisy", "P134"),
    ("which row should I label next", "P068"),
    ("there are errors in my test set", "P016"),
    ("estimate the noise transition matrix", "P125"),
    ("sensor values are too low", "P057"),
    ("rows got shuffled by a bad join", "P058"),
    ("documentation of a dataset", "P022"),
    ("missing tags in multi-label data", "P026"),
    ("make the model forget some rows", "P131"),
    ("cheap labels or expert labels", "P006"),
    ("segmentation masks with soft boundaries", "P070"),
    ("can I trust this person's labels? spam workers", "P121"),
    ("classify products by comparing with class names only", "P165"),
    ("label street scenes from 3d boxes", "P158"),
    ("recommendation from clicks, not clicked items may be liked", "P091"),
]


@pytest.mark.parametrize(("question", "wanted"), QUESTIONS)
def test_a_question_finds_its_component_among_the_first_three(question, wanted):
    assert wanted in [hit.paper.id for hit in search_papers(question, limit=3)]


@pytest.mark.parametrize("name", ["DawidSkene", "dawid skene", "Dawid-Skene"])
def test_a_method_is_found_by_its_name_however_it_is_written(name):
    assert search_papers(name, limit=1)[0].paper.title == "Dawid-Skene"


def test_an_id_comes_first():
    assert search_papers("p134", limit=1)[0].paper.id == "P134"


def test_hits_come_best_first_and_no_more_than_asked():
    hits = search_papers("noisy labels", limit=7)
    assert len(hits) == 7
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize(
    "query", ["", "   ", "the of and", "\x00\x1b[31m", "((((", "' OR 1=1 --", "🤷", "a" * 100_000, "%s{0}"]
)
def test_a_query_without_meaning_finds_nothing_and_breaks_nothing(query):
    assert search_papers(query) == ()


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_query(query):
    assert len(search_papers(query, limit=3)) <= 3


def test_a_long_query_is_answered_quickly():
    search_papers("warm up")
    started = time.process_time()
    search_papers("qwertyish unheardof words " * 5000)
    assert time.process_time() - started < 0.3


def test_forms_of_a_word_meet():
    assert len({stem(word) for word in ("label", "labels", "labeled", "labelled", "labeling", "labelling")}) == 1
    assert len({stem(word) for word in ("vote", "votes", "voted", "voting")}) == 1


def test_accents_and_hyphens_do_not_matter():
    assert words_of("À-la-carte") == words_of("a la carte")


def test_searching_loads_nothing_heavy():
    code = (
        "import sys; from labelwright.catalogue.search import search_papers; search_papers('lazy annotators');"
        "print([m for m in ('numpy', 'scipy', 'sklearn', 'pyarrow', 'torch', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
