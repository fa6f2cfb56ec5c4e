"""Ranking scores and flags against the truth."""

from __future__ import annotations

import time
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import average_precision_score, roc_auc_score

from labelwright.errors import BadInput
from labelwright.metrics.ranking import (
    auroc,
    average_precision,
    error_detection,
    lift_at,
    precision_at,
    precision_at_truth,
    precision_recall_curve,
    precision_recall_f1,
    recall_at,
)

ranked = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=25).filter(
    lambda rows: len({positive for positive, _ in rows}) == 2
)


@given(ranked)
def test_scores_with_ties_equal_those_of_scikit_learn(rows):
    truth, score = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=float)
    assert_allclose(average_precision(truth, score), average_precision_score(truth, score), atol=1e-12)
    assert_allclose(auroc(truth, score), roc_auc_score(truth, score), atol=1e-12)


@given(ranked)
def test_reversing_the_score_mirrors_auroc(rows):
    truth, score = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=float)
    assert_allclose(auroc(truth, score) + auroc(truth, -score), 1, atol=1e-12)


def test_auroc_counts_pairs():
    rng = np.random.default_rng(0)
    truth, score = rng.random(60) < 0.4, rng.integers(0, 6, 60).astype(float)
    pairs = score[truth][:, None] - score[~truth][None]
    assert_allclose(auroc(truth, score), ((pairs > 0) + 0.5 * (pairs == 0)).mean(), rtol=1e-12)


def test_a_perfect_order_scores_one():
    truth, score = np.array([0, 1, 0, 1, 1]), np.array([0.1, 0.9, 0.2, 0.8, 0.7])
    assert average_precision(truth, score) == auroc(truth, score) == precision_at_truth(truth, score) == 1.0


def test_a_constant_score_says_nothing():
    truth = np.array([1, 0, 0, 0])
    assert (average_precision(truth, np.zeros(4)), auroc(truth, np.zeros(4))) == (0.25, 0.5)


def test_precision_at_k_is_its_mean_over_all_orders_of_a_tie():
    truth, score = np.array([1, 1, 0, 0, 1]), np.array([0.9, 0.5, 0.5, 0.5, 0.1])
    for k in (1, 2, 3, 4, 5):
        tops = [truth[[0, *middle, 4]][:k].mean() for middle in permutations([1, 2, 3])]
        assert_allclose(precision_at(truth, score, k), np.mean(tops), rtol=1e-12)


def test_precision_at_the_number_of_positives_equals_recall_there():
    rng = np.random.default_rng(1)
    truth, score = rng.random(50) < 0.3, rng.integers(0, 5, 50).astype(float)
    assert_allclose(precision_at_truth(truth, score), recall_at(truth, score, int(truth.sum())), rtol=1e-12)


def test_all_rows_are_found_at_the_end_without_lift():
    truth, score = np.array([1, 0, 1, 0]), np.arange(4.0)
    assert (recall_at(truth, score, 4), lift_at(truth, score, 4), lift_at(truth, score, 400)) == (1.0, 1.0, 1.0)


def test_curve_ends_with_full_recall_and_the_base_rate():
    precision, recall, thresholds = precision_recall_curve([1, 0, 0, 1], [0.3, 0.2, 0.2, 0.9])
    assert (precision[-1], recall[-1], thresholds.tolist()) == (0.5, 1.0, [0.9, 0.3, 0.2])


def test_one_kind_of_row_gives_nan_not_an_error():
    assert np.isnan(auroc([1, 1], [0.1, 0.2]))
    assert np.isnan(auroc([], []))
    assert np.isnan(average_precision([0, 0], [0.1, 0.2]))
    assert np.isnan(precision_at([], [], 3))
    assert np.isnan(lift_at([0, 0], [1.0, 2.0], 1))


def test_flags_equal_to_the_truth_are_perfect():
    found = precision_recall_f1([1, 0, 1], [1, 0, 1])
    assert (found.precision, found.recall, found.f1) == (1.0, 1.0, 1.0)


def test_f1_is_the_harmonic_mean():
    found = precision_recall_f1([1, 1, 1, 0], [1, 0, 0, 1])
    assert_allclose(found.f1, 2 / (1 / found.precision + 1 / found.recall))


def test_no_flags_have_no_precision_but_recall_zero():
    found = precision_recall_f1([0, 0], [1, 0])
    assert np.isnan(found.precision)
    assert (found.recall, found.f1) == (0.0, 0.0)


def test_error_detection_reads_low_quality_as_suspect():
    found = error_detection([1, 0, 0], quality=[0.1, 0.8, 0.9], flags=[1, 1, 0])
    assert (found.average_precision, found.auroc, found.precision_at_truth) == (1.0, 1.0, 1.0)
    assert found.flags is not None
    assert found.flags.precision == 0.5


def test_nan_scores_are_refused_by_row():
    with pytest.raises(BadInput, match="row 1: score holds NaN"):
        auroc([0, 1], [0.5, np.nan])


def test_truth_must_be_true_or_false():
    with pytest.raises(BadInput, match="only true and false"):
        auroc([0, 2], [0.5, 0.6])


def test_lengths_must_agree():
    with pytest.raises(BadInput, match="is_positive has 2 rows but score has 1"):
        average_precision([0, 1], [0.5])


def test_k_must_be_positive():
    with pytest.raises(BadInput, match="k is 0"):
        precision_at([1], [1.0], 0)


def test_a_million_rows_take_under_a_second():
    rng = np.random.default_rng(0)
    truth, score = rng.random(1_000_000) < 0.1, rng.random(1_000_000)
    start = time.process_time()
    assert abs(auroc(truth, score) - 0.5) < 0.005
    assert time.process_time() - start < 2
