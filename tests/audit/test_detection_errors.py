"""Auditors of boxes: what a model sees otherwise, and what is odd in boxes themselves."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from labelwright import Audit
from labelwright.audit import DetectionErrors, OddBoxes
from labelwright.audit.box_comparison import BoxComparison
from labelwright.audit.detection_errors import drawing_limits
from labelwright.evidence import Boxes, LabelSpace
from parts_world import MISSING, MOVED, SWAPPED, write_coco, write_yolo

SPACE = LabelSpace(("cat", "dog"))
PLACES = np.array([[0.0, 0, 10, 10], [20, 20, 40, 40]] * 10)
SAID = Boxes(np.arange(0, 21, 2), PLACES, [0, 1] * 10, 2, confidence=np.full(20, 0.99))


def found(corners, classes, offsets=None):
    given = Boxes(np.arange(0, 21, 2) if offsets is None else offsets, corners, classes, 2)
    return DetectionErrors().score(given, SAID, SPACE)


def odd(corners, classes=None, sizes=None, offsets=None):
    n = len(corners)
    boxes = Boxes([0, n] if offsets is None else offsets, corners, np.zeros(n, int) if classes is None else classes, 2,
                  sizes)  # fmt: skip
    return {scores.kind: scores for scores in OddBoxes().score(boxes, SPACE)}


def test_clean_boxes_have_no_finding():
    rows, parts = found(PLACES, [0, 1] * 10)
    assert not rows.is_issue.any() and len(parts) == 0


def test_a_swapped_class_a_moved_and_a_missing_box_are_named_as_decisions_mend_them():
    corners, classes = PLACES.copy(), np.array([0, 1] * 10)
    classes[2] = 1
    corners[5] += 10
    offsets = np.r_[np.arange(0, 19, 2), 19]
    parts = found(corners[:19], classes[:19], offsets)[1]
    told = list(zip(parts.rows.tolist(), parts.part, parts.given, parts.suggested, strict=True))
    assert sorted(told, key=str) == [
        (1, "0", "dog", "cat"),
        (2, "1:20,20,20,20", "dog", "dog"),
        (9, "new:20,20,20,20", None, "dog"),
    ]


def test_a_prediction_about_another_box_moves_no_box():
    corners = np.concatenate([PLACES[:2], [[30.0, 30, 60, 60]], PLACES[2:]])
    classes = [0, 1, 1, *([0, 1] * 9)]
    parts = found(corners, classes, np.r_[0, np.arange(3, 22, 2)])[1]
    assert len(parts) == 0


def jittered(spread, n=40, seed=0):
    """Return n images with one box of 40 x 40, and what a model sees whose bounds are off by `spread` pixels."""
    rng = np.random.default_rng(seed)
    corners = np.tile([50.0, 50, 90, 90], (n, 1))
    said = corners + rng.normal(size=corners.shape) * spread
    given = Boxes(np.arange(n + 1), corners, np.zeros(n, int), 2)
    return given, replace(given, corners=said, confidence=np.full(n, 0.9))


def test_the_limit_of_drawing_is_four_deviations_below_the_median_of_the_class_and_at_most_six_tenths():
    given, said = jittered(6.0)
    compared = BoxComparison.of(given, said)
    similar = np.array([one.similarity[0, 0] for one in compared.images])
    low = np.median(similar) - 4 * 1.4826 * np.median(np.abs(similar - np.median(similar)))
    assert 0 < low < 0.6
    assert_array_equal(drawing_limits(given, said, compared, 4.0), [low, low])
    precise = jittered(0.5)
    assert_array_equal(drawing_limits(*precise, BoxComparison.of(*precise), 4.0), [0.6, 0.6])


def test_a_box_moved_by_a_third_is_found_where_the_model_places_boxes_well():
    given, said = jittered(1.0)
    moved = given.corners.copy()
    moved[7] += [13, 0, 13, 0]
    parts = DetectionErrors().score(replace(given, corners=moved), said, SPACE)[1]
    assert parts.rows.tolist() == [7]
    assert parts.part[0].startswith("0:")


def test_where_all_pairs_are_alike_no_box_is_badly_drawn():
    given, said = jittered(0.0)
    elsewhere = replace(said, corners=said.corners + 12.0)
    assert len(DetectionErrors().score(given, elsewhere, SPACE)[1]) == 0


def test_two_classes_in_one_place_are_in_conflict():
    corners = np.concatenate([PLACES[:1], PLACES[:2], PLACES[2:]])
    parts = found(corners, [1, 0, 1, *([0, 1] * 9)], np.r_[0, np.arange(3, 22, 2)])[1]
    assert {(part, suggested) for part, suggested in zip(parts.part, parts.suggested, strict=True)} >= {("0", "cat")}


def test_odd_boxes_are_told_by_kind():
    corners = [[0, 0, 10, 10], [5, 5, 5, 9], [90, 90, 120, 95], [0, 0, 10, 10.4]]
    kinds = odd(corners, sizes=[[100, 100]])
    assert kinds["degenerate_box"].part == ["1"]
    assert kinds["outside_box"].part == ["2"]
    assert kinds["duplicate_box"].part == ["3"]
    assert kinds["outside_box"].reason == ["box 2, 'cat', reaches 20 pixels beyond the image of 100 x 100"]


def test_a_box_of_odd_size_or_shape_is_found_once_there_are_enough():
    rng = np.random.default_rng(0)
    corners = np.concatenate([np.zeros((30, 2)), 20 + rng.random((30, 2))], axis=1)
    corners[7, 2:] = 400
    corners[9] = [0, 0, 90, 5]
    kinds = odd(corners, offsets=np.arange(31))
    assert kinds["odd_box"].rows.tolist() == [7, 9]
    assert len(odd(corners[:15], offsets=np.arange(16))["odd_box"]) == 0


def test_an_image_without_a_box_is_odd_where_nearly_all_have_one():
    corners = np.tile([0.0, 0, 5, 5], (9, 1))
    assert odd(corners, offsets=[0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9])["empty_image"].rows.tolist() == [8]
    assert len(odd(corners[:1], offsets=[0, 1, 1])["empty_image"]) == 0


@pytest.mark.parametrize("kind", ["coco", "yolo"])
def test_an_audit_finds_the_planted_errors_in_every_format(tmp_path, kind):
    if kind == "coco":
        write_coco(tmp_path)
        audit = Audit(tmp_path / "shapes.json", predictions=tmp_path / "results.json", images=tmp_path / "images")
    else:
        write_yolo(tmp_path)
        audit = Audit(tmp_path / "data", predictions=tmp_path / "said")
    issues = audit.run().issues.to_pylist()
    assert {row["row"] for row in issues if row["level"] == "part"} == {SWAPPED, MOVED, MISSING}
    assert any("mAP" in note for note in audit.result.notes)
