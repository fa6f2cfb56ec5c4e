"""Badly annotated boxes are spoiled as asked and stay boxes in their images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import BadInput
from labelwright.evidence import Boxes
from labelwright.noise import missed_boxes, shifted_boxes, spurious_boxes, swapped_box_classes

seeds = st.integers(0, 1000)


def boxes_of(seed, images=6, sizes=True):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, images)
    corner, extent = rng.uniform(0, 60, (counts.sum(), 2)), rng.uniform(1, 40, (counts.sum(), 2))
    return Boxes(
        np.r_[0, np.cumsum(counts)],
        np.concatenate([corner, corner + extent], axis=1),
        rng.integers(0, 3, counts.sum()),
        3,
        np.full((images, 2), 100.0) if sizes else None,
    )


SPOILERS = (missed_boxes, shifted_boxes, spurious_boxes, swapped_box_classes)


@pytest.mark.parametrize("spoil", SPOILERS)
@given(seeds)
def test_a_rate_of_0_changes_nothing_and_a_seed_says_it_all(spoil, seed):
    boxes = boxes_of(seed)
    untouched = spoil(boxes, 0.0, seed)
    assert untouched.boxes == boxes and not len(untouched.changed) and not untouched.realised_rate
    assert spoil(boxes, 0.5, seed).boxes == spoil(boxes, 0.5, seed).boxes


@pytest.mark.parametrize("spoil", SPOILERS)
@given(seeds)
def test_images_that_are_not_listed_as_changed_are_as_they_were(spoil, seed):
    boxes = boxes_of(seed)
    spoiled = spoil(boxes, 0.4, seed)
    for image in range(6):
        same = spoiled.boxes.take([image]) == boxes.take([image])
        assert same == (image not in spoiled.changed)


@given(seeds)
def test_all_are_missed_at_a_rate_of_1_and_every_class_is_another(seed):
    boxes = boxes_of(seed)
    assert missed_boxes(boxes, 1.0, seed).boxes.offsets.tolist() == [0] * 7
    assert (swapped_box_classes(boxes, 1.0, seed).boxes.classes != boxes.classes).all()


@given(seeds, st.floats(0, 3))
def test_shifted_boxes_keep_their_size_and_stay_in_the_image(seed, distance):
    boxes = boxes_of(seed)
    moved = shifted_boxes(boxes, 1.0, seed, distance).boxes
    np.testing.assert_allclose(moved.corners[:, 2:] - moved.corners[:, :2], boxes.corners[:, 2:] - boxes.corners[:, :2])
    assert (moved.corners >= -1e-9).all() and (moved.corners <= 100 + 1e-9).all()


def test_without_an_edge_a_box_moves_by_the_distance_asked():
    boxes = boxes_of(3, sizes=False)
    moved = shifted_boxes(boxes, 1.0, 0, 0.5).boxes
    side = np.sqrt(np.prod(boxes.corners[:, 2:] - boxes.corners[:, :2], axis=1))
    step = np.linalg.norm((moved.corners - boxes.corners)[:, :2], axis=1)
    np.testing.assert_allclose(step, side / 2)


@given(seeds)
def test_spurious_boxes_come_last_in_their_image_and_lie_in_it(seed):
    boxes = boxes_of(seed)
    more = spurious_boxes(boxes, 1.0, seed).boxes
    assert (np.diff(more.offsets) == 2 * np.diff(boxes.offsets)).all()
    for image in range(6):
        n = len(boxes.take([image]).classes)
        assert np.array_equal(more.take([image]).corners[:n], boxes.take([image]).corners)
    assert (more.corners >= 0).all() and (more.corners <= 100 + 1e-9).all()


def test_what_cannot_be_spoiled_is_refused():
    with pytest.raises(BadInput, match="sizes of the images"):
        spurious_boxes(boxes_of(0, sizes=False), 0.5, 0)
    with pytest.raises(BadInput, match="one class only"):
        swapped_box_classes(Boxes([0, 1], [[0, 0, 1, 1]], [0], 1), 0.5, 0)
    with pytest.raises(BadInput, match="distance"):
        shifted_boxes(boxes_of(0), 0.5, 0, -1)
