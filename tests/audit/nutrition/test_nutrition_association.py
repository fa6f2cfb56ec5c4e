"""Associations are the textbook ones; permutation p-values are valid; discoveries are controlled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.audit.nutrition.association import associate, benjamini_hochberg
from labelwright.audit.nutrition.pair_plots import permutations
from labelwright.audit.nutrition.table import Column

N = 300
ORDERS = permutations(N, 99, 0)


def number(values, missing=None):
    missing = np.zeros(len(values), bool) if missing is None else missing
    return Column("n", "continuous", missing, np.where(missing, np.nan, values), n_unique=len(values))


def group(codes):
    codes = np.asarray(codes, np.int32)
    return Column(
        "g", "nominal", codes < 0, None, codes, tuple("abcdef"[: codes.max() + 1]), n_unique=int(codes.max()) + 1
    )


def test_numbers_get_pearsons_r(rng):
    x = rng.standard_normal(N)
    y = x + rng.standard_normal(N)
    assert associate(number(x), number(y), ORDERS).strength == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)


def test_pearsons_r_uses_only_rows_that_hold_both(rng):
    x, y, gone = rng.standard_normal(N), rng.standard_normal(N), rng.random(N) < 0.3
    found = associate(number(x, gone), number(y), ORDERS)
    assert found.n == int((~gone).sum())
    assert found.strength == pytest.approx(np.corrcoef(x[~gone], y[~gone])[0, 1], abs=1e-12)


def test_the_correlation_ratio_is_one_when_groups_fix_the_number():
    codes = np.arange(N) % 3
    assert associate(group(codes), number(codes * 2.0), ORDERS).strength == pytest.approx(1)


def test_the_correlation_ratio_is_between_over_total_sum_of_squares(rng):
    codes, y = rng.integers(0, 3, N), rng.standard_normal(N)
    means = np.array([y[codes == k].mean() for k in range(3)])[codes]
    eta = np.sqrt(((means - y.mean()) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert associate(number(y), group(codes), ORDERS).strength == pytest.approx(eta, abs=1e-12)


def test_cramers_v_is_one_for_equal_groups_and_near_zero_for_independent_ones(rng):
    codes = rng.integers(0, 4, N)
    assert associate(group(codes), group(codes), ORDERS).strength == pytest.approx(1)
    assert associate(group(codes), group(rng.integers(0, 4, N)), ORDERS).strength < 0.15


def test_p_values_of_independent_columns_are_uniform_enough():
    values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values.append(associate(group(rng.integers(0, 3, N)), number(rng.standard_normal(N)), ORDERS).p_value)
    assert 0.02 <= np.mean(np.array(values) <= 0.1) <= 0.18


def test_a_strong_pair_gets_a_p_value_below_the_resolution_of_the_permutations(rng):
    x = rng.standard_normal(N)
    assert associate(number(x), number(x + rng.standard_normal(N)), ORDERS).p_value < 1e-6


def test_a_pair_that_does_not_vary_together_or_at_all_is_not_measured():
    assert associate(number(np.ones(N)), number(np.arange(N, dtype=float)), ORDERS) is None
    nothing = np.ones(N, bool)
    nothing[:5] = False
    assert associate(number(np.arange(N, dtype=float), nothing), number(np.arange(N, dtype=float)), ORDERS) is None


def test_huge_numbers_do_not_overflow(rng):
    x = rng.standard_normal(N)
    assert associate(number(x * 1e300), number(x), ORDERS).strength == pytest.approx(1)


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=30))
def test_q_values_are_at_least_p_values_keep_their_order_and_stay_below_one(p):
    q = benjamini_hochberg(np.array(p))
    order = np.argsort(p, kind="stable")
    assert (q >= np.array(p) - 1e-15).all()
    assert (q <= 1).all()
    assert (np.diff(q[order]) >= -1e-15).all()


@pytest.fixture
def rng():
    return np.random.default_rng(3)
