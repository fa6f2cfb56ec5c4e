"""P098: data selection under weak supervision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from labelwright.acquire import (
    Pool,
    SurrogateSubsampler,
    asymptotic_test_error,
    fit_selected,
    hardest_rows,
    optimal_nonreweighted_set,
    optimal_unbiased_pi,
)
from labelwright.acquire.data_selection import _mean_outer, _moments, _plain_risk
from labelwright.errors import BadInput


def binary(rng, n):
    u = rng.uniform(0.01, 0.99, n)
    return np.column_stack([1 - u, u])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.05, 1), st.floats(-2, 3))
def test_the_chances_add_up_to_the_share_p098(seed, gamma, alpha):
    p = binary(np.random.default_rng(seed), 30)
    assert SurrogateSubsampler(alpha).probabilities(p, gamma).sum() == pytest.approx(gamma * 30, abs=1e-6)


def test_exponent_zero_takes_every_row_with_the_same_chance_p098():
    p = binary(np.random.default_rng(0), 50)
    assert_allclose(SurrogateSubsampler(0).probabilities(p, 0.3), 0.3, atol=1e-12)


def test_with_even_chances_reweighting_only_scales_the_penalty_p098():
    rng = np.random.default_rng(1)
    X, rows = rng.normal(size=(80, 3)), np.arange(40)
    y = (rng.random(80) < expit(X[:, 0])).astype(int)
    plain = fit_selected(X[rows], y[rows], lam=0.1 * 0.5, n_total=80)
    unbiased = fit_selected(X[rows], y[rows], lam=0.1, n_total=80, weights=np.full(40, 2.0))
    assert_allclose(plain, unbiased, atol=1e-5)


def test_the_fit_is_where_the_gradient_of_the_stated_loss_vanishes_p098():
    rng = np.random.default_rng(2)
    X, y, w = rng.normal(size=(60, 4)), rng.integers(0, 2, 60), rng.uniform(0.5, 3, 60)
    theta = fit_selected(X, y, lam=0.05, n_total=100, weights=w)
    gradient = X.T @ (w * (expit(X @ theta) - y)) + 0.05 * 100 * theta
    assert_allclose(gradient, 0, atol=1e-3)


def test_hard_rows_are_those_near_one_half_p098():
    p = np.array([[0.9, 0.1], [0.5, 0.5], [0.45, 0.55], [0.99, 0.01]])
    assert_array_equal(hardest_rows(p, 0.5), [False, True, True, False])
    assert_array_equal(hardest_rows(p, 0.5, easiest=True), [True, False, False, True])


def test_the_best_unbiased_chances_follow_the_influence_of_a_row_p098():
    rng = np.random.default_rng(3)
    X, u = rng.normal(size=(200, 3)), rng.uniform(0.05, 0.95, 200)
    pi = optimal_unbiased_pi(X, u, 0.2)
    hessian = (X * (u * (1 - u))[:, None]).T @ X / 200
    z = u * (1 - u) * np.einsum("ij,jk,ik->i", X, np.linalg.inv(hessian), X)
    free = pi < 1
    assert_allclose(pi[free] / np.sqrt(z[free]), (pi[free] / np.sqrt(z[free]))[0], rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_no_swap_of_two_rows_betters_the_best_plain_set_p098(seed):
    rng = np.random.default_rng(seed)
    X, u = rng.normal(size=(40, 2)), rng.uniform(0.05, 0.95, 40)
    taken = optimal_nonreweighted_set(X, u, 0.5)
    rows, h, g = _moments(X, u, None)
    quality = _mean_outer(rows, h)
    best = _plain_risk(rows, h, g, quality, taken)
    assert taken.sum() == 20
    for _ in range(100):
        swapped = taken.copy()
        swapped[rng.choice(np.flatnonzero(taken))], swapped[rng.choice(np.flatnonzero(~taken))] = False, True
        assert _plain_risk(rows, h, g, quality, swapped) >= best * (1 - 0.02)


def test_theory_and_simulation_agree_p098():
    rng = np.random.default_rng(4)
    n, p, errors = 600, 20, []
    limit = asymptotic_test_error(
        norm=5.0, delta=n / p, lam=0.01, fraction=0.6, alpha=1.0, surrogate=(2.0, 1.0), label_probability=expit
    ).error
    for _ in range(6):
        X, T = rng.normal(size=(n, p)), rng.normal(size=(4000, p))
        y, t = ((rng.random(len(Z)) < expit(5 * Z[:, 0])).astype(int) for Z in (X, T))
        u = expit(2 * X[:, 0] + X[:, 1])
        rows = SurrogateSubsampler(1.0).sample(np.column_stack([1 - u, u]), 0.6, rng).rows
        errors.append(((T @ fit_selected(X[rows], y[rows], 0.01, n) > 0) != t).mean())
    assert np.mean(errors) == pytest.approx(limit, abs=0.015)


def test_a_budget_is_kept_exactly_p098():
    found = SurrogateSubsampler(1.0).select(Pool(pred_probs=binary(np.random.default_rng(5), 60)), 17, 0)
    assert len(set(found.rows.tolist())) == 17 and found.probability is not None
    assert (np.diff(found.score) <= 0).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: SurrogateSubsampler(np.nan),
        lambda: SurrogateSubsampler().probabilities([[0.5, 0.5]], 0),
        lambda: fit_selected([[1.0]], [1], 0.0, 1),
        lambda: optimal_unbiased_pi([[1.0]], [1.5], 0.5),
        lambda: asymptotic_test_error(
            norm=0, delta=1, lam=1, fraction=1, alpha=0, surrogate=(1, 0), label_probability=expit
        ),
    ],
)
def test_bad_input_is_one_line_p098(call):
    with pytest.raises(BadInput) as caught:
        call()
    assert "\n" not in str(caught.value)
