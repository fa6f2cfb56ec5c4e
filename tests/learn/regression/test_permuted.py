"""Outcomes attached to the wrong rows [P058]."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwright.errors import BadInput
from labelwright.learn.regression import (
    BERNOULLI,
    GAUSSIAN,
    POISSON,
    PermutedGLM,
    irls,
    recover_permutation,
    two_step_estimate,
)
from labelwright.noise import permuted_values

FAMILIES = {"gaussian": GAUSSIAN, "poisson": POISSON, "bernoulli": BERNOULLI}


def world(family=GAUSSIAN, n=60, p=3, m=12, share=0.4, seed=0):
    rng = np.random.default_rng(seed)
    X, B = rng.normal(size=(n, p)), rng.normal(size=(p, m)) * (0.4 if family is POISSON else 0.7)
    linear = X @ B
    if family is POISSON:
        Y = rng.poisson(np.exp(linear)).astype(float)
    elif family is BERNOULLI:
        Y = (rng.random((n, m)) < family.mean(linear)).astype(float)
    else:
        Y = linear + 0.5 * rng.normal(size=(n, m))
    made = permuted_values(Y, share, seed=seed)
    return X, made.values, B, made.order


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([PermutedGLM()])
def test_it_keeps_the_estimator_contract(estimator, check):
    check(estimator)


def test_gaussian_assignment_minimises_the_squared_distance():
    rng = np.random.default_rng(0)
    Y, linear = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    best = min(permutations(range(6)), key=lambda pi: ((Y - linear[list(pi)]) ** 2).sum())
    assert_array_equal(recover_permutation(Y, linear), best)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_assignment_is_the_likeliest_of_all_permutations_with_missing_responses(family):
    rng = np.random.default_rng(1)
    Y, linear = rng.integers(0, 2, size=(6, 3)).astype(float), rng.normal(size=(6, 3))
    Y[rng.random((6, 3)) < 0.3] = np.nan

    def value(pi):
        there = linear[list(pi)]
        return np.nansum(Y * there - family.psi(there))

    best = max(permutations(range(6)), key=value)
    assert value(recover_permutation(Y, linear, family)) == pytest.approx(value(best))


def test_without_noise_the_true_coefficients_recover_the_permutation_exactly():
    rng = np.random.default_rng(2)
    X, B = rng.normal(size=(80, 4)), rng.normal(size=(4, 2))
    made = permuted_values(X @ B, 1.0, seed=3)
    assert_array_equal(recover_permutation(made.values, X @ B), made.order)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_neither_step_lowers_the_penalised_likelihood(family):
    X, Y, _, _ = world(family)
    trace = PermutedGLM(family).fit(X, Y).log_likelihood_
    assert len(trace) >= 2
    assert (np.diff(trace) >= -1e-6 * np.abs(trace[1:])).all()


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_fit_is_nearer_to_the_truth_than_that_of_the_data_as_given(family):
    X, Y, B, _ = world(family, n=200, m=60)
    fit = PermutedGLM(family, fit_intercept=False).fit(X, Y).coef_.T
    assert np.linalg.norm(fit - B) < 0.8 * np.linalg.norm(irls(X, Y, family).coef - B)


def test_one_round_is_the_two_step_estimate():
    X, Y, _, _ = world()
    model = PermutedGLM(fit_intercept=False, max_rounds=1).fit(X, Y)
    B, permutation = two_step_estimate(X, Y)
    assert_array_equal(model.permutation_, permutation)
    assert_allclose(model.coef_.T, B)


def test_known_pairs_are_kept():
    X, Y, _, order = world(share=0.9)
    known = np.where(np.arange(60) < 20, order, -1)
    model = PermutedGLM().fit(X, Y, known=known)
    assert_array_equal(model.permutation_[:20], order[:20])
    assert_array_equal(np.sort(model.permutation_), np.arange(60))


def test_with_all_pairs_known_it_is_the_fit_to_the_right_rows():
    X, Y, _, order = world()
    B, permutation = two_step_estimate(X, Y, known=order)
    assert_array_equal(permutation, order)
    assert_allclose(B, irls(X[order], Y, GAUSSIAN).coef, atol=1e-6)


def test_missing_responses_do_not_hinder_recovery():
    X, Y, _, order = world(m=30)
    Y[np.random.default_rng(4).random(Y.shape) < 0.3] = np.nan
    assert (PermutedGLM(n_starts=3).fit(X, Y).permutation_ == order).mean() > 0.9


def test_moved_rows_have_the_higher_mismatch_scores():
    X, Y, _, order = world(m=30)
    score = PermutedGLM(n_starts=3).fit(X, Y).mismatch_score_
    moved = order != np.arange(60)
    assert score[moved].min() > score[~moved].max()


def test_the_diagnostic_tells_a_hopeless_match_from_a_sure_one():
    X, Y, _, _ = world(m=200)
    assert PermutedGLM().fit(X, Y).recoverable_share_ > 0.9
    noise = np.random.default_rng(5).normal(size=(60, 2))
    assert PermutedGLM().fit(X, noise).recoverable_share_ == 0.0


def test_further_starts_never_end_less_likely():
    X, Y, _, _ = world(share=0.9, m=4)
    ends = [PermutedGLM(n_starts=k).fit(X, Y).log_likelihood_[-1] for k in (1, 3)]
    assert ends[1] >= ends[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Y": np.full((60, 12), 0.5)}, "Bernoulli"),
        ({"Y": np.ones((59, 12))}, "59"),
        ({"known": np.zeros(60, dtype=int)}, "twice"),
        ({"known": np.full(60, 60)}, "row numbers"),
        ({"known": [0]}, "row numbers"),
        ({"Y": np.full((60, 1), np.nan)}, "no value"),
    ],
)
def test_bad_input_is_named(change, message):
    X, Y, _, _ = world(BERNOULLI)
    given = {"X": X, "Y": Y, "known": None} | change
    with pytest.raises(BadInput, match=message):
        PermutedGLM(BERNOULLI).fit(given["X"], given["Y"], known=given["known"])


def test_a_ridge_of_zero_is_refused():
    X, Y, _, _ = world()
    with pytest.raises(BadInput, match="ridge"):
        PermutedGLM(ridge=0.0).fit(X, Y)
