"""P062: the one-step meta-gradient is the unrolled one, and what a gate that keeps everything gives."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    EnhancedMetaLabelCorrection,
    corrected_labels,
    label_gradient,
    random_wrong,
    strongest_wrong,
)
from labelwright.learn.noisy.meta_label_correction import TEACHER, LabelCorrector  # noqa: E402
from labelwright.nn import MLP, Linear, Loop, Task, Training  # noqa: E402
from labelwright.nn.functional import call, params_of, virtual_step  # noqa: E402
from labelwright.nn.losses import cross_entropy, row_soft_cross_entropy  # noqa: E402


def small_task(n: int = 60, seed: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = (np.eye(3)[y] * 3 + rng.normal(size=(n, 3))).astype(np.float32)
    given = np.where(rng.random(n) < 0.4, rng.integers(0, 3, n), y)
    given[:12] = y[:12]
    return Task(x, Hard(given, 3), net=MLP((8,)))


def test_the_meta_gradient_is_that_of_the_unrolled_step():
    """dL/dY = (η/B) J equals autograd through the student's step [P062]."""
    torch.manual_seed(0)
    net = MLP((6,))((4,), 3).double()
    x, clean = torch.randn(5, 4, dtype=torch.float64), torch.randn(7, 4, dtype=torch.float64)
    y = torch.randint(0, 3, (7,))
    soft = torch.rand(5, 3, dtype=torch.float64).requires_grad_(True)
    after = virtual_step(net, lambda w: row_soft_cross_entropy(call(net, w, x), soft).mean(), 0.3)
    (exact,) = torch.autograd.grad(cross_entropy(call(net, after, clean), y), soft)

    taken = {name: w.detach().requires_grad_(True) for name, w in after.items()}
    direction = torch.autograd.grad(cross_entropy(call(net, taken, clean), y), [*taken.values()])
    ours = label_gradient(net, params_of(net), x, dict(zip(taken, direction, strict=True)), 0.3)
    torch.testing.assert_close(ours, exact, rtol=1e-10, atol=1e-12)


def test_a_gate_that_keeps_every_label_gives_the_labels_back():
    """r = 1 everywhere: the student's loss is plain cross-entropy with the given labels [P062]."""
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    soft = corrected_labels(labels, torch.ones(6), torch.rand(6, 3))
    torch.testing.assert_close(row_soft_cross_entropy(logits, soft).mean(), cross_entropy(logits, labels))


def test_a_row_without_label_gets_the_teachers_probabilities():
    probs = torch.tensor([[0.2, 0.8]])
    torch.testing.assert_close(corrected_labels(torch.tensor([-1]), torch.tensor([1.0]), probs), probs)


def test_injected_labels_are_wrong():
    logits, labels = torch.randn(50, 4), torch.randint(0, 4, (50,))
    assert (strongest_wrong(logits, labels) != labels).all()
    assert (random_wrong(logits, labels) != labels).all()


def test_the_meta_term_hands_the_slope_to_the_soft_labels():
    torch.manual_seed(0)
    teacher = LabelCorrector(MLP((4,))((3,), 3))
    slope = torch.randn(5, 3)
    soft = teacher(torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])).soft
    soft.retain_grad()
    (slope * soft).sum().backward()
    torch.testing.assert_close(soft.grad, slope)


@pytest.mark.parametrize("settings", [{}, {"gradient_steps": 3}, {"trusted_share": 0.5}, {"wrong": random_wrong}])
def test_it_trains_and_every_row_gets_a_corrected_label(settings):
    loop = Loop(EnhancedMetaLabelCorrection(np.arange(12), **settings), small_task(), Training(epochs=2, device="cpu"))
    history = loop.fit()
    torch.testing.assert_close(loop.objective.corrected.sum(dim=1), torch.ones(60))
    assert {"student", "meta", "teacher", "gate", "kept"} <= set(history.names())


def test_the_trusted_rows_are_not_among_the_noisy_ones():
    task = small_task()
    objective = EnhancedMetaLabelCorrection(np.arange(12))
    Loop(objective, task, Training(epochs=1, device="cpu"))
    streams = objective.streams(task, 0)
    assert set(streams["train"].rows) == set(range(12, 60)) and set(streams["trusted"].rows) == set(range(12))


def test_earlier_student_steps_count_less():
    """J of step t is multiplied by (1 − η)^(g − t) [P062]."""
    task = small_task()
    objective = EnhancedMetaLabelCorrection(np.arange(12), gradient_steps=2)
    loop = Loop(objective, task, Training(epochs=1, device="cpu"))
    trusted, x = task.batch(np.arange(12)), task.batch(np.array([20, 20])).x
    before = [params_of(objective.net, detach=True)] * 2
    parts = (torch.tensor([0]), torch.tensor([1]))
    slope = objective.meta_gradient(x, parts, before, trusted, loop.opt["student"].lr)
    torch.testing.assert_close(slope[0], (1 - loop.opt["student"].lr) * slope[1])


@pytest.mark.parametrize("trusted", [[], [-1], [[1, 2]], [0.5], [60]])
def test_trusted_rows_that_are_no_rows_are_refused(trusted):
    with pytest.raises(BadInput):
        Loop(EnhancedMetaLabelCorrection(trusted), small_task(), Training(epochs=1, device="cpu"))


def test_a_trusted_row_without_a_label_is_refused():
    task = Task(np.zeros((4, 2), np.float32), Hard([0, 1, -1, 0], 2), net=Linear())
    with pytest.raises(BadInput, match="no label"):
        Loop(EnhancedMetaLabelCorrection([2]), task, Training(epochs=1, device="cpu"))


def test_a_network_without_features_is_refused():
    with pytest.raises(BadInput, match="features"):
        LabelCorrector(torch.nn.Linear(2, 2))


def test_the_teacher_is_trained_by_plain_gradient_descent():
    assert TEACHER.momentum == 0 and TEACHER.weight_decay == 0
