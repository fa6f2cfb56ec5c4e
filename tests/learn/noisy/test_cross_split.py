"""P094: what the divergence says, what a target becomes, and that no label crosses the split."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import CrossSplit, cross_split_targets, label_divergence  # noqa: E402
from labelwright.learn.noisy.cross_split import relative_divergence, softness  # noqa: E402
from labelwright.nn import MLP, TABLE_VIEWS, Loop, Task, Training  # noqa: E402
from labelwright.nn.batch import Batches  # noqa: E402
from labelwright.nn.losses import cross_entropy  # noqa: E402


def noisy_blobs(unknown: int = 0, plain_views: bool = False) -> tuple[Task, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 120)
    x = (3 * np.eye(3)[truth] + 0.4 * rng.normal(size=(120, 3))).astype(np.float32)
    given = np.where(rng.random(120) < 0.3, rng.integers(0, 3, 120), truth)
    given[:unknown] = -1
    return Task(x, Hard(given, 3), net=MLP((16,)), views=None if plain_views else TABLE_VIEWS), truth


def test_a_peer_that_is_sure_of_the_label_diverges_by_nothing_and_one_that_excludes_it_by_log_two():
    """[P094]"""
    p = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.4, 0.6]], dtype=torch.float64)
    d = label_divergence(torch.tensor([0, 0]), p)
    torch.testing.assert_close(d, torch.tensor([0.0, math.log(2)], dtype=torch.float64))


def test_the_divergence_falls_as_the_peer_believes_the_label():
    q = torch.linspace(0, 1, 11)
    d = label_divergence(torch.zeros(11, dtype=torch.int64), torch.stack([q, 1 - q], dim=1))
    assert (d.diff() < 0).all()


def test_the_divergence_is_placed_in_the_range_of_its_own_class():
    d = torch.tensor([0.1, 0.3, 0.2, 0.6, 0.6, 0.4])
    beta = relative_divergence(d, torch.tensor([0, 0, 0, 1, 1, -1]))
    torch.testing.assert_close(beta, torch.tensor([0.0, 1.0, 0.5, 0.5, 0.5, 1.0]))


def test_quantiles_keep_one_odd_row_from_setting_the_range():
    d = torch.cat([torch.linspace(0.1, 0.2, 200), torch.tensor([0.69])])
    labels = torch.zeros(201, dtype=torch.int64)
    assert relative_divergence(d, labels)[199] < 0.2
    assert relative_divergence(d, labels, quantile=0.01)[199] > 0.95


def test_no_divergence_keeps_the_label_and_full_divergence_takes_the_peers_word():
    p = torch.tensor([[0.2, 0.8], [0.5, 0.5]])
    targets = cross_split_targets(torch.tensor([0, 0]), p, torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(targets, torch.tensor([[1.0, 0.0], [0.5, 0.5]]))


def test_the_softness_grows():
    assert [softness(e) for e in (0, 19, 20, 29, 30, 500)] == [0.6, 0.6, 0.8, 0.8, 1.0, 1.0]


def test_with_nothing_but_labels_it_is_cross_entropy_on_the_own_half():
    """β = 0, no mixing, no unlabelled, contrastive or balance term [P094]."""
    task, _ = noisy_blobs(plain_views=True)
    objective = CrossSplit(warmup=0, lambda_u=0.0, contrast=0.0, balance=0.0, alpha=0.0)
    loop = Loop(objective, task, Training(epochs=2, device="cpu"))
    objective.beta.values.zero_()
    halves = [objective.rows_of(i, task) for i in (0, 1)]
    streams = objective.streams(task, 0)
    rows = {f"labelled{i}": halves[i] for i in (0, 1)} | {f"unlabelled{i}": halves[1 - i] for i in (0, 1)}
    batch = Batches({name: task.batch(r, streams[name].views) for name, r in rows.items()}, loop.clock)
    wanted = sum(
        cross_entropy(loop.predict(halves[i], net=objective.nets[i]).logits, task.labels[halves[i]]) for i in (0, 1)
    )
    torch.testing.assert_close(objective.losses(batch).total.detach(), wanted)


def test_the_halves_are_disjoint_and_cover_every_row():
    task, _ = noisy_blobs()
    loop = Loop(CrossSplit(), task, Training(device="cpu"))
    halves = [loop.objective.rows_of(i, task) for i in (0, 1)]
    assert sorted(np.concatenate(halves)) == list(range(120)) and len(halves[0]) == 60


@pytest.mark.parametrize("epoch", [0, 12])
def test_a_network_draws_labelled_rows_from_its_own_half_alone(epoch):
    task, _ = noisy_blobs()
    objective = Loop(CrossSplit(), task, Training(device="cpu")).objective
    streams = objective.streams(task, epoch)
    for i in (0, 1):
        assert set(streams[f"labelled{i}"].rows) == set(objective.rows_of(i, task))


def test_no_label_of_the_other_half_reaches_a_network():
    """Other labels in half 2 leave network 1 as it is through the start, to the bit [P094]."""
    weights = []
    for turned in (False, True):
        task, _ = noisy_blobs()
        objective = CrossSplit(warmup=3)
        loop = Loop(objective, task, Training(epochs=3, batch_size=16, device="cpu"))
        if turned:
            other = objective.rows_of(1, task)
            task.labels[other] = (task.labels[other] + 1) % 3
        loop.fit()
        weights.append(loop.predict(net=objective.nets[0]).logits)
    assert weights[0].equal(weights[1])


def test_wrong_labels_give_way_and_the_truth_is_learned():
    task, truth = noisy_blobs(unknown=6)
    loop = Loop(CrossSplit(warmup=5, lambda_u=1.0), task, Training(epochs=20, batch_size=16, device="cpu"))
    loop.fit()
    beta = loop.objective.beta.values.numpy()
    wrong = (task.labels.numpy() != truth) & (task.labels.numpy() >= 0)
    assert beta[wrong].mean() > beta[6:][~wrong[6:]].mean() + 0.3
    assert (loop.predict_proba().argmax(1).numpy() == truth).mean() > 0.95


def test_a_network_without_features_can_do_without_contrast_only():
    task, _ = noisy_blobs()
    task.net = lambda shape, k: torch.nn.Sequential(torch.nn.Linear(shape[0], k))
    with pytest.raises(BadInput, match="contrast=0"):
        Loop(CrossSplit(), task, Training(device="cpu"))
    Loop(CrossSplit(warmup=0, contrast=0.0), task, Training(epochs=1, device="cpu")).fit()


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"alpha": -1.0}, {"quantile": 0.5}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        CrossSplit(**settings)
