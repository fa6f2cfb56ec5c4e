"""Imperfect numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest, t, uniform

from labelwright.errors import BadInput
from labelwright.noise.simulate_reals import (
    clipped,
    heavy_tailed_noise,
    incomplete_values,
    interval_censored,
    left_censored,
    permuted_values,
    right_censored,
    rounded,
    shrunk_values,
)

N = 20_000
Y = np.random.default_rng(0).normal(size=N)
CENSORS = [right_censored, left_censored, interval_censored]
SPOILERS = [heavy_tailed_noise, incomplete_values, shrunk_values]


@pytest.mark.parametrize("make", CENSORS)
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_the_truth_lies_within_its_bounds_and_the_rate_holds(make, rate):
    found = make(Y, rate, seed=0)
    assert ((found.bounds[:, 0] <= Y) & (found.bounds[:, 1] >= Y)).all()
    wide = found.bounds[:, 0] < found.bounds[:, 1]
    assert_array_equal(found.changed, np.flatnonzero(wide))
    assert found.realised_rate == wide.mean()
    assert abs(wide.mean() - rate) <= 4 * np.sqrt(rate * (1 - rate) / N)


@pytest.mark.parametrize("make", CENSORS)
def test_rows_not_hit_are_known_exactly(make):
    found = make(Y, 0.5, seed=0)
    known = np.setdiff1d(np.arange(N), found.changed)
    assert_array_equal(found.bounds[known], np.stack([Y[known], Y[known]], axis=1))


def test_right_and_left_censoring_mirror_each_other():
    right, left = right_censored(Y, 0.4, seed=3).bounds, left_censored(-Y, 0.4, seed=3).bounds
    assert_array_equal(right, -left[:, ::-1])


def test_an_interval_has_its_width_and_hides_the_place_of_the_truth():
    bounds = interval_censored(Y, 1.0, seed=0, width=2.0).bounds
    assert_allclose(np.diff(bounds, axis=1), 2.0)
    assert kstest((Y - bounds[:, 0]) / 2, uniform.cdf).pvalue > 1e-3


@given(st.floats(-3, 3), st.floats(0, 3))
def test_clipping_keeps_what_is_inside_and_bounds_what_is_not(low, reach):
    found = clipped(Y, low, low + reach)
    inside = (low <= Y) & (low + reach >= Y)
    assert_array_equal(found.changed, np.flatnonzero(~inside))
    assert_array_equal(found.bounds[inside, 0], Y[inside])
    assert ((found.bounds[:, 0] <= Y) & (found.bounds[:, 1] >= Y)).all()


def test_no_limits_clip_nothing():
    assert clipped(Y).realised_rate == 0.0


@given(st.floats(0.01, 10))
def test_rounding_bounds_hold_the_truth_and_have_the_step_as_width(step):
    bounds = rounded(Y, step).bounds
    assert ((bounds[:, 0] <= Y) & (bounds[:, 1] >= Y)).all()
    assert_allclose(np.diff(bounds, axis=1), step)


def test_multiples_of_the_step_are_not_changed():
    assert rounded([0.5, 1.0], 0.5).realised_rate == 0.0


@pytest.mark.parametrize("make", SPOILERS)
def test_spoiled_values_differ_where_recorded_and_nowhere_else(make):
    found = make(Y, 0.3, seed=0)
    assert_array_equal(found.changed, np.flatnonzero(found.values != Y))
    assert abs(found.realised_rate - 0.3) < 0.015
    assert_array_equal(make(Y, 0.0, seed=0).values, Y)
    assert_array_equal(make(Y, 0.3, seed=0).values, found.values)


def test_heavy_tails_are_those_of_student():
    found = heavy_tailed_noise(np.zeros(N), 1.0, seed=0, scale=3.0, df=2.0).values
    assert kstest(found / 3, t(2).cdf).pvalue > 1e-3


def test_incomplete_values_only_fall_and_by_their_mean():
    found = incomplete_values(Y, 1.0, seed=0, mean_loss=5.0).values
    assert (found < Y).all()
    assert_allclose((Y - found).mean(), 5.0, rtol=0.04)


def test_shrunk_values_move_towards_zero():
    found = shrunk_values(Y, 1.0, seed=0).values
    assert (np.abs(found) <= np.abs(Y)).all()
    assert (found * Y >= 0).all()


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_permuting_moves_exactly_the_share_asked_and_loses_no_value(rate):
    found = permuted_values(Y, rate, seed=0)
    assert_array_equal(np.sort(found.values), np.sort(Y))
    assert len(found.changed) == round(rate * N) == (found.values != Y).sum()
    assert_array_equal(found.values, Y[found.order])
    assert found.realised_rate == rate


def test_permuting_moves_whole_rows():
    table = np.stack([Y, 2 * Y], axis=1)
    found = permuted_values(table, 0.5, seed=0).values
    assert_array_equal(found[:, 1], 2 * found[:, 0])


def test_a_single_row_has_nowhere_to_go():
    assert permuted_values([1.0], 1.0, seed=0).realised_rate == 0.0
    assert np.isnan(permuted_values([], 1.0, seed=0).realised_rate)


def test_wrong_arguments_are_named():
    with pytest.raises(BadInput, match="y holds NaN"):
        right_censored([np.nan], 0.1, 0)
    with pytest.raises(BadInput, match="scale"):
        right_censored([1.0], 0.1, 0, scale=0)
    with pytest.raises(BadInput, match="low <= high"):
        clipped([1.0], 2.0, 1.0)
    with pytest.raises(BadInput, match="step"):
        rounded([1.0], -1.0)
    with pytest.raises(BadInput, match="rate"):
        permuted_values([1.0], 1.1, 0)
