"""P154: the limits of the loss, and the λ of each row."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import ALDRLoss, LDRLoss, adapted_lambda, aldr_loss, ldr_loss  # noqa: E402
from labelwright.learn.noisy.ldr import positive_normalized, sum_normalized  # noqa: E402
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import row_cross_entropy  # noqa: E402

K = 5


@pytest.fixture
def scores() -> torch.Tensor:
    return 3 * torch.randn(7, K, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.arange(7) % K


def test_lambda_one_without_margin_is_cross_entropy_less_log_k(scores, labels):
    """[P154]"""
    torch.testing.assert_close(
        ldr_loss(scores, labels, lam=1.0, margin=0.0), row_cross_entropy(scores, labels) - math.log(K)
    )


def test_a_lambda_near_zero_is_the_multi_class_hinge(scores, labels):
    near, hinge = ldr_loss(scores, labels, lam=1e-7), ldr_loss(scores, labels, lam=0.0)
    torch.testing.assert_close(near, hinge, rtol=0, atol=1e-6)


def test_a_large_lambda_is_the_mean(scores, labels):
    near, mean = ldr_loss(scores, labels, lam=1e8), ldr_loss(scores, labels, lam=math.inf)
    torch.testing.assert_close(near, mean, rtol=0, atol=1e-6)


def test_the_mean_over_all_labels_is_the_same_for_every_prediction_at_infinite_lambda(scores):
    over = torch.stack([ldr_loss(scores, torch.full((7,), k), lam=math.inf, margin=0.1) for k in range(K)]).mean(0)
    torch.testing.assert_close(over, torch.full_like(over, 0.1 * (K - 1) / K))


def test_the_closed_form_is_the_maximum_over_label_distributions(scores, labels):
    """No p of the simplex does better than p ∝ exp(d / λ), which reaches the loss [P154]."""
    lam, d = 2.0, scores - scores.gather(1, labels[:, None])
    best = (d / lam).softmax(1)
    others = torch.distributions.Dirichlet(torch.ones(K, dtype=torch.float64)).sample((50, 7))
    value = lambda p: (p * d).sum(-1) - lam * torch.special.xlogy(p, K * p).sum(-1)  # noqa: E731
    loss = ldr_loss(scores, labels, lam, margin=0.0)
    torch.testing.assert_close(value(best), loss)
    assert (value(others) <= loss + 1e-12).all()


def test_the_adapted_lambda_is_the_best_one_for_its_distribution(scores):
    """−KL(p, 1/K) − (a log K / λ0)(λ − λ0) = 0 [P154]."""
    lam0, a = 2.0, 3.0
    old = torch.full((7,), lam0, dtype=torch.float64)
    new = adapted_lambda(scores, old, lam0, a)
    p = (scores / lam0).softmax(1)
    kl = (p * (K * p).log()).sum(1)
    torch.testing.assert_close(kl + a * math.log(K) / lam0 * (new - lam0), torch.zeros_like(kl), atol=1e-12, rtol=0)


def test_sure_rows_get_the_smallest_lambda_and_undecided_ones_the_largest():
    f = torch.tensor([[100.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    new = adapted_lambda(f, torch.tensor([1.0, 1.0]), lam0=1.0, a=2.0)
    torch.testing.assert_close(new, torch.tensor([0.5, 1.0]))


def test_aldr_at_lambda_zero_of_its_row_is_ldr(scores, labels):
    lam = torch.full((7,), 10.0, dtype=torch.float64)
    torch.testing.assert_close(aldr_loss(scores, labels, lam, lam0=10.0), ldr_loss(scores, labels, lam=10.0))


@pytest.mark.parametrize("normalize", [sum_normalized, positive_normalized])
def test_normalised_scores_have_mean_size_one_and_the_same_winner(normalize, scores):
    new = normalize(scores)
    torch.testing.assert_close(new.abs().mean(1), torch.ones(7, dtype=torch.float64))
    assert (new.argmax(1) == scores.argmax(1)).all()


def test_scores_of_zero_have_a_finite_gradient():
    z = torch.zeros(2, 3, requires_grad=True)
    ldr_loss(sum_normalized(z), torch.tensor([0, -1])).sum().backward()
    assert z.grad.isfinite().all() and z.grad[1].eq(0).all()


def test_every_row_keeps_its_own_lambda():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    x = (2 * np.eye(3)[y] + 0.3 * rng.normal(size=(60, 3))).astype(np.float32)
    loop = Loop(ALDRLoss(lam0=1.0), Task(x, Hard(y, 3), net=MLP((8,))), Training(epochs=1, device="cpu"))
    loop.step(np.arange(10))
    lam = loop.objective.lambdas.values
    assert (lam[:10] < 1).all() and (lam[:10] >= 0.5).all() and lam[10:].eq(1).all()


@pytest.mark.parametrize("objective", [LDRLoss(), LDRLoss(lam=math.inf), ALDRLoss(lam0=1.0)])
def test_each_learns_blobs(objective):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 30)
    x = (3 * np.eye(3)[y] + 0.3 * rng.normal(size=(90, 3))).astype(np.float32)
    loop = Loop(objective, Task(x, Hard(y, 3), net=MLP((8,))), Training(epochs=20, batch_size=16, device="cpu"))
    loop.fit()
    assert (loop.predict_proba().argmax(1).numpy() == y).mean() > 0.9


@pytest.mark.parametrize("make", [lambda: LDRLoss(lam=-1), lambda: LDRLoss(margin=math.nan), lambda: ALDRLoss(a=1.0)])
def test_settings_outside_their_range_are_refused(make):
    with pytest.raises(BadInput):
        make()
