"""Wrong values stand out from the noise of their region."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.audit import RegressionErrors, regression_quality_scores
from labelwright.audit.regression_errors import density, largest_set
from labelwright.errors import BadInput


def world(seed=0, n=2000, wrong=40):
    """Return values whose noise grows with the prediction, predictions, and which values were moved."""
    rng = np.random.default_rng(seed)
    predictions = rng.uniform(1, 10, n)
    values = predictions + 0.1 * predictions * rng.normal(size=n)
    moved = np.zeros(n, dtype=bool)
    moved[rng.choice(n, wrong, replace=False)] = True
    values[moved] += np.where(rng.random(wrong) < 0.5, -1, 1) * 0.8 * predictions[moved]
    return values, predictions, moved


def test_moved_values_are_flagged_and_few_others():
    values, predictions, moved = world()
    flags = RegressionErrors(false_rate=0.1).score(values, predictions).is_issue
    assert flags[moved].mean() > 0.9 and moved[flags].mean() > 0.8


def test_clean_values_are_seldom_flagged():
    values, predictions, _ = world(wrong=0)
    assert RegressionErrors().score(values, predictions).n_issues <= 4


def test_the_spread_is_that_of_the_region():
    values, predictions, _ = world()
    values[:2] = predictions[:2] = [1.5, 9.5]
    values[:2] += 1.5
    quiet, loud = regression_quality_scores(values, predictions)[:2]
    assert quiet < 0.1 < 0.5 < loud


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 100), st.floats(-1000, 1000))
def test_units_and_origin_do_not_matter(scale, shift):
    values, predictions, _ = world(n=300, wrong=5)
    moved = regression_quality_scores(scale * values + shift, scale * predictions + shift)
    assert_allclose(moved, regression_quality_scores(values, predictions), atol=1e-6)


def test_the_flagged_set_is_the_largest_whose_mean_score_is_low_enough():
    assert_array_equal(largest_set(np.array([0.01, 0.9, 0.2, 0.05]), 0.1), [True, False, True, True])
    assert not largest_set(np.array([0.5, 0.9]), 0.1).any()


def test_the_density_of_the_values_sums_to_one():
    values = np.random.default_rng(0).normal(size=2000)
    grid = np.concatenate([values, np.linspace(values.min(), values.max(), 4000)])
    at = np.argsort(grid)
    assert 0.9 < np.trapezoid(density(grid)[at], grid[at]) < 1.01


def test_unlabelled_rows_are_left_out_and_reasons_are_plain():
    values, predictions, _ = world()
    values[0] = np.nan
    scores = RegressionErrors().score(values, predictions)
    assert 0 not in scores.rows
    at = int(np.flatnonzero(scores.is_issue)[0])
    assert "trained without this row, expects" in scores.reason[at] and float(scores.suggested[at])


def test_large_values_are_told_as_they_were_given_and_no_number_needs_an_exponent():
    values, predictions, _ = world()
    values, predictions = values * 1e5 + 1_000_000, predictions * 1e5 + 1_000_000
    scores = RegressionErrors().score(values, predictions)
    assert [float(text) for text in scores.given] == values.tolist()
    at = np.flatnonzero(scores.is_issue)
    assert not any("e+" in scores.suggested[i] or "e+" in scores.reason[i] or "e-" in scores.reason[i] for i in at)
    assert any(float(scores.suggested[i]) > 1e6 for i in at)


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0], [0.0] * 300, [np.nan, np.nan]])
def test_degenerate_values_are_no_crash(values):
    assert RegressionErrors().score(values, values).n_issues == 0


@pytest.mark.parametrize(
    ("values", "predictions", "words"),
    [([1, np.inf], [1, 1], "row 1"), ([1, 2], [1, np.nan], "row 1"), ([1], [1, 2], "shape"), (["a"], [1], "numbers")],
)
def test_bad_values_are_named(values, predictions, words):
    with pytest.raises(BadInput, match=words):
        RegressionErrors().score(values, predictions)


def test_a_value_far_outside_all_others_is_the_most_suspect():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 1, 400)
    values = truth + 0.1 * rng.normal(size=400)
    values[3], values[9] = 40.0, values[9] + 1.5
    scores = regression_quality_scores(values, truth)
    assert scores.argsort()[:2].tolist() == [3, 9]
