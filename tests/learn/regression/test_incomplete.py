"""Labels that are too low [P057]."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.linear_model import QuantileRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwright.errors import BadInput
from labelwright.learn.regression import ABSOLUTE, SQUARED, U2Regressor, absolute, pinball, u2_gradient, u2_loss
from labelwright.noise import incomplete_values


def labels(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = X @ [1.0, -1.0] + 10 + rng.normal(size=n)
    return X, incomplete_values(y, 0.5, seed, 5.0).values


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([U2Regressor(1.0, n_steps=200), U2Regressor(n_steps=50)])
def test_it_keeps_the_estimator_contract(estimator, check):
    check(estimator)


@given(seed=st.integers(0, 10_000), rho=st.floats(0.05, 1.0))
def test_the_gradient_is_that_of_the_pinball_loss_at_one_minus_half_rho(seed, rho):
    f, y = np.random.default_rng(seed).normal(size=(2, 30))
    assert_allclose(u2_gradient(f, y, rho), 2 / rho * pinball(f, y, 1 - rho / 2)[1] / 30)


def test_with_rho_one_it_is_the_absolute_loss():
    f, y = np.random.default_rng(1).normal(size=(2, 30))
    assert_allclose(u2_gradient(f, y, 1.0), absolute(f, y)[1] / 30)


def test_a_constant_model_converges_to_the_quantile():
    y = labels()[1]
    model = U2Regressor(0.4).fit(np.zeros((len(y), 1)), y)
    assert model.intercept_ == pytest.approx(np.quantile(y, 0.8), abs=0.05)


def test_a_linear_model_converges_to_quantile_regression():
    X, y = labels()
    ours = U2Regressor(0.5).fit(X, y)
    exact = QuantileRegressor(quantile=0.75, alpha=0.0).fit(X, y)
    assert_allclose(ours.coef_, exact.coef_, atol=0.05)
    assert ours.intercept_ == pytest.approx(exact.intercept_, abs=0.05)


@pytest.mark.parametrize("upper", [ABSOLUTE, SQUARED], ids=["absolute", "squared"])
def test_the_surrogate_has_the_gradient(upper):
    f, y = np.random.default_rng(2).normal(size=(2, 20))
    step = 1e-6 * np.eye(20)
    numeric = [(u2_loss(f + d, y, 0.6, upper) - u2_loss(f - d, y, 0.6, upper)) / 2e-6 for d in step]
    assert_allclose(u2_gradient(f, y, 0.6, upper), numeric, atol=1e-6)


@pytest.mark.parametrize("upper", [ABSOLUTE, SQUARED], ids=["absolute", "squared"])
def test_torch_gives_the_same_loss_and_the_same_gradient(upper):
    torch = pytest.importorskip("torch")
    f, y = np.random.default_rng(3).normal(size=(2, 20))
    ft = torch.tensor(f, requires_grad=True)
    loss = u2_loss(ft, torch.tensor(y), 0.6, upper)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(u2_loss(f, y, 0.6, upper))
    assert_allclose(ft.grad.numpy(), u2_gradient(f, y, 0.6, upper))
    assert_allclose(u2_gradient(ft.detach(), torch.tensor(y), 0.6, upper).numpy(), ft.grad.numpy())


def test_the_intercept_is_that_of_complete_labels():
    X, y = labels(4000)
    assert abs(U2Regressor(0.5).fit(X, y).intercept_ - 10) < 0.25
    assert abs(np.mean(y) - 10) > 2


def test_the_share_of_complete_labels_is_estimated():
    X, y = labels(4000)
    model = U2Regressor(n_steps=500).fit(X, y)
    assert 0.4 < model.rho_ < 0.75
    assert abs(model.intercept_ - 10) < 0.4


def test_the_estimated_risk_always_prefers_rho_one():
    X, y = labels()
    f = [U2Regressor(rho).fit(X, y).predict(X) for rho in (0.4, 0.7, 1.0)]
    risks = [u2_loss(np.asarray(a), y, rho) for a, rho in zip(f, (0.4, 0.7, 1.0), strict=True)]
    assert risks[0] > risks[1] > risks[2]


def test_it_does_not_depend_on_the_unit_of_labels_and_inputs():
    X, y = labels()
    plain, scaled = U2Regressor(0.5).fit(X, y), U2Regressor(0.5).fit(X * [1e-3, 50], y * 100 - 7)
    assert_allclose(scaled.predict(X * [1e-3, 50]), plain.predict(X) * 100 - 7, rtol=1e-6)


@pytest.mark.parametrize("rho", [0.0, -1.0, 1.1, float("nan")])
def test_impossible_shares_are_refused(rho):
    with pytest.raises(BadInput, match="rho"):
        U2Regressor(rho).fit([[0.0], [1.0]], [0.0, 1.0])


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(BadInput, match="one of each"):
        u2_loss(np.zeros(3), np.zeros(2), 0.5)
