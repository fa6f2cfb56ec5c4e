"""P160: which features stay, how many are chosen, and the order in which they are learned."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    NestedCoTeaching,
    NestedDropout,
    NestedNetwork,
    NestedTraining,
    nested_co_teaching,
    width_accuracies,
)
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402


def blobs(seed: int = 0, unknown: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 90)
    x = (3 * np.eye(3)[y] + 0.3 * rng.normal(size=(90, 3))).astype(np.float32)
    y[:unknown] = -1
    return Task(x, Hard(y, 3), net=MLP((16,)))


def test_a_tiny_scale_always_keeps_one_feature():
    """P(k) ∝ exp(−(k/s)²) with s → 0 is k = 1 [P160]."""
    layer = NestedDropout(8, scale=1e-3)
    assert {layer.draw() for _ in range(20)} == {1}


def test_draws_follow_the_half_gaussian():
    torch.manual_seed(0)
    layer = NestedDropout(5, scale=2.0)
    chances = torch.exp(-((torch.arange(1, 6) / 2.0) ** 2))
    counts = torch.bincount(torch.tensor([layer.draw() for _ in range(4000)]), minlength=6)[1:]
    torch.testing.assert_close(counts / 4000, chances / chances.sum(), atol=0.03, rtol=0)


def test_kept_features_are_not_rescaled():
    layer = NestedDropout(4, scale=2.0)
    features = torch.rand(3, 4) + 1
    kept = layer(features)
    assert ((kept == features) | (kept == 0)).all()
    assert (kept[:, 0] == features[:, 0]).all()


def test_the_full_width_is_the_plain_network():
    inner = MLP((16,))((3,), 3)
    x = torch.randn(5, 3)
    torch.testing.assert_close(NestedNetwork(inner, 5.0).eval()(x), inner(x))


def test_the_running_sum_gives_the_accuracy_of_every_width():
    torch.manual_seed(0)
    features, linear = torch.randn(40, 6), torch.nn.Linear(6, 3)
    labels = torch.randint(-1, 3, (40,))
    known = labels >= 0
    one_by_one = []
    for k in range(1, 7):
        logits = linear(features * (torch.arange(6) < k))
        one_by_one.append((logits.argmax(1) == labels)[known].float().mean())
    torch.testing.assert_close(width_accuracies(features, linear, labels), torch.stack(one_by_one))


def test_a_linear_autoencoder_finds_the_principal_axes_in_order():
    """Trained with nested dropout, decoder columns are the first axes of PCA, |cosine| > 0.95 [P160]."""
    torch.manual_seed(0)
    axes = torch.linalg.qr(torch.randn(6, 6)).Q
    x = torch.randn(200, 6) * torch.tensor([3.0, 2.0, 1.3, 0.3, 0.2, 0.1]) @ axes.T
    encoder, decoder = torch.nn.Linear(6, 4, bias=False), torch.nn.Linear(4, 6, bias=False)
    layer = NestedDropout(4, scale=3.0)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=5e-2)
    for step in range(500):
        optimizer.param_groups[0]["lr"] = 5e-2 * (1 - step / 500)
        optimizer.zero_grad()
        ((decoder(layer(encoder(x))) - x) ** 2).sum(1).mean().backward()
        optimizer.step()
    found = torch.linalg.svd(x, full_matrices=False).Vh[:3]
    cosines = torch.nn.functional.cosine_similarity(decoder.weight.T[:3], found, dim=1).abs()
    assert (cosines > 0.95).all()


def test_the_width_is_chosen_on_rows_that_were_not_trained_on():
    task = blobs(unknown=5)
    loop = Loop(NestedTraining(scale=3.0, validation=0.2), task, Training(epochs=20, batch_size=16, device="cpu"))
    loop.fit()
    assert len(task.held_out) == 18 and not set(task.held_out) & set(task.rows)
    assert 1 <= int(loop.objective.net.nested.width) <= 16
    known = task.labels >= 0
    assert (loop.predict_proba().argmax(1) == task.labels)[known].float().mean() > 0.9


def test_both_stages_give_trained_loops():
    task = blobs()
    quick = Training(epochs=10, batch_size=16, device="cpu")
    loop, alone = nested_co_teaching(task, quick, quick, scale=3.0)
    assert [type(stage.objective) for stage in alone] == [NestedTraining, NestedTraining]
    assert isinstance(loop.objective, NestedCoTeaching)
    assert (loop.predict_proba().argmax(1) == task.labels).float().mean() > 0.9
    torch.testing.assert_close(loop.predict_proba(rows=[0, 1]).sum(1), torch.ones(2))


def test_a_network_without_a_linear_head_is_refused():
    with pytest.raises(BadInput, match="linear head"):
        NestedNetwork(torch.nn.Linear(3, 3), 1.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: NestedDropout(4, 0.0),
        lambda: NestedTraining(validation=1.0),
        lambda: NestedCoTeaching(forget=1.0),
    ],
)
def test_settings_outside_their_range_are_refused(make):
    with pytest.raises(BadInput):
        make()
