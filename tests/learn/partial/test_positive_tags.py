"""Losses that trust positives alone: PU risks [B019], PU-MLC [P026], ROLE and expected positives [B021]."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Tags  # noqa: E402
from labelwright.learn.partial import (  # noqa: E402
    ExpectedPositive,
    LocalGlobalConv,
    NonNegativePU,
    PUMultiLabelLoss,
    RegularizedOnlineLabelEstimation,
    UnbiasedPU,
    class_temperature,
    expected_positive_penalty,
    logistic_surrogate,
    mixup_consistency,
    nonnegative_pu_risk,
    positive_only_loss,
    pu_multilabel_loss,
    unbiased_pu_risk,
)
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import binary_cross_entropy  # noqa: E402


def tags_of(n: int = 60, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 5)).astype(np.float32), (rng.random((n, k)) < 0.3).astype(np.int8)


def fitted(objective, epochs: int = 3) -> Loop:
    x, tags = tags_of()
    loop = Loop(objective, Task(x, Tags.from_dense(tags), net=MLP((8,))), Training(epochs=epochs, device="cpu"))
    loop.fit()
    return loop


def test_the_unbiased_risk_is_the_supervised_one_in_expectation():
    """Over random choices of the labelled positives, uPU averages to the risk with all labels known [B019]."""
    rng = np.random.default_rng(0)
    z = torch.from_numpy(rng.normal(size=(400, 1)))
    y = torch.from_numpy(rng.random((400, 1)) < torch.sigmoid(z).numpy())
    prior = y.double().mean(0)
    supervised = torch.where(y, torch.sigmoid(-z), torch.sigmoid(z)).mean()
    draws = [
        float(unbiased_pu_risk(z, (y & torch.from_numpy(rng.random((400, 1)) < 0.3)).to(torch.int8), prior))
        for _ in range(400)
    ]
    assert abs(np.mean(draws) - supervised) < 3 * np.std(draws) / 20


def test_with_every_positive_labelled_the_unbiased_risk_is_supervised():
    _, tags = tags_of()
    z = torch.randn(60, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.from_numpy(tags)
    supervised = torch.where(y > 0, torch.sigmoid(-z), torch.sigmoid(z)).mean(0).sum()
    torch.testing.assert_close(unbiased_pu_risk(z, y, (y > 0).double().mean(0)), supervised)


def test_with_the_logistic_surrogate_and_every_label_it_is_cross_entropy():
    _, tags = tags_of()
    z = torch.randn(60, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.from_numpy(tags)
    risk = unbiased_pu_risk(z, y, (y > 0).double().mean(0), logistic_surrogate)
    torch.testing.assert_close(risk, 4 * binary_cross_entropy(z, (y > 0).double()))


def test_the_two_risks_agree_where_no_bracket_is_negative():
    _, tags = tags_of()
    z = torch.zeros(60, 4, dtype=torch.float64)
    prior = torch.full((4,), 0.4, dtype=torch.float64)
    y = torch.from_numpy(tags)
    torch.testing.assert_close(nonnegative_pu_risk(z, y, prior), unbiased_pu_risk(z, y, prior))


def test_a_negative_bracket_is_pushed_back_alone():
    z = torch.tensor([[3.0], [-9.0], [-9.0]], dtype=torch.float64, requires_grad=True)
    tags = torch.tensor([[1], [0], [0]], dtype=torch.int8)
    prior = torch.tensor([0.9], dtype=torch.float64)
    (step,) = torch.autograd.grad(nonnegative_pu_risk(z, tags, prior, gamma=0.5), z)
    p = torch.sigmoid(z)
    bracket = p.mean() - 0.9 * p[0, 0]
    assert bracket < 0
    (expected,) = torch.autograd.grad(-0.5 * bracket, z)
    torch.testing.assert_close(step, expected)


def test_a_constant_score_costs_nothing_without_rebalancing():
    """Constant φ gives (w_c − 1) log φ a class: 0 for g = 0 [P026]."""
    z = torch.full((8, 3), 0.7, dtype=torch.float64)
    positive = torch.zeros(8, 3, dtype=torch.bool)
    positive[0] = True
    phi = torch.sigmoid(torch.tensor(0.7, dtype=torch.float64))
    for g in (0.0, 0.55):
        expected = 3 * (phi**g - 1) * phi.log()
        torch.testing.assert_close(pu_multilabel_loss(z, positive, a=torch.inf, g=g), expected)


def test_without_temperature_and_rebalancing_it_is_the_variational_pu_loss():
    z = torch.randn(16, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    positive = z > 0.5
    phi = torch.sigmoid(z)
    expected = sum(phi[:, c].mean().log() - phi[positive[:, c], c].log().mean() for c in range(3))
    torch.testing.assert_close(pu_multilabel_loss(z, positive, a=torch.inf, g=0.0), expected)


def test_a_class_without_positives_is_only_pulled_down():
    z = torch.randn(16, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    none = torch.zeros(16, 1, dtype=torch.bool)
    expected = torch.sigmoid(z).mean().log()
    torch.testing.assert_close(pu_multilabel_loss(z, none, a=torch.inf, g=0.0), expected)


def test_the_temperature_is_a_detached_spread_of_at_most_one():
    z = torch.tensor([[0.0, 0.0, 0.0], [0.2, 8.0, 0.0]], requires_grad=True)
    t = class_temperature(z, a=2.0)
    torch.testing.assert_close(t, torch.tensor([0.2, 1.0, 1e-3]))
    assert not t.requires_grad


def test_mixing_a_row_with_itself_is_consistent():
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert float(mixup_consistency(z, torch.sigmoid(z), torch.sigmoid(z), 0.3)) < 1e-10


def test_the_global_branch_begins_as_nothing():
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 12, 3, stride=2, padding=1)
    both = LocalGlobalConv(conv)
    x = torch.randn(2, 16, 9, 9)
    assert both(x).shape == conv(x).shape
    torch.testing.assert_close(both(x), conv(x), atol=5e-3, rtol=0)


def test_the_global_branch_sees_every_position():
    torch.manual_seed(0)
    both = LocalGlobalConv(nn.Conv2d(8, 8, 3, padding=1)).eval()
    nn.init.ones_(both.norm.weight)
    x = torch.randn(1, 8, 12, 12)
    far = x.clone()
    far[..., 11, 11] += 5
    assert (both(x) - both(far))[..., 0, 0].abs().max() > 1e-4
    assert (both.conv(x) - both.conv(far))[..., 0, 0].abs().max() == 0


def test_the_penalty_is_zero_at_the_expected_number():
    z = torch.full((5, 4), float(np.log(1 / 3)))
    assert float(expected_positive_penalty(z, 1.0)) == pytest.approx(0, abs=1e-12)


def test_positive_only_loss_has_no_gradient_elsewhere():
    z = torch.zeros(2, 3, requires_grad=True)
    positive_only_loss(z, torch.tensor([[1, 0, -1], [0, 0, 0]])).backward()
    assert (z.grad != 0).nonzero().tolist() == [[0, 0]]


def test_the_estimates_are_learned_and_known_positives_stay_on():
    _, tags = tags_of()
    loop = fitted(RegularizedOnlineLabelEstimation(expected=1.2), epochs=10)
    estimated = loop.objective.estimated().numpy()
    assert (estimated[tags > 0] > 0.9).all()
    assert loop.opt["main"].optimizer.param_groups[1]["lr"] == pytest.approx(10 * loop.opt["main"].lr)


@pytest.mark.parametrize(
    "make",
    [
        lambda: UnbiasedPU(0.3),
        lambda: NonNegativePU([0.3] * 4),
        PUMultiLabelLoss,
        lambda: ExpectedPositive(1.2),
    ],
)
def test_each_method_trains_and_answers_in_probabilities(make):
    answer = fitted(make(), epochs=2).predict_proba(rows=np.arange(10))
    assert answer.shape == (10, 4) and bool(((answer >= 0) & (answer <= 1)).all())


@pytest.mark.parametrize(
    "make",
    [
        lambda: UnbiasedPU(0.0),
        lambda: NonNegativePU(0.5, beta=-1.0),
        lambda: PUMultiLabelLoss(a=0.0),
        lambda: ExpectedPositive(0.0),
        lambda: LocalGlobalConv(nn.Conv2d(6, 6, 3)),
        lambda: fitted(UnbiasedPU([0.3, 0.4])),
    ],
)
def test_settings_outside_their_range_are_refused(make):
    with pytest.raises(BadInput):
        make()
