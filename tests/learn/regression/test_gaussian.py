"""The Gaussian likelihood of evidence about numbers: value, gradients, scales."""

from __future__ import annotations

import doctest
from importlib import import_module

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Mixed, Reals  # noqa: E402
from labelwright.learn.regression import (  # noqa: E402
    GaussianLikelihood,
    TargetScale,
    gaussian_loss,
    likeliest_scale,
)
from labelwright.nn import Linear, Loop, Task, Training  # noqa: E402

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=20)
ENDS = Reals.between(np.where(np.arange(20) % 3, VALUES - 1, -np.inf), np.where(np.arange(20) % 2, VALUES, np.inf))


@pytest.mark.parametrize("room", ["gaussian", "target_scale"])
def test_the_examples_run(room):
    module = import_module(f"labelwright.learn.regression.{room}")
    assert doctest.testmod(module, extraglobs={"Reals": Reals}).failed == 0


def test_the_loss_is_the_mean_of_the_evidences_cost():
    mean = torch.from_numpy(VALUES[::-1].copy())
    loss = gaussian_loss(mean, ENDS, torch.tensor(0.7, dtype=torch.float64))
    assert loss.item() == pytest.approx(ENDS.nll(VALUES[::-1].copy(), 0.7).mean())


@pytest.mark.parametrize("scale", [0.02, 1.0, 30.0])
def test_for_values_the_networks_gradient_is_that_of_least_squares_whatever_the_scale(scale):
    mean = torch.zeros(20, dtype=torch.float64, requires_grad=True)
    gaussian_loss(mean, Reals.values(VALUES), scale).backward()
    torch.testing.assert_close(mean.grad, -torch.from_numpy(VALUES) / 20)


@pytest.mark.parametrize("evidence", [ENDS, Mixed.of(ENDS, Reals.values(VALUES))], ids=["ends", "mixed"])
def test_the_scales_gradient_is_that_of_the_cost(evidence):
    mean = np.linspace(-1, 1, 20)
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    gaussian_loss(torch.from_numpy(mean), evidence, scale).backward()
    above, below = (evidence.nll(mean, np.full(20, s)).mean() for s in (0.7 + 1e-6, 0.7 - 1e-6))
    assert scale.grad.item() == pytest.approx((above - below) / 2e-6, rel=1e-6)


def test_at_the_likeliest_scale_of_values_it_is_the_root_mean_square():
    assert likeliest_scale(np.zeros(20), Reals.values(VALUES), 10.0) == pytest.approx(np.sqrt((VALUES**2).mean()))


def test_rows_of_which_nothing_is_known_change_nothing():
    x = RNG.normal(size=(20, 2))
    answers = []
    for y in (VALUES, np.where(np.arange(20) < 10, VALUES, np.nan)):
        task = Task(x, Reals.values(y), net=Linear(), rows=np.arange(10))
        loop = Loop(GaussianLikelihood(), task, Training(epochs=2, batch_size=20, device="cpu"))
        loop.fit()
        answers.append(loop.predict().logits)
    torch.testing.assert_close(*answers)


def test_the_learnt_scale_is_the_noises():
    x = RNG.normal(size=(400, 2))
    y = x @ [1.0, -1.0] + 0.3 * RNG.normal(size=400)
    task = Task(x, Reals.values(y), net=Linear())
    loop = Loop(GaussianLikelihood(), task, Training(epochs=25, device="cpu"))
    loop.fit()
    assert loop.objective.scale.item() == pytest.approx(0.3, rel=0.15)


def test_standardising_and_restoring_are_inverse():
    scale = TargetScale.of(ENDS)
    bounds = scale.standardized(ENDS).bounds
    np.testing.assert_allclose(scale.restored(bounds), ENDS.bounds)


def test_exact_values_decide_the_scale_however_wide_the_intervals_are():
    evidence = Reals.between([1.0, 3.0, -1e9], [1.0, 3.0, 1e6])
    assert (TargetScale.of(evidence).location, TargetScale.of(evidence).scale) == (2.0, 1.0)


@pytest.mark.parametrize("start", [0.0, 0.01, np.inf, np.nan])
def test_a_scale_that_is_none_is_refused(start):
    with pytest.raises(BadInput):
        GaussianLikelihood(start)
