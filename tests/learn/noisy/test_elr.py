"""P134: the penalty's gradient, and what switches it off."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    EarlyLearningRegularization,
    EarlyLearningRegularizationPlus,
    early_learning_penalty,
)
from labelwright.nn import MLP, CrossEntropy, Loop, Task, Training  # noqa: E402


def small_task(seed: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 4)).astype(np.float32)
    return Task(x, Hard(rng.integers(0, 3, 60), 3), net=MLP((8,)))


def test_the_gradient_of_the_penalty_is_the_papers():
    """d/dz_c log(1 − ⟨p, t⟩) = p_c (⟨p, t⟩ − t_c) / (1 − ⟨p, t⟩) before clamping [P134]."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(1, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    t = torch.rand(1, 5, generator=generator, dtype=torch.float64) / 5
    early_learning_penalty(z, t).backward()
    p = z.detach().softmax(1)
    inner = (p * t).sum()
    torch.testing.assert_close(z.grad, p * (inner - t) / (1 - inner))


def test_a_uniform_average_gives_no_gradient():
    z = torch.tensor([[0.3, -1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    early_learning_penalty(z, torch.full((1, 3), 0.2, dtype=torch.float64)).backward()
    torch.testing.assert_close(z.grad, torch.zeros_like(z))


def test_without_weight_it_is_cross_entropy():
    answers = []
    for objective in (EarlyLearningRegularization(lam=0.0), CrossEntropy()):
        loop = Loop(objective, small_task(), Training(epochs=3, device="cpu"))
        loop.fit()
        answers.append(loop.predict().logits)
    torch.testing.assert_close(*answers)


def test_the_average_moves_by_the_share_of_the_new_prediction():
    loop = Loop(EarlyLearningRegularization(beta=0.7), small_task(), Training(epochs=1, batch_size=60, device="cpu"))
    loop.step(np.arange(60))
    torch.testing.assert_close(loop.objective.targets.values.sum(dim=1), torch.full((60,), 0.3))


def test_the_plus_copies_take_no_gradient_and_answer_in_probabilities():
    loop = Loop(EarlyLearningRegularizationPlus(), small_task(), Training(epochs=2, device="cpu"))
    loop.fit()
    assert not any(p.requires_grad for p in loop.objective.copies.parameters())
    torch.testing.assert_close(loop.predict_proba(rows=[0, 1]).sum(dim=1), torch.ones(2))


@pytest.mark.parametrize("settings", [{"lam": -1.0}, {"beta": 1.0}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        EarlyLearningRegularization(**settings)
