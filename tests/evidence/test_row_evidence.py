"""Row likelihoods: every line of the table, and its identities."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.evidence import CandidateNoise, Candidates, Hard, Soft, Taxonomy

T = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
INF = np.inf


def test_a_trusted_label_allows_its_class_only():
    assert_array_equal(Hard([1], 3).log_likelihood(), [[-INF, 0, -INF]])


def test_a_noisy_label_reads_its_column_of_the_transition_matrix():
    assert_allclose(Hard([2, 0], 3).log_likelihood(T), np.log([T[:, 2], T[:, 0]]))


def test_an_unlabelled_row_says_nothing():
    assert_array_equal(Hard([-1], 3).log_likelihood(T), [[0, 0, 0]])


def test_one_transition_matrix_a_row_is_read_row_by_row():
    each = np.stack([T, np.eye(3) * 0.9 + 0.1 / 3])
    each[1] /= each[1].sum(axis=1, keepdims=True)
    got = Hard([2, 0], 3).log_likelihood(each, rows=[1])
    assert_allclose(got, np.log([each[1][:, 0]]))


def test_an_identity_transition_is_trust():
    labels = Hard([0, 2, -1], 3)
    assert_array_equal(labels.log_likelihood(np.eye(3)), labels.log_likelihood())


def test_a_posterior_label_is_divided_by_the_prior_it_was_formed_under():
    got = Soft([[0.2, 0.8]], prior=[0.5, 0.5]).log_likelihood()
    assert_allclose(got, np.log([[0.4, 1.6]]), rtol=1e-6)


def test_an_all_zero_distribution_says_nothing():
    assert_array_equal(Soft([[0.0, 0.0]]).log_likelihood(), [[0, 0]])


def test_shares_of_one_vote_equal_the_noisy_label():
    shares = Soft(np.eye(3)[[2, 0]], n_votes=[1, 1])
    assert_allclose(shares.log_likelihood(T), Hard([2, 0], 3).log_likelihood(T))


def test_vote_shares_multiply_out_to_the_votes():
    got = Soft([[0.75, 0.25, 0.0]], n_votes=[4]).log_likelihood(T)
    assert_allclose(got, [3 * np.log(T[:, 0]) + np.log(T[:, 1])], rtol=1e-6)


def test_shares_of_trusted_votes_rule_out_every_other_class():
    assert_array_equal(Soft([[1.0, 0.0]], n_votes=[3]).log_likelihood(), [[0, -INF]])


def test_a_clean_candidate_set_is_flat_on_its_candidates():
    assert_array_equal(Candidates.from_sets([[0, 2]], 3).log_likelihood(), [[0, -INF, 0]])


def test_a_noisy_candidate_set_lowers_the_others_by_the_odds_of_a_miss():
    eta, q = 0.1, 0.3
    got = Candidates.from_sets([[0, 2]], 3).log_likelihood(CandidateNoise(eta, q))
    assert_allclose(got, [[0, np.log(eta * q / ((1 - eta) * (1 - q))), 0]])


def test_the_product_form_adds_the_columns_of_the_listed_classes():
    got = Candidates.from_sets([[0, 2], [1]], 3).log_likelihood(T)
    assert_allclose(got, [np.log(T[:, 0] * T[:, 2]), np.log(T[:, 1])])


def test_a_single_candidate_in_product_form_is_a_noisy_label():
    assert_allclose(Candidates.from_sets([[2], [0]], 3).log_likelihood(T), Hard([2, 0], 3).log_likelihood(T))


def test_all_candidates_say_nothing():
    assert_array_equal(Candidates.from_sets([[0, 1, 2]], 3).log_likelihood(), [[0, 0, 0]])


def test_a_complementary_label_rules_its_class_out():
    assert_array_equal(Candidates.complementary([1, -1], 3).log_likelihood(), [[0, -INF, 0], [0, 0, 0]])


def test_a_noisy_complementary_label_reads_its_own_matrix():
    t_bar = np.array([[0.1, 0.5, 0.4], [0.5, 0.1, 0.4], [0.4, 0.5, 0.1]])
    got = Candidates.complementary([1], 3).log_likelihood(t_bar)
    assert_allclose(got, [np.log(t_bar[:, 1])])


def test_complement_and_candidates_of_the_rest_agree():
    excluded, listed = Candidates.from_sets([[0, 1]], 4, excluded=True), Candidates.from_sets([[2, 3]], 4)
    assert_array_equal(excluded.log_likelihood(), listed.log_likelihood())


def test_an_interval_of_ordered_classes_keeps_the_classes_between():
    got = Candidates.between([1, -INF], [2, 0], 4).mask()
    assert_array_equal(got, [[False, True, True, False], [True, False, False, False]])


TREE = Taxonomy.from_mapping({"cat": "animal", "dog": "animal", "rose": "plant"})


def test_a_coarse_label_keeps_the_leaves_below_it():
    got = Candidates.coarse(TREE.encode(["animal", "plant", None, "dog"]), TREE).mask()
    assert_array_equal(got, [[1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 1, 0]])


def test_a_noisy_coarse_label_reads_the_confusion_of_parents():
    nodes = TREE.at_level(0)
    wrong = np.array([[0.9, 0.1], [0.2, 0.8]])
    got = Hard([1], 2).log_likelihood(TREE.transition(nodes, wrong))
    assert_allclose(got, [np.log([0.1, 0.1, 0.8])])


def test_an_object_that_holds_a_matrix_serves_as_noise():
    assert_allclose(Hard([2], 3).log_likelihood(SimpleNamespace(matrix=T)), np.log([T[:, 2]]))


def test_eps_lets_an_impossible_class_live_at_its_share():
    got = Hard([0], 2).log_likelihood(eps=0.1)
    assert_allclose(got, np.log([[0.9 + 0.05, 0.05]]))


def test_contradictory_evidence_names_its_row():
    with pytest.raises(BadInput, match=r"row 1: the evidence contradicts itself in 1 rows"):
        Candidates.from_sets([[], [0, 1]], 2, excluded=True).log_likelihood()


def test_contradictory_evidence_is_named_by_its_own_row_after_slicing():
    with pytest.raises(BadInput, match="row 3:"):
        Candidates.from_sets([[], [], [], [0, 1]], 2, excluded=True).log_likelihood(rows=[0, 3])


def test_eps_forgives_contradictory_evidence():
    got = Candidates.from_sets([[0, 1]], 2, excluded=True).log_likelihood(eps=1e-3)
    assert_allclose(got, np.full((1, 2), np.log(5e-4)))


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(4)), st.integers(0, 1000))
def test_renaming_classes_renames_the_likelihood(order, seed):
    rng = np.random.default_rng(seed)
    order = np.array(order)
    place = np.argsort(order)  # class k becomes place[k]
    noise = rng.dirichlet(np.ones(4), size=4)
    labels = rng.integers(-1, 4, size=6)
    renamed = np.where(labels < 0, -1, place[labels])
    moved = noise[np.ix_(order, order)]
    assert_allclose(Hard(renamed, 4).log_likelihood(moved), Hard(labels, 4).log_likelihood(noise)[:, order])
    mask = rng.random((6, 4)) < 0.5
    mask[:, 0] |= ~mask.any(axis=1)
    listed, back = Candidates.from_mask(mask), Candidates.from_mask(mask[:, order])
    assert_allclose(back.log_likelihood(moved), listed.log_likelihood(noise)[:, order])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Hard([3], 3), "label 3 is outside -1..2"),
        (lambda: Hard([0.5], 3), "not whole numbers"),
        (lambda: Hard([np.nan], 3), "cannot be read as int32|not whole numbers"),
        (lambda: Hard([["a"]], 3), "cannot be read as int32"),
        (lambda: Hard([[0]], 3), "2 dimensions, 1 expected"),
        (lambda: Hard([0], 0), "n_classes is 0"),
        (lambda: Hard([2**40], 3), "cannot be read as int32|not whole numbers"),
        (lambda: Soft([[0.5, 0.4]]), "row 0: the probabilities sum to 0.9"),
        (lambda: Soft([[np.nan, 1.0]]), "row 0"),
        (lambda: Soft([[1.5, -0.5]]), "row 0"),
        (lambda: Soft([[0.5, 0.5]], prior=[1.0, 0.0]), "one positive probability a class"),
        (lambda: Soft([[0.5, 0.5]], prior=[0.5, 0.5], n_votes=[1]), "a prior and numbers of votes"),
        (lambda: Candidates.from_sets([[0], []], 2), "row 1: 1 rows have no candidate"),
        (lambda: Candidates.from_sets([[2]], 2), "class 2 is outside 0..1"),
        (lambda: Candidates.from_mask([[0, 2]]), "no table of 0 and 1"),
        (lambda: CandidateNoise(0.0, 0.5), "in \\(0, 1\\)"),
        (lambda: Hard([0], 3).log_likelihood(T.T), "do not sum to 1"),
        (lambda: Hard([0], 3).log_likelihood("noise"), "noise is no table of numbers"),
        (lambda: Hard([0], 2).log_likelihood(T), "3 columns, the labels 2 classes"),
        (lambda: Hard([0], 3).log_likelihood(rows=[5]), "row 5 is outside the 1 rows"),
        (lambda: Hard([0], 3).log_likelihood(eps=1.0), "eps is 1.0"),
        (lambda: Soft([[0.5, 0.5]]).log_likelihood(np.eye(2)), "takes no noise"),
    ],
)
def test_bad_input_is_one_clear_line(make, message):
    with pytest.raises(BadInput, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_duplicate_candidates_count_once():
    assert Candidates.from_sets([[1, 0, 1]], 3) == Candidates.from_sets([[0, 1]], 3)


def test_arrays_are_frozen_and_copied():
    labels = np.array([0, 1])
    evidence = Hard(labels, 2)
    labels[0] = 1
    assert evidence.labels[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        evidence.labels[0] = 1
