"""Boxes: the names of the field give the answers of the field (B084)."""

import numpy as np
import pytest

from labelwright.audit import (
    compute_badloc_box_scores,
    compute_overlooked_box_scores,
    compute_swap_box_scores,
    detection_find_label_issues,
    detection_issues_from_scores,
    detection_label_quality_scores,
    pool_box_scores_per_image,
)
from labelwright.errors import BadInput
from labelwright.evidence import Boxes
from labelwright.metrics import average_precision_per_class, box_iou

K = 3


def world(n=12, seed=0):
    rng = np.random.default_rng(seed)
    labels, predictions = [], []
    for i in range(n):
        size = int(rng.integers(0, 5))
        corner = rng.uniform(0, 80, (size, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(5, 30, (size, 2))], axis=1)
        classes = rng.integers(0, K, size)
        said = np.where(rng.random(size) < 0.2, rng.integers(0, K, size), classes)
        near = boxes + rng.normal(0, 1.5, boxes.shape)
        extra = np.array([[5.0, 5, 20, 20], [60, 60, 70, 90]]) + i
        all_boxes, all_said = np.concatenate([near, extra]), np.concatenate([said, rng.integers(0, K, 2)])
        sure = rng.choice([0.3, 0.7, 0.96, 0.99], len(all_said)) + rng.uniform(0, 0.01, len(all_said))
        rows = np.column_stack([all_boxes, np.minimum(sure, 1)])
        predictions.append([rows[all_said == k] for k in range(K)])
        if i == 3 and size:
            boxes, classes = np.concatenate([boxes, boxes[:1]]), np.append(classes, (classes[0] + 1) % K)
        labels.append({"bboxes": boxes, "labels": classes})
    return labels, predictions


WORLDS = [world(seed=seed) for seed in range(3)]


@pytest.fixture
def peer():
    return pytest.importorskip("cleanlab.object_detection.rank")


@pytest.mark.parametrize("data", WORLDS)
def test_the_scores_of_boxes_equal_those_of_the_peer(peer, data):
    labels, predictions = data
    given = {"labels": labels, "predictions": predictions}
    for ours, theirs in (
        (compute_overlooked_box_scores, peer.compute_overlooked_box_scores),
        (compute_badloc_box_scores, peer.compute_badloc_box_scores),
        (compute_swap_box_scores, peer.compute_swap_box_scores),
    ):
        a, b = ours(**given), theirs(**given)
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-9)
        np.testing.assert_allclose(pool_box_scores_per_image(a), peer.pool_box_scores_per_image(b), rtol=1e-9)


@pytest.mark.parametrize("data", WORLDS)
@pytest.mark.parametrize("check", [True, False])
def test_scores_and_flags_of_images_equal_those_of_the_peer(peer, data, check):
    from cleanlab.object_detection.filter import _get_per_class_ap, find_label_issues

    labels, predictions = data
    theirs = peer.get_label_quality_scores(labels, predictions, overlapping_label_check=check, verbose=False)
    ours = detection_label_quality_scores(labels, predictions, overlapping_label_check=check)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    flags = find_label_issues(labels, predictions, overlapping_label_check=check)
    assert (detection_find_label_issues(labels, predictions, overlapping_label_check=check) == flags).all()
    assert len(_get_per_class_ap(labels, predictions)) == K


def test_average_precision_by_class_equals_that_of_the_peer(peer):
    from cleanlab.object_detection.filter import _get_per_class_ap

    from labelwright.audit.detection_labels import as_boxes

    labels, predictions = WORLDS[1]
    theirs = _get_per_class_ap(labels, predictions)
    ours = 0.25 * average_precision_per_class(*as_boxes(labels, predictions))
    np.testing.assert_allclose(ours, [theirs[k] for k in range(K)], rtol=1e-5)


def test_ranked_images_are_the_flagged_ones_worst_first():
    labels, predictions = WORLDS[0]
    ranked = detection_find_label_issues(labels, predictions, return_indices_ranked_by_score=True)
    scores = detection_label_quality_scores(labels, predictions)
    assert sorted(ranked) == np.flatnonzero(detection_find_label_issues(labels, predictions)).tolist()
    assert (np.diff(scores[ranked]) >= 0).all()


def test_low_scores_become_issues():
    assert detection_issues_from_scores([0.3, 0.1, 0.05]).tolist() == [2, 1]


def test_an_image_without_boxes_and_predictions_is_clean():
    empty = [np.empty((0, 5))]
    labels = [{"bboxes": np.empty((0, 4)), "labels": np.empty(0, int)}]
    assert detection_label_quality_scores(labels, [empty]).tolist() == [1.0]
    assert not detection_find_label_issues(labels, [empty]).any()


def test_a_box_overlaps_itself_wholly_and_an_empty_one_nothing():
    assert box_iou([[0, 0, 3, 3], [1, 1, 1, 5]], [[0, 0, 3, 3]]).tolist() == [[1.0], [0.0]]


def test_perfect_predictions_have_an_average_precision_of_1():
    given = Boxes([0, 2], [[0, 0, 4, 4], [5, 5, 9, 9]], [0, 1], 2)
    said = Boxes([0, 2], given.corners, given.classes, 2, confidence=[0.6, 0.9])
    assert average_precision_per_class(given, said).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("labels", "predictions", "words"),
    [
        ([], [], "0 images"),
        ([{"labels": []}], [[np.empty((0, 5))]], "cannot be read"),
        ([{"bboxes": [[0, 0, 1, 1]], "labels": [4]}], [[np.empty((0, 5))]], "class 4 is outside"),
        ([{"bboxes": [[0, 0, 1, 1]], "labels": [0]}], [[np.array([[0, 0, 1, 1, 7.0]])]], "confidence is not"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(labels, predictions, words):
    with pytest.raises(BadInput, match=words):
        detection_label_quality_scores(labels, predictions)
