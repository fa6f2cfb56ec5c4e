"""P057 with a network: the same surrogate on batches."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Reals  # noqa: E402
from labelwright.learn import ImpreciseRegressor  # noqa: E402
from labelwright.learn.regression import SQUARED, AbsoluteError, U2Objective, u2_gradient, u2_loss  # noqa: E402
from labelwright.nn import MLP, AdamW, Linear, Loop, Task, Training  # noqa: E402
from labelwright.noise import incomplete_values  # noqa: E402


def labels(n: int = 800):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2)).astype(np.float32)
    truth = 10 + x @ [1.0, -1.0]
    return x, truth, incomplete_values(truth + rng.normal(size=n), 0.5, 0, 5.0).values


@pytest.mark.parametrize("upper", [None, SQUARED])
def test_the_gradient_of_a_step_is_the_papers(upper):
    x, _, y = labels(40)
    task = Task(x, Reals.values(y), net=Linear())
    loop = Loop(U2Objective(0.4, upper), task, Training(epochs=1, batch_size=40, device="cpu"))
    net = loop.objective.net
    f = net(torch.from_numpy(x)).detach().numpy()[:, 0].astype(np.float64)
    slope = u2_gradient(f, y, 0.4, SQUARED) if upper else u2_gradient(f, y, 0.4)
    loop.step(np.arange(40))
    np.testing.assert_allclose(net.head.bias.grad.numpy(), [slope.sum()], rtol=1e-4)


def test_rows_of_weight_two_count_as_two():
    f, y = np.random.default_rng(0).normal(size=(2, 9))
    weight = np.where(np.arange(9) < 3, 2.0, 1.0)
    twice = np.concatenate([np.arange(9), np.arange(3)])
    assert 9 * u2_loss(f, y, 0.6, weight=weight) == pytest.approx(12 * u2_loss(f[twice], y[twice], 0.6))


def test_it_finds_the_level_that_absolute_error_misses():
    x, truth, y = labels()
    fitted = {
        name: ImpreciseRegressor(objective, net=MLP((16,)), epochs=25, optimizer=AdamW(1e-2), batch_size=100).fit(x, y)
        for name, objective in {"u2": U2Objective(0.5), "absolute": AbsoluteError()}.items()
    }
    error = {name: np.abs(model.predict(x) - truth).mean() for name, model in fitted.items()}
    assert error["u2"] < 0.6 * error["absolute"]


def test_a_saved_model_answers_the_same(tmp_path):
    x, _, y = labels(60)
    model = ImpreciseRegressor(U2Objective(0.5, SQUARED), net=MLP((4,)), epochs=2).fit(x, y)
    again = ImpreciseRegressor.load(model.save(tmp_path / "model"))
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)


@pytest.mark.parametrize("settings", [{"rho": 0.0}, {"rho": 1.1}, {"rho": 0.5, "ema": 1.0}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        U2Objective(**settings)
