"""Intervals for shares, the bootstrap and McNemar's test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import binom

from labelwright.errors import BadInput
from labelwright.metrics.intervals import (
    Interval,
    bootstrap,
    clopper_pearson,
    mcnemar,
    paired_bootstrap,
    percentile_interval,
    wilson,
)

counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_clopper_pearson_ends_solve_the_two_tail_equations():
    low, high = clopper_pearson(7, 23, level=0.9)
    assert_allclose([binom.sf(6, 23, low), binom.cdf(7, 23, high)], [0.05, 0.05], rtol=1e-10)


def test_clopper_pearson_without_successes_has_the_closed_form():
    low, high = clopper_pearson(0, 15)
    assert low == 0
    assert_allclose(high, 1 - 0.025 ** (1 / 15), rtol=1e-12)


@given(counts)
def test_both_intervals_mirror_when_success_and_failure_swap(count):
    k, n = count
    for interval in (clopper_pearson, wilson):
        low, high = interval(k, n)
        mirrored = interval(n - k, n)
        assert_allclose([1 - high, 1 - low], mirrored, atol=1e-12)


@given(counts)
def test_both_intervals_hold_the_share(count):
    k, n = count
    for interval in (clopper_pearson, wilson):
        low, high = interval(k, n)
        assert 0 <= low <= k / n <= high <= 1


def test_wilson_ends_solve_the_score_equation():
    z = 1.959963984540054
    ends = np.array(wilson(12, 40))
    assert_allclose(np.abs(12 / 40 - ends), z * np.sqrt(ends * (1 - ends) / 40), rtol=1e-10)


def test_arrays_of_counts_give_what_single_counts_give():
    k, n = np.array([0, 3, 9]), np.array([5, 9, 9])
    low, high = clopper_pearson(k, n)
    assert [(low[i], high[i]) for i in range(3)] == [clopper_pearson(int(a), int(b)) for a, b in zip(k, n, strict=True)]


def test_no_trials_say_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0) == wilson(0, 0)


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3), (float("nan"), 3)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(BadInput, match="0 <= successes <= trials"):
        clopper_pearson(k, n)


def test_clopper_pearson_covers_at_least_its_level():
    k = np.arange(31)
    low, high = clopper_pearson(k, 30)
    for p in (0.02, 0.1, 0.37, 0.5):
        assert binom.pmf(k, 30, p)[(low <= p) & (p <= high)].sum() >= 0.95


def test_bootstrap_of_constant_data_is_a_point():
    assert bootstrap(np.mean, [np.full(9, 0.25)], seed=3) == Interval(0.25, 0.25, 0.25)


@settings(max_examples=20)
@given(st.integers(-20, 20))
def test_bootstrap_of_the_mean_moves_with_the_data(shift):
    x = np.random.default_rng(0).normal(size=40)
    here, there = bootstrap(np.mean, [x], seed=1, n=50), bootstrap(np.mean, [x + shift], seed=1, n=50)
    assert_allclose([there.low - shift, there.high - shift], [here.low, here.high], atol=1e-12)


def test_the_same_seed_gives_the_same_interval():
    x = np.random.default_rng(0).normal(size=40)
    assert bootstrap(np.median, [x], seed=7, n=99) == bootstrap(np.median, [x], seed=7, n=99)


def test_bootstrap_of_the_mean_agrees_with_its_standard_error():
    x = np.random.default_rng(0).normal(size=2000)
    found = bootstrap(np.mean, [x], seed=0, n=2000)
    assert_allclose((found.high - found.low) / (2 * 1.96), x.std() / np.sqrt(2000), rtol=0.05)


def test_groups_of_one_row_change_nothing():
    x = np.random.default_rng(0).normal(size=30)
    assert bootstrap(np.mean, [x], 5, n=50, groups=np.arange(30)) == bootstrap(np.mean, [x], 5, n=50)


def test_a_group_is_drawn_whole():
    groups = np.array(["b", "a", "b", "c", "a"])
    seen = []
    bootstrap(lambda g: seen.append(g) or 0.0, [groups], seed=0, n=30, groups=groups)
    for drawn in seen[:-1]:
        assert (drawn == "a").sum() % 2 == (drawn == "b").sum() % 2 == 0


def test_arrays_are_resampled_alike():
    x = np.arange(50)
    assert bootstrap(lambda a, b: float((a != b).sum()), [x, x], seed=0, n=20).high == 0


def test_a_method_against_itself_differs_by_exactly_nothing():
    x = np.random.default_rng(0).normal(size=30)
    assert paired_bootstrap(np.mean, np.mean, [x], seed=0) == Interval(0.0, 0.0, 0.0)


def test_paired_bootstrap_finds_a_constant_difference_exactly():
    x = np.round(np.random.default_rng(0).normal(size=30) * 64) / 64
    found = paired_bootstrap(lambda a: float(np.sum(a + 1)), lambda a: float(np.sum(a)), [x], seed=0)
    assert (found.low, found.high) == (30.0, 30.0)


def test_undefined_resamples_are_left_out():
    found = percentile_interval(1.0, np.array([np.nan, 1.0, 1.0]))
    assert (found.low, found.high) == (1.0, 1.0)
    assert np.isnan(percentile_interval(1.0, np.array([np.nan])).low)


def test_bootstrap_refuses_arrays_of_different_length_and_none_at_all():
    with pytest.raises(BadInput, match="array 0 has 2 rows but array 1 has 3"):
        bootstrap(np.mean, [[1, 2], [1, 2, 3]], seed=0)
    with pytest.raises(BadInput, match="0 resamples"):
        bootstrap(np.mean, [[1.0]], seed=0, n=0)
    with pytest.raises(BadInput, match="no rows"):
        bootstrap(np.mean, [[]], seed=0)


@pytest.mark.parametrize("seed", [None, -1, True, 0.5, "7"])
def test_a_seed_must_be_a_whole_number(seed):
    with pytest.raises(BadInput, match="seed"):
        bootstrap(np.mean, [[1.0]], seed=seed)


def test_mcnemar_is_a_sign_test_on_the_rows_where_only_one_is_right():
    a = np.array([1] * 8 + [0] * 2 + [1] * 50)
    b = np.array([0] * 8 + [1] * 2 + [1] * 50)
    found = mcnemar(a, b)
    assert (found.only_a, found.only_b) == (8, 2)
    assert_allclose(found.p_value, 2 * binom.cdf(2, 10, 0.5), rtol=1e-12)


def test_mcnemar_of_equal_answers_is_one():
    assert mcnemar([1, 0, 1], [1, 0, 1]).p_value == 1.0
