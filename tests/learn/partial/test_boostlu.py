"""Large losses [B022] and boosted activation maps [P054]."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Tags  # noqa: E402
from labelwright.learn.partial import (  # noqa: E402
    ActivationMapNet,
    AssumeNegative,
    BoostedMaps,
    BoostLU,
    LargeLossPermanentCorrection,
    LargeLossRejection,
    LargeLossTemporaryCorrection,
    assume_negative_loss,
    corrected_loss,
    largest_unknown,
    rejected_loss,
)
from labelwright.nn import MLP, Loop, SmallCNN, Task, Training  # noqa: E402

TAGS = torch.tensor([[1, 0, 0], [0, -1, 1], [0, 0, 0]], dtype=torch.int8)
Z = torch.tensor([[-9.0, -1.0, 2.0], [0.1, 9.0, -0.2], [4.0, -4.0, 0.5]], dtype=torch.float64)


def fitted(objective, epochs: int = 3) -> Loop:
    rng = np.random.default_rng(0)
    tags = np.zeros((60, 4), dtype=np.int8)
    tags[np.arange(60), rng.integers(0, 4, 60)] = 1
    x = rng.normal(size=(60, 5)).astype(np.float32)
    loop = Loop(objective, Task(x, Tags.from_dense(tags), net=MLP((8,))), Training(epochs=epochs, device="cpu"))
    loop.fit()
    return loop


def test_known_cells_are_never_picked():
    losses = torch.nn.functional.softplus(Z)
    assert largest_unknown(losses, TAGS == 0, 2).nonzero().tolist() == [[0, 2], [2, 0]]
    assert torch.equal(largest_unknown(losses, TAGS == 0, 99), TAGS == 0)
    assert not largest_unknown(losses, TAGS == 0, 0).any()


def test_without_cells_to_modify_it_is_assume_negative():
    for loss in (rejected_loss, corrected_loss):
        torch.testing.assert_close(loss(Z, TAGS, 0), assume_negative_loss(Z, TAGS))


def test_rejection_drops_and_correction_turns_the_largest():
    plain = assume_negative_loss(Z, TAGS)
    off, on = (torch.nn.functional.softplus(s * Z[2, 0]) / 9 for s in (1, -1))
    torch.testing.assert_close(rejected_loss(Z, TAGS, 1), plain - off)
    torch.testing.assert_close(corrected_loss(Z, TAGS, 1), plain - off + on)


@pytest.mark.parametrize("method", [LargeLossRejection, LargeLossTemporaryCorrection, LargeLossPermanentCorrection])
def test_the_first_epoch_is_assume_negative(method):
    torch.testing.assert_close(
        fitted(method(), epochs=1).predict().logits, fitted(AssumeNegative(), epochs=1).predict().logits
    )


def test_permanent_corrections_stay_and_grow():
    loop = fitted(LargeLossPermanentCorrection(rate=0.02), epochs=3)
    first = loop.objective.on.values.clone()
    loop.fit(epochs=2)
    assert (
        first.any() and bool((first <= loop.objective.on.values).all()) and loop.objective.on.values.sum() > first.sum()
    )


def images() -> torch.Tensor:
    return torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def test_a_boost_of_one_is_the_plain_network():
    torch.manual_seed(0)
    net = SmallCNN((8, 8))((1, 16, 16), 4).eval()
    torch.testing.assert_close(ActivationMapNet(net, BoostLU(1.0))(images()), net(images()), atol=1e-5, rtol=1e-5)


def test_the_gradient_through_positive_attributions_is_multiplied():
    """Through m ≤ 0 it is unchanged, through m > 0 it is a times as large [P054]."""
    m = torch.tensor([-2.0, -0.1, 0.1, 3.0], requires_grad=True)
    BoostLU(5.0)(m).sum().backward()
    assert m.grad.tolist() == [1.0, 1.0, 5.0, 5.0]


def test_a_trained_network_can_be_looked_at_with_and_without_boost():
    torch.manual_seed(0)
    net = BoostedMaps(SmallCNN((8, 8)), a=3.0)((1, 16, 16), 4).eval()
    plain = torch.maximum(net.maps(images()), 3 * net.maps(images())).mean((2, 3))
    torch.testing.assert_close(net(images()), plain)


def test_boosted_networks_train_in_the_loop():
    x = images().repeat(8, 1, 1, 1)
    tags = Tags.from_dense(np.eye(4, dtype=np.int8)[np.arange(24) % 4])
    task = Task(x, tags, net=BoostedMaps(SmallCNN((8, 8))))
    loop = Loop(LargeLossRejection(), task, Training(epochs=2, device="cpu"))
    loop.fit()
    assert loop.predict_proba(rows=[0, 1]).shape == (2, 4)


@pytest.mark.parametrize(
    "make",
    [lambda: BoostLU(0.5), lambda: LargeLossRejection(2.0), lambda: BoostedMaps(MLP((4,)))((5,), 3)],
)
def test_settings_outside_their_range_are_refused(make):
    with pytest.raises(BadInput):
        make()
