"""P049: which pixels are asked about, what training sees of them, and what is counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.acquire import (
    PixelPool,
    PixelQuerySelector,
    committee_probs,
    entropy_score,
    first_pixels,
    least_confidence_score,
    margin_score,
    query_map,
    query_stats,
    sparse_pixel_loss,
)
from labelwright.acquire.pixelpick import IGNORE, answer
from labelwright.errors import BadInput


def world(n=3, k=4, size=10, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(k), (n, size, size)).transpose(0, 3, 1, 2)


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.05, 0.3, 1.0]), st.booleans())
@settings(max_examples=30, deadline=None)
def test_p049_no_labelled_or_void_pixel_is_ever_asked_and_every_image_gets_its_share(seed, top, reverse):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((3, 10, 10)) < 0.3, 1, IGNORE)
    void = rng.random((3, 10, 10)) < 0.3
    chosen = PixelQuerySelector(top_fraction=top, reverse_order=reverse).select(
        PixelPool(world(seed=seed), labels, void), 15, rng
    )
    asked = query_map(chosen, labels.shape)
    assert not (asked & ((labels != IGNORE) | void)).any()
    assert_array_equal(asked.sum(axis=(1, 2)), [5, 5, 5])
    assert len(np.unique(np.stack([chosen.rows, chosen.part]), axis=1).T) == 15


def test_p049_a_share_that_equals_the_questions_is_plain_top_n():
    pool = PixelPool(world())
    drawn = PixelQuerySelector(top_fraction=0.05).select(pool, 15, rng=1)
    top = PixelQuerySelector(top_fraction=0.0).select(pool, 15, rng=2)
    assert_array_equal(query_map(drawn, (3, 10, 10)), query_map(top, (3, 10, 10)))


def test_the_draw_stays_in_the_best_share():
    pool = PixelPool(world())
    chosen = PixelQuerySelector(top_fraction=0.2).select(pool, 15, rng=0)
    score = margin_score(pool.pred_probs, axis=1).reshape(3, -1)
    for row, part in zip(chosen.rows, chosen.part, strict=True):
        assert (score[row] > score[row, part]).sum() < 20


@pytest.mark.parametrize("score", [margin_score, entropy_score, least_confidence_score])
def test_the_least_sure_pixel_comes_first(score):
    probs = np.full((1, 2, 3, 3), 0.0)
    probs[:, 0], probs[:, 1] = 0.9, 0.1
    probs[0, :, 1, 2] = 0.5
    chosen = PixelQuerySelector(score, top_fraction=0.0).select(PixelPool(probs), 1, rng=0)
    assert chosen.part == [5]


def test_an_image_with_few_open_pixels_is_asked_about_all_of_them():
    void = np.ones((2, 10, 10), bool)
    void[0, 0, :2] = False
    void[1] = False
    chosen = PixelQuerySelector().select(PixelPool(world(2), void=void), 20, rng=0)
    assert (chosen.rows == 0).sum() == 2 and (chosen.rows == 1).sum() == 10


def test_a_committee_is_heard_by_the_mean_of_its_scores():
    a, b = world(1, seed=1), world(1, seed=2)
    pool = PixelPool(draws=np.stack([a, b]))
    chosen = PixelQuerySelector(entropy_score, top_fraction=0.0).select(pool, 1, rng=0)
    mean = (entropy_score(a) + entropy_score(b)) / 2
    assert chosen.part == [mean.reshape(-1).argmax()]
    assert_allclose(pool.pred_probs, (a + b) / 2)


def test_round_zero_asks_the_same_number_everywhere_and_answers_are_written_down():
    void = np.zeros((4, 6, 6), bool)
    void[:, :3] = True
    chosen = first_pixels(void, 3, rng=0)
    truth = np.random.default_rng(0).integers(0, 5, (4, 6, 6))
    labels = answer(np.full((4, 6, 6), IGNORE), chosen, truth)
    assert_array_equal((labels != IGNORE).sum(axis=(1, 2)), [3] * 4)
    assert_array_equal(labels[labels != IGNORE], truth[labels != IGNORE])
    assert (labels[:, :3] == IGNORE).all()


def test_statistics_count_classes_entropy_and_distances():
    labels = np.full((2, 4, 5), IGNORE)
    labels[0, 0, 0], labels[0, 3, 4], labels[1, 2, 2] = 0, 1, 1
    probs = np.full((2, 2, 4, 5), 0.5)
    stats = query_stats(labels, 3, probs)
    assert_array_equal(stats.per_class, [1, 2, 0])
    assert_allclose([stats.entropy, stats.classes_per_image, stats.distance], [np.log(2), 1.5, 5.0])
    empty = query_stats(np.full((1, 2, 2), IGNORE), 2)
    assert np.isnan(empty.distance) and empty.classes_per_image == 0


def test_the_loss_is_the_mean_over_known_pixels():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    labels = torch.full((2, 4, 4), IGNORE)
    assert sparse_pixel_loss(logits, labels) == 0
    labels[0, 1, 2], labels[1, 3, 3] = 2, 0
    log_p = logits.log_softmax(dim=1)
    wanted = -(log_p[0, 2, 1, 2] + log_p[1, 0, 3, 3]) / 2
    found = sparse_pixel_loss(logits, labels)
    assert_allclose(found.item(), wanted.item(), rtol=1e-6)
    found.backward()
    assert (logits.grad[0, :, 0] == 0).all()


def test_committees_differ_by_dropout_alone():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    images = torch.randn(2, 3, 4, 4)
    still = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2))
    draws = committee_probs(still, images, passes=2)
    assert draws.shape == (2, 2, 2, 4, 4)
    assert_array_equal(draws[0], draws[1])
    loose = torch.nn.Sequential(torch.nn.Dropout(0.5), still)
    assert np.abs(np.diff(committee_probs(loose, images, passes=2), axis=0)).max() > 0
    assert not any(module.training for module in loose.modules())


@pytest.mark.parametrize(
    "fields",
    [
        {"pred_probs": np.ones((2, 2, 3))},
        {"pred_probs": np.full((1, 2, 3, 3), np.nan)},
        {"pred_probs": world(), "labels": np.zeros((3, 10, 9), int)},
        {"pred_probs": world(), "void": np.zeros((3, 10, 10))},
        {"pred_probs": world(), "draws": world()},
    ],
)
def test_images_that_do_not_fit_are_refused(fields):
    with pytest.raises(BadInput):
        PixelPool(**fields)


def test_settings_are_checked():
    with pytest.raises(BadInput, match="top_fraction"):
        PixelQuerySelector(top_fraction=5)
    with pytest.raises(BadInput, match="budget"):
        PixelQuerySelector().select(PixelPool(world()), 0, rng=0)
