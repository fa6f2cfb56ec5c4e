"""Scenes: what the record says lies on the canvas."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.data.synthetic import blob_volumes, pasted_scenes, shape_scenes, shape_tile
from labelwright.errors import BadInput

PICTURES = np.random.default_rng(0).uniform(0.5, 1, (5, 4, 4))


def test_every_box_holds_its_picture_and_the_rest_is_empty():
    scenes = pasted_scenes(PICTURES, 20, size=20, counts=(1, 3), seed=1)
    for image, items, boxes in zip(scenes.images.copy(), scenes.items, scenes.boxes, strict=True):
        for item, (left, top, right, bottom) in zip(items, boxes, strict=True):
            if item >= 0:
                np.testing.assert_allclose(image[top:bottom, left:right], PICTURES[item], rtol=1e-6)
                image[top:bottom, left:right] = 0
        assert not image.any()


def test_the_number_of_pictures_stays_in_its_range():
    there = (pasted_scenes(PICTURES, 200, size=20, counts=(2, 4), seed=0).items >= 0).sum(axis=1)
    assert set(there.tolist()) == {2, 3, 4}


def test_the_same_seed_gives_the_same_scenes():
    first, second = (pasted_scenes(PICTURES, 5, size=20, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.images, second.images)


@pytest.mark.parametrize("settings", [{"size": 3}, {"counts": (3, 2)}, {"size": 8, "counts": (5, 5)}])
def test_pictures_that_do_not_fit_are_refused(settings):
    with pytest.raises(BadInput):
        pasted_scenes(PICTURES, 2, **settings)


def test_shapes_lie_where_their_masks_say_and_apart_from_each_other():
    scenes = shape_scenes(8, texture=0.0, seed=2)
    assert (scenes.masks.sum(axis=1) <= 1).all()
    for image, masks, kinds, centers in zip(scenes.images, scenes.masks, scenes.kinds, scenes.centers, strict=True):
        ground = image[~masks.any(axis=0)]
        assert np.ptp(ground, axis=0).max() == 0
        for k in range(3):
            drawn = masks[k].sum()
            assert drawn == (kinds == k).sum() * shape_tile(("disc", "square", "triangle")[k], 13).sum()
            if (kinds == k).sum() == 1:
                rows, columns = np.nonzero(masks[k])
                np.testing.assert_allclose([columns.mean(), rows.mean()], centers[kinds == k][0])


def test_shapes_must_be_known_and_fit():
    with pytest.raises(BadInput, match="use one of"):
        shape_tile("star", 9)
    with pytest.raises(BadInput):
        shape_scenes(1, size=10)


def test_balls_have_their_peak_at_their_centre_and_do_not_touch():
    worlds = blob_volumes(5, size=24, radii=(2.0, 3.0), noise=0.0, seed=1)
    assert (worlds.masks.sum(axis=1) <= 1).all()
    for volume, blobs, peaks, masks in zip(worlds.volumes, worlds.blobs, worlds.peaks, worlds.masks, strict=True):
        for blob, peak, mask in zip(blobs, peaks, masks, strict=True):
            if blob[0] >= 0:
                np.testing.assert_allclose(volume[tuple(blob)], peak, rtol=1e-4)
                assert mask[tuple(blob)]
            else:
                assert np.isnan(peak) and not mask.any()
    with pytest.raises(BadInput, match="do not fit"):
        blob_volumes(1, size=16, radii=(3, 5))
