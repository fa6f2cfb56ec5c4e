"""P169: items from bag labels."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Bags, Candidates  # noqa: E402
from labelwright.learn.bags import InstanceMIL, MaxPooling, TopKMean, champions  # noqa: E402
from labelwright.learn.partial import Contrast  # noqa: E402
from labelwright.nn import MLP, AdamW, Loop, Task, Training  # noqa: E402

SMALL = Contrast(start=2, prototype_momentum=0.9, queue=64, dim=8)
RNG = np.random.default_rng(0)
IDS = np.repeat(np.arange(16), 5)


def fitted(y, objective=None, epochs: int = 8, **training) -> Loop:
    x = RNG.normal(size=(80, 3)).astype(np.float32)
    x[y == 1] += 3
    task = Task(x, Bags.any_of(IDS, np.bincount(IDS, weights=y) > 0), net=MLP((16,)))
    loop = Loop(
        objective or InstanceMIL(contrast=SMALL, bag_start=3),
        task,
        Training(epochs=epochs, batch_size=20, optimizer=AdamW(1e-2), device="cpu", **training),
    )
    loop.fit()
    return loop


def sparse_truth():
    y = np.zeros(80, dtype=int)
    y[::10] = 1
    return y


def test_targets_of_negative_bags_stay_negative():
    loop = fitted(sparse_truth())
    negative = torch.as_tensor(IDS % 2 == 1)
    assert (loop.objective.weights.values[negative] == torch.tensor([1.0, 0.0])).all()


def test_where_every_item_of_a_positive_bag_is_positive_the_targets_become_the_labels():
    y = (IDS % 2 == 0).astype(int)  # [P169]
    loop = fitted(y, InstanceMIL((0.5, 0.2), SMALL, bag_start=3), epochs=25)
    expected = torch.nn.functional.one_hot(torch.as_tensor(y), 2).float()
    torch.testing.assert_close(loop.objective.weights.values, expected, atol=0.02, rtol=0)


def test_every_positive_bag_holds_an_item_that_must_be_positive_or_looks_so():
    bags = Bags.any_of([0, 0, 1, 1, 2, 2], [True, True, False])
    rows = champions(torch.tensor([-3.0, -1.0, 2.0, -1.0, -1.0, -2.0]), bags)
    assert rows.tolist() == [1]


def test_the_champion_is_the_mode_of_the_posterior_given_any():
    """Over all labellings with a positive, the likeliest is: all that look positive, else the least negative."""
    margin = RNG.normal(-1, 1, size=6)
    found = champions(torch.as_tensor(margin), Bags.any_of(np.zeros(6, int), [True])).tolist()
    states = np.array([[(s >> i) & 1 for i in range(6)] for s in range(1, 64)])
    best = states[(states @ margin).argmax()]
    guess = (margin > 0).astype(int)
    guess[found] = 1
    np.testing.assert_array_equal(guess, best)


def test_it_finds_the_items_and_the_bags():
    y = sparse_truth()
    loop = fitted(y, epochs=25)
    scores = loop.predict_proba()[:, 1].numpy()
    assert scores[y == 1].min() > np.quantile(scores[y == 0], 0.9)
    for pooling in (None, TopKMean(2), MaxPooling()):
        bags = loop.objective.bag_proba(loop.task.x, IDS, pooling).numpy()
        assert bags[::2].mean() > bags[1::2].mean() + 0.3


def test_half_of_the_items_seen_come_from_negative_bags():
    y = np.zeros(80, dtype=int)
    y[0] = 1  # one positive bag of sixteen
    loop = fitted(y, epochs=1)
    stream = loop.objective.streams(loop.task, 0)["train"]
    seen = np.concatenate(stream.batches(20, np.random.default_rng(0)))
    assert (IDS[seen] == 0).mean() > 0.3
    assert "bags" not in loop.objective.streams(loop.task, 0)
    assert "bags" in loop.objective.streams(loop.task, 3)


def test_without_contrast_it_is_self_training_on_candidates():
    plain = InstanceMIL(contrast=Contrast(weight=0.0, start=99), bag_start=99, at_least_one=False)
    loop = fitted(sparse_truth(), plain, epochs=2)
    weights = loop.objective.weights.values
    assert (weights[torch.as_tensor(IDS % 2 == 0)] == 0.5).all()


def test_it_goes_on_from_a_checkpoint_to_the_same_weights(tmp_path):
    x, y = RNG.normal(size=(80, 3)).astype(np.float32), sparse_truth()

    def loop(folder=None) -> Loop:
        task = Task(x, Bags.any_of(IDS, np.bincount(IDS, weights=y) > 0), net=MLP((16,)))
        setting = Training(epochs=4, batch_size=20, device="cpu", checkpoint=folder)
        return Loop(InstanceMIL(contrast=SMALL, bag_start=1), task, setting)

    whole, begun, resumed = loop(), loop(tmp_path), loop(tmp_path)
    whole.fit()
    begun.fit(epochs=2)
    resumed.fit()
    torch.testing.assert_close(whole.predict().logits, resumed.predict().logits, rtol=0, atol=0)


def test_evidence_that_is_no_bags_is_refused():
    task = Task(np.eye(4), Candidates.from_mask(np.ones((4, 2), bool)), net=MLP((4,)))
    with pytest.raises(BadInput, match="bags"):
        Loop(InstanceMIL(), task, Training(epochs=1, device="cpu"))
