"""Given and predicted boxes of images against each other: overlap, similarity, and what they say of each box.

With o_ij the overlap of given box i and predicted box j and d_ij the distance of their centres in pixels, boxes are
similar by ``s_ij = α·o_ij + (1 − α)·exp(−d_ij / 10)``. The scores are those of ObjectLab, see `detection_labels`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence.boxes import Boxes
from labelwright.metrics.detection import box_iou

ALPHA, SURE, FAIRLY_SURE = 0.9, 0.95, 0.5
SAME_PLACE = 0.95  # overlap of two given boxes that are about one object
_PER_PIXEL = 0.1


@dataclass(frozen=True)
class Compared:
    """The given and predicted boxes of one image against each other: overlap and similarity (L, M)."""

    given: NDArray[np.int32]
    said: NDArray[np.int32]
    confidence: NDArray[np.float64]
    overlap: NDArray[np.float64]
    similarity: NDArray[np.float64]
    corners: NDArray[np.float64]


@dataclass(frozen=True)
class BoxComparison:
    """All images compared, and the least similarity above 0 among them, which stands for "not alike at all"."""

    images: tuple[Compared, ...]
    least: float

    @classmethod
    def of(cls, given: Boxes, predicted: Boxes, alpha: float = ALPHA) -> BoxComparison:
        """Compare the boxes of the same images."""
        if len(given) != len(predicted):
            raise BadInput(f"there are {len(given)} images and {len(predicted)} of predictions", fix="give one each")
        if predicted.confidence is None:
            raise BadInput("the predicted boxes have no confidence", fix="give it in [0, 1]")
        if not 0 <= alpha <= 1:
            raise BadInput(f"alpha is {alpha}", fix="give a weight in [0, 1]")
        images = tuple(_compared(given, predicted, row, alpha) for row in range(len(given)))
        above = [float(one.similarity[one.similarity != 0].min()) for one in images if (one.similarity != 0).any()]
        return cls(images, min([1.0, *above]))


def _compared(given: Boxes, predicted: Boxes, row: int, alpha: float) -> Compared:
    a, b = slice(*given.offsets[row : row + 2]), slice(*predicted.offsets[row : row + 2])
    x, y = given.corners[a], predicted.corners[b]
    overlap = box_iou(x, y)
    centers = [(z[:, :2] + z[:, 2:]) / 2 for z in (x, y)]
    distance = np.linalg.norm(centers[0][:, None] - centers[1][None, :], axis=2)
    similarity = overlap * alpha + (1 - alpha) * np.exp(-distance * _PER_PIXEL)
    assert predicted.confidence is not None
    return Compared(given.classes[a], predicted.classes[b], predicted.confidence[b], overlap, similarity, x)


def overlooked_scores(one: Compared, least: float, sure: float = SURE) -> NDArray[np.float64]:
    """Return the score of each predicted box, (M,); NaN where it is not sure or overlaps a given box."""
    alike = np.where(one.given[:, None] == one.said[None, :], one.similarity, -1.0)
    nearest = alike.max(axis=0, initial=-1.0)
    score = np.where(nearest < 0, least * (1 - one.confidence), nearest)
    left_out = (one.confidence < sure) | (one.overlap > 0).any(axis=0)
    return np.where(left_out, np.nan, score)


def badly_located_scores(one: Compared, fairly_sure: float = FAIRLY_SURE) -> NDArray[np.float64]:
    """Return the score of each given box, (L,); 1 where nothing speaks against its place."""
    counts = (one.given[:, None] == one.said[None, :]) & (one.confidence > fairly_sure) & (one.overlap > 0)
    best = np.where(counts, one.similarity, -1.0).max(axis=1, initial=-1.0)
    return np.where(best < 0, 1.0, best)


def swapped_scores(
    one: Compared, least: float, sure: float = SURE, overlapping_label_check: bool = True
) -> NDArray[np.float64]:
    """Return the score of each given box, (L,); 1 where nothing speaks against its class."""
    counts = (one.given[:, None] != one.said[None, :]) & (one.confidence > sure)
    best = np.where(counts, one.similarity, -1.0).max(axis=1, initial=-1.0)
    score = np.where(best < 0, 1.0, np.maximum(least, 1 - best))
    if overlapping_label_check:
        score[twice_labelled(one) >= 0] = least
    return score


def twice_labelled(one: Compared) -> NDArray[np.int64]:
    """Return for each given box another of another class in the same place, -1 where there is none; (L,)."""
    if not len(one.given):
        return np.empty(0, dtype=np.int64)
    same = (box_iou(one.corners, one.corners) >= SAME_PLACE) & (one.given[:, None] != one.given[None, :])
    return np.where(same.any(axis=1), same.argmax(axis=1), -1)
