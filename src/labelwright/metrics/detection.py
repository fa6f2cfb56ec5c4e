"""How well predicted boxes find the given ones: overlap of boxes, and average precision by class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.boxes import Boxes
from labelwright.metrics.checks import as_array

IOU_THRESHOLDS = tuple(np.round(np.arange(0.5, 1.0, 0.05), 2).tolist())
_LEAST_AREA = 1e-6


def box_iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return the overlap |a ∩ b| / |a ∪ b| of every box of a with every box of b, float64 (n, m).

    Parameters
    ----------
    a, b : float arrays (n, 4) and (m, 4)
        Left, top, right, bottom.

    Examples
    --------
    >>> box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [5, 5, 6, 6]]).round(3)
    array([[0.333, 0.   ]])
    """
    x, y = as_array("boxes", a, 2), as_array("boxes", b, 2)
    if x.shape[1] != 4 or y.shape[1] != 4:
        raise BadInput(f"boxes have shapes {x.shape} and {y.shape}", fix="give left, top, right, bottom")
    shared = np.minimum(x[:, None, 2:], y[None, :, 2:]) - np.maximum(x[:, None, :2], y[None, :, :2])
    both = np.where((shared >= 0).all(axis=2), shared[..., 0] * shared[..., 1], 0.0)
    area = [(z[:, 2] - z[:, 0]) * (z[:, 3] - z[:, 1]) for z in (x, y)]
    return np.asarray(both / np.maximum(area[0][:, None] + area[1][None, :] - both, _LEAST_AREA))


def average_precision_per_class(
    given: Boxes, predicted: Boxes, thresholds: tuple[float, ...] = IOU_THRESHOLDS
) -> NDArray[np.float64]:
    """Return the average precision of each class over several thresholds of overlap, float64 (K,).

    A predicted box is right where its best given box of the class overlaps by the threshold and no surer prediction of
    the image has taken it. Precision is made to fall with recall, and the area under it is exact. Their mean over the
    classes is the mAP.

    Parameters
    ----------
    given, predicted : Boxes
        Of the same n images and K classes; `predicted` with confidence.
    thresholds : tuple of float
        0.5, 0.55, ..., 0.95 as in COCO.

    Examples
    --------
    >>> given = Boxes([0, 1], [[0, 0, 10, 10]], [0], 1)
    >>> said = Boxes([0, 1], [[0, 0, 10, 8]], [0], 1, confidence=[0.9])
    >>> average_precision_per_class(given, said)
    array([0.7])
    """
    if len(given) != len(predicted) or given.n_classes != predicted.n_classes or predicted.confidence is None:
        raise BadInput("the boxes are not of the same images and classes", fix="give predictions with confidence")
    k = given.n_classes
    best, match = _best_matches(given, predicted)
    total = np.bincount(given.classes[given.classes >= 0], minlength=k)
    order = np.argsort(-predicted.confidence, kind="stable")
    precision = np.zeros((len(thresholds), k))
    for t, threshold in enumerate(thresholds):
        right = _first_takers(best, match, order, threshold)
        for c in np.flatnonzero(total).tolist():
            hits = right[order[predicted.classes[order] == c]]
            precision[t, c] = _area(hits, int(total[c]))
    return precision.mean(axis=0)


def _best_matches(given: Boxes, predicted: Boxes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return for each predicted box its best overlap with a given box of its class, and which; -1 for none."""
    best, match = np.zeros(len(predicted.classes)), np.full(len(predicted.classes), -1, dtype=np.int64)
    for row in range(len(given)):
        a, b = slice(*given.offsets[row : row + 2]), slice(*predicted.offsets[row : row + 2])
        if a.stop == a.start or b.stop == b.start:
            continue
        overlap = box_iou(predicted.corners[b], given.corners[a])
        overlap[predicted.classes[b][:, None] != given.classes[a][None, :]] = -1
        at = overlap.argmax(axis=1)
        value = overlap[np.arange(len(at)), at]
        best[b] = np.maximum(value, 0)
        match[b] = np.where(value >= 0, at + a.start, -1)
    return best, match


def _first_takers(
    best: NDArray[np.float64], match: NDArray[np.int64], order: NDArray[np.int64], threshold: float
) -> NDArray[np.bool_]:
    """Return which predictions are the surest that overlap their given box by the threshold."""
    able = order[(best[order] >= threshold) & (match[order] >= 0)]
    _, first = np.unique(match[able], return_index=True)
    right = np.zeros(len(best), dtype=bool)
    right[able[first]] = True
    return right


def _area(hits: NDArray[np.bool_], total: int) -> float:
    """Return the area under falling precision over recall; hits (m,) from the surest prediction on."""
    if not hits.any():
        return 0.0
    found = np.cumsum(hits)
    precision = np.maximum.accumulate((found / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float(precision[hits].sum() / total)
