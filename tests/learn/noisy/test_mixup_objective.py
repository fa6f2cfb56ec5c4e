"""B009: the loss of a blend."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import Mixup, mixup_losses  # noqa: E402
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import row_cross_entropy, row_soft_cross_entropy  # noqa: E402
from labelwright.nn.mix import Mixture, mixup  # noqa: E402
from labelwright.nn.targets import one_hot  # noqa: E402


def test_the_loss_is_cross_entropy_against_the_mixed_label():
    torch.manual_seed(0)
    z, y, mixture = torch.randn(6, 3), torch.randint(0, 3, (6,)), mixup(6, 1.0, torch.device("cpu"), each=True)
    torch.testing.assert_close(mixup_losses(z, y, mixture), row_soft_cross_entropy(z, mixture(one_hot(y, 3))))


def test_a_share_of_one_is_cross_entropy():
    z, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    alone = Mixture(torch.tensor([3, 2, 1, 0]), torch.ones(4))
    torch.testing.assert_close(mixup_losses(z, y, alone), row_cross_entropy(z, y))


def test_it_learns_and_leaves_unknown_labels_out():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 30)
    x = (3 * np.eye(3)[truth] + 0.3 * rng.normal(size=(90, 3))).astype(np.float32)
    given = truth.copy()
    given[::10] = -1
    loop = Loop(Mixup(), Task(x, Hard(given, 3), net=MLP((8,))), Training(epochs=30, batch_size=16, device="cpu"))
    loop.fit()
    assert (loop.predict_proba().argmax(1).numpy() == truth).mean() > 0.9


def test_bytes_are_mixed_as_numbers():
    x = np.random.default_rng(0).integers(0, 255, (8, 4), dtype=np.uint8)
    loop = Loop(Mixup(), Task(x, Hard([0, 1] * 4, 2), net=MLP((4,))), Training(epochs=1, device="cpu"))
    assert loop.step(np.arange(8)).total.isfinite()


def test_an_alpha_of_zero_is_refused():
    with pytest.raises(BadInput):
        Mixup(alpha=0.0)
