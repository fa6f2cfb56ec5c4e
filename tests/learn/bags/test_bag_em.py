"""EM over bags: its targets, and its step on the count likelihood."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Bags, Hard, posterior  # noqa: E402
from labelwright.learn.bags import BagEM, CountLikelihood  # noqa: E402
from labelwright.nn import MLP, SGD, Loop, Task, Training  # noqa: E402

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
BAGS = Bags.counts(np.arange(24) // 4, [1, 2, 0, 4, 3, 1])


def fitted(objective, epochs: int = 1, batch_size: int = 24) -> Loop:
    setting = Training(epochs=epochs, batch_size=batch_size, optimizer=SGD(0.1, 0.0, 0.0), device="cpu")
    loop = Loop(objective, Task(X, BAGS, net=MLP((8,))), setting)
    loop.fit()
    return loop


def test_with_one_step_an_epoch_it_follows_the_count_likelihood():
    em, exact = fitted(BagEM(), 4), fitted(CountLikelihood(), 4)
    torch.testing.assert_close(em.predict().logits, exact.predict().logits, rtol=1e-4, atol=1e-5)


def test_the_targets_add_up_to_the_counts():
    sums = fitted(BagEM(), 2, 5).objective.targets.values[:, 1].reshape(6, 4).sum(dim=1)
    torch.testing.assert_close(sums, torch.tensor([1.0, 2, 0, 4, 3, 1]), rtol=1e-4, atol=1e-4)


def test_at_temperature_zero_the_targets_are_classes():
    values = fitted(BagEM(temperature=0)).objective.targets.values
    assert set(values.unique().tolist()) <= {0.0, 1.0}


def test_the_first_epoch_keeps_nothing_of_the_empty_targets():
    loop = Loop(BagEM(keep=0.9), Task(X, BAGS, net=MLP((8,))), Training(epochs=1, device="cpu"))
    q = posterior(loop.predict().logits.log_softmax(dim=1), BAGS).q
    loop.fit()
    torch.testing.assert_close(loop.objective.targets.values, q)


def test_evidence_about_rows_and_odd_settings_are_refused():
    with pytest.raises(BadInput, match="groups"):
        Loop(BagEM(), Task(X, Hard(np.zeros(24, int), 2), net=MLP((8,))), Training(epochs=1, device="cpu"))
    with pytest.raises(BadInput):
        BagEM(keep=1.0)
