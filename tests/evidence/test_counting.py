"""Counting equals enumeration, whatever the odds, the sizes and the potential."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import binom

from labelwright.errors import BadInput
from labelwright.evidence import any_factor, binomial_potential, count_factor, laplace_potential
from labelwright.evidence.counting_kernels import count_bags_log

ODDS = st.lists(st.floats(-30, 30), min_size=1, max_size=10)


def enumerate_bag(odds, log_phi):
    odds = np.asarray(odds)
    labels = np.array(list(itertools.product((0, 1), repeat=len(odds))))
    total = (-np.logaddexp(0, np.where(labels == 1, -odds, odds))).sum(axis=1) + np.asarray(log_phi)[labels.sum(axis=1)]
    log_z = np.logaddexp.reduce(total)
    return np.exp(total - log_z) @ labels, log_z


def indicator(m, low, high):
    count = np.arange(m + 1)
    return np.where((count >= low) & (count <= high), 0.0, -np.inf)


@settings(max_examples=150, deadline=None)
@given(ODDS, st.data())
def test_an_interval_of_counts_equals_enumeration_up_to_bags_of_ten(odds, data):
    low = data.draw(st.integers(0, len(odds)))
    high = data.draw(st.integers(low, len(odds)))
    q, log_z = enumerate_bag(odds, indicator(len(odds), low, high))
    got = count_factor(np.array(odds), [0, len(odds)], low, high)
    assert_allclose(got.q, q, atol=1e-11)
    assert_allclose(got.log_z[0], log_z, rtol=1e-10, atol=1e-10)


@settings(max_examples=100, deadline=None)
@given(ODDS, st.data())
def test_any_potential_log_concave_or_not_equals_enumeration(odds, data):
    values = st.one_of(st.floats(-20, 5), st.just(-np.inf))
    phi = data.draw(st.lists(values, min_size=len(odds) + 1, max_size=len(odds) + 1))
    if np.isneginf(phi).all():
        phi[0] = 0.0
    q, log_z = enumerate_bag(odds, phi)
    got = count_factor(np.array(odds), [0, len(odds)], 0, len(odds), phi)
    assert_allclose(got.q, q, atol=1e-10)
    assert_allclose(got.log_z[0], log_z, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(ODDS, st.floats(0, 10), st.floats(0.05, 5))
def test_a_laplace_report_equals_enumeration(odds, reported, scale):
    phi = laplace_potential([reported], [len(odds)], scale)
    q, log_z = enumerate_bag(odds, phi)
    got = count_factor(np.array(odds), [0, len(odds)], 0, len(odds), phi)
    assert_allclose(got.q, q, atol=1e-10)
    assert_allclose(got.log_z[0], log_z, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("spread", [1.0, 30.0, 700.0, 1e5])
@pytest.mark.parametrize("count", [0, 1, 300, 1023, 1200])
def test_exact_counts_hold_in_bags_of_twelve_hundred_with_extreme_odds(spread, count):
    odds = np.random.default_rng(0).normal(size=1200) * spread
    got = count_factor(odds, [0, 1200], count, count)
    assert_allclose(got.q.sum(), count, rtol=1e-9, atol=1e-9)
    assert np.isfinite(got.log_z[0])
    assert ((got.q >= 0) & (got.q <= 1)).all()


def test_equal_odds_make_the_law_binomial():
    got = count_factor(np.full(1000, -7.0), [0, 1000], 400, 400)
    assert_allclose(got.log_z[0], binom.logpmf(400, 1000, expit(-7.0)), rtol=1e-10)
    assert_allclose(got.q, 0.4, rtol=1e-10)


def test_at_least_far_above_the_mean_equals_the_binomial_tail():
    got = count_factor(np.full(2000, -5.0), [0, 2000], 200, 2000)
    assert_allclose(got.log_z[0], binom.logsf(199, 2000, expit(-5.0)), rtol=1e-9)


def test_the_tilted_kernel_agrees_with_the_log_space_tables_on_long_bags():
    odds, offsets = np.random.default_rng(1).normal(size=400) * 8, np.array([0, 400])
    message, log_z = count_bags_log(odds, offsets, indicator(400, 150, 160))
    fast = count_factor(odds, [0, 400], 150, 160)
    assert_allclose(expit(odds + message[:, 1] - message[:, 0]), fast.q, atol=1e-11)
    assert_allclose(log_z, fast.log_z, rtol=1e-11)


@pytest.mark.parametrize("seed", [74, 233, 264, 319, 322])
def test_steep_reports_over_odds_with_gaps_agree_with_the_log_space_tables(seed):
    # In a gap of the odds many tilts fit the mode; only one between the slopes of the potential keeps its precision.
    rng, offsets = np.random.default_rng(seed), np.array([0, 100])
    odds, phi = rng.normal(size=100) * 100, laplace_potential([rng.uniform(0, 100)], [100], 0.05)
    message, log_z = count_bags_log(odds, offsets, phi)
    got = count_factor(odds, offsets, 0, 100, phi)
    assert_allclose(got.q, expit(odds + message[:, 1] - message[:, 0]), atol=1e-10)
    assert_allclose(got.log_z, log_z, rtol=1e-10)


def test_two_far_modes_of_a_potential_both_count():
    phi = np.full(1501, -np.inf)
    phi[0] = phi[1500] = 0.0
    got = count_factor(np.zeros(1500), [0, 1500], 0, 1500, phi)
    assert_allclose(got.q, 0.5, rtol=1e-12)
    assert_allclose(got.log_z[0], np.log(2) - 1500 * np.log(2), rtol=1e-12)


def test_bags_of_all_sizes_are_solved_together_as_alone():
    rng = np.random.default_rng(2)
    sizes = np.array([3, 0, 1, 7, 2])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    odds, low = rng.normal(size=13), np.array([1, 0, 0, 3, 1])
    together = count_factor(odds, offsets, low, np.minimum(low + 2, sizes))
    for g in range(5):
        part = odds[offsets[g] : offsets[g + 1]]
        alone = count_factor(part, [0, sizes[g]], low[g], min(low[g] + 2, sizes[g]))
        assert_allclose(together.q[offsets[g] : offsets[g + 1]], alone.q, rtol=1e-12)
        assert_allclose(together.log_z[g], alone.log_z[0], rtol=1e-12)


def test_certain_rows_stay_certain_and_count():
    got = count_factor(np.array([np.inf, 0.0, 0.0, -np.inf]), [0, 4], 2, 2)
    assert_allclose(got.q, [1, 0.5, 0.5, 0])
    assert_allclose(got.log_z, np.log(0.5))


def test_impossible_counts_have_probability_zero():
    assert count_factor(np.array([np.inf, np.inf]), [0, 2], 1, 1).log_z[0] == -np.inf
    assert count_factor(np.zeros(2), [0, 2], 3, 3).log_z[0] == -np.inf


def test_the_message_is_the_ratio_of_z_with_the_row_fixed():
    odds = np.array([0.3, -1.0, 2.0, 0.1])
    got = count_factor(odds, [0, 4], 2, 3)
    fixed = []
    for value in (-np.inf, np.inf):
        changed = odds.copy()
        changed[1] = value
        fixed.append(count_factor(changed, [0, 4], 2, 3).log_z[0])
    assert_allclose(got.message[1, 1] - got.message[1, 0], fixed[1] - fixed[0], rtol=1e-10)


@settings(max_examples=60, deadline=None)
@given(ODDS)
def test_the_closed_form_of_any_equals_the_recursion(odds):
    closed = any_factor(np.array(odds), [0, len(odds)])
    counted = count_factor(np.array(odds), [0, len(odds)], 1, len(odds))
    assert_allclose(closed.q, counted.q, atol=1e-11)
    assert_allclose(closed.log_z, counted.log_z, rtol=1e-9, atol=1e-11)


def test_any_of_very_unlikely_rows_keeps_its_precision():
    got = any_factor(np.full(3, -60.0), [0, 3])
    assert_allclose(got.q, 1 / 3, rtol=1e-12)
    assert_allclose(got.log_z[0], np.log(3) - 60.0, rtol=1e-12)


def test_a_binomial_report_is_largest_at_the_reported_share():
    phi = binomial_potential([3], [10], [20])
    assert np.argmax(phi) == 6


def test_a_uniform_potential_changes_nothing():
    odds = np.array([0.5, -2.0, 1.0])
    got = count_factor(odds, [0, 3], 0, 3, np.zeros(4))
    assert_allclose(got.q, expit(odds), rtol=1e-12)
    assert_allclose(got.log_z, 0, atol=1e-12)


def test_nan_odds_are_named():
    with pytest.raises(BadInput, match="entry 1"):
        count_factor(np.array([0.0, np.nan]), [0, 2], 1, 1)


def test_offsets_that_do_not_cover_the_rows_are_refused():
    with pytest.raises(BadInput, match="offsets do not cut 3 entries"):
        count_factor(np.zeros(3), [0, 2], 1, 1)


def test_a_potential_of_the_wrong_length_is_refused():
    with pytest.raises(BadInput, match="pass 4 finite numbers"):
        count_factor(np.zeros(3), [0, 3], 0, 3, [0.0, 0.0])
