"""Badly drawn masks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from labelwright.errors import BadInput
from labelwright.metrics.masks import boundary_band, connected_components, dilate, erode
from labelwright.noise.simulate_masks import (
    dilated_masks,
    dropped_objects,
    eroded_masks,
    jittered_outlines,
    shifted_masks,
)


def _discs(n=40, size=32):
    rng = np.random.default_rng(0)
    at = rng.uniform(8, size - 8, size=(n, 2, 1, 1))
    y, x = np.mgrid[:size, :size]
    return (y - at[:, 0]) ** 2 + (x - at[:, 1]) ** 2 < rng.uniform(3, 7, size=(n, 1, 1)) ** 2


MASKS = _discs()
SPOILERS = {
    "dilated": lambda m, r, s, rate=1.0: dilated_masks(m, r, s, rate),
    "eroded": lambda m, r, s, rate=1.0: eroded_masks(m, r, s, rate),
    "shifted": lambda m, r, s, rate=1.0: shifted_masks(m, r, s, rate),
    "jittered_outlines": lambda m, r, s, rate=1.0: jittered_outlines(m, r, s, rate),
}


@pytest.mark.parametrize("kind", list(SPOILERS))
def test_no_length_and_no_rate_change_nothing(kind):
    assert_array_equal(SPOILERS[kind](MASKS, 0, 0).masks, MASKS)
    assert_array_equal(SPOILERS[kind](MASKS, 2, 0, rate=0.0).masks, MASKS)


@pytest.mark.parametrize("kind", list(SPOILERS))
def test_changed_lists_exactly_the_masks_that_differ(kind):
    found = SPOILERS[kind](MASKS, 2, 5, rate=0.5)
    different = np.flatnonzero((found.masks != MASKS).any(axis=(1, 2)))
    assert_array_equal(found.changed, different)
    assert (found.kind, found.seed, found.requested_rate) == (kind, 5, 0.5)
    assert 0.25 < found.realised_rate < 0.75


@pytest.mark.parametrize("kind", list(SPOILERS))
def test_the_same_seed_gives_the_same_masks(kind):
    assert_array_equal(SPOILERS[kind](MASKS, 2, 1, 0.5).masks, SPOILERS[kind](MASKS, 2, 1, 0.5).masks)


def test_growing_and_shrinking_are_those_of_the_metrics():
    assert_array_equal(dilated_masks(MASKS, 2, 0).masks, [dilate(m, 2) for m in MASKS])
    assert_array_equal(eroded_masks(MASKS, 2, 0).masks, [erode(m, 2) for m in MASKS])


def test_a_shift_inside_the_image_keeps_the_shape():
    found = shifted_masks(MASKS, 1, seed=0)
    for old, new in zip(MASKS, found.masks, strict=True):
        moves = [np.roll(old, (dy, dx), axis=(0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
        assert any((new == move).all() for move in moves)


def test_a_shift_beyond_the_image_loses_the_mask():
    assert not shifted_masks(MASKS, 100, seed=0).masks.any()


def test_a_shaky_outline_changes_only_the_band_around_it():
    found = jittered_outlines(MASKS, 2, seed=0)
    for old, new in zip(MASKS, found.masks, strict=True):
        assert not ((old != new) & ~boundary_band(old, 2)).any()
    grown, shrunk = (found.masks & ~MASKS).sum(), (MASKS & ~found.masks).sum()
    assert grown > 0
    assert shrunk > 0


def test_full_and_empty_masks_have_no_outline_to_move():
    both = np.stack([np.zeros((8, 8)), np.ones((8, 8))])
    assert len(jittered_outlines(both, 3, seed=0).changed) == 0


def test_dropping_takes_whole_objects_at_their_rate():
    many = np.zeros((50, 21, 21), dtype=bool)
    many[:, ::4, ::4] = True
    found = dropped_objects(many, 0.3, seed=0)
    assert not (found.masks & ~many).any()
    assert found.realised_rate == (many & ~found.masks).sum() / many.sum()
    assert abs(found.realised_rate - 0.3) < 0.05
    assert connected_components(dropped_objects(MASKS[:1], 0.0, seed=0).masks[0])[1] == 1


def test_dropping_all_or_none_is_exact():
    assert not dropped_objects(MASKS, 1.0, seed=0).masks.any()
    assert_array_equal(dropped_objects(MASKS, 0.0, seed=0).masks, MASKS)


def test_volumes_are_taken_too():
    volume = np.zeros((2, 9, 9, 9), dtype=bool)
    volume[:, 3:6, 3:6, 3:6] = True
    assert dilated_masks(volume, 1, seed=0).masks[0].sum() == 27 + 6 * 9
    assert shifted_masks(volume, 2, seed=0).masks.sum() == 54


def test_the_input_is_not_touched():
    before = MASKS.copy()
    dropped_objects(MASKS, 1.0, seed=0)
    dilated_masks(MASKS, 2, seed=0)
    assert_array_equal(MASKS, before)


def test_wrong_arguments_are_named():
    with pytest.raises(BadInput, match="stack"):
        dilated_masks(np.zeros((4, 4)), 1, 0)
    with pytest.raises(BadInput, match="radius"):
        dilated_masks(MASKS, -1, 0)
    with pytest.raises(BadInput, match="distance"):
        shifted_masks(MASKS, -1, 0)
    with pytest.raises(BadInput, match="width"):
        jittered_outlines(MASKS, -1, 0)
    with pytest.raises(BadInput, match="only true and false"):
        dilated_masks(np.full((1, 2, 2), 255), 1, 0)
