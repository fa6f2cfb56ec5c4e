"""Metrics of tags and of candidate sets."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import average_precision_score, f1_score

from labelwright.errors import BadInput
from labelwright.metrics import (
    best_threshold_f1,
    candidate_coverage,
    class_average_precision,
    disambiguation_accuracy,
    mean_average_precision,
    mean_set_size,
    propensity_error,
    shot_average_precision,
    tag_f1,
)

RNG = np.random.default_rng(0)
TRUTH = RNG.random((40, 5)) < np.array([0.5, 0.3, 0.2, 0.1, 0.0])
SCORES = RNG.random((40, 5)).round(1)


def test_a_class_without_positives_is_skipped():
    each = class_average_precision(TRUTH, SCORES)
    assert np.isnan(each[4])
    expected = [average_precision_score(TRUTH[:, k], SCORES[:, k]) for k in range(4)]
    assert_allclose(each[:4], expected)
    assert_allclose(mean_average_precision(TRUTH, SCORES), np.mean(expected))


def test_groups_of_classes_share_out_the_total():
    found = shot_average_precision(TRUTH, SCORES, counts=[500, 50, 5, 5, 5])
    each = class_average_precision(TRUTH, SCORES)
    assert_allclose([found.many, found.medium, found.few], [each[0], each[1], each[2:4].mean()])
    assert_allclose(found.total, each[:4].mean())


def test_overall_f1_is_scikit_learns_micro_average():
    assert_allclose(tag_f1(TRUTH, SCORES > 0.5).overall, f1_score(TRUTH, SCORES > 0.5, average="micro"))


def test_the_best_threshold_is_the_best_of_all():
    f1, threshold = best_threshold_f1(TRUTH, SCORES)
    every = [tag_f1(TRUTH, t <= SCORES).overall for t in np.unique(SCORES)]
    assert_allclose([f1, tag_f1(TRUTH, threshold <= SCORES).overall], max(every))


def test_nothing_true_gives_nan():
    nothing = np.zeros((3, 2), dtype=bool)
    scores = np.ones((3, 2))
    assert np.isnan(mean_average_precision(nothing, scores))
    assert np.isnan(tag_f1(nothing, ~nothing).overall) and np.isnan(best_threshold_f1(nothing, scores)[0])


def test_unknown_truth_counts_nowhere_in_candidate_sets():
    sets = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    assert candidate_coverage(sets, [0, 0, -1]) == 0.5
    assert disambiguation_accuracy(sets.astype(float), [0, 0, -1]) == 0.5
    assert disambiguation_accuracy(sets.astype(float), [0, 0, -1], rows=[True, False, False]) == 1.0
    assert mean_set_size(sets) == pytest.approx(4 / 3)


def test_empty_tables_give_nan():
    assert np.isnan(candidate_coverage(np.zeros((0, 2)), [])) and np.isnan(mean_set_size(np.zeros((0, 2))))
    assert np.isnan(propensity_error([], []))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(BadInput):
        mean_average_precision(TRUTH, SCORES[:, :3])
    with pytest.raises(BadInput):
        propensity_error([0.5], [1.5])
