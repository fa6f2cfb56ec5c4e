"""B013: what each network is told, and what MixMatch is without its parts."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import DivideMix, refined_targets  # noqa: E402
from labelwright.nn import MLP, TABLE_VIEWS, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import cross_entropy, squared_difference  # noqa: E402
from labelwright.nn.mix import mix_match  # noqa: E402
from labelwright.nn.targets import guess  # noqa: E402


def noisy_blobs(unknown: int = 0, rate: float = 0.3, plain_views: bool = False) -> tuple[Task, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 120)
    x = (3 * np.eye(3)[truth] + 0.4 * rng.normal(size=(120, 3))).astype(np.float32)
    given = np.where(rng.random(120) < rate, rng.integers(0, 3, 120), truth)
    given[:unknown] = -1
    return Task(x, Hard(given, 3), net=MLP((16,)), views=None if plain_views else TABLE_VIEWS), truth


def test_a_label_that_is_believed_stands_and_one_that_is_not_is_predicted():
    p = torch.tensor([[0.1, 0.9], [0.5, 0.5]])
    targets = refined_targets(torch.tensor([0, 0]), torch.tensor([1.0, 0.0]), p)
    torch.testing.assert_close(targets, torch.tensor([[1.0, 0.0], [0.5, 0.5]]))


def test_guesses_are_the_sharpened_mean_of_probabilities():
    a, b = torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 0.0]])
    mean = (a.softmax(1) + b.softmax(1)) / 2
    torch.testing.assert_close(guess([a, b], 0.5), mean**2 / (mean**2).sum())


def test_mixing_keeps_the_pairs_of_input_and_target_together():
    """With targets that equal inputs the mixtures are equal too."""
    torch.manual_seed(0)
    parts = [torch.randn(4, 3), torch.randn(6, 3)]
    x, t = mix_match(parts, parts, alpha=4.0)
    assert x.equal(t) and not x.equal(torch.cat(parts))


def test_without_a_share_nothing_is_mixed():
    parts = [torch.randn(4, 3), torch.randn(6, 3)]
    assert mix_match(parts, parts, alpha=0.0)[0].equal(torch.cat(parts))


def test_the_start_is_cross_entropy_of_both():
    task, _ = noisy_blobs()
    objective = DivideMix(warmup=2)
    loop = Loop(objective, task, Training(epochs=4, device="cpu"))
    wanted = sum(cross_entropy(loop.predict(net=net).logits, task.labels) for net in objective.nets)
    torch.testing.assert_close(loop.step(np.arange(120)).total.detach(), wanted)


def test_each_network_is_told_what_the_other_thinks():
    task, _ = noisy_blobs()
    objective = DivideMix(warmup=3)
    loop = Loop(objective, task, Training(epochs=4, batch_size=32, device="cpu"))
    loop.fit(3)
    objective.before_epoch(loop)
    rows = torch.from_numpy(task.rows)
    for i in (0, 1):
        own = objective.loss_chances(i, task.labels, rows)
        torch.testing.assert_close(objective.clean.values[:, 1 - i], own)


def test_without_mixing_and_unlabelled_rows_the_loss_is_that_of_the_refined_labels():
    """B013 at α = 0 and views that change nothing: CE of t, no unlabelled part at λ_u's start."""
    task, _ = noisy_blobs(plain_views=True)
    objective = DivideMix(warmup=1, alpha=0.0)
    loop = Loop(objective, task, Training(epochs=4, device="cpu"))
    loop.fit(1)
    views = {"one": task.views.weak, "two": task.views.weak}
    from labelwright.nn.batch import Batches

    names = ("labelled0", "labelled1", "unlabelled0", "unlabelled1")
    batch = Batches({name: task.batch(np.arange(20), views) for name in names}, loop.clock)
    fit, apart, _, logits = objective.mix_match(0, batch)
    p = loop.predict(np.arange(20)).probs
    target = refined_targets(task.labels[:20], objective.clean.values[:20, 0], p)
    torch.testing.assert_close(fit, -(target * logits.log_softmax(1)).sum(1).mean())
    both = guess([loop.predict(np.arange(20), net=net).logits for net in objective.nets], 0.5)
    torch.testing.assert_close(apart, squared_difference(logits, both))


def test_wrong_labels_are_found_and_the_truth_is_learned():
    task, truth = noisy_blobs(unknown=6)
    loop = Loop(DivideMix(warmup=5, lambda_u=1.0), task, Training(epochs=20, batch_size=32, device="cpu"))
    loop.fit()
    wrong = (task.labels.numpy() != truth) & (task.labels.numpy() >= 0)
    told = loop.objective.clean.values.mean(1).numpy()
    assert told[wrong].mean() < 0.2 and told[6:][~wrong[6:]].mean() > 0.8
    assert (loop.predict_proba().argmax(1).numpy() == truth).mean() > 0.95


def test_labels_that_are_all_right_leave_something_to_learn_from():
    task, truth = noisy_blobs(rate=0.0)
    loop = Loop(DivideMix(warmup=5), task, Training(epochs=8, batch_size=32, device="cpu"))
    loop.fit()
    assert (loop.predict_proba().argmax(1).numpy() == truth).mean() > 0.9


def test_a_run_goes_on_to_the_same_weights(tmp_path):
    def run(epochs: int, folder) -> torch.Tensor:
        task, _ = noisy_blobs()
        settings = Training(epochs=8, batch_size=32, device="cpu", checkpoint=folder)
        loop = Loop(DivideMix(warmup=3, window=2), task, settings)
        loop.fit(epochs)
        return loop.predict().logits

    run(5, tmp_path / "cut")
    assert run(3, tmp_path / "cut").equal(run(8, tmp_path / "whole"))


@pytest.mark.parametrize("settings", [{"warmup": 0}, {"alpha": -1.0}, {"threshold": 1.0}, {"temperature": 0.0}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        DivideMix(**settings)
