"""P143: what glows is what is labelled, to the pixel, and bad pairs are found."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from labelwright.consensus import (
    FluorescentLabeler,
    PaintColor,
    PairedCapture,
    area_change,
    calibrate_colors,
    extract_keypoints,
    extract_masks,
    paired_outliers,
    simulate_paired_scene,
    skeleton,
    visible_paint,
)
from labelwright.errors import BadInput

PAINTS = (PaintColor("red", 0.02, 0.06), PaintColor("green", 0.36, 0.06), PaintColor("violet", 0.86, 0.06))
CLEAN = {"noise": 0.0, "spill": 0.0, "blur": 0.0}


@pytest.mark.parametrize("seed", range(5))
def test_p143_a_render_without_noise_gives_the_truth_to_the_pixel(seed):
    scene = simulate_paired_scene(seed=seed, **CLEAN)
    assert_array_equal(extract_masks(scene.capture.ultraviolet, PAINTS, median=1), scene.masks)


def test_p143_a_whole_turn_of_hue_changes_nothing():
    scene = simulate_paired_scene(seed=1)
    turned = [PaintColor(p.name, p.hue + 1, p.width) for p in PAINTS] + [PaintColor("x", PAINTS[0].hue - 2, 0.06)]
    light = scene.capture.ultraviolet
    assert_array_equal(extract_masks(light, turned[:3]), extract_masks(light, PAINTS))
    assert_allclose(turned[3].distance(np.linspace(0, 1, 9)), PAINTS[0].distance(np.linspace(0, 1, 9)))


def test_p143_subtracting_the_empty_scene_changes_nothing_where_no_light_spills():
    scene = simulate_paired_scene(seed=2, spill=0.0)
    light = scene.capture.ultraviolet
    assert scene.empty.max() == 0
    assert_array_equal(extract_masks(light, PAINTS, empty=scene.empty), extract_masks(light, PAINTS))


def test_red_wraps_around_the_circle_of_hues():
    (paint,) = calibrate_colors({"red": [[1.0, 0.0, 0.1], [1.0, 0.1, 0.0]] * 5})
    assert min(paint.hue, 1 - paint.hue) < 1e-9
    assert paint.distance(np.array([0.99, 0.01])).max() < 1 < paint.distance(np.array([0.5]))[0]


def test_grey_pixels_are_no_part_of_a_colour():
    colour = [[0.0, 1.0, 0.0]] * 4
    assert calibrate_colors({"g": colour + [[0.5, 0.5, 0.45]] * 9}) == calibrate_colors({"g": colour})
    with pytest.raises(BadInput, match="no pixel of the paint 'g'"):
        calibrate_colors({"g": [[0.5, 0.5, 0.5]]})


def test_specks_pinholes_and_small_parts_go_and_forms_stay():
    picture = np.zeros((30, 30, 3))
    picture[5:15, 5:20] = [0.0, 0.9, 0.3]
    truth = picture[:, :, 1] > 0
    picture[2, 2] = picture[25, 25] = [0.0, 0.9, 0.3]
    picture[8, 8] = 0
    picture[20:23, 20:23] = [0.0, 0.9, 0.3]
    green = [PaintColor("green", 0.39, 0.05)]
    assert_array_equal(extract_masks(picture, green, median=1)[0], truth)
    assert extract_masks(picture, green, median=1, least_area=9)[0].sum() == truth.sum() + 9


def test_a_pixel_between_two_paints_belongs_to_the_nearer_in_its_own_width():
    light = np.array([[[1.0, 0.5, 0.0]]])  # hue 1/12
    wide, narrow = PaintColor("wide", 0.0, 0.2), PaintColor("narrow", 0.12, 0.05)
    masks = extract_masks(light, [narrow, wide], median=1, radius=0, least_area=1)
    assert masks[:, 0, 0].tolist() == [False, True]


def test_dots_are_placed_by_brightness_and_named_by_class_and_size():
    light = np.zeros((20, 20, 3))
    light[2:5, 2:5] = [0.5, 0.0, 0.0]
    light[10:15, 10:16] = [0.5, 0.0, 0.0]
    light[3, 3] = [1.0, 0.0, 0.0]
    red = light[:, :, 0] > 0
    large, small = extract_keypoints(light, red[None])
    assert (large.x, large.y, large.size) == pytest.approx((12.5, 12.0, 30))
    assert (small.x, small.y, small.class_index) == pytest.approx((3.0, 3.0, 0))


def test_keypoints_of_scenes_lie_within_a_pixel():
    errors = []
    for seed in range(10):
        scene = simulate_paired_scene(seed=seed, counts=(2, 3))
        found = FluorescentLabeler(PAINTS, empty=scene.empty).keypoints(scene.capture)
        for x, y, kind in scene.keypoints:
            errors.append(min(np.hypot(p.x - x, p.y - y) for p in found if p.class_index == kind))
    assert np.median(errors) < 0.5


def test_middle_lines_are_thin_and_hold_together():
    rng = np.random.default_rng(0)
    mask = ndimage.binary_dilation(rng.random((40, 40)) < 0.01, iterations=3)
    thin = skeleton(mask)
    corners = np.ones((3, 3))
    assert ndimage.label(thin, corners)[1] == ndimage.label(mask, corners)[1]
    assert not (thin & ~mask).any() and thin.sum() < 0.5 * mask.sum()
    assert_array_equal(skeleton(thin), thin)


def test_pairs_that_moved_are_found_and_still_ones_are_not():
    scenes = [simulate_paired_scene(seed=i, moved=i in (3, 7)) for i in range(20)]
    assert_array_equal(np.flatnonzero(paired_outliers([s.capture for s in scenes])), [3, 7])
    assert scenes[0].capture.motion_residual() == 0
    assert paired_outliers([]).shape == (0,)


def test_paint_that_shows_is_found_and_paint_that_does_not_is_not():
    rng = np.random.default_rng(0)
    plain, hidden = rng.random((60, 8, 8, 3)), rng.random((60, 8, 8, 3))
    assert abs(visible_paint(hidden, plain) - 0.5) < 0.2
    assert visible_paint(0.8 * hidden, plain) > 0.95


def test_areas_and_clipping_are_measured():
    first, second = np.zeros((2, 4, 4)), np.zeros((2, 4, 4))
    first[0, :2], second[0, :1] = 1, 1
    assert_allclose(area_change(first, second), [0.5, 0])
    light = np.zeros((2, 2, 3))
    light[0, 0, 2] = 1.0
    assert PairedCapture(light, light).clipped_share() == 0.25


def test_bytes_and_numbers_are_read_alike_and_labels_are_priced():
    scene = simulate_paired_scene(seed=0)
    light = scene.capture.ultraviolet
    as_bytes = np.round(light * 255).astype(np.uint8)
    assert (extract_masks(as_bytes, PAINTS) != extract_masks(light, PAINTS)).mean() < 0.001
    labeler = FluorescentLabeler(PAINTS)
    for _ in range(3):
        labeler.masks(scene.capture)
    assert labeler.seconds == 6.0


def test_what_is_no_picture_is_refused():
    light = np.zeros((4, 4, 3))
    for wrong in (np.zeros((4, 4)), np.full((4, 4, 3), 2.0), np.full((4, 4, 3), np.nan)):
        with pytest.raises(BadInput):
            extract_masks(wrong, PAINTS)
    with pytest.raises(BadInput, match="take both alike"):
        extract_masks(light, PAINTS, empty=np.zeros((5, 4, 3)))
    with pytest.raises(BadInput, match="two pictures"):
        PairedCapture(light, light[:2])
    with pytest.raises(BadInput, match="no paints"):
        FluorescentLabeler([])
    with pytest.raises(BadInput, match="interval"):
        PaintColor("x", 0.1, 0)
