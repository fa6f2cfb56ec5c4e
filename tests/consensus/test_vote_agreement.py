"""Agreement of annotators: three coefficients and who gives the same answers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from consensus.vote_worlds import crowd, full
from labelwright.consensus import vote_agreement, warned_pairs
from labelwright.evidence import Votes
from labelwright.metrics import cohen_kappa, fleiss_kappa, krippendorff_alpha


def test_two_annotators_have_the_kappa_of_the_two():
    votes, _ = crowd(n=200, accuracy=(0.8, 0.7))
    table = votes.to_matrix()
    both = (table >= 0).all(axis=1)
    found = vote_agreement(votes)
    assert_allclose(found.cohen.estimate, cohen_kappa(table[both, 0], table[both, 1]))
    assert found.n_pairs == 1 and found.n_tasks == both.sum()
    assert found.cohen.low < found.cohen.estimate < found.cohen.high


def test_complete_votes_have_fleiss_kappa_and_alpha_of_the_tables():
    votes = full(n=100)
    found = vote_agreement(votes)
    assert_allclose(found.fleiss.estimate, fleiss_kappa(votes.counts()))
    assert_allclose(found.alpha.estimate, krippendorff_alpha(votes.row, votes.value))


def test_the_mean_over_pairs_is_weighted_by_shared_rows():
    votes, _ = crowd(n=150, accuracy=(0.9, 0.7, 0.6))
    table = votes.to_matrix()
    kappas, shared = [], []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = (table[:, [a, b]] >= 0).all(axis=1)
        kappas.append(cohen_kappa(table[both, a], table[both, b]))
        shared.append(both.sum())
    assert_allclose(vote_agreement(votes).cohen.estimate, np.average(kappas, weights=shared))


def test_a_second_vote_of_the_same_annotator_is_no_agreement():
    votes = Votes([0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], 2, 2, 2)
    found = vote_agreement(votes)
    assert found.n_tasks == 0 and np.isnan(found.alpha.estimate)


@pytest.mark.parametrize("value", [[0, 0], [0, 1]])
def test_one_shared_task_gives_no_warning_and_no_pair(value):
    found = vote_agreement(Votes([0, 0], [0, 1], value, 1, 2, 2))
    assert found.n_tasks == 1 and found.n_pairs == 0


def test_colluders_are_warned_about_and_independent_annotators_are_not():
    votes, _ = crowd(n=300, accuracy=(0.9, 0.8, 0.85, 0.7, 0.75, 0.6, 0.6, 0.6), n_classes=3)
    assert warned_pairs(votes) == ()
    table = votes.to_matrix()
    table[:, 6] = table[:, 7] = table[:, 5]
    found = {(pair.first, pair.second) for pair in warned_pairs(Votes.from_matrix(table, 3))}
    assert found == {(5, 6), (5, 7), (6, 7)}
