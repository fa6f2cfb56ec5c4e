"""An effect with an instrument that is not clean: exact moments, robustness, selection, cross-fitting (P119)."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labelwright.decide import (
    ConstantMean,
    InvalidIVATE,
    LogisticMean,
    PolynomialMean,
    VarianceInteraction,
    WithinArmRatio,
    crossfit,
    eif_score,
    minimax,
    selective_learners,
    simulate_invalid_iv,
)
from labelwright.decide.iv_nuisances import BoostedMean, IVNuisances, away_from_zero
from labelwright.errors import BadInput


def saturated(data):
    """Every nuisance as a sample moment, without X."""
    y, a, z = data.y, data.a.astype(float), data.z.astype(float)
    p, m, c = (np.empty(2) for _ in range(3))
    for arm in (0, 1):
        rows = z == arm
        p[arm], m[arm] = a[rows].mean(), y[rows].mean()
        c[arm] = ((a[rows] - p[arm]) * (y[rows] - m[arm])).mean()
    v = p * (1 - p)
    delta = (c[1] - c[0]) / (v[1] - v[0])
    n = len(y)
    nuisances = IVNuisances(
        np.full(n, z.mean()),
        np.tile(p, (n, 1)),
        np.tile(m - delta * p, (n, 1)),
        np.full(n, delta),
        np.full(n, c[0] - delta * v[0]),
    )
    return (y, a, z), nuisances, delta


def test_saturated_moments_give_the_ratio_and_the_correction_averages_to_zero():
    columns, nuisances, delta = saturated(simulate_invalid_iv(3000, seed=0))
    assert_allclose(eif_score(*columns, nuisances).mean(), delta, atol=1e-10)


def test_with_population_nuisances_the_score_has_the_true_mean():
    data = simulate_invalid_iv(400_000, seed=1)
    x1, x2 = data.X.T
    pi = 1 / (1 + np.exp(-0.3 * x1))
    p = np.c_[0.15 + 0.05 * x2, 0.5 + 0.1 * x1]
    delta = 1 + 0.5 * x1
    b = np.c_[x1 + x2, 0.8 + 0.3 * x2 + x1 + x2]
    # E[p (1 − p)] within (z, X) is not what p says: U moves A by 0.1 U, so cov(A, 1.5 U) = 0.15 var(U) = 0.05
    nuisances = IVNuisances(pi, p, b, delta, np.full(len(x1), 0.05))
    score = eif_score(data.y, data.a.astype(float), data.z.astype(float), nuisances)
    assert abs(score.mean() - 1) < 4 * score.std() / np.sqrt(len(score))
    wrong_p = IVNuisances(pi, np.tile([0.15, 0.5], (len(x1), 1)), b, delta, nuisances.omega)
    robust = eif_score(data.y, data.a.astype(float), data.z.astype(float), wrong_p)
    assert abs(robust.mean() - 1) < 5 * robust.std() / np.sqrt(len(robust))


def test_the_estimate_is_near_one_and_its_interval_is_honest():
    data = simulate_invalid_iv(20_000, seed=0)
    fitted = InvalidIVATE(seed=0).fit(data.y, data.a, data.z, data.X)
    assert abs(fitted.ate_ - 1) < 4 * fitted.se_ < 0.4
    assert fitted.interval_.low < fitted.ate_ < fitted.interval_.high
    assert (fitted.trimmed_, fitted.sign_changes_) == (0, 0) and fitted.least_gap_ > 0.02


def test_constant_learners_are_not_chosen():
    data = simulate_invalid_iv(20_000, seed=100)
    fitted = InvalidIVATE(
        pi=[ConstantMean(), LogisticMean()],
        p=[ConstantMean(), LogisticMean()],
        m=[ConstantMean(), PolynomialMean(2)],
        effect=[VarianceInteraction(0), VarianceInteraction(1)],
    ).fit(data.y, data.a, data.z, data.X)
    assert fitted.chosen_ == (1, 1, 1, 1) and fitted.pseudo_risk_.shape == (2, 2, 2, 2)
    assert fitted.ate_ == fitted.estimates_[1, 1, 1, 1]


def test_a_learner_that_changes_the_estimate_has_the_larger_pseudo_risk():
    psi = np.zeros((2, 3, 4))
    psi[1] = [[0], [3], [5]]
    assert selective_learners(psi).chosen == (0, 0)
    risk = selective_learners(psi).pseudo_risk
    assert_allclose(risk, [[0, 9, 25], [25, 34, 50]])
    assert_allclose(selective_learners(psi, minimax).pseudo_risk, [[0, 9, 25], [25, 25, 25]])


def test_equal_estimates_choose_the_first_of_each():
    assert selective_learners(np.ones((2, 2, 2, 2, 3))).chosen == (0, 0, 0, 0)


def test_two_ways_to_learn_the_effect_agree_without_covariates():
    rng = np.random.default_rng(0)
    z = rng.integers(0, 2, 2000)
    v = np.where(z == 1, 0.25, 0.1)
    t = 0.7 * v + 0.05 + rng.normal(0, 0.01, 2000)
    X = np.zeros((2000, 0))
    one = VarianceInteraction(0, ridge=0)(X, z, t, v, X[:1])
    two = WithinArmRatio(ConstantMean())(X, z, t, v, X[:1])
    assert_allclose(np.ravel(one), np.ravel(two), atol=1e-9)


def test_one_sided_take_up_is_warned_about():
    data = simulate_invalid_iv(2000, seed=0)
    a = data.a * data.z
    with pytest.warns(UserWarning, match="never changes"):
        InvalidIVATE(folds=2).fit(data.y, a, data.z, data.X)


def test_the_same_seed_gives_the_same_bits():
    data = simulate_invalid_iv(2000, seed=0)
    one, two = (InvalidIVATE(folds=2, seed=3).fit(data.y, data.a, data.z, data.X).ate_ for _ in range(2))
    assert one == two
    assert (simulate_invalid_iv(50, 1).y == simulate_invalid_iv(50, 1).y).all()


def test_out_of_fold_predictions_do_not_see_their_row():
    y = np.arange(12.0)
    nearest = lambda X, y, new: y[np.abs(X[:, :1].T - new[:, :1]).argmin(axis=1)]  # noqa: E731
    fitted = crossfit([nearest], y[:, None], y, folds=4)
    assert (fitted.predictions[0] != y).all() and np.bincount(fitted.fold).tolist() == [3, 3, 3, 3]


def test_learners_take_rows_of_one_kind_and_no_columns():
    X, none = np.random.default_rng(0).normal(size=(50, 2)), np.zeros((50, 0))
    assert_allclose(LogisticMean()(X, np.ones(50), X[:2]), [1, 1])
    assert_allclose(LogisticMean()(none, np.r_[np.ones(25), np.zeros(25)], none[:2]), [0.5, 0.5])
    assert_allclose(PolynomialMean(2)(X, X[:, 0] * X[:, 1], X[:3]), X[:3, 0] * X[:3, 1], atol=1e-4)
    assert BoostedMean(trees=5)(X, X[:, 0], X[:3]).shape == (3,)


def test_small_gaps_keep_their_sign():
    assert away_from_zero(np.array([-0.001, 0.0, 0.5]), 0.02).tolist() == [-0.02, 0.02, 0.5]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: (d.y, d.a + 1, d.z, d.X), "a must hold only"),
        (lambda d: (d.y[:-1], d.a, d.z, d.X), "rows but"),
        (lambda d: (d.y * np.nan, d.a, d.z, d.X), "NaN"),
        (lambda d: (d.y, d.a, d.z * 0, d.X), "an arm of the instrument"),
        (lambda d: (d.y, d.a * 0, d.z, d.X), "never changes"),
        (lambda d: (d.y, d.a, d.z, d.X[:, 0]), "dimensions"),
    ],
)
def test_bad_columns_are_refused(change, says):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BadInput, match=says):
            InvalidIVATE(folds=2).fit(*change(simulate_invalid_iv(100, 0)))
    with pytest.raises(BadInput, match="folds"):
        crossfit([], np.zeros((3, 1)), np.zeros(3), folds=9)
    with pytest.raises(BadInput, match="finite"):
        selective_learners(np.array([1.0]))
