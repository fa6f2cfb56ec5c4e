"""P020: what an edit that changes nothing leaves, who is kept, and what the small editor does."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    ConditionalAutoencoder,
    EchoAlign,
    EditorTraining,
    echo_aligned,
    echo_select,
    echo_select_by_mixture,
    echo_similarity,
)
from labelwright.learn.noisy.echo_align import smaller_half  # noqa: E402
from labelwright.nn import MLP, AdamW, CrossEntropy, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import row_cross_entropy  # noqa: E402


class NoEdit:
    """An editor that leaves everything as it is."""

    def edit(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return x


class ToMean:
    """An editor that knows where each class lies."""

    def __init__(self, means: np.ndarray) -> None:
        self.means = torch.from_numpy(means.astype(np.float32))

    def edit(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        own = torch.cdist(x, self.means).argmin(1)
        return x - self.means[own] + self.means[labels]


def noisy_blobs(unknown: int = 0) -> tuple[Task, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 120)
    x = (3 * np.eye(3)[truth] + 0.4 * rng.normal(size=(120, 3))).astype(np.float32)
    given = np.where(rng.random(120) < 0.3, rng.integers(0, 3, 120), truth)
    given[:unknown] = -1
    return Task(x, Hard(given, 3), net=MLP((16,))), truth


def test_an_editor_that_changes_nothing_keeps_everything_and_learns_by_cross_entropy():
    """edit(x, y) = x: s = 1, all kept, and CE on originals twice is CE [P020]."""
    settings = Training(epochs=4, batch_size=32, device="cpu")
    echo = echo_aligned(noisy_blobs()[0], settings, editor=NoEdit(), start=2)
    torch.testing.assert_close(echo.similarity, torch.ones(120))
    assert echo.kept.all()
    plain = Loop(CrossEntropy(), noisy_blobs()[0], settings)
    plain.fit()
    torch.testing.assert_close(echo.loop.predict().logits, plain.predict().logits, rtol=1e-4, atol=1e-4)


def test_both_kinds_of_rows_weigh_the_same_in_all():
    """Weights n_edits/N on originals and n_originals/N on edits [P020]."""
    task, _ = noisy_blobs()
    kept = np.arange(120) < 30
    task.add_field("edited", task.x)
    task.add_field("kept", kept)
    objective = Loop(EchoAlign(), task, Training(device="cpu")).objective
    assert objective.of_originals * 30 == pytest.approx(objective.of_edits * 120)


def test_rows_whose_edit_is_far_are_left_out_and_the_truth_is_learned():
    task, truth = noisy_blobs(unknown=6)
    editor = ToMean(3 * np.eye(3))
    echo = echo_aligned(task, Training(epochs=24, batch_size=32, device="cpu"), editor=editor, start=4)
    right = task.labels.numpy() == truth
    assert (echo.kept.numpy() == right).mean() > 0.95
    assert not echo.kept[:6].any()
    assert (echo.loop.predict_proba().argmax(1).numpy() == truth).mean() > 0.95


def test_the_whole_runs_with_the_small_editor():
    task, _ = noisy_blobs()
    echo = echo_aligned(task, Training(epochs=6, batch_size=32, device="cpu"), start=2, threshold=-1.0)
    assert echo.edited.shape == task.x.shape and echo.edited.isfinite().all() and echo.kept.all()
    assert echo.losses.isfinite().all()


def test_the_small_editor_keeps_what_fits_and_moves_what_does_not():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    x = np.stack([4.0 * y - 2, rng.normal(size=200)], axis=1).astype(np.float32)
    loop = Loop(
        EditorTraining(latent=1, hidden=32, divergence=0.1),
        Task(x, Hard(y, 2), net=MLP()),
        Training(epochs=40, batch_size=50, optimizer=AdamW(1e-2), device="cpu"),
    )
    loop.fit()
    editor, labels, inputs = loop.objective.net, torch.from_numpy(y), torch.from_numpy(x)
    same, other = editor.edit(inputs, labels), editor.edit(inputs, 1 - labels)
    assert (same - inputs).abs().mean() < 0.3
    assert (other[:, 0] + inputs[:, 0]).abs().mean() < 0.5  # the class's place is the other one's
    assert np.corrcoef(other[:, 1], x[:, 1])[0, 1] > 0.9  # what is not about the class stays


def test_the_divergence_of_a_standard_code_is_nothing():
    net = ConditionalAutoencoder(4, 2, latent=3)
    torch.nn.init.zeros_(net.encoder[-1].weight)
    torch.nn.init.zeros_(net.encoder[-1].bias)
    assert net.losses(torch.randn(5, 4), torch.zeros(5, dtype=torch.int64))[1].eq(0).all()


def test_images_come_back_as_images():
    net = ConditionalAutoencoder(3 * 4 * 4, 2)
    x = torch.randint(0, 255, (5, 3, 4, 4), dtype=torch.uint8)
    assert net.edit(x, torch.zeros(5, dtype=torch.int64)).shape == x.shape


def test_images_in_bytes_are_learned_beside_their_edits():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 40)
    x = (200 * y[:, None, None, None] + rng.integers(0, 50, (40, 1, 4, 4))).astype(np.uint8)
    task = Task(x, Hard(y, 2), net=MLP((8,)))
    task.add_field("edited", x.astype(np.float32) / 255)
    task.add_field("kept", np.ones(40, dtype=bool))
    loop = Loop(EchoAlign(), task, Training(epochs=1, device="cpu"))
    plain = row_cross_entropy(loop.predict().logits, task.labels).mean()
    torch.testing.assert_close(loop.step(np.arange(40)).total.detach(), plain)


def test_similarity_is_the_cosine_and_selection_is_strict():
    s = echo_similarity(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    torch.testing.assert_close(s, torch.tensor([1.0, 0.5**0.5]))
    assert echo_select(s, 0.75).tolist() == [True, False] and echo_select(s, 1.0).tolist() == [False, False]


def test_equal_similarities_keep_all():
    assert echo_select_by_mixture(torch.full((4,), 0.3)).all()


def test_the_editor_learns_from_the_smaller_half_of_each_class():
    losses = torch.tensor([3.0, 1.0, 2.0, 5.0, 4.0, 0.0, 9.0])
    labels = torch.tensor([0, 0, 0, 1, 1, -1, 0])
    assert sorted(smaller_half(losses, labels, np.arange(6)).tolist()) == [1, 2, 4]


def test_no_original_left_and_fields_that_are_missing_are_refused():
    task, _ = noisy_blobs()
    with pytest.raises(BadInput, match="no field"):
        Loop(EchoAlign(), task, Training(device="cpu"))
    task.add_field("edited", task.x)
    task.add_field("kept", np.zeros(120, dtype=bool))
    with pytest.raises(BadInput, match="no original"):
        Loop(EchoAlign(), task, Training(device="cpu"))
