"""Candidate sets, complementary labels, positive-unlabelled data and tags."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix

from labelwright.errors import BadInput
from labelwright.noise.simulate_partial import (
    class_dependent_candidates,
    complementary_labels,
    instance_dependent_candidates,
    noisy_candidates,
    uniform_candidates,
)
from labelwright.noise.simulate_positive import label_at_random, label_by_features, label_by_propensity
from labelwright.noise.simulate_tags import as_tags, flipped_tags, forgotten_tags, missing_tags, single_positive
from labelwright.noise.transition import TransitionMatrix

N, K = 20_000, 6
Y = np.random.default_rng(0).integers(0, K, N)
PROBS = np.random.default_rng(1).dirichlet(np.ones(K), N)
TAGS = np.random.default_rng(2).random((N, K)) < 0.3


def _truth_in(found):
    return np.asarray(found.candidates[np.arange(N), Y]).ravel()


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.3, 1.0])
def test_uniform_sets_hold_the_truth_and_wrong_classes_at_their_rate(rate):
    found = uniform_candidates(Y, rate, K, seed=0)
    assert _truth_in(found).all()
    assert found.realised_rate == (found.candidates.nnz - N) / (N * (K - 1))
    assert abs(found.realised_rate - rate) <= 4.5 * np.sqrt(rate * (1 - rate) / (N * (K - 1)))


def test_uniform_sets_treat_all_wrong_classes_alike():
    found = uniform_candidates(Y, 0.1, K, seed=0).candidates[Y == 2].mean(axis=0)
    assert_allclose(np.delete(np.asarray(found).ravel(), 2), 0.1, atol=0.03)


def test_changed_rows_are_those_with_more_than_the_truth():
    found = uniform_candidates(Y, 0.05, K, seed=0)
    assert_array_equal(found.changed, np.flatnonzero(np.diff(found.candidates.indptr) > 1))


def test_an_unknown_truth_makes_every_class_a_candidate():
    found = uniform_candidates([-1, 1], 0.0, 3, seed=0)
    assert_array_equal(found.candidates.toarray(), [[1, 1, 1], [0, 1, 0]])
    assert found.realised_rate == 0.0


def test_class_dependent_sets_follow_their_table():
    table = np.array([[0.9, 1.0, 0.0], [0.2, 0.0, 0.5], [0.0, 0.0, 0.3]])
    y = np.repeat([0, 1, 2], 20_000)
    found = class_dependent_candidates(y, table, seed=0)
    dense = found.candidates.toarray()
    for k in range(3):
        expected = table[k].copy()
        expected[k] = 1
        assert_allclose(dense[y == k].mean(axis=0), expected, atol=0.02)
    assert found.requested_rate == pytest.approx((1.0 + 0.2 + 0.5) / 6)


def test_instance_dependent_sets_prefer_what_the_model_finds_likely():
    found = instance_dependent_candidates(Y, PROBS, 0.3, seed=0)
    assert _truth_in(found).all()
    wrong = np.arange(K) != Y[:, None]
    chosen = found.candidates.toarray() & wrong
    assert PROBS[chosen].mean() > 1.5 * PROBS[wrong & ~chosen].mean()
    assert abs(found.realised_rate - found.requested_rate) < 0.005
    assert found.requested_rate <= 0.3


def test_a_uniform_model_makes_uniform_sets():
    found = instance_dependent_candidates(Y, np.full((N, K), 1 / K), 0.3, seed=0)
    assert found.requested_rate == pytest.approx(0.3)


def test_noisy_sets_miss_the_truth_at_their_rate_and_are_never_empty():
    clean = uniform_candidates(Y, 0.2, K, seed=0)
    found = noisy_candidates(clean, Y, 0.25, seed=1)
    missed = ~_truth_in(found)
    assert found.realised_rate == missed.mean()
    assert abs(missed.mean() - 0.25) < 0.015
    sizes, before = np.diff(found.candidates.indptr), np.diff(clean.candidates.indptr)
    full = missed & (before == K)
    assert_array_equal(sizes, before - full)
    assert sizes.min() >= 1


def test_no_noise_leaves_the_sets_alone():
    clean = uniform_candidates(Y, 0.2, K, seed=0)
    assert (noisy_candidates(clean, Y, 0.0, seed=1).candidates != clean.candidates).nnz == 0


def test_sets_that_miss_their_truth_cannot_be_made_noisy():
    clean = uniform_candidates([0, 1], 0.0, 3, seed=0)
    with pytest.raises(BadInput, match="does not hold its truth"):
        noisy_candidates(clean, [1, 1], 0.5, seed=0)


def test_columns_of_a_set_rise_and_never_repeat():
    found = noisy_candidates(uniform_candidates(Y, 0.4, K, seed=0), Y, 0.5, seed=0).candidates
    for row in range(200):
        assert (np.diff(found[row].indices) > 0).all()


def test_complementary_labels_never_name_the_truth_and_name_the_others_evenly():
    found = complementary_labels(Y, K, seed=0)
    assert (found.labels != Y).all()
    assert (found.realised_rate, found.requested_rate) == (0.0, 0.0)
    assert_allclose(np.bincount(found.labels[Y == 0], minlength=K)[1:] / (Y == 0).sum(), 1 / (K - 1), atol=0.03)


def test_noisy_complementary_labels_record_how_often_they_name_the_truth():
    found = complementary_labels(Y, K, seed=0, transition=TransitionMatrix.symmetric(0.9, K))
    assert found.requested_rate == pytest.approx(0.1)
    assert found.realised_rate == (found.labels == Y).mean()


def test_positives_labelled_at_random_keep_their_share():
    positive = Y < 3
    found = label_at_random(positive, 0.3, seed=0)
    assert not (found.labeled & ~positive).any()
    assert found.realised_rate == found.labeled.sum() / positive.sum()
    assert abs(found.realised_rate - 0.3) < 0.02
    assert_array_equal(found.changed, np.flatnonzero(positive & ~found.labeled))


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_certain_propensities_are_exact(rate):
    assert_array_equal(label_at_random(Y < 3, rate, seed=0).labeled, (Y < 3) & (rate == 1))


def test_propensity_by_features_has_its_closed_form():
    x = np.array([[0.0, 5.0], [1.0, 6.0], [0.5, 5.5]])
    found = label_by_features([1, 1, 1], x, seed=0)
    assert_allclose(found.propensity, [0.2, 0.8, 0.5])


def test_labels_by_features_grow_with_the_features():
    x = np.random.default_rng(0).random((N, 1))
    found = label_by_features(np.ones(N), x, seed=0)
    high = x[:, 0] > 0.5
    assert found.labeled[high].mean() > found.labeled[~high].mean() + 0.2
    assert abs(found.realised_rate - found.requested_rate) < 0.02


def test_a_constant_feature_does_not_matter():
    assert_allclose(label_by_features([1, 1], [[3.0], [3.0]], seed=0).propensity, 0.5)


def test_propensities_given_are_used():
    positive = np.ones(N)
    found = label_by_propensity(positive, (Y % 2).astype(float), seed=0)
    assert_array_equal(found.labeled, Y % 2 == 1)


def test_one_positive_stays_and_it_is_a_true_one():
    found = single_positive(TAGS, seed=0)
    assert_array_equal((found.tags == 1).sum(axis=1), TAGS.any(axis=1))
    assert TAGS[found.tags == 1].all()
    assert not (found.tags < 0).any()


def test_each_positive_is_kept_equally_often():
    found = single_positive(np.tile([1, 0, 1, 1], (30_000, 1)), seed=0)
    assert_allclose((found.tags == 1).mean(axis=0), [1 / 3, 0, 1 / 3, 1 / 3], atol=0.015)


def test_missing_tags_become_unknown_and_never_wrong():
    found = missing_tags(TAGS, 0.4, seed=0)
    known = found.tags != 0
    assert_array_equal(found.tags[known] > 0, TAGS[known])
    assert found.realised_rate == (~known).mean()
    assert abs(found.realised_rate - 0.4) < 0.01


def test_forgotten_tags_touch_positives_only():
    found = forgotten_tags(TAGS, 0.25, seed=0)
    assert (found.tags[~TAGS] == -1).all()
    assert found.realised_rate == (found.tags[TAGS] == -1).mean()


def test_flipping_twice_with_certainty_restores_the_tags():
    once = flipped_tags(TAGS, 1.0, seed=0)
    assert_array_equal(flipped_tags(once.tags, 1.0, seed=1).tags, as_tags(TAGS))
    assert once.realised_rate == 1.0


def test_flipped_tags_have_their_rate():
    found = flipped_tags(TAGS, 0.1, seed=0)
    assert found.realised_rate == (found.tags != as_tags(TAGS)).mean()
    assert abs(found.realised_rate - 0.1) < 0.005
    assert_array_equal(found.changed, np.flatnonzero((found.tags != as_tags(TAGS)).any(axis=1)))


def test_unknown_tags_stay_unknown():
    tags = np.array([[1, 0, -1]], dtype=np.int8)
    assert flipped_tags(tags, 1.0, seed=0).tags.tolist() == [[-1, 0, 1]]


def test_sparse_tags_say_what_dense_ones_say():
    assert_array_equal(as_tags(csr_matrix(TAGS)), as_tags(TAGS))


@pytest.mark.parametrize("make", [single_positive, lambda t, seed: missing_tags(t, 0.5, seed)])
def test_the_same_seed_gives_the_same_tags(make):
    assert_array_equal(make(TAGS, 3).tags, make(TAGS, 3).tags)


def test_rate_zero_changes_no_tag():
    for make in (missing_tags, forgotten_tags, flipped_tags):
        found = make(TAGS, 0.0, 0)
        assert (len(found.changed), found.realised_rate) == (0, 0.0)


def test_wrong_arguments_are_named():
    with pytest.raises(BadInput, match="rate is '2'"):
        uniform_candidates([0], 2, 3, 0)
    with pytest.raises(BadInput, match="labels holds 3"):
        uniform_candidates([3], 0.1, 3, 0)
    with pytest.raises(BadInput, match="square table"):
        class_dependent_candidates([0], [[0.5, 2.0], [0, 0]], 0)
    with pytest.raises(BadInput, match="labels has 1 rows but pred_probs has 2"):
        instance_dependent_candidates([0], [[0.5, 0.5], [1, 0]], 0.1, 0)
    with pytest.raises(BadInput, match="tags must be"):
        flipped_tags([[1, 2]], 0.1, 0)
    with pytest.raises(BadInput, match="int8"):
        flipped_tags([[1, -1]], 0.1, 0)
    with pytest.raises(BadInput, match="only true and false"):
        label_at_random([0, 3], 0.5, 0)
    with pytest.raises(BadInput, match="propensity"):
        label_by_propensity([1], [1.5], 0)


def test_a_million_candidate_sets_take_about_a_second():
    y = np.random.default_rng(0).integers(0, 10, 1_000_000)
    start = time.process_time()
    found = uniform_candidates(y, 0.1, 10, seed=0)
    assert time.process_time() - start < 4
    assert abs(found.realised_rate - 0.1) < 0.001
