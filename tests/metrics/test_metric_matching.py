"""One-to-one matching, class counts and distances between distributions."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.metrics import confusion_matrix as sklearn_confusion

from labelwright.errors import BadInput
from labelwright.metrics.classification import (
    accuracy,
    balanced_accuracy,
    class_f1,
    class_iou,
    class_precision,
    class_recall,
    confusion_matrix,
    macro_f1,
)
from labelwright.metrics.distances import hellinger, jensen_shannon, kl_divergence, total_variation
from labelwright.metrics.masks import iou
from labelwright.metrics.matching import hungarian, match_above, match_clusters

labels = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_hungarian_finds_the_best_of_all_permutations(seed):
    score = np.random.default_rng(seed).normal(size=(4, 4))
    best = max(sum(score[i, p[i]] for i in range(4)) for p in permutations(range(4)))
    assert_allclose(hungarian(score).total, best)


def test_renamed_classes_are_recovered_exactly():
    truth = np.random.default_rng(0).integers(0, 5, 200)
    names = np.array([3, 0, 4, 1, 2])
    found = match_clusters(names[truth], truth, 5)
    assert_array_equal(found[names], np.arange(5))


def test_pairs_below_the_threshold_stay_alone():
    found = match_above([[0.3, 0.0], [0.0, 0.8]], 0.5)
    assert (found.rows.tolist(), found.columns.tolist(), found.total) == ([1], [1], 0.8)


def test_nothing_to_match_is_no_error():
    assert len(match_above(np.zeros((0, 3)), 0.5).rows) == 0
    assert hungarian(np.zeros((3, 0))).total == 0


@given(labels)
def test_counts_equal_those_of_scikit_learn(pairs):
    truth, guess = np.array(pairs).T
    assert_array_equal(confusion_matrix(truth, guess, 4), sklearn_confusion(truth, guess, labels=range(4)))
    used = np.union1d(truth, guess)
    expected = f1_score(truth, guess, labels=used, average="macro", zero_division=0)
    assert_allclose(macro_f1(truth, guess), expected)
    if 1 < len(np.unique(truth)) == len(used):
        assert_allclose(balanced_accuracy(truth, guess), balanced_accuracy_score(truth, guess))


def test_rows_are_truth_and_columns_predictions():
    assert confusion_matrix([0], [1], 2).tolist() == [[0, 1], [0, 0]]


def test_swapping_truth_and_prediction_transposes():
    a, b = np.random.default_rng(0).integers(0, 3, (2, 50))
    assert_array_equal(confusion_matrix(a, b, 3), confusion_matrix(b, a, 3).T)
    assert_array_equal(class_recall(confusion_matrix(a, b, 3)), class_precision(confusion_matrix(b, a, 3)))


def test_class_iou_is_f1_over_two_minus_f1_and_that_of_the_masks():
    a, b = np.random.default_rng(0).integers(0, 3, (2, 50))
    table = confusion_matrix(a, b, 3)
    assert_allclose(class_iou(table), class_f1(table) / (2 - class_f1(table)))
    assert_allclose(class_iou(table), [iou(a == k, b == k) for k in range(3)])


def test_unknown_rows_are_not_counted():
    assert confusion_matrix([0, -1, 1], [0, 0, -1], 2).sum() == 1
    assert accuracy([0, -1], [0, 0]) == 1.0
    assert np.isnan(accuracy([-1], [0]))


@pytest.mark.parametrize("bad", [["a"], [0.5], [np.nan], [[0]], np.array(["1"]), np.array(["1"], dtype=object), [None]])
def test_labels_that_are_no_class_numbers_are_refused(bad):
    with pytest.raises(BadInput, match="truth"):
        accuracy(bad, [0])


def test_a_class_beyond_the_last_is_refused_by_row():
    with pytest.raises(BadInput, match="row 1: truth holds 5 but there are 2 classes"):
        confusion_matrix([0, 5], [0, 0], 2)


def test_a_table_of_absurd_size_is_refused_and_not_allocated():
    with pytest.raises(BadInput, match="too large"):
        confusion_matrix([10**6], [0])


def test_distances_vanish_for_equal_distributions_and_peak_for_disjoint_ones():
    p, q = np.array([0.5, 0.5, 0]), np.array([0, 0, 1.0])
    for distance, top in ((total_variation, 1), (jensen_shannon, np.log(2)), (hellinger, 1), (kl_divergence, np.inf)):
        assert distance(p, p) == 0
        assert_allclose(distance(p, q), top)


def test_distances_keep_their_known_order():
    p, q = np.random.default_rng(0).dirichlet(np.ones(5), (2, 100))
    tv, h = total_variation(p, q), hellinger(p, q)
    assert ((h**2 <= tv + 1e-12) & (tv <= np.sqrt(2) * h + 1e-12)).all()
    assert (2 * tv**2 <= kl_divergence(p, q) + 1e-12).all()


def test_what_is_no_distribution_is_refused():
    with pytest.raises(BadInput, match="q is not a distribution"):
        total_variation([1.0, 0.0], [0.5, 0.6])
    with pytest.raises(BadInput, match="shapes"):
        total_variation([1.0], [0.5, 0.5])
