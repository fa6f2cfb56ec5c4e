"""P089: tags by regions, seen and unseen."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard, Tags  # noqa: E402
from labelwright.learn.bags import (  # noqa: E402
    GridProposals,
    MeanPooling,
    ZeroShotTagger,
    box_iou,
    calibrated_stacking,
    ranking_tag_loss,
    roi_pool,
)
from labelwright.nn import MLP, AdamW, Loop, Task, Training  # noqa: E402

VECTORS = np.array([[1.0, 0, 1], [0, 2, 0], [0, 0, 3]])
RNG = np.random.default_rng(0)


def fitted(objective, x, tags, epochs: int = 2) -> Loop:
    task = Task(x, Tags.from_dense(tags), net=MLP((16,)))
    loop = Loop(objective, task, Training(epochs=epochs, batch_size=20, optimizer=AdamW(1e-2), device="cpu"))
    loop.fit()
    return loop


def kinds(n: int = 60):
    """Bags of four regions: one of kind k, which has tag k, the others empty."""
    kind = RNG.integers(0, 3, n)
    at = RNG.integers(0, 4, n)
    x = RNG.normal(0, 0.1, (n, 4, 3)).astype(np.float32)
    x[np.arange(n), at, kind] += 2
    return x, np.where(np.eye(3)[kind] > 0, 1, -1).astype(np.int8), at, kind


def test_the_loss_is_log_two_when_all_scores_are_equal():
    tags = torch.tensor([[1, -1, -1, 1], [-1, 1, 0, 0]])
    assert ranking_tag_loss(torch.zeros(2, 4), tags).item() == pytest.approx(math.log(2))  # [P089]


def test_the_loss_is_the_mean_over_pairs():
    o = torch.tensor([[2.0, -1.0, 0.5]], dtype=torch.float64)
    pairs = [math.log1p(math.exp(float(a) - 2.0)) for a in (-1.0, 0.5)]
    assert ranking_tag_loss(o, torch.tensor([[1, -1, -1]])).item() == pytest.approx(np.mean(pairs))


def test_images_without_a_pair_are_skipped():
    o = torch.randn(3, 2, requires_grad=True)
    tags = torch.tensor([[1, -1], [1, 1], [0, -1]])
    loss = ranking_tag_loss(o, tags)
    torch.testing.assert_close(loss, ranking_tag_loss(o[:1], tags[:1]))
    ranking_tag_loss(o, torch.zeros(3, 2)).backward()
    assert not o.grad.any()


def test_one_region_makes_it_the_global_model():
    x, tags, *_ = kinds()
    model = fitted(ZeroShotTagger(VECTORS), x[:, :1], tags).objective
    w = torch.nn.functional.normalize(torch.as_tensor(VECTORS, dtype=torch.float32), dim=1)
    expected = model.project(model.encoder(torch.as_tensor(x[:, 0]))) @ w.T
    torch.testing.assert_close(model.tag_scores(x[:, :1], VECTORS), expected.detach())


def test_word_vectors_are_fixed_and_of_length_one():
    x, tags, *_ = kinds()
    loop = fitted(ZeroShotTagger(VECTORS), x, tags)
    torch.testing.assert_close(loop.objective.vectors.norm(dim=1), torch.ones(3))
    assert "vectors" not in dict(loop.objective.named_parameters())


def test_the_region_that_earned_a_tag_is_found_without_boxes():
    x, tags, at, kind = kinds(120)
    model = fitted(ZeroShotTagger(VECTORS), x, tags, epochs=25).objective
    found = model.tag_regions(x, VECTORS).numpy()[np.arange(120), kind]
    assert (found == at).mean() > 0.9


def test_the_best_region_bears_the_score():
    x, tags, *_ = kinds()
    model = fitted(ZeroShotTagger(VECTORS), x, tags).objective
    each = torch.stack([model.tag_scores(x[:, j : j + 1], VECTORS) for j in range(4)], dim=1)
    best, region = each.max(dim=1)
    torch.testing.assert_close(model.tag_scores(x, VECTORS), best)
    assert (model.tag_regions(x, VECTORS) == region).all()
    mean = fitted(ZeroShotTagger(VECTORS, MeanPooling()), x, tags).objective
    assert mean.tag_scores(x, VECTORS[:2]).shape == (60, 2)


def test_stacking_takes_a_number_from_seen_tags_alone():
    scores = calibrated_stacking(torch.ones(1, 3), [True, False, True], 0.25)
    assert scores.tolist() == [[0.75, 1.0, 0.75]]


def test_pooled_regions_are_means_of_pixels():
    image = RNG.normal(size=(1, 12, 12))
    pooled = roi_pool(image, [[[2, 4, 6, 8], [0, 0, 12, 12]]], out=2)
    np.testing.assert_allclose(pooled[0, 0], image[0, 4:8, 2:6].reshape(2, 2, 2, 2).mean(axis=(1, 3)), rtol=1e-5)
    np.testing.assert_allclose(pooled[0, 1], image[0].reshape(2, 6, 2, 6).mean(axis=(1, 3)), rtol=1e-4, atol=1e-7)


def test_bins_of_sides_that_do_not_divide_cover_every_pixel():
    image = np.arange(25.0).reshape(1, 5, 5)
    pooled = roi_pool(image, [[[0, 0, 5, 5]]], out=2)
    assert pooled[0, 0, 0, 0] == image[0, :3, :3].mean()
    assert pooled[0, 0, 1, 1] == image[0, 2:, 2:].mean()


def test_windows_lie_on_what_stands_out_and_apart_from_each_other():
    image = np.zeros((1, 32, 32))
    image[0, 4:12, 20:28], image[0, 20:28, 0:8] = 1, 0.5
    boxes = GridProposals(n=2, sizes=(8,), stride=4).boxes(image)[0]
    assert boxes.tolist() == [[0, 0, 32, 32], [20, 4, 28, 12], [0, 20, 8, 28]]


def test_without_windows_only_the_whole_image_is_left():
    assert GridProposals(n=0).boxes(np.zeros((2, 20, 30))).tolist() == [[[0, 0, 30, 20]]] * 2


def test_a_flat_image_and_more_windows_than_there_are_give_regions_nonetheless():
    boxes = GridProposals(n=9, sizes=(8,), stride=8).boxes(np.zeros((1, 16, 16)))
    assert boxes.shape == (1, 10, 4)
    assert len(np.unique(boxes[0], axis=0)) == 5


def test_overlap_of_boxes_is_intersection_over_union():
    iou = box_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])
    np.testing.assert_allclose(iou, [[1, 1 / 3, 0]])


def test_what_does_not_fit_is_refused():
    x, tags, *_ = kinds()
    with pytest.raises(BadInput, match="zero"):
        ZeroShotTagger(np.zeros((3, 2)))
    with pytest.raises(BadInput, match="word vectors"):
        fitted(ZeroShotTagger(VECTORS[:2]), x, tags)
    with pytest.raises(BadInput, match="regions"):
        fitted(ZeroShotTagger(VECTORS), x[:, 0], tags)
    with pytest.raises(BadInput, match="Tags"):
        Loop(ZeroShotTagger(VECTORS), Task(x, Hard(np.zeros(60, int), 3), net=MLP((4,))), Training(epochs=1))
    with pytest.raises(BadInput, match="leaves"):
        roi_pool(np.zeros((1, 4, 4)), [[[0, 0, 5, 4]]])
