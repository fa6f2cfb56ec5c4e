"""Boxes in images, each of one class: what a person drew, or what a model found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import check_codes, checked_classes, frozen
from labelwright.evidence.base import Evidence
from labelwright.evidence.segments import checked_offsets, segment_ids, take_segments


@dataclass(frozen=True, eq=False)
class Boxes(Evidence):
    """Boxes of images. A unit is an image.

    Parameters
    ----------
    offsets : int array (n + 1,)
        Image i has the boxes ``offsets[i]:offsets[i + 1]``, in the order of the data.
    corners : float array (t, 4)
        Left, top, right, bottom in pixels, finite. A box may be empty or lie outside of its image: to find such boxes
        is an audit's work.
    classes : int array (t,)
        Class of each box, -1 where it is not known; stored as int32.
    n_classes : int
        Number of classes K.
    sizes : float array (n, 2), optional
        Width and height of each image in pixels, NaN where not known.
    confidence : float array (t,), optional
        In [0, 1], where the boxes are a model's.

    Examples
    --------
    >>> boxes = Boxes.from_xywh([0, 1, 1], [[10, 20, 30, 40]], [0], n_classes=2)
    >>> boxes.corners, boxes.take([1]).offsets
    (array([[10., 20., 40., 60.]]), array([0, 0]))
    """

    offsets: NDArray[np.int64]
    corners: NDArray[np.float64]
    classes: NDArray[np.int32]
    n_classes: int
    sizes: NDArray[np.float64] | None = None
    confidence: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_classes", checked_classes(self.n_classes))
        corners = frozen(np.reshape(self.corners, (0, 4)) if np.size(self.corners) == 0 else self.corners,
                         np.float64, "corners", ndim=2)  # fmt: skip
        classes = frozen(self.classes, np.int32, "classes")
        offsets = checked_offsets(self.offsets, len(corners), "the box offsets")
        if corners.shape[1] != 4 or len(classes) != len(corners):
            raise BadInput(
                f"corners have shape {corners.shape} for {len(classes)} classes",
                fix="give left, top, right, bottom and one class a box",
            )
        check_codes(classes, self.n_classes, -1, "class")
        bad = np.flatnonzero(~np.isfinite(corners).all(axis=1))
        if len(bad):
            row = int(segment_ids(offsets)[bad[0]])
            raise BadInput("a corner of a box is no finite number", where=f"row {row}", fix="mend or drop the box")
        object.__setattr__(self, "corners", corners)
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "sizes", self._checked_sizes())
        object.__setattr__(self, "confidence", self._checked_confidence())

    def _checked_sizes(self) -> NDArray[np.float64] | None:
        if self.sizes is None:
            return None
        sizes = frozen(self.sizes, np.float64, "sizes", ndim=2)
        if sizes.shape != (self.n_rows, 2) or (sizes <= 0).any() or np.isinf(sizes).any():
            raise BadInput(
                f"sizes of shape {sizes.shape} are no widths and heights of {self.n_rows} images",
                fix="give positive numbers (n, 2), NaN where not known",
            )
        return sizes

    def _checked_confidence(self) -> NDArray[np.float64] | None:
        if self.confidence is None:
            return None
        confidence = frozen(self.confidence, np.float64, "confidence")
        if len(confidence) != len(self.classes) or not ((confidence >= 0) & (confidence <= 1)).all():
            raise BadInput("the confidence is not one number in [0, 1] a box", fix="give probabilities")
        return confidence

    @classmethod
    def from_xywh(
        cls,
        offsets: ArrayLike,
        boxes: ArrayLike,
        classes: ArrayLike,
        n_classes: int,
        sizes: ArrayLike | None = None,
        confidence: ArrayLike | None = None,
    ) -> Self:
        """Return boxes given as left, top, width, height (the form of COCO)."""
        xywh = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        corners = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        return cls(offsets, corners, classes, n_classes, sizes, confidence)  # type: ignore[arg-type]

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of images."""
        return len(self.offsets) - 1

    @property
    def rows(self) -> NDArray[np.int64]:
        """The image of each box, int64 (t,)."""
        return segment_ids(self.offsets)

    @property
    def areas(self) -> NDArray[np.float64]:
        """Area of each box in square pixels, 0 for one without width or height; float64 (t,)."""
        width, height = (np.maximum(self.corners[:, side + 2] - self.corners[:, side], 0.0) for side in (0, 1))
        return np.asarray(width * height)

    def _units(self) -> NDArray[np.int64]:
        return np.arange(self.n_rows, dtype=np.int64)

    def _take(self, rows: NDArray[np.int64]) -> Self:
        offsets, entries = take_segments(self.offsets, rows)
        sizes = None if self.sizes is None else self.sizes[rows]
        confidence = None if self.confidence is None else self.confidence[entries]
        return type(self)(offsets, self.corners[entries], self.classes[entries], self.n_classes, sizes, confidence)
