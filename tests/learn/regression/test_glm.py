"""Generalised linear models: closed forms, agreement with scikit-learn, and steps that never lose ground."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from labelwright.errors import BadInput
from labelwright.learn.regression.glm import BERNOULLI, GAUSSIAN, POISSON, irls


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(80, 3))


def test_the_gaussian_family_is_ridge_regression(X):
    Y = np.random.default_rng(1).normal(size=(80, 2))
    closed = np.linalg.solve(X.T @ X + 0.5 * np.eye(3), X.T @ Y)
    assert_allclose(irls(X, Y, GAUSSIAN, ridge=0.5).coef, closed, atol=1e-7)


def test_the_bernoulli_family_is_scikit_learns_logistic_regression(X):
    y = (X[:, 0] + np.random.default_rng(2).normal(size=80) > 0).astype(float)
    ours = irls(X, y[:, None], BERNOULLI, ridge=2.0).coef[:, 0]
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10).fit(X, y).coef_[0]
    assert_allclose(ours, theirs, atol=1e-5)


def test_an_intercept_alone_gives_the_weighted_mean_of_each_family():
    y, w, one = np.array([[0.0], [1.0], [1.0]]), np.array([3.0, 1.0, 2.0]), np.ones((3, 1))
    for family in (GAUSSIAN, POISSON, BERNOULLI):
        fit = irls(one, y, family, ridge=0.0, weight=w)
        assert_allclose(family.mean(fit.coef), 0.5, atol=1e-6)


def test_a_row_of_weight_zero_counts_for_nothing(X):
    Y = np.abs(np.round(X[:, :1] * 2))
    weight = np.ones(80)
    weight[:30] = 0
    part = irls(X[30:], Y[30:], POISSON).coef
    assert_allclose(irls(X, Y, POISSON, weight=weight).coef, part, atol=1e-8)


def test_a_weight_an_entry_leaves_out_single_responses(X):
    Y = X @ np.ones((3, 2)) + 1
    weight = np.ones((80, 2))
    weight[40:, 1] = 0
    Y[40:, 1] = 1e6
    fit = irls(X, Y, GAUSSIAN, weight=weight).coef
    assert_allclose(fit[:, 1], irls(X[:40], Y[:40, 1:], GAUSSIAN).coef[:, 0], atol=1e-8)


def test_columns_do_not_know_of_each_other(X):
    Y = np.random.default_rng(3).poisson(2, size=(80, 4)).astype(float)
    together = irls(X, Y, POISSON).coef
    assert_allclose(together[:, [2]], irls(X, Y[:, [2]], POISSON).coef, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 30))
def test_the_objective_never_falls_below_the_start(seed, scale):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(12, 3)) * scale, rng.poisson(3, size=(12, 2)).astype(float)
    start = rng.normal(size=(3, 2))
    before = irls(X, Y, POISSON, start=start, max_steps=0).objective
    values = [irls(X, Y, POISSON, start=start, max_steps=k).objective for k in (1, 2, 5)]
    assert all(
        (b >= a - 1e-9 * np.abs(a)).all()
        for a, b in zip([before, *values], values, strict=False)
        if np.isfinite(a).all()
    )


def test_separable_classes_end_with_the_ridge_alone():
    fit = irls([[-1.0], [1.0]], [[0.0], [1.0]], BERNOULLI, ridge=1e-3)
    assert fit.converged
    assert np.isfinite(fit.coef).all()


@pytest.mark.parametrize(
    ("X", "Y", "options"),
    [
        ([[np.nan]], [[1.0]], {}),
        ([[1.0]], [[1.0], [2.0]], {}),
        ([[1.0]], [[1.0]], {"weight": [-1.0]}),
        ([[1.0]], [[1.0]], {"ridge": -1.0}),
        ([[1.0]], [[1.0]], {"start": [[1.0, 2.0]]}),
        (np.empty((0, 1)), np.empty((0, 1)), {}),
    ],
)
def test_bad_arguments_are_refused_in_one_line(X, Y, options):
    with pytest.raises(BadInput):
        irls(X, Y, GAUSSIAN, **options)
