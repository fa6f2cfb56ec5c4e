"""Infinitely wide and deep networks as classifiers, and duals of activations [P145]."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.noise import (
    Dual,
    HilbertKernelClassifier,
    InfiniteDepthClassifier,
    ReluDual,
    activation_regime,
    design_activation,
    dual_activation,
    on_sphere,
    sine_dual,
)

CUBIC = Dual([0, 1, 0, 1])


def positive(n: int, seed: int = 0, d: int = 3) -> np.ndarray:
    x = np.random.default_rng(seed).dirichlet(np.ones(d), n)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("coefficients", "alpha"),
    [([0, 1, 0, 0, 0, 0, 0, 1], 1), ([0, 1, 0, 1], 2), ([0, 1, 2, 1], 4), ([0, 1, 14, 1], 8)],
)
def test_the_published_duals_have_exponents_1_2_4_8(coefficients, alpha):
    assert_allclose(activation_regime(Dual(coefficients)).alpha, alpha, atol=1e-12)


@pytest.mark.parametrize(("a", "alpha"), [(2.676, 2), (6.13539, 4), (13.8258, 8)])
def test_the_published_sines_have_exponents_2_4_8(a, alpha):
    assert_allclose(activation_regime(sine_dual(a)).alpha, alpha, atol=1e-4)


@given(st.floats(0.5, 20))
@settings(max_examples=25, deadline=None)
def test_a_designed_activation_has_the_exponent_asked_for(dimension):
    assert_allclose(activation_regime(design_activation(dimension)).alpha, dimension, rtol=1e-8)


def test_the_series_of_a_sine_is_its_closed_form():
    x, a = np.linspace(-1, 1, 11), 6.1
    assert_allclose(sine_dual(a).value(x), np.sinh(a * x) / np.sinh(a), atol=1e-14)
    assert_allclose(sine_dual(a).slope(x), a * np.cosh(a * x) / np.sinh(a), atol=1e-12)


@pytest.mark.parametrize("dual", [CUBIC, sine_dual(2.0), Dual([0.2, 0.3, 0.5])])
def test_the_dual_of_its_activation_is_the_dual_again(dual):
    again = dual_activation(dual.activation, degree=40)
    x = np.linspace(-1, 1, 9)
    assert_allclose(again.value(x), dual.value(x), atol=1e-10)


def test_the_rectifier_is_that_of_the_arc_cosine():
    assert_allclose(ReluDual().value([0, 1]), [1 / math.pi, 1], atol=1e-12)
    assert_allclose(dual_activation(lambda x: np.maximum(x, 0)).value(0.5), ReluDual().value(0.5), atol=5e-3)
    assert activation_regime(ReluDual()).kind == "majority vote"


def test_an_even_activation_without_mean_is_one_nearest_neighbour():
    assert activation_regime(dual_activation(lambda x: x**2 - 1)).kind == "nearest neighbour"


@pytest.mark.parametrize("kernel", ["nngp", "ntk"])
@pytest.mark.parametrize("dual", [CUBIC, Dual([0, 0, 1, 1]), ReluDual(), sine_dual(2.676)])
def test_a_network_of_few_layers_is_its_recursion(kernel, dual):
    x, x_test, y = positive(12), positive(7, seed=1), np.arange(12) % 2

    def kernels(a, b):
        s = np.clip(a @ b.T, -1, 1)
        t = s.copy()
        for _ in range(4):
            t = dual.value(s) + t * dual.slope(s)
            s = dual.value(s)
        return t if kernel == "ntk" else s

    full = kernels(x, x)
    expected = kernels(x_test, x) @ np.linalg.solve(full / full[0, 0], np.eye(2)[y])
    found = InfiniteDepthClassifier(dual, 4, kernel).fit(x, y).decision_function(x_test)
    ratio = found / expected  # each row has its own scale
    assert_allclose(ratio[:, 0], ratio[:, 1], rtol=2e-4)
    assert (ratio > 0).all()


def test_depth_60_is_as_good_as_infinite():
    x, y, x_test = positive(150), np.arange(150) % 2, positive(400, seed=1)
    deep = InfiniteDepthClassifier(CUBIC, depth=60).fit(x, y).predict(x_test)
    limit = InfiniteDepthClassifier(CUBIC).fit(x, y).predict(x_test)
    hilbert = HilbertKernelClassifier().fit(x, y).predict(x_test)
    assert (deep == limit).mean() > 0.99
    assert_array_equal(limit, hilbert)


def test_powers_become_one_nearest_neighbour_without_underflow():
    x, y, x_test = positive(100), np.arange(100) % 3, positive(200, seed=1)
    nearest = y[(x_test @ x.T).argmax(axis=1)]
    for depth in (30, 200):
        assert_array_equal(InfiniteDepthClassifier(Dual([0, 0, 1]), depth).fit(x, y).predict(x_test), nearest)
    assert_array_equal(InfiniteDepthClassifier(Dual([0, 0, 1])).fit(x, y).predict(x_test), nearest)


def test_a_very_deep_singular_network_does_not_underflow():
    x, y, x_test = positive(60), np.arange(60) % 2, positive(50, seed=1)
    model = InfiniteDepthClassifier(CUBIC, depth=5000).fit(x, y)
    assert np.isfinite(model.decision_function(x_test)).all()


def test_the_rectifier_votes_with_the_majority():
    x = positive(20)
    y = np.array(["a"] * 11 + ["b"] * 9)
    assert set(InfiniteDepthClassifier(ReluDual()).fit(x, y).predict(positive(30, seed=2)).tolist()) == {"a"}


@pytest.mark.parametrize(
    "model", [HilbertKernelClassifier(), InfiniteDepthClassifier(CUBIC), InfiniteDepthClassifier(CUBIC, 40, "ntk")]
)
def test_every_training_label_is_fitted_wrong_ones_too(model):
    x, y = positive(80), np.random.default_rng(0).integers(0, 4, 80)
    assert_array_equal(model.fit(x, y).predict(x), y)


def test_the_share_of_weights_is_that_of_inverse_distances():
    x, y, t = positive(5, d=2), np.array([0, 1, 0, 1, 1]), positive(1, seed=9, d=2)
    weights = 1 / np.linalg.norm(t - x, axis=1)
    expected = weights[y == 1].sum() / weights.sum()
    assert_allclose(HilbertKernelClassifier().fit(x, y).predict_proba(t)[0, 1], expected, rtol=1e-10)


def test_rows_on_the_sphere_lie_in_one_orthant():
    x = on_sphere(np.random.default_rng(0).normal(size=(50, 4)))
    assert x.shape == (50, 5)
    assert_allclose((x**2).sum(axis=1), 1.0)
    assert (x @ x.T).min() >= -1e-12


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Dual([-1, 2]), "0 or more"),
        (lambda: activation_regime(Dual([0, 1])), "linear"),
        (lambda: sine_dual(0), "a is 0"),
        (lambda: design_activation(100), "0.5 to 40"),
        (lambda: dual_activation(lambda x: 1.0), "finite numbers"),
        (lambda: InfiniteDepthClassifier(CUBIC, 0), "depth is 0"),
        (lambda: InfiniteDepthClassifier(CUBIC, 3, "gp"), "unknown"),
        (lambda: InfiniteDepthClassifier(CUBIC, 3).fit([[1.0, 0], [1, 0]], [0, 1]), "are the same"),
        (lambda: HilbertKernelClassifier().fit([[0.0, 0.0]], [0]), "row of X is 0"),
        (lambda: HilbertKernelClassifier().predict([[1.0, 0.0]]), "not fitted"),
        (lambda: HilbertKernelClassifier().fit([[1.0, 0]], [0]).predict([[1.0]]), "1 columns, 2 expected"),
        (lambda: HilbertKernelClassifier(-1), "above 0"),
    ],
)
def test_bad_input_is_one_clear_line(call, words):
    with pytest.raises(BadInput, match=words):
        call()
