"""Badly annotated boxes: objects that nobody marked, boxes without an object, the wrong class, the wrong place.

Each box is spoiled with probability `rate`, and the rate is over boxes; `changed` lists the rows (images) that differ.
Lengths are in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence.boxes import Boxes
from labelwright.evidence.segments import offsets_of, segment_ids
from labelwright.noise.draws import other_classes, struck
from labelwright.noise.record import Corruption, Seed, rates, start


@dataclass(frozen=True, kw_only=True)
class NoisyBoxes(Corruption):
    """Corrupted boxes; the rate is over boxes."""

    boxes: Boxes


def missed_boxes(boxes: Boxes, rate: float, seed: Seed) -> NoisyBoxes:
    """Leave boxes out: the annotator did not see the object.

    Parameters
    ----------
    boxes : Boxes
    rate : float in [0, 1]
    seed : int or numpy.random.Generator

    Examples
    --------
    >>> boxes = Boxes([0, 1, 2], [[0, 0, 5, 5], [1, 1, 4, 4]], [0, 1], 2)
    >>> missed_boxes(boxes, rate=1.0, seed=0).boxes.offsets
    array([0, 0, 0])
    """
    rng, recorded = start(seed, "missed boxes")
    hit = struck(len(boxes.classes), rate, rng)
    rows = segment_ids(boxes.offsets)
    kept = replace(
        boxes,
        offsets=offsets_of(np.bincount(rows[~hit], minlength=len(boxes.offsets) - 1)),
        corners=boxes.corners[~hit],
        classes=boxes.classes[~hit],
        confidence=None if boxes.confidence is None else boxes.confidence[~hit],
    )
    return NoisyBoxes(boxes=kept, **rates("missed boxes", rate, hit, rows[hit], recorded))


def swapped_box_classes(boxes: Boxes, rate: float, seed: Seed) -> NoisyBoxes:
    """Give boxes another class, drawn uniformly from the others. Parameters as in `missed_boxes`.

    Examples
    --------
    >>> swapped_box_classes(Boxes([0, 1], [[0, 0, 5, 5]], [0], 2), rate=1.0, seed=0).boxes.classes
    array([1], dtype=int32)
    """
    rng, recorded = start(seed, "swapped boxes")
    classes, hit = other_classes(boxes.classes, boxes.n_classes, rate, rng)
    rows = segment_ids(boxes.offsets)[hit]
    return NoisyBoxes(boxes=replace(boxes, classes=classes), **rates("swapped boxes", rate, hit, rows, recorded))


def shifted_boxes(boxes: Boxes, rate: float, seed: Seed, distance: float = 0.5) -> NoisyBoxes:
    """Move boxes in a random direction by `distance` times the geometric mean of their sides.

    Where the size of an image is known, the box is moved back into it; one that has nowhere to go stays.

    Parameters
    ----------
    boxes, rate, seed : as in `missed_boxes`
    distance : float, at least 0, default 0.5
    """
    if not 0 <= distance < np.inf:
        raise BadInput(f"distance is {distance!r}", fix="give a distance of 0 or more")
    rng, recorded = start(seed, "shifted boxes")
    hit, rows = struck(len(boxes.classes), rate, rng), segment_ids(boxes.offsets)
    angle = rng.uniform(0, 2 * np.pi, len(hit))
    width, height = (boxes.corners[:, 2:] - boxes.corners[:, :2]).T
    length = distance * np.sqrt(np.maximum(width * height, 0))
    step = np.stack([np.cos(angle), np.sin(angle)], axis=1) * length[:, None]
    corners = boxes.corners + np.tile(step, 2)
    corners = _into_image(corners, None if boxes.sizes is None else boxes.sizes[rows])
    corners = np.where(hit[:, None], corners, boxes.corners)
    moved = (corners != boxes.corners).any(axis=1)
    return NoisyBoxes(
        boxes=replace(boxes, corners=corners), **rates("shifted boxes", rate, moved, rows[moved], recorded)
    )


def spurious_boxes(boxes: Boxes, rate: float, seed: Seed) -> NoisyBoxes:
    """Add boxes where no object is: beside each box one of its size, of a random class, at a random place.

    Images whose size is not known get none: nobody knows where they end. `rate` is that of added to true boxes.
    Parameters as in `missed_boxes`.
    """
    if boxes.sizes is None:
        raise BadInput("the sizes of the images are not known", fix="give Boxes with sizes")
    rng, recorded = start(seed, "spurious boxes")
    rows = segment_ids(boxes.offsets)
    hit = struck(len(boxes.classes), rate, rng) & np.isfinite(boxes.sizes[rows]).all(axis=1)
    extent = boxes.corners[:, 2:] - boxes.corners[:, :2]
    room = np.maximum(np.nan_to_num(boxes.sizes[rows]) - extent, 0)
    corner = rng.random((len(hit), 2)) * room
    classes = rng.integers(0, boxes.n_classes, len(hit)).astype(np.int32)
    order = np.argsort(np.concatenate([rows, rows[hit]]), kind="stable")  # added boxes come last in their image
    certain = None if boxes.confidence is None else np.concatenate([boxes.confidence, boxes.confidence[hit]])[order]
    added = replace(
        boxes,
        offsets=offsets_of(np.bincount(np.concatenate([rows, rows[hit]]), minlength=len(boxes.offsets) - 1)),
        corners=np.concatenate([boxes.corners, np.concatenate([corner, corner + extent], axis=1)[hit]])[order],
        classes=np.concatenate([boxes.classes, classes[hit]])[order],
        confidence=certain,
    )
    return NoisyBoxes(boxes=added, **rates("spurious boxes", rate, hit, rows[hit], recorded))


def _into_image(corners: NDArray[np.float64], sizes: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return boxes moved back where they left their image; those of images of unknown size stay."""
    if sizes is None:
        return corners
    known = np.where(np.isnan(sizes), np.inf, sizes)
    over = np.maximum(corners[:, 2:] - known, 0)
    back = corners - np.tile(np.where(np.isfinite(over), over, 0), 2)
    under = np.where(np.isnan(sizes), 0, np.minimum(back[:, :2], 0))
    return np.asarray(back - np.tile(under, 2))
