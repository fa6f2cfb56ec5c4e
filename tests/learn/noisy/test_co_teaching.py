"""B010, B011, B012: who learns from which rows."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import CoTeaching, CoTeachingPlus, JoCoR, co_teaching_loss, jocor_losses  # noqa: E402
from labelwright.nn import MLP, CrossEntropy, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import cross_entropy, row_cross_entropy  # noqa: E402


def small_task(seed: int = 0, unknown: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 60)
    x = (2 * np.eye(3)[y] + 0.3 * rng.normal(size=(60, 3))).astype(np.float32)
    y[:unknown] = -1
    return Task(x, Hard(y, 3), net=MLP((8,)))


def pair(n: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(3)
    return torch.randn(n, 3, generator=g), torch.randn(n, 3, generator=g), torch.arange(n) % 3


def test_each_network_learns_from_the_rows_the_other_finds_easy():
    """B010: with one row kept, network 1 pays for the row that network 2 fits best, and the reverse."""
    first, second, labels = pair()
    a, b = row_cross_entropy(first, labels), row_cross_entropy(second, labels)
    own, other = co_teaching_loss(first, second, labels, share=0.2)
    assert own == a[b.argmin()] and other == b[a.argmin()]


def test_everything_kept_is_cross_entropy_of_each():
    first, second, labels = pair()
    for loss, logits in zip(co_teaching_loss(first, second, labels, 1.0), (first, second), strict=True):
        torch.testing.assert_close(loss, cross_entropy(logits, labels))


def test_nothing_forgotten_makes_the_first_network_plain_cross_entropy():
    answers = []
    for objective in (CoTeaching(forget=0.0), CrossEntropy()):
        loop = Loop(objective, small_task(), Training(epochs=2, device="cpu"))
        start = objective.net.state_dict()
        if isinstance(objective, CoTeaching):
            kept = {k: v.clone() for k, v in start.items()}
        objective.net.load_state_dict(kept)
        loop.randomness.rng = np.random.default_rng(0)
        loop.fit()
        answers.append(loop.predict().logits)
    torch.testing.assert_close(*answers)


def test_rows_of_agreement_teach_nothing():
    """B011: two equal networks never disagree, so no weight moves once the start is over."""
    loop = Loop(CoTeachingPlus(forget=0.2, warmup=0), small_task(), Training(epochs=1, device="cpu"))
    first, second = loop.objective.nets
    second.load_state_dict(first.state_dict())
    losses = loop.step(np.arange(60))
    assert losses.total == 0


def test_disagreement_alone_is_learned_from():
    """B011: the loss is co-teaching's on the rows of disagreement."""
    loop = Loop(CoTeachingPlus(forget=0.0, warmup=0), small_task(), Training(epochs=1, device="cpu"))
    z = [loop.predict(net=net).logits for net in loop.objective.nets]
    apart = z[0].argmax(1) != z[1].argmax(1)
    wanted = sum(cross_entropy(logits[apart], loop.task.labels[apart]) for logits in z)
    torch.testing.assert_close(loop.step(np.arange(60)).total.detach(), wanted)


def test_the_joint_loss_without_agreement_is_the_sum_of_cross_entropies():
    """B012."""
    first, second, labels = pair()
    torch.testing.assert_close(
        jocor_losses(first, second, labels, lam=0.0),
        row_cross_entropy(first, labels) + row_cross_entropy(second, labels),
    )


def test_the_joint_losss_agreement_is_both_divergences():
    first, second, labels = pair()
    p, q = first.softmax(1), second.softmax(1)
    both = (p * (p / q).log()).sum(1) + (q * (q / p).log()).sum(1)
    torch.testing.assert_close(jocor_losses(first, second, labels, lam=1.0), both)


@pytest.mark.parametrize("objective", [CoTeaching(0.2), CoTeachingPlus(0.2, warmup=3), JoCoR(0.2, lam=0.5)])
def test_each_learns_and_answers_in_probabilities(objective):
    task = small_task(unknown=10)
    loop = Loop(objective, task, Training(epochs=30, batch_size=16, device="cpu"))
    loop.fit()
    answer = loop.predict_proba()
    torch.testing.assert_close(answer.sum(1), torch.ones(60))
    assert (answer.argmax(1) == task.labels)[10:].float().mean() > 0.9


@pytest.mark.parametrize("objective", [CoTeaching(0.2), CoTeachingPlus(0.2), JoCoR(0.2)])
def test_a_batch_without_labels_moves_nothing(objective):
    loop = Loop(objective, small_task(unknown=8), Training(device="cpu"))
    assert loop.step(np.arange(8)).total == 0


@pytest.mark.parametrize("make", [lambda: CoTeaching(1.0), lambda: CoTeaching(-0.1), lambda: JoCoR(0.2, lam=1.0)])
def test_settings_outside_their_range_are_refused(make):
    with pytest.raises(BadInput):
        make()
