"""P153: pairs and denominators of ConR, and what switches it off."""

from __future__ import annotations

import doctest
from functools import partial
from importlib import import_module

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Reals  # noqa: E402
from labelwright.learn import ImpreciseRegressor  # noqa: E402
from labelwright.learn.regression import (  # noqa: E402
    AbsoluteError,
    ConRRegularization,
    ExponentialPush,
    LinearPush,
    conr_loss,
    lds_weights,
    published_conr_loss,
)
from labelwright.nn import MLP, Linear, Loop, Task, Training  # noqa: E402
from labelwright.nn.contrastive import supervised_contrastive  # noqa: E402

LOSSES = pytest.mark.parametrize("loss", [conr_loss, published_conr_loss])


def batch(seed: int = 0, m: int = 12):
    rng = np.random.default_rng(seed)
    features, y, said = rng.normal(size=(m, 5)), rng.normal(size=m), rng.normal(size=m)
    return (torch.tensor(a, requires_grad=a is features) for a in (features, y, said))


def no_push(distance):
    return torch.ones_like(distance)


@pytest.mark.parametrize("room", ["conr", "lds"])
def test_the_examples_run(room):
    module = import_module(f"labelwright.learn.regression.{room}")
    assert doctest.testmod(module).failed == 0


@LOSSES
def test_a_window_over_the_labels_range_leaves_no_negatives_and_no_loss(loss):
    q, y, said = batch()
    value = loss(q, y, said, window=float(y.max() - y.min()))
    value.backward()
    assert value.item() == 0 and not q.grad.any()


@LOSSES
def test_perfect_predictions_leave_no_negatives_and_no_loss(loss):
    q, y, _ = batch()
    assert loss(q, y, y, window=0.3).item() == 0


@LOSSES
def test_labels_that_are_all_far_apart_leave_no_positives_and_no_loss(loss):
    q, _, said = batch()
    value = loss(q, torch.arange(12.0), said, window=0.5)
    value.backward()
    assert value.item() == 0 and torch.isfinite(q.grad).all()


def test_three_items_by_hand():
    """Anchors 0 and 1 are each other's positive, item 2 their negative and an anchor without positives [P153]."""
    q = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], dtype=torch.float64)
    y, said = torch.tensor([0.0, 0.5, 3.0]), torch.zeros(3)
    weight = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)
    got = conr_loss(q, y, said, window=1.0, temperature=0.5, push=ExponentialPush(0.1), weight=weight)
    own = np.exp(0.6 / 0.5)
    first = -np.log(own / (own + 1 * np.exp(0.3) * np.exp(0.0)))
    second = -np.log(own / (own + 2 * np.exp(0.25) * np.exp(0.8 / 0.5)))
    assert got.item() == pytest.approx((1 * first + 2 * second) / 3)


def test_the_published_denominator_has_one_more_for_each_key_that_is_no_positive():
    q = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], dtype=torch.float64)
    y, said = torch.tensor([0.0, 0.5, 3.0]), torch.zeros(3)
    got = published_conr_loss(q, y, said, window=1.0, temperature=0.5, push=LinearPush(0.2))
    own = np.exp(0.6 / 0.5)
    first = -np.log(own / (own + 0.6 * np.exp(0.0) + 2))
    second = -np.log(own / (own + 0.5 * np.exp(0.8 / 0.5) + 2))
    assert got.item() == pytest.approx((first + second) / 3)


@given(seed=st.integers(0, 1000), window=st.floats(0.1, 1.5))
@settings(max_examples=30, deadline=None)
def test_without_pushing_weights_it_is_supervised_contrastive_on_the_same_masks(seed, window):
    q, y, said = batch(seed)
    far, close = (y[:, None] - y[None]).abs() > window, (said[:, None] - said[None]).abs() <= window
    positive, negative = ~far & ~torch.eye(12, dtype=torch.bool), far & close
    both = positive.any(1) & negative.any(1)
    if not both.any():
        return
    usable = positive | negative
    expected = supervised_contrastive(q[both], q, positive[both], 0.07, usable[both]) * both.sum() / 12
    torch.testing.assert_close(conr_loss(q, y, said, window=window, push=no_push), expected)


def test_labels_of_one_column_are_plain_labels_and_several_columns_take_their_distance():
    q, y, said = batch()
    flat = conr_loss(q, y, said, window=0.5)
    torch.testing.assert_close(conr_loss(q, y[:, None], said[:, None], window=0.5), flat)
    wide = [torch.stack([0.6 * v, 0.8 * v], dim=1) for v in (y, said)]
    torch.testing.assert_close(conr_loss(q, *wide, window=0.5), flat)


def test_no_gradient_reaches_the_predictions():
    q, y, said = batch()
    said.requires_grad_(True)
    conr_loss(q, y, said, window=0.5).backward()
    assert said.grad is None and q.grad.abs().sum() > 0


def test_huge_similarities_and_weights_stay_numbers():
    q, y, said = batch()
    weight = torch.logspace(-200, 200, 12, dtype=torch.float64)
    assert torch.isfinite(conr_loss(q, y, said, window=0.5, temperature=1e-3, weight=weight))


def test_shapes_that_do_not_fit_are_refused():
    q, y, said = batch()
    with pytest.raises(BadInput, match="one each a row"):
        conr_loss(q, y, said[:, None], window=0.5)


@pytest.mark.parametrize("settings", [{"beta": -1.0}, {"window": -0.1}, {"temperature": 0.0}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        ConRRegularization(**settings)


def rows(n: int = 60):
    x = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    return x, (x @ np.array([1.0, -1.0, 0.5])).astype(np.float32)


def test_with_beta_zero_it_is_absolute_error():
    x, y = rows()
    answers = []
    for objective in (ConRRegularization(beta=0.0), AbsoluteError()):
        task = Task(x, Reals.values(y), net=MLP((8,)))
        loop = Loop(objective, task, Training(epochs=3, device="cpu"))
        loop.fit()
        answers.append(loop.predict().logits)
    torch.testing.assert_close(*answers)


def test_the_regressor_trains_it_and_tells_both_terms():
    x, y = rows()
    model = ImpreciseRegressor(ConRRegularization(1.0, window=0.5, weigh=lds_weights), epochs=15).fit(x, 40 + 10 * y)
    assert model.score(x, 40 + 10 * y) > 0.5
    assert {"absolute_error", "conr"} <= set(model.loop_.history.names())


def test_a_saved_model_answers_the_same(tmp_path):
    x, y = rows()
    model = ImpreciseRegressor(ConRRegularization(weigh=lds_weights), net=MLP((8,)), epochs=2).fit(x, y)
    again = ImpreciseRegressor.load(model.save(tmp_path / "model"))
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)


def test_rows_without_a_value_are_left_out_and_intervals_are_named():
    x, y = rows()
    some = np.where(np.arange(60) < 30, y, np.nan)
    half = ImpreciseRegressor(AbsoluteError(), net=Linear(), epochs=2).fit(x, Reals.values(some))
    assert half.loop_.clock.steps_per_epoch == 1 and float(half.objective_.row_weight.sum()) == 30
    with pytest.raises(BadInput, match=r"row 7: .*an interval.*GaussianLikelihood"):
        high = np.where(np.arange(60) == 7, y + 1, y)
        ImpreciseRegressor(ConRRegularization(), epochs=1).fit(x, Reals.between(y, high))
    with pytest.raises(BadInput, match=r"row 0: .*whose value is whose"):
        shuffled = Reals.values(y, block=np.arange(60) // 2)
        ImpreciseRegressor(ConRRegularization(), epochs=1).fit(x, shuffled)


def test_a_network_without_features_is_refused():
    x, y = rows()
    net = torch.nn.Conv1d(3, 1, 1)
    with pytest.raises(BadInput, match="features of the network"):
        ImpreciseRegressor(ConRRegularization(), net=net, epochs=1).fit(x, y)


def test_smoothed_weights_have_mean_one_and_are_larger_where_labels_are_rare():
    values = np.concatenate([np.full(90, 20.0), np.full(10, 60.0)])
    weight = lds_weights(values, bin_width=1.0)
    assert weight.mean() == pytest.approx(1)
    assert weight[-1] / weight[0] == pytest.approx(3)  # the root of 90 / 10; the kernel does not reach across


def test_without_smoothing_the_weight_is_the_inverse_frequency():
    values = np.array([0.2, 0.4, 1.5, 7.1])
    weight = lds_weights(values, bin_width=1.0, power=1.0, sigma=0.0)
    np.testing.assert_allclose(weight / weight[-1], [0.5, 0.5, 1, 1])


def test_a_lone_label_beside_many_is_less_rare_than_one_far_from_all():
    values = np.concatenate([np.full(50, 10.0), [12.0], [40.0]])
    weight = lds_weights(values, bin_width=1.0)
    assert weight[-2] < weight[-1]


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_equal_labels_weigh_one(power):
    np.testing.assert_allclose(partial(lds_weights, power=power)(np.full(7, 3.0)), np.ones(7))


@pytest.mark.parametrize(
    "values, settings", [([], {}), ([1.0, np.nan], {}), ([1.0], {"power": -1}), ([0.0, 1e12], {"bin_width": 1.0})]
)
def test_what_cannot_be_counted_is_refused(values, settings):
    with pytest.raises(BadInput):
        lds_weights(values, **settings)
