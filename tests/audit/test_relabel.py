"""Label maps, what crops show, and training on localised labels [P019]."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.audit import (
    LabelMapStore,
    RegionLabels,
    build_label_maps,
    flipped_boxes,
    keep_highest,
    pool_region_label,
    pool_region_logits,
    random_crops,
)
from labelwright.audit.relabel import axis_weights
from labelwright.cli import run
from labelwright.errors import BadInput

WHOLE = [[0.0, 0.0, 1.0, 1.0]]


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


@given(st.integers(0, 500))
@settings(max_examples=40, deadline=None)
def test_p019_a_constant_map_gives_every_box_the_softmax_of_its_vector(seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(1, 4)).astype(np.float32)
    store = keep_highest(np.repeat(z[:, :, None, None], 5, axis=2).repeat(7, axis=3), keep=4)
    box = np.sort(rng.random((2, 2)), axis=0).reshape(1, 4)
    assert_allclose(pool_region_label(store, [0], box), softmax(z), rtol=1e-6)


def test_p019_the_whole_image_is_the_mean_of_the_map():
    maps = np.random.default_rng(0).normal(size=(1, 3, 6, 4))
    found = pool_region_logits(keep_highest(maps, keep=3), [0], WHOLE)
    assert_allclose(found, maps.mean(axis=(2, 3)), rtol=1e-6)


def slow_region(maps, box):
    """Return what sampling point by point gives."""
    k, h, w = maps.shape
    x1, y1, x2, y2 = (f * s - 0.5 for f, s in zip(box, (w, h, w, h), strict=True))
    nx, ny = (int(np.clip(np.ceil(d), 1, s)) for d, s in ((x2 - x1, w), (y2 - y1, h)))
    total = np.zeros(k)
    for i in range(ny):
        for j in range(nx):
            y, x = (
                np.clip(a + (m + 0.5) * (b - a) / c, 0, s - 1)
                for a, b, m, c, s in ((y1, y2, i, ny, h), (x1, x2, j, nx, w))
            )
            u, v = min(int(y), h - 2), min(int(x), w - 2)
            dy, dx = y - u, x - v
            total += (1 - dy) * ((1 - dx) * maps[:, u, v] + dx * maps[:, u, v + 1])
            total += dy * ((1 - dx) * maps[:, u + 1, v] + dx * maps[:, u + 1, v + 1])
    return total / (nx * ny)


@given(st.integers(0, 500))
@settings(max_examples=40, deadline=None)
def test_pooling_by_weights_is_sampling_point_by_point(seed):
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(3, 5, 8)).astype(np.float32)
    box = np.sort(rng.random((2, 2)), axis=0).ravel()
    found = pool_region_logits(keep_highest(maps[None], keep=3), [0], [box])[0]
    assert_allclose(found, slow_region(maps, box), rtol=1e-4, atol=1e-5)


def test_the_weights_of_an_axis_sum_to_one():
    low = np.linspace(0, 0.5, 11)
    assert_allclose(axis_weights(low, low + 0.4, 7).sum(axis=1), np.ones(11))


def test_a_crop_of_the_left_half_shows_what_lies_there():
    maps = np.zeros((1, 2, 4, 8))
    maps[0, 0, :, :4], maps[0, 1, :, 4:] = 9, 9
    store = keep_highest(maps, keep=2)
    found = pool_region_label(store, [0, 0], [[0, 0, 0.4, 1], [0.6, 0, 1, 1]])
    assert_array_equal(found.argmax(axis=1), [0, 1])
    mirrored = keep_highest(maps[..., ::-1], keep=2)
    assert_allclose(pool_region_label(mirrored, [0], flipped_boxes([[0, 0, 0.4, 1]])), found[:1])


def test_maps_are_the_head_applied_to_every_place():
    rng = np.random.default_rng(0)
    f, w, b = rng.normal(size=(2, 5, 3, 3)), rng.normal(size=(4, 5)), rng.normal(size=4)
    store = build_label_maps(f, w, b, keep=4)
    assert_allclose(store.dense([1])[0, :, 2, 0], w @ f[1, :, 2, 0] + b, rtol=1e-5)
    assert_allclose(pool_region_logits(store, [0], WHOLE)[0], w @ f[0].mean(axis=(1, 2)) + b, rtol=1e-4, atol=1e-5)


def test_only_the_highest_logits_of_a_place_are_kept_and_the_rest_is_filled():
    store = keep_highest(np.arange(4.0).reshape(1, 4, 1, 1), keep=2)
    assert_array_equal(store.dense([0], fill=-7)[0, :, 0, 0], [-7, -7, 2, 3])
    assert_array_equal(pool_region_logits(store, [0], WHOLE, fill=-7), [[-7, -7, 2, 3]])
    again = LabelMapStore.of(store.arrays())
    assert_array_equal(again.values, store.values)


def test_random_crops_lie_in_the_image_and_cover_the_asked_share():
    boxes = random_crops(500, np.random.default_rng(0), (0.2, 0.3), (1.0, 1.0))
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    assert (boxes >= 0).all() and (boxes <= 1).all() and area.min() >= 0.2 - 1e-9 and area.max() <= 0.3 + 1e-9


def test_training_teaches_each_crop_what_it_shows():
    torch = pytest.importorskip("torch")
    from labelwright.audit import LocalizedLabelLoss, cropped, localized_targets
    from labelwright.evidence import Hard
    from labelwright.nn import AdamW, Loop, SmallCNN, Task, Training

    rng = np.random.default_rng(0)
    maps = rng.normal(size=(8, 3, 4, 4)).astype(np.float32)
    store = keep_highest(maps, keep=3)
    boxes = random_crops(8, rng)
    targets = localized_targets(torch.from_numpy(maps), torch.tensor(boxes, dtype=torch.float32))
    assert_allclose(targets.numpy(), pool_region_label(store, np.arange(8), boxes), rtol=1e-4, atol=1e-6)
    images = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert_allclose(cropped(images, torch.tensor([[0.0, 0.0, 1.0, 1.0]])), images, rtol=1e-5)
    side = np.arange(40) % 2
    x = np.where(side[:, None, None, None] == 1, 1.0, -1.0) * np.ones((40, 1, 8, 8))
    told = keep_highest(np.repeat(6 * np.eye(2)[side][:, :, None, None], 2, axis=2).repeat(2, axis=3), keep=2)
    task = Task(x.astype(np.float32), Hard(np.zeros(40, int), 2), net=SmallCNN((4, 8)))
    loop = Loop(LocalizedLabelLoss(told), task, Training(15, 8, AdamW(0.02), 0, "cpu"))
    loop.fit()
    assert_array_equal(loop.predict_proba(x.astype(np.float32)).argmax(dim=1).numpy(), side)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: build_label_maps(np.ones((1, 2, 3, 3)), np.ones((4, 5))), "the head"),
        (lambda: keep_highest(np.ones((1, 2, 3))), "maps have shape"),
        (lambda: keep_highest(np.ones((1, 2, 3, 3)), keep=0), "keep is 0"),
        (lambda: pool_region_label(keep_highest(np.ones((1, 2, 3, 3))), [0], [[0.5, 0, 0.2, 1]]), "turned"),
        (lambda: random_crops(1, np.random.default_rng(0), (0.0, 1.0)), "area is"),
        (lambda: RegionLabels(sure=0), "sure is 0"),
        (lambda: RegionLabels().measure(keep_highest(np.ones((2, 2, 3, 3))), [0], ["a", "b"]), "do not fit"),
    ],
)
def test_what_cannot_be_labelled_is_said_in_one_line(act, words):
    with pytest.raises(BadInput, match=words):
        act()


@pytest.fixture
def archive(tmp_path):
    maps = np.full((6, 3, 4, 8), -4.0)
    y = np.arange(6) % 3
    for i, k in enumerate(y):
        maps[i, k, :, :4], maps[i, (k + 1) % 3 if i < 3 else k, :, 4:] = 8, 8
    path = tmp_path / "maps.npz"
    np.savez(
        path,
        maps=maps,
        labels=y,
        class_names=np.array(["ape", "bee", "cow"]),
        ids=np.array([f"i{i}" for i in range(6)]),
    )
    return path


def test_the_command_finds_images_with_two_classes_and_writes_the_maps(archive, capsys):
    out = archive.parent / "out"
    assert run(["measure", "regions", str(archive), "--keep", "3", "--out", str(out)]) == 0
    assert "50 % of images show several classes" in capsys.readouterr().out
    rows = (out / "regions.csv").read_text().splitlines()
    assert len(rows) == 4 and all(f'"i{i}"' in "".join(rows) for i in range(3))
    with np.load(out / "label_maps.npz") as arrays:
        assert len(LabelMapStore.of(arrays)) == 6


def test_a_head_and_features_are_taken_too_and_what_lacks_is_told(archive, capsys):
    path = archive.parent / "head.npz"
    np.savez(path, features=np.ones((2, 2, 3, 3)), weights=np.eye(2), labels=np.array([0, 1]))
    assert run(["measure", "regions", str(path), "--out", str(archive.parent / "a"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["images"] == 2
    np.savez(path, features=np.ones((2, 2, 3, 3)), labels=np.array([0, 1]))
    assert run(["measure", "regions", str(path), "--out", str(archive.parent / "b")]) == 2
    assert "'weights'" in capsys.readouterr().err and not (archive.parent / "b").exists()
