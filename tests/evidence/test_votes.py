"""Votes: sums of log-confusions over sources."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.evidence import Hard, Votes, one_coin, posterior

TABLE = np.array([[0, 1, -1], [2, -1, -1], [-1, -1, -1], [1, 1, 0]])
RNG = np.random.default_rng(0)
CONFUSION = RNG.dirichlet(np.ones(3) * 2, size=(3, 3))


def test_the_likelihood_adds_the_log_confusions_of_the_voters():
    got = Votes.from_matrix(TABLE, 3).log_likelihood(CONFUSION)
    by_hand = np.array(
        [sum(np.log(CONFUSION[a, :, v]) for a, v in enumerate(row) if v >= 0) for row in TABLE[[0, 1, 3]]]
    )
    assert_allclose(got[[0, 1, 3]], by_hand)
    assert_array_equal(got[2], 0)


def test_one_matrix_for_all_sources_equals_its_copies():
    votes = Votes.from_matrix(TABLE, 3)
    assert_allclose(votes.log_likelihood(CONFUSION[0]), votes.log_likelihood(np.repeat(CONFUSION[:1], 3, axis=0)))


def test_a_single_source_is_a_noisy_label():
    votes = Votes.from_matrix([[0], [2], [-1]], 3)
    assert_allclose(votes.log_likelihood(CONFUSION[:1]), Hard([0, 2, -1], 3).log_likelihood(CONFUSION[0]))


def test_weights_multiply_log_likelihoods():
    votes = Votes([0, 0], [0, 1], [1, 2], 1, 2, 3, weight=[2.0, 0.5])
    expected = 2 * np.log(CONFUSION[0, :, 1]) + 0.5 * np.log(CONFUSION[1, :, 2])
    assert_allclose(votes.log_likelihood(CONFUSION[:2]), [expected])


def test_a_vote_of_weight_zero_is_silent_even_where_it_is_impossible():
    votes = Votes([0, 0], [0, 1], [0, 1], 1, 2, 2, weight=[1.0, 0.0])
    assert_array_equal(votes.log_likelihood(), [[0, -np.inf]])


def test_abstentions_speak_when_their_column_is_given():
    table = np.array([[[0.6, 0.1, 0.3], [0.1, 0.8, 0.1]]])
    votes = Votes([0], [0], [-1], 1, 1, 2)
    assert_allclose(votes.log_likelihood(table), np.log([[0.3, 0.1]]))
    assert_array_equal(votes.log_likelihood(one_coin([0.8], 2)), [[0, 0]])


def test_trusted_votes_that_differ_contradict_and_name_the_row():
    with pytest.raises(BadInput, match="row 0: the evidence contradicts itself in 2 rows"):
        Votes.from_matrix(TABLE, 3).log_likelihood()


def test_the_order_of_votes_does_not_matter():
    votes = Votes.from_matrix(TABLE, 3)
    mixed = np.random.default_rng(1).permutation(len(votes.row))
    assert Votes(votes.row[mixed], votes.source[mixed], votes.value[mixed], 4, 3, 3) == votes


def test_the_table_comes_back():
    assert_array_equal(Votes.from_matrix(TABLE, 3).to_matrix(), TABLE)


def test_counts_add_weights():
    votes = Votes([1, 1, 0], [0, 1, 0], [2, 2, -1], 2, 2, 3, weight=[1.0, 0.5, 9.0])
    assert_array_equal(votes.counts(), [[0, 0, 0], [0, 0, 1.5]])


def test_slicing_keeps_the_votes_of_the_rows_in_their_new_order():
    votes = Votes.from_matrix(TABLE, 3)
    assert_array_equal(votes.take([3, 0]).to_matrix(), TABLE[[3, 0]])
    assert_array_equal(votes.log_likelihood(CONFUSION, rows=[3, 0]), votes.take([3, 0]).log_likelihood(CONFUSION))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2), max_size=8), st.integers(0, 2), st.floats(0.34, 0.99))
def test_another_vote_for_a_class_never_lowers_its_posterior(said, extra, accuracy):
    prior = np.log([[0.2, 0.5, 0.3]])

    def q(values):
        votes = Votes(np.zeros(len(values), int), np.arange(len(values)), values, 1, max(len(values), 1), 3)
        return posterior(prior, votes, one_coin(accuracy, 3)[0]).q[0, extra]

    assert q([*said, extra]) >= q(said) - 1e-12


def test_equal_sources_and_a_flat_prior_make_the_majority_win():
    votes = Votes.from_matrix(np.random.default_rng(2).integers(0, 3, size=(50, 5)), 3)
    q = posterior(np.full((50, 3), np.log(1 / 3)), votes, one_coin(0.6, 3)[0]).q
    counts = votes.counts()
    best = counts == counts.max(axis=1, keepdims=True)
    assert best[np.arange(50), q.argmax(axis=1)].all()


def test_real_votes_keep_their_values_and_have_no_class_likelihood():
    votes = Votes([0], [0], [2.5], 1, 1, None)
    assert votes.value.dtype == np.float64
    with pytest.raises(BadInput, match="real-valued votes have no classes"):
        votes.log_likelihood()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_rows": None}, "n_rows is 'None'"),
        ({"row": [5]}, "row 5 is outside 0..1"),
        ({"source": [3]}, "source 3 is outside"),
        ({"value": [9]}, "vote 9 is outside -1..1"),
        ({"weight": [-1.0]}, "a weight is negative"),
        ({"weight": [np.nan]}, "a weight is negative, NaN"),
        ({"seconds": [1.0, 2.0]}, "seconds has 2 entries, row 1"),
    ],
)
def test_bad_votes_are_one_clear_line(change, message):
    given_ = {"row": [0], "source": [0], "value": [1], "n_rows": 2, "n_sources": 1, "n_classes": 2} | change
    with pytest.raises(BadInput, match=message):
        Votes(**given_)


def test_confusions_of_the_wrong_number_of_sources_are_refused():
    with pytest.raises(BadInput, match=r"pass \(3, K, 3\)"):
        Votes.from_matrix(TABLE, 3).log_likelihood(CONFUSION[:2])
