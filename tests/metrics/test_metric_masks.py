"""Masks: overlap, components, growing and shrinking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from labelwright.errors import BadInput
from labelwright.metrics.masks import (
    boundary_band,
    boundary_f1,
    connected_components,
    dice,
    dilate,
    erode,
    iou,
    sum_projection,
)

masks = arrays(bool, (7, 9))


@given(masks, masks)
def test_dice_is_two_iou_over_one_plus_iou(a, b):
    overlap = iou(a, b)
    assert_allclose(dice(a, b), 2 * overlap / (1 + overlap))


@given(masks)
def test_a_mask_overlaps_itself_fully_and_its_complement_not_at_all(a):
    assert iou(a, a) == dice(a, a) == 1
    assert iou(a, ~a) == 0


def test_two_empty_masks_agree():
    assert iou(np.zeros((3, 3)), np.zeros((3, 3))) == dice(np.zeros((3, 3)), np.zeros((3, 3))) == 1


def test_a_stack_is_compared_mask_by_mask():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 4, 5, 6)) < 0.5
    assert_array_equal(iou(a, b, axis=(1, 2)), [iou(x, y) for x, y in zip(a, b, strict=True)])


@settings(max_examples=30)
@given(masks)
def test_radius_one_equals_the_classical_operations(a):
    assert_array_equal(dilate(a, 1), ndimage.binary_dilation(a))
    assert_array_equal(erode(a, 1), ndimage.binary_erosion(a, border_value=1))


@settings(max_examples=30)
@given(masks, st.floats(0, 4))
def test_eroding_is_dilating_the_complement(a, radius):
    assert_array_equal(erode(a, radius), ~dilate(~a, radius))


@settings(max_examples=30)
@given(masks, st.integers(0, 3))
def test_the_band_is_what_growing_adds_and_shrinking_takes(a, width):
    band = boundary_band(a, width)
    assert band.sum() == dilate(a, width).sum() - erode(a, width).sum()
    assert_array_equal(band, boundary_band(~a, width))


def test_a_band_of_width_zero_is_empty():
    assert not boundary_band(np.eye(5, dtype=bool), 0).any()


def test_full_and_empty_masks_have_no_boundary():
    assert not boundary_band(np.ones((4, 4)), 2).any()
    assert not boundary_band(np.zeros((4, 4)), 2).any()


def test_spacing_stretches_the_radius():
    a = np.zeros((9, 9), dtype=bool)
    a[4, 4] = True
    assert dilate(a, 2, spacing=(2.0, 1.0)).sum(axis=0)[4] == 3
    assert dilate(a, 2, spacing=(2.0, 1.0)).sum(axis=1)[4] == 5


def test_a_volume_has_components_too():
    a = np.zeros((3, 3, 3))
    a[0, 0, 0] = a[1, 1, 1] = 1
    assert [connected_components(a, c)[1] for c in (1, 2, 3)] == [2, 2, 1]


def test_components_cover_exactly_the_mask():
    a = np.random.default_rng(0).random((20, 20)) < 0.4
    components, count = connected_components(a)
    assert_array_equal(components > 0, a)
    assert components.max() == count


def test_equal_outlines_have_boundary_f1_one_and_distant_ones_zero():
    a, b = np.zeros((20, 20)), np.zeros((20, 20))
    a[2:6, 2:6], b[14:18, 14:18] = 1, 1
    assert (boundary_f1(a, a), boundary_f1(a, b), boundary_f1(a * 0, b)) == (1.0, 0.0, 0.0)


def test_a_shift_within_the_tolerance_costs_nothing():
    a = np.zeros((20, 20))
    a[5:12, 5:12] = 1
    assert boundary_f1(a, np.roll(a, 2, axis=1), tolerance=2) == 1.0
    assert boundary_f1(a, np.roll(a, 2, axis=1), tolerance=1) < 1.0


def test_projection_has_maximum_one_and_keeps_ratios():
    volume = np.arange(24.0).reshape(2, 3, 4)
    projected = sum_projection(volume, axis=1)
    assert projected.max() == 1
    assert_allclose(projected / projected[0, 1], volume.sum(axis=1) / volume.sum(axis=1)[0, 1])


def test_an_empty_volume_projects_to_zeros():
    assert_array_equal(sum_projection(np.zeros((2, 2)), 0), [0, 0])


def test_wrong_arguments_are_named():
    with pytest.raises(BadInput, match="shapes"):
        iou(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(BadInput, match="only true and false"):
        dilate([[0, 255]], 1)
    with pytest.raises(BadInput, match="radius"):
        erode([[1]], -1)
    with pytest.raises(BadInput, match="spacing names 1 axes"):
        boundary_band(np.eye(3), 1, spacing=(1.0,))
    with pytest.raises(BadInput, match="axis is 5"):
        sum_projection(np.ones((2, 2)), 5)
    with pytest.raises(BadInput, match="connectivity"):
        connected_components([[1]], 3)
