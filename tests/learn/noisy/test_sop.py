"""B014: what each correction is moved by."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import SparseOverParameterization, row_noise, sop_losses  # noqa: E402
from labelwright.nn import MLP, TABLE_VIEWS, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import row_cross_entropy  # noqa: E402
from labelwright.nn.targets import one_hot  # noqa: E402


def noisy_blobs(unknown: int = 0) -> tuple[Task, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 120)
    x = (3 * np.eye(3)[truth] + 0.4 * rng.normal(size=(120, 3))).astype(np.float32)
    given = np.where(rng.random(120) < 0.3, rng.integers(0, 3, 120), truth)
    given[:unknown] = -1
    return Task(x, Hard(given, 3), net=MLP((16,)), views=TABLE_VIEWS), truth


def problem() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    z = torch.randn(5, 3, generator=g, requires_grad=True)
    u, v = (torch.rand(5, 3, generator=g).requires_grad_(True) for _ in range(2))
    return z, one_hot(torch.tensor([0, 1, 2, 0, 1]), 3), u, v


def test_without_corrections_the_first_loss_is_cross_entropy():
    z, y, u, v = problem()
    fit, _ = sop_losses(z, y, 0 * u, 0 * v)
    torch.testing.assert_close(fit, row_cross_entropy(z, y.argmax(1)))


def test_the_noise_is_positive_at_the_label_alone_and_within_one():
    _, y, u, v = problem()
    s = row_noise(3 * u, 3 * v, y)
    assert (s[y == 1] >= 0).all() and (s[y == 0] <= 0).all() and s.abs().max() <= 1


def test_the_network_and_u_are_moved_by_the_first_loss_and_v_by_the_second():
    z, y, u, v = problem()
    fit, noise = sop_losses(z, y, u, v)
    of_fit = torch.autograd.grad(fit.sum(), [z, u, v], allow_unused=True)
    of_noise = torch.autograd.grad(noise.sum(), [z, u, v], allow_unused=True)
    assert [g is not None and bool(g.ne(0).any()) for g in of_fit] == [True, True, False]
    assert [g is not None and bool(g.ne(0).any()) for g in of_noise] == [False, False, True]


def test_a_correction_that_explains_the_label_ends_the_second_loss():
    """onehot(0) + s = onehot(1): u fills the label in, v takes the prediction out."""
    z = torch.tensor([[9.0, 0.0, 0.0]])
    y = torch.tensor([[0.0, 1.0, 0.0]])
    u, v = torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    assert sop_losses(z, y, u, v)[1].item() == 0.0


@pytest.mark.parametrize("plus", [{}, {"consistency": 0.9, "class_balance": 0.1}])
def test_wrong_labels_are_soaked_up_and_the_truth_is_learned(plus):
    task, truth = noisy_blobs(unknown=5)
    objective = SparseOverParameterization(lr_u=5.0, lr_v=5.0, **plus)
    loop = Loop(objective, task, Training(epochs=60, batch_size=16, device="cpu"))
    loop.fit()
    given = task.labels.numpy()
    known = given >= 0
    noise = row_noise(objective.u, objective.v, one_hot(task.labels, 3)).abs().sum(1).detach().numpy()
    wrong = (given != truth) & known
    assert noise[wrong].mean() > 5 * noise[known & ~wrong].mean()
    assert noise[~known].max() < 1e-3
    assert (loop.predict_proba().argmax(1).numpy() == truth).mean() > 0.9


def test_corrections_of_rows_not_seen_stay():
    task, _ = noisy_blobs()
    loop = Loop(SparseOverParameterization(), task, Training(device="cpu"))
    before = loop.objective.u.detach().clone()
    loop.step(np.arange(10))
    moved = (loop.objective.u.detach() != before).any(dim=1)
    assert moved[:10].any() and not moved[10:].any()


@pytest.mark.parametrize("settings", [{"lr_u": 0.0}, {"consistency": -1.0}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        SparseOverParameterization(**settings)
