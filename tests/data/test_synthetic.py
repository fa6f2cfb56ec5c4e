"""Scenes: what the record says lies on the canvas."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.data.synthetic import pasted_scenes
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
