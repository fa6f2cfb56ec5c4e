"""The page about many annotators: closed to the network, whole, and with a table beside every picture."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from consensus.vote_worlds import crowd
from labelwright.consensus import AboutVotes, MajorityVote, aggregate
from labelwright.report.aggregation_page import render_aggregation
from labelwright.report.aggregation_view import agreement_words, page_view, summary_of, verdict
from page_check import check_page

ABOUT = AboutVotes("votes.csv", "long table", ("columns: task = 'task'",))


def frame_of(votes, names):
    return pd.DataFrame({
        "task": votes.row, "annotator": [f"a{j}" for j in votes.source], "label": [names[k] for k in votes.value],
    })  # fmt: skip


@pytest.fixture(scope="module")
def result():
    votes, _ = crowd(n=150, accuracy=(0.95, 0.9, 0.85, 0.6, 0.6, 0.6), n_classes=3)
    table = votes.to_matrix()
    table[:, 4] = table[:, 5] = table[:, 3]
    row, source = np.nonzero(table >= 0)
    copied = type(votes)(row, source, table[row, source], 150, 6, 3)
    return aggregate(frame_of(copied, ("red", "green", "blue")))


def page_of(result, about=ABOUT):
    return render_aggregation(result, about, summary_of(result, about))


def test_the_page_asks_nothing_of_any_network_and_runs_no_script(result):
    page = page_of(result)
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=[\"']?(http|//)|<script|@import|url\(", page)


def test_every_element_is_closed_every_link_has_its_target_and_ids_are_unique(result):
    check_page(page_of(result))


def test_every_picture_has_its_numbers_in_a_table(result):
    page = page_of(result)
    assert page.count('class="heat"') == page.count("Expected number of votes") == 3
    assert 'class="histogram"' in page and '<th scope="col">confidence</th>' in page
    spans, rows = page.count('class="span"'), re.findall(r"\d+ to \d+\xa0%", page)
    assert spans == 3 + 6 and len(rows) >= 6


def test_who_gives_the_same_answers_is_said_of_the_work(result):
    page = page_of(result)
    assert "Same answers more often than expected" in page and "harmless reasons" in page
    assert not re.search(r"\b(cheat|spammer|lazy|bad (worker|annotator))", page, re.I)


def test_the_confusion_of_a_source_has_rows_that_sum_to_one(result):
    view = page_view(result, ABOUT, summary_of(result, ABOUT))
    for part in view["confusions"]:
        assert np.allclose(np.array(part["matrix"]).sum(axis=1), 1)
        assert np.isclose(np.sum(part["counts"]), part["n_votes"])


def test_many_classes_are_cut_to_the_most_confused():
    votes, _ = crowd(n=400, n_classes=30, coverage=1.0)
    names = [f"class {k}" for k in range(30)]
    result = aggregate(frame_of(votes, names), method=MajorityVote())
    page = page_of(result)
    assert "the 10 most confused of 30 classes" in page


@pytest.mark.parametrize(
    ("alpha", "words"),
    [(None, "is not known"), ((0.9, 0.85, 0.95), "agree well"), ((0.05, -0.1, 0.2), "more than chance"),
     ((0.5, 0.4, 0.6), "moderately"), ((0.05, 0.01, 0.1), "hardly agree")],
)  # fmt: skip
def test_alpha_is_said_in_words(alpha, words):
    interval = None if alpha is None else dict(zip(("estimate", "low", "high"), alpha, strict=True))
    assert words in agreement_words({"agreement": {"krippendorff_alpha": interval}}, ABOUT)


def test_one_vote_in_all_makes_a_page_too():
    one = aggregate(pd.DataFrame({"task": ["a"], "annotator": ["x"], "label": ["p"]}))
    summary = summary_of(one, ABOUT)
    assert verdict(summary, ABOUT) == "1 task got a label from 1 annotator; none is in doubt."
    assert "is not known" in page_of(one)
