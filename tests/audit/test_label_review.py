"""A review of test labels: what to look at, what votes decide, and the share of wrong labels [P016]."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.audit import error_prevalence, flag_candidates, resolve_review_votes
from labelwright.errors import BadInput


@pytest.mark.parametrize(
    ("votes", "outcome"),
    [
        ([3, 2, 0, 0], 0),
        ([2, 3, 0, 0], 1),
        ([0, 2, 3, 0], 2),
        ([1, 1, 0, 3], 3),
        ([2, 2, 1, 0], 4),
        ([2, 0, 0, 0], 0),
        ([1, 1, 0, 0], 4),
    ],
)
def test_the_majority_of_the_reviewers_decides(votes, outcome):
    assert resolve_review_votes([votes]).tolist() == [outcome]


def test_the_published_prevalence_of_cifar_10_comes_out():
    assert error_prevalence(10_000, 275, 275, 54).estimate == 0.0054


def test_a_sample_of_the_flags_has_an_interval_and_all_of_them_none():
    sample, whole = error_prevalence(1000, 200, 20, 10), error_prevalence(1000, 200, 200, 100)
    assert sample.estimate == whole.estimate == 0.1
    assert sample.low < 0.1 < sample.high and whole.low == whole.high == 0.1


def test_a_guess_is_another_class_and_sure_where_it_can_be():
    probs = np.array([[0.9, 0.1, 0.0]] * 4 + [[0.1, 0.8, 0.1]] * 4 + [[0.0, 0.2, 0.8]] * 4)
    labels = np.repeat([0, 1, 2], 4)
    labels[0], probs[0] = 2, [0.95, 0.03, 0.02]
    found = flag_candidates(labels, probs)
    assert 0 in found.rows
    assert found.guessed[found.rows == 0].tolist() == [0]
    assert (found.guessed != labels[found.rows]).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: resolve_review_votes([[1, 2]]), "given, guessed, both and neither"),
        (lambda: resolve_review_votes([[0, 0, 0, 0]]), "has no vote"),
        (lambda: resolve_review_votes([[-1, 0, 0, 2]]), "counts"),
        (lambda: error_prevalence(10, 5, 6, 1), "must fall"),
    ],
)
def test_bad_input_is_one_clear_line(call, words):
    with pytest.raises(BadInput, match=words):
        call()
