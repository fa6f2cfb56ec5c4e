"""P021: what the cleaner ranks by, who its anchors are, and that hard classes keep their rows."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import ClassPrototypeCleaner, Cleaner, anchors, cleaner_loss  # noqa: E402
from labelwright.learn.noisy.prototype_cleaner import equal_classes  # noqa: E402
from labelwright.nn import MLP, TABLE_VIEWS, Loop, Task, Training  # noqa: E402


def plain_cleaner(n_features: int, n_classes: int, temperature: float = 0.1) -> Cleaner:
    cleaner = Cleaner(n_features, n_classes, projected=n_features, temperature=temperature)
    cleaner.project = torch.nn.Identity()
    return cleaner


def noisy_blobs(unknown: int = 0) -> tuple[Task, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 120)
    x = (3 * np.eye(3)[truth] + 0.4 * rng.normal(size=(120, 3))).astype(np.float32)
    given = np.where(rng.random(120) < 0.3, rng.integers(0, 3, 120), truth)
    given[:unknown] = -1
    return Task(x, Hard(given, 3), net=MLP((16,)), views=TABLE_VIEWS), truth


def test_with_plain_features_a_class_is_ranked_by_the_cosine_to_its_mean():
    """g the identity, b = 0, the prototype the class mean [P021]."""
    torch.manual_seed(0)
    features, labels = torch.randn(40, 5), torch.arange(40) % 4
    cleaner = plain_cleaner(5, 4)
    cleaner.place(features, labels)
    scores = cleaner(features, labels)
    units = torch.nn.functional.normalize(features, dim=1)
    for c in range(4):
        own = labels == c
        cosine = torch.nn.functional.cosine_similarity(features[own], units[own].mean(0, keepdim=True))
        torch.testing.assert_close(scores[own], cosine / 0.1)


def test_the_bias_moves_the_cut_of_its_class_alone():
    cleaner = plain_cleaner(3, 2)
    features, labels = torch.randn(6, 3), torch.tensor([0, 1, 0, 1, 0, 1])
    cleaner.place(features, labels)
    before = cleaner(features, labels).detach()
    with torch.no_grad():
        cleaner.biases[1] += 2.0
    torch.testing.assert_close(cleaner(features, labels).detach() - before, 2.0 * labels.float())


def test_anchors_are_the_sure_rows_and_every_class_has_a_clean_one():
    w = torch.tensor([0.95, 0.5, 0.05, 0.2, 0.1, 0.15, 0.99])
    losses = torch.tensor([0.1, 0.5, 3.0, 2.0, 4.0, 1.0, 0.0])
    labels = torch.tensor([0, 0, 0, 1, 1, 1, -1])
    assert anchors(w, losses, labels).tolist() == [1, -1, 0, 0, 0, 1, -1]


def test_classes_weigh_the_same():
    labels = torch.tensor([0, 0, 0, 1, 2, -1])
    chosen = torch.tensor([True, True, True, True, False, False])
    weights = equal_classes(labels, chosen, 3)
    assert weights[:3].sum() == pytest.approx(float(weights[3]))
    assert weights.sum() == pytest.approx(4.0) and weights[4:].eq(0).all()


def test_a_clean_anchor_counts_for_its_class_and_against_another():
    cleaner = plain_cleaner(2, 2, temperature=1.0)
    with torch.no_grad():
        cleaner.prototypes.copy_(torch.eye(2))
    features = torch.tensor([[1.0, 0.0]])
    loss = cleaner_loss(
        cleaner, features, torch.tensor([0]), torch.tensor([1]), torch.ones(1), others=torch.tensor([1])
    )
    for_own, against_other = np.log1p(np.exp(-1.0)), np.log1p(np.exp(0.0))
    assert loss.item() == pytest.approx((for_own + against_other) / 2)


def test_rows_that_are_no_anchors_teach_the_cleaner_nothing():
    cleaner = plain_cleaner(2, 2)
    features = torch.ones(3, 2, requires_grad=True)
    labels, sure = torch.tensor([0, 1, -1]), torch.full((3,), -1)
    loss = cleaner_loss(cleaner, features, labels, sure, torch.zeros(3), others=torch.tensor([1, 0, 0]))
    assert loss.item() == 0.0


def test_the_cleaner_of_one_network_serves_the_other():
    task, _ = noisy_blobs()
    objective = ClassPrototypeCleaner(warmup=2, cleaner_warmup=1)
    loop = Loop(objective, task, Training(epochs=5, batch_size=32, device="cpu"))
    loop.fit(4)
    with torch.no_grad():
        objective.before_epoch(loop)
        for i in (0, 1):
            features = loop.predict(net=objective.nets[i]).features
            own = objective.cleaners[i](features, task.labels).sigmoid()
            torch.testing.assert_close(objective.clean.values[:, 1 - i], own)


def test_wrong_labels_are_found_and_the_truth_is_learned():
    task, truth = noisy_blobs(unknown=6)
    settings = Training(epochs=16, batch_size=32, device="cpu")
    loop = Loop(ClassPrototypeCleaner(warmup=4, lambda_u=1.0), task, settings)
    loop.fit()
    wrong = (task.labels.numpy() != truth) & (task.labels.numpy() >= 0)
    told = loop.objective.clean.values.mean(1).numpy()
    assert told[wrong].mean() < 0.3 and told[6:][~wrong[6:]].mean() > 0.7
    assert (told[:6] == 0).all()
    assert (loop.predict_proba().argmax(1).numpy() == truth).mean() > 0.9


def test_a_network_without_features_is_refused():
    task, _ = noisy_blobs()
    task.net = lambda shape, k: torch.nn.Sequential(torch.nn.Linear(shape[0], k))
    with pytest.raises(BadInput, match="features"):
        Loop(ClassPrototypeCleaner(), task, Training(device="cpu"))


@pytest.mark.parametrize("settings", [{"threshold_of_anchors": 0.4}, {"cleaner_temperature": 0.0}, {"warmup": 0}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        ClassPrototypeCleaner(**settings)
