"""Label errors in boxes: objects that were overlooked, boxes badly drawn, boxes of the wrong class.

With o_ij the overlap of given box i and predicted box j, d_ij the distance of their centres in pixels:

    similarity    s_ij = α·o_ij + (1 − α)·exp(−d_ij / 10)
    overlooked j  of a sure prediction that overlaps no given box: max s_ij over given boxes of its class
    badly drawn i max s_ij over fairly sure predictions of its class that overlap it
    swapped i     1 − max s_ij over sure predictions of another class; least of all where a given box of another class
                  lies in the same place
    image         exp Σ_e w_e · log softmin of the scores of error e

A box is an issue when its score is at most a fifth of the average precision of its class: the better the model finds a
class, the more its word weighs.

Source: Tkachenko, Thyagarajan, Mueller, ObjectLab: Automated Diagnosis of Mislabeled Images in Object Detection Data,
2023.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.box_comparison import (
    ALPHA,
    FAIRLY_SURE,
    SURE,
    BoxComparison,
    badly_located_scores,
    overlooked_scores,
    swapped_scores,
)
from labelwright.errors import BadInput
from labelwright.evidence.boxes import Boxes
from labelwright.evidence.segments import offsets_of
from labelwright.metrics.detection import average_precision_per_class

TEMPERATURE, _TINY = 0.1, 1e-100
THRESHOLD = 0.25 * 0.8  # of the average precision of the class
WEIGHTS = {"overlooked": 1 / 3, "badloc": 1 / 3, "swap": 1 / 3}


def compute_overlooked_box_scores(
    *,
    labels: Any,
    predictions: Any,
    alpha: float | None = None,
    high_probability_threshold: float | None = None,
) -> list[NDArray[np.float64]]:
    """Return the overlooked score of each predicted box, one array an image; NaN where it cannot be one.

    Parameters
    ----------
    labels : Boxes, or a list of ``{"bboxes": (L, 4), "labels": (L,)}``, one an image
    predictions : Boxes, or a list with K arrays (M, 5) an image: left, top, right, bottom, confidence
    alpha : float, default 0.9
    high_probability_threshold : float, default 0.95
        From which a prediction is sure.
    """
    compared = BoxComparison.of(*as_boxes(labels, predictions), ALPHA if alpha is None else alpha)
    sure = SURE if high_probability_threshold is None else high_probability_threshold
    return [overlooked_scores(one, compared.least, sure) for one in compared.images]


def compute_badloc_box_scores(
    *, labels: Any, predictions: Any, alpha: float | None = None, low_probability_threshold: float | None = None
) -> list[NDArray[np.float64]]:
    """Return how well each given box is drawn, one array an image; parameters as `compute_overlooked_box_scores`."""
    compared = BoxComparison.of(*as_boxes(labels, predictions), ALPHA if alpha is None else alpha)
    fairly = FAIRLY_SURE if low_probability_threshold is None else low_probability_threshold
    return [badly_located_scores(one, fairly) for one in compared.images]


def compute_swap_box_scores(
    *,
    labels: Any,
    predictions: Any,
    alpha: float | None = None,
    high_probability_threshold: float | None = None,
    overlapping_label_check: bool = True,
) -> list[NDArray[np.float64]]:
    """Return how well the class of each given box fits, one array an image; see `compute_overlooked_box_scores`."""
    compared = BoxComparison.of(*as_boxes(labels, predictions), ALPHA if alpha is None else alpha)
    sure = SURE if high_probability_threshold is None else high_probability_threshold
    return [swapped_scores(one, compared.least, sure, overlapping_label_check) for one in compared.images]


def pool_box_scores_per_image(
    box_scores: Sequence[NDArray[np.float64]], *, temperature: float | None = None
) -> NDArray[np.float64]:
    """Return the soft minimum of the scores of each image, (n,); NaN is left out, 1 where nothing is left.

    Examples
    --------
    >>> pool_box_scores_per_image([np.array([0.1, 0.9]), np.array([np.nan])]).round(3)
    array([0.1, 1. ])
    """
    tau = TEMPERATURE if temperature is None else temperature
    if not tau > 0:
        raise BadInput(f"temperature is {tau}", fix="use a number such as 0.1")
    pooled = np.ones(len(box_scores))
    for row, scores in enumerate(box_scores):
        kept = scores[~np.isnan(scores)]
        if len(kept):
            weight = np.exp((kept.min() - kept) / tau)
            pooled[row] = weight @ kept / weight.sum()
    return pooled


def detection_label_quality_scores(
    labels: Any,
    predictions: Any,
    *,
    aggregation_weights: Mapping[str, float] | None = None,
    overlapping_label_check: bool = True,
    verbose: bool = False,
) -> NDArray[np.float64]:
    """Score the boxes of each image, (n,), in [0, 1], low = suspect.

    Parameters
    ----------
    labels, predictions : as for `compute_overlooked_box_scores`
    aggregation_weights : mapping, optional
        Of "overlooked", "badloc" and "swap", summing to 1; a third each by default.
    overlapping_label_check : bool
        Whether two given boxes of different class in one place are suspect.

    Examples
    --------
    >>> labels = [{"bboxes": np.array([[0, 0, 9, 9]]), "labels": np.array([0])}] * 2
    >>> there, elsewhere, nothing = [[0, 0, 9, 9, 0.99]], [[50, 0, 59, 9, 0.99]], np.empty((0, 5))
    >>> detection_label_quality_scores(labels, [[np.array(there)], [np.array(elsewhere)]]).round(2)
    array([1.  , 0.09])
    """
    weights = dict(aggregation_weights or WEIGHTS)
    if set(weights) != set(WEIGHTS) or min(weights.values()) < 0 or not np.isclose(sum(weights.values()), 1):
        raise BadInput("the weights do not name overlooked, badloc and swap with a sum of 1", fix="give all three")
    compared = BoxComparison.of(*as_boxes(labels, predictions))
    return image_scores(box_scores(compared, overlapping_label_check), weights)


def box_scores(compared: BoxComparison, overlap_check: bool = True) -> dict[str, list[NDArray[np.float64]]]:
    """Return the scores of every kind of error, one array an image."""
    return {
        "overlooked": [overlooked_scores(one, compared.least) for one in compared.images],
        "badloc": [badly_located_scores(one) for one in compared.images],
        "swap": [swapped_scores(one, compared.least, overlapping_label_check=overlap_check) for one in compared.images],
    }


def image_scores(
    scores: Mapping[str, Sequence[NDArray[np.float64]]], weights: Mapping[str, float] = WEIGHTS
) -> NDArray[np.float64]:
    """Pool the scores of boxes into one for each image, (n,)."""
    logs = [weights[name] * np.log(_TINY + pool_box_scores_per_image(found)) for name, found in scores.items()]
    return np.asarray(np.exp(sum(logs)))


def box_issues(
    given: Boxes, predicted: Boxes, compared: BoxComparison, overlap_check: bool = True, badloc: float = THRESHOLD
) -> dict[str, list[NDArray[np.bool_]]]:
    """Return which boxes are issues, by kind of error and image; of predicted boxes for "overlooked".

    `badloc` is the share of a class's average precision below which a box is badly drawn.
    """
    precision = average_precision_per_class(given, predicted)
    found = {}
    for name, scores in box_scores(compared, overlap_check).items():
        limits = precision * (badloc if name == "badloc" else THRESHOLD)
        kinds = [one.said if name == "overlooked" else one.given for one in compared.images]
        found[name] = [
            np.where(np.isnan(score), 1.0, score) <= limits[kind]
            for score, kind in zip(scores, kinds, strict=True)
        ]  # fmt: skip
    return found


def detection_find_label_issues(
    labels: Any,
    predictions: Any,
    *,
    return_indices_ranked_by_score: bool = False,
    overlapping_label_check: bool = True,
) -> NDArray[Any]:
    """Find the images with a box that was overlooked, badly drawn or given the wrong class.

    Parameters
    ----------
    labels, predictions, overlapping_label_check : as for `detection_label_quality_scores`
    return_indices_ranked_by_score : bool
        Return the images, worst first, in place of a mask.
    """
    given, predicted = as_boxes(labels, predictions)
    compared = BoxComparison.of(given, predicted)
    issues = box_issues(given, predicted, compared, overlapping_label_check)
    flags = np.array([any(issues[name][row].any() for name in issues) for row in range(len(given))], dtype=bool)
    if not return_indices_ranked_by_score:
        return flags
    order = np.argsort(image_scores(box_scores(compared)), kind="stable")
    return order[flags[order]]


def detection_issues_from_scores(label_quality_scores: ArrayLike, *, threshold: float = 0.1) -> NDArray[np.int64]:
    """Return the images that score at most `threshold`, worst first."""
    scores = np.asarray(label_quality_scores)
    if threshold > 1:
        raise BadInput(f"threshold is {threshold}", fix="give a score of at most 1")
    rows = np.flatnonzero(scores <= threshold)
    return rows[np.argsort(scores[rows], kind="stable")]


def as_boxes(labels: Any, predictions: Any) -> tuple[Boxes, Boxes]:
    """Return given and predicted boxes from `Boxes` or from one dictionary and one list of arrays an image."""
    if isinstance(labels, Boxes) and isinstance(predictions, Boxes):
        return labels, predictions
    if len(labels) != len(predictions) or not len(labels):
        raise BadInput(f"there are {len(labels)} images and {len(predictions)} of predictions", fix="give one each")
    try:
        k = len(predictions[0])
        found = [np.concatenate([np.reshape(part, (-1, 5)) for part in image]) for image in predictions]
        said = [np.repeat(np.arange(k), [len(part) for part in image]) for image in predictions]
        corners = [np.reshape(image["bboxes"], (-1, 4)) for image in labels]
        classes = [np.reshape(image["labels"], -1) for image in labels]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInput(
            f"the boxes cannot be read ({type(error).__name__})",
            fix="give {'bboxes': (L, 4), 'labels': (L,)} and K arrays (M, 5) an image",
        ) from None
    given = Boxes(offsets_of([len(c) for c in corners]), np.concatenate(corners), np.concatenate(classes), k)
    flat = np.concatenate(found)
    offsets = offsets_of([len(one) for one in found])
    return given, Boxes(offsets, flat[:, :4], np.concatenate(said), k, confidence=flat[:, 4])
