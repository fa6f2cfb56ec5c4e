"""What can be wrong with boxes in themselves: no extent, out of the image, drawn twice, odd in size or shape.

degenerate_box  no width or height of at least one pixel
outside_box     more than a pixel, and more than a hundredth of its side, beyond the edge of the image
duplicate_box   two boxes of an image that overlap by 90 % or more: of one class drawn twice, of two in conflict
odd_box         |log area − median| or |log shape − median| of its class over 6 MAD
empty_image     no box, where at least four fifths of the images have one
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.scores import Entry, Scores
from labelwright.errors import quoted
from labelwright.evidence.boxes import Boxes
from labelwright.evidence.space import LabelSpace
from labelwright.metrics.detection import box_iou
from labelwright.metrics.numerals import percent

_FEWEST_BOXES = 20  # of a class before one of them can be odd
_LEAST_SPREAD = 0.25  # of logarithms: what is within a factor of 4.5 of the median is never odd
_FULL = 0.8  # share of images with boxes from which an empty one is odd
_FAR = 6.0  # deviations from the median


@dataclass(frozen=True)
class OddBoxes:
    """Auditor of boxes that needs no model.

    Parameters
    ----------
    overlap : float, default 0.9
        Overlap from which two boxes are about one object.
    """

    overlap: float = 0.9

    def score(self, boxes: Boxes, space: LabelSpace) -> list[Scores]:
        """Look at every box and return what is odd, one Scores a kind.

        Examples
        --------
        >>> boxes = Boxes([0, 2], [[0, 0, 9, 9], [0, 0, 9, 9]], [0, 1], 2)
        >>> found = OddBoxes().score(boxes, LabelSpace(("cat", "dog")))[2]
        >>> found.part, found.reason
        (['1'], ["box 1, 'dog', lies on box 0, 'cat': they overlap by 100 %"])
        """
        numbers = np.arange(len(boxes.classes)) - boxes.offsets[boxes.rows]
        flat = _degenerate(boxes, numbers, space)
        bad = {(part.row, part.part) for part in flat}
        kinds = {
            "degenerate_box": flat,
            "outside_box": _outside(boxes, numbers, space),
            "duplicate_box": self._duplicates(boxes, space, bad),
            "odd_box": _odd(boxes, numbers, space),
        }
        return [*(Scores.of(kind, "part", parts) for kind, parts in kinds.items()), _empty(boxes)]

    def _duplicates(self, boxes: Boxes, space: LabelSpace, bad: set[tuple[int, str | None]]) -> list[Entry]:
        parts = []
        for row in range(len(boxes)):
            mine = slice(*boxes.offsets[row : row + 2])
            overlap = np.triu(box_iou(boxes.corners[mine], boxes.corners[mine]), k=1)
            second: set[int] = set()
            for i, j in np.argwhere(overlap >= self.overlap).tolist():
                if j in second or (row, str(j)) in bad:
                    continue
                second.add(j)
                a, b = (space.names[k] for k in boxes.classes[mine][[i, j]].tolist())
                how = f"they overlap by {percent(overlap[i, j], 0)}"
                reason = f"box {j}, {quoted(b)}, lies on box {i}, {quoted(a)}: {how}"
                parts.append(Entry(row, str(j), float(1 - overlap[i, j]), b, None, reason))
        return parts


def _degenerate(boxes: Boxes, numbers: NDArray[np.int64], space: LabelSpace) -> list[Entry]:
    size = boxes.corners[:, 2:] - boxes.corners[:, :2]
    parts = []
    for at in np.flatnonzero((size < 1).any(axis=1)).tolist():
        name = space.names[boxes.classes[at]]
        reason = f"box {numbers[at]}, {quoted(name)}, is {size[at, 0]:.3g} pixels wide and {size[at, 1]:.3g} high"
        parts.append(Entry(int(boxes.rows[at]), str(numbers[at]), 0.0, name, None, reason))
    return parts


def _outside(boxes: Boxes, numbers: NDArray[np.int64], space: LabelSpace) -> list[Entry]:
    if boxes.sizes is None or not len(boxes.classes):
        return []
    size = boxes.sizes[boxes.rows]
    beyond = np.maximum(-boxes.corners[:, :2], 0) + np.maximum(boxes.corners[:, 2:] - size, 0)
    side = np.maximum(boxes.corners[:, 2:] - boxes.corners[:, :2], 1)
    parts = []
    for at in np.flatnonzero(((beyond > 1) & (beyond > 0.01 * side)).any(axis=1)).tolist():
        name = space.names[boxes.classes[at]]
        reason = (
            f"box {numbers[at]}, {quoted(name)}, reaches {beyond[at].max():.0f} pixels beyond the image of "
            f"{size[at, 0]:.0f} x {size[at, 1]:.0f}"
        )
        share = float(np.clip(1 - (beyond[at] / side[at]).max(), 0, 1))
        parts.append(Entry(int(boxes.rows[at]), str(numbers[at]), share, name, None, reason))
    return parts


def _odd(boxes: Boxes, numbers: NDArray[np.int64], space: LabelSpace) -> list[Entry]:
    size = np.maximum(boxes.corners[:, 2:] - boxes.corners[:, :2], 1)
    area, shape = np.log(size.prod(axis=1)), np.log(size[:, 0] / size[:, 1])
    parts = []
    for k, name in enumerate(space.names):
        mine = np.flatnonzero(boxes.classes == k)
        if len(mine) < _FEWEST_BOXES:
            continue
        for values, words in ((area, ("large", "small")), (shape, ("wide", "tall"))):
            far = values[mine] - np.median(values[mine])
            spread = max(1.4826 * float(np.median(np.abs(far))), _LEAST_SPREAD)
            for at in np.flatnonzero(np.abs(far) > _FAR * spread).tolist():
                b = int(mine[at])
                times = float(np.exp(abs(far[at])))
                reason = (
                    f"box {numbers[b]} is {times:.0f} times as {words[int(far[at] < 0)]} as {quoted(name)} is as a rule"
                )
                part = str(numbers[b])
                parts.append(Entry(int(boxes.rows[b]), part, float(_FAR * spread / abs(far[at])), name, None, reason))
    return parts


def _empty(boxes: Boxes) -> Scores:
    counts = np.diff(boxes.offsets)
    if not len(counts) or np.mean(counts > 0) < _FULL:
        return Scores.none("empty_image", "row")
    reason = f"the image has no box; the others have {np.median(counts[counts > 0]):.0f} as a rule"
    return Scores.of(
        "empty_image", "row", [Entry(int(row), None, 0.0, None, None, reason) for row in np.flatnonzero(counts == 0)]
    )
