"""Losses of a residual: slopes are those of the values, kinks have slope 0."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labelwright.errors import BadInput
from labelwright.learn.regression import absolute, huber, pinball, squared

LOSSES = {"squared": squared, "absolute": absolute, "huber": huber, "pinball": partial(pinball, tau=0.3)}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_the_slope_is_that_of_the_value(loss):
    f, y = np.random.default_rng(0).normal(size=(2, 50)) * 2
    numeric = (loss(f + 1e-6, y)[0] - loss(f - 1e-6, y)[0]) / 2e-6
    assert_allclose(loss(f, y)[1], numeric, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_perfect_prediction_costs_nothing_and_has_slope_zero(loss):
    value, slope = loss([2.0], [2.0])
    assert value[0] == slope[0] == 0


def test_pinball_at_the_median_is_half_the_absolute_loss():
    f, y = np.random.default_rng(1).normal(size=(2, 20))
    assert_allclose(pinball(f, y, 0.5)[0], absolute(f, y)[0] / 2)


def test_huber_with_a_wide_delta_is_half_the_squared_loss():
    f, y = np.random.default_rng(2).normal(size=(2, 20))
    assert_allclose(huber(f, y, 1e6)[0], squared(f, y)[0] / 2)


def test_the_best_constant_of_pinball_is_the_quantile():
    y = np.random.default_rng(3).exponential(size=401)
    costs = [pinball(c, y, 0.8)[0].mean() for c in np.sort(y)]
    assert np.sort(y)[int(np.argmin(costs))] == np.quantile(y, 0.8)


def test_impossible_parameters_are_refused():
    with pytest.raises(BadInput, match="tau"):
        pinball([0.0], [0.0], 1.5)
    with pytest.raises(BadInput, match="delta"):
        huber([0.0], [0.0], 0.0)
