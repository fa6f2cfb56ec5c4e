"""Calibration error, Brier score, risk against coverage and temperature."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import softmax
from sklearn.metrics import log_loss as sklearn_log_loss

from labelwright.errors import BadInput
from labelwright.metrics.calibration import (
    adaptive_calibration_error,
    apply_temperature,
    area_under_risk_coverage,
    brier_score,
    confidence_and_correct,
    coverage_at_risk,
    excess_area_under_risk_coverage,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability,
    reliability_equal_mass,
    risk_coverage_curve,
)
from labelwright.metrics.intervals import bootstrap


def test_confidence_that_equals_accuracy_has_no_error():
    conf, right = np.repeat([0.25, 0.75], 4), np.array([1, 0, 0, 0, 1, 1, 1, 0])
    assert expected_calibration_error(conf, right) == adaptive_calibration_error(conf, right, 2) == 0


def test_one_bin_is_the_gap_between_the_means():
    rng = np.random.default_rng(0)
    conf, right = rng.random(100), rng.random(100) < 0.5
    assert_allclose(expected_calibration_error(conf, right, 1), abs(conf.mean() - right.mean()))
    assert_allclose(adaptive_calibration_error(conf, right, 1), abs(conf.mean() - right.mean()))


def test_full_confidence_has_the_error_rate_as_error():
    assert expected_calibration_error(np.ones(4), [1, 1, 1, 0]) == 0.25


def test_a_bin_holds_its_upper_edge_and_the_first_holds_zero():
    table = reliability([0.0, 0.5, 0.5 + 1e-9, 1.0], [1, 1, 1, 1], bins=2)
    assert table.count.tolist() == [2, 2]


def test_equal_mass_bins_hold_equal_numbers_of_rows():
    assert reliability_equal_mass(np.random.default_rng(0).random(100), np.ones(100), 10).count.tolist() == [10] * 10


def test_equal_mass_bins_do_not_cut_ties():
    assert reliability_equal_mass([0.5, 0.5, 0.5, 0.9], [1, 1, 0, 1], 4).count.tolist() == [3, 1]


def test_row_order_does_not_matter():
    rng = np.random.default_rng(0)
    conf, right, order = rng.integers(0, 5, 60) / 4, rng.random(60) < 0.5, rng.permutation(60)
    for measure in (expected_calibration_error, adaptive_calibration_error, area_under_risk_coverage):
        assert_allclose(measure(conf[order], right[order]), measure(conf, right), rtol=1e-12)


def test_calibration_error_takes_a_bootstrap():
    rng = np.random.default_rng(0)
    conf = rng.random(500)
    found = bootstrap(expected_calibration_error, [conf, rng.random(500) < conf**2], seed=0, n=100)
    assert 0.1 < found.low < found.estimate < found.high < 0.25


def test_brier_score_is_zero_for_certain_truth_and_two_for_certain_error():
    assert (brier_score(np.eye(3), [0, 1, 2]), brier_score(np.eye(3), [1, 2, 0])) == (0.0, 2.0)


def test_brier_score_of_uniform_probabilities():
    assert_allclose(brier_score(np.full((2, 4), 0.25), [0, 3]), 1 - 1 / 4)


def test_log_loss_equals_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    probs, y = rng.dirichlet(np.ones(3), 50), rng.integers(0, 3, 50)
    assert_allclose(log_loss(probs, y), sklearn_log_loss(y, probs, labels=[0, 1, 2]))


def test_unlabelled_rows_are_left_out():
    conf, right = confidence_and_correct([[0.9, 0.1], [0.4, 0.6]], [0, -1])
    assert (conf.tolist(), right.tolist()) == ([0.9], [True])
    assert brier_score([[1.0, 0.0], [0.5, 0.5]], [0, -1]) == 0
    assert np.isnan(brier_score(np.empty((0, 2)), []))


def test_risk_is_the_mean_loss_of_the_rows_answered():
    coverage, risk = risk_coverage_curve([0.9, 0.8, 0.1], [0, 1, 1])
    assert_allclose(coverage, [0, 1 / 3, 2 / 3, 1])
    assert_allclose(risk, [0, 0, 1 / 2, 2 / 3])


def test_risk_within_a_tie_is_its_mean_over_all_orders():
    loss = np.array([1.0, 0.0, 0.0, 1.0])
    orders = [risk_coverage_curve([9, *np.array([3, 2, 1])[list(p)]], loss)[1] for p in permutations(range(3))]
    assert_allclose(risk_coverage_curve([9, 1, 1, 1], loss)[1], np.mean(orders, axis=0))


def test_a_constant_confidence_risks_the_error_rate_everywhere():
    assert_allclose(risk_coverage_curve(np.ones(4), [1, 0, 0, 0])[1], [0, 0.25, 0.25, 0.25, 0.25])


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_the_best_order_has_no_excess(loss):
    cost = np.array(loss, dtype=float)
    assert excess_area_under_risk_coverage(-cost, cost) == 0
    assert excess_area_under_risk_coverage(cost, cost) >= -1e-12


def test_coverage_at_risk_is_where_the_curve_last_meets_it():
    assert coverage_at_risk([4, 3, 2, 1], [0, 0, 1, 1], 0.34) == 0.75
    assert coverage_at_risk([4, 3, 2, 1], [1, 1, 1, 1], 0.5) == 0.0


@pytest.mark.parametrize("factor", [0.05, 1.0, 3.0, 40.0])
def test_temperature_undoes_a_factor_on_the_logits(factor):
    z = np.random.default_rng(0).normal(size=(50, 4))
    assert_allclose(fit_temperature(factor * z, softmax(z, axis=1)), factor, rtol=1e-6)


def test_temperature_minimises_the_log_loss():
    rng = np.random.default_rng(1)
    z, y = 2 * rng.normal(size=(300, 3)), rng.integers(0, 3, 300)
    y = np.where(rng.random(300) < 0.5, z.argmax(axis=1), y)
    best = fit_temperature(z, y)
    losses = [log_loss(apply_temperature(z, best * f), y) for f in (0.99, 1.0, 1.01)]
    assert losses[1] == min(losses)


def test_separable_rows_want_the_lowest_temperature_and_shuffled_ones_the_highest():
    z = np.array([[2.0, 0.0], [0.0, 2.0]])
    assert_allclose([fit_temperature(z, [0, 1]), fit_temperature(z, [1, 0])], [np.exp(-7), np.exp(7)])


def test_equal_logits_leave_the_temperature_at_one():
    assert fit_temperature(np.zeros((3, 4)), [0, 1, 2]) == fit_temperature([[7.0], [2.0]], [0, 0]) == 1.0


def test_temperature_one_is_softmax_and_keeps_the_class():
    z = np.random.default_rng(0).normal(size=(20, 5)) * 900
    assert_allclose(apply_temperature(z, 1.0), softmax(z, axis=1))
    assert (apply_temperature(z, 7.0).argmax(axis=1) == z.argmax(axis=1)).all()


def test_wrong_arguments_are_named():
    with pytest.raises(BadInput, match=r"confidence must lie in \[0, 1\]"):
        expected_calibration_error([1.2], [1])
    with pytest.raises(BadInput, match="row 1: pred_probs does not sum to 1"):
        brier_score([[1.0, 0.0], [0.2, 0.2]], [0, 0])
    with pytest.raises(BadInput, match="labels holds 2 but there are 2 classes"):
        log_loss([[0.5, 0.5]], [2])
    with pytest.raises(BadInput, match="no labelled row"):
        fit_temperature([[0.5, 0.5]], [-1])
    with pytest.raises(BadInput, match="at least one bin"):
        expected_calibration_error([0.2], [1], bins=0)
