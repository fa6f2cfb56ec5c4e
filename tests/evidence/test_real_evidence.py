"""Reals: values, intervals and lost order under a Gaussian."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm

from labelwright.errors import BadInput
from labelwright.evidence import Reals, log_cdf_difference

INF = np.inf


def test_a_value_costs_its_gaussian_density():
    mean, scale = np.array([0.5, -3.0]), np.array([2.0, 0.1])
    got = Reals.values([1.0, 7.0]).nll(mean, scale)
    assert_allclose(got, -norm.logpdf([1.0, 7.0], mean, scale))


def test_an_interval_costs_its_gaussian_mass():
    got = Reals.between([0.0, -1.0], [1.0, 3.0]).nll(np.array([0.2, 0.0]), 0.7)
    mass = norm.cdf([1.0, 3.0], [0.2, 0.0], 0.7) - norm.cdf([0.0, -1.0], [0.2, 0.0], 0.7)
    assert_allclose(got, -np.log(mass))


def test_one_sided_bounds_cost_their_tail():
    got = Reals.between([2.0, np.nan], [np.nan, 2.0]).nll(np.zeros(2))
    assert_allclose(got, [-norm.logsf(2.0), -norm.logcdf(2.0)])


def test_nothing_known_costs_nothing():
    assert_allclose(Reals.values([np.nan]).nll(np.array([123.0])), 0)


@settings(max_examples=100, deadline=None)
@given(st.floats(-200, 200), st.floats(0.01, 50))
def test_the_mass_of_an_interval_is_symmetric_and_finite_in_both_tails(low, width):
    left = log_cdf_difference(np.array([low]), np.array([low + width]))
    right = log_cdf_difference(np.array([-low - width]), np.array([-low]))
    assert np.isfinite(left).all()
    assert_allclose(left, right, rtol=1e-9)
    assert left[0] <= 0


def test_far_tails_match_the_asymptotic_law():
    got = log_cdf_difference(np.array([40.0]), np.array([41.0]))
    assert_allclose(got, norm.logsf(40.0), rtol=1e-12)


def test_a_narrow_interval_costs_its_density_times_its_width():
    got = log_cdf_difference(np.array([3.0]), np.array([3.0 + 1e-6]))
    assert_allclose(got, norm.logpdf(3.0 + 5e-7) + np.log(1e-6), rtol=1e-6)


def test_a_shuffled_block_is_scored_under_its_likeliest_order():
    value, mean = np.array([3.0, 1.0, 2.0, 9.0]), np.array([1.1, 2.2, 2.9, 0.0])
    got = Reals.values(value, block=[0, 0, 0, -1]).nll(mean)
    best = min(-norm.logpdf(value[list(order)], mean[:3]).sum() for order in itertools.permutations(range(3)))
    assert_allclose(got[:3].sum(), best)
    assert_allclose(got[3], -norm.logpdf(9.0))


def test_torch_and_numpy_cost_the_same_and_no_gradient_is_nan():
    torch = pytest.importorskip("torch")
    evidence = Reals([[1, 1], [0, 2], [-INF, 3], [4, INF], [-INF, INF], [50, 51]], [-1, -1, -1, -1, -1, -1])
    mean = np.array([0.5, 1.5, 9.0, -7.0, 0.0, 0.0])
    tensor = torch.tensor(mean, requires_grad=True)
    cost = evidence.nll(tensor, 0.8)
    assert_allclose(cost.detach().numpy(), evidence.nll(mean, 0.8), rtol=1e-10)
    (gradient,) = torch.autograd.grad(cost.sum(), tensor)
    steps = np.eye(6) * 1e-5
    numeric = [(evidence.nll(mean + s, 0.8).sum() - evidence.nll(mean - s, 0.8).sum()) / 2e-5 for s in steps]
    assert_allclose(gradient.numpy(), numeric, rtol=1e-5, atol=1e-7)


def test_a_shuffled_block_is_one_unit():
    evidence = Reals.values([1.0, 2.0, 3.0, 4.0], block=[7, -1, 7, -1])
    assert evidence.units().tolist() == [0, 1, 0, 2]
    with pytest.raises(BadInput, match="row 0: the rows taken cut 1 units"):
        evidence.take([0, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Reals([[2.0, 1.0]]), "row 0: the interval 2.0 to 1.0"),
        (lambda: Reals([[np.nan, 1.0]]), "row 0: the interval nan"),
        (lambda: Reals([[INF, INF]]), "row 0"),
        (lambda: Reals([[0.0, 1.0, 2.0]]), "pass \\(n, 2\\)"),
        (lambda: Reals([[0.0, 1.0]], [0]), "row 0: a row of a shuffled block"),
        (lambda: Reals([[0.0, 1.0]], [0, 1]), "block is not one number a row"),
        (lambda: Reals.values([1.0]).nll(np.zeros(2)), "pass \\(1,\\)"),
        (lambda: Reals.values([1.0]).nll(np.zeros(1), 0.0), "a scale is not above 0"),
    ],
)
def test_bad_reals_are_one_clear_line(make, message):
    with pytest.raises(BadInput, match=message):
        make()
