"""Masks: the class of every pixel of an image, kept as runs of equal pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import check_codes, checked_classes, frozen
from labelwright.evidence.base import Evidence
from labelwright.evidence.segments import checked_offsets, offsets_of, segment_ids, segment_sum, take_segments


@dataclass(frozen=True, eq=False)
class Masks(Evidence):
    """The class of every pixel, image after image; images may differ in size. A unit is an image.

    Parameters
    ----------
    shapes : int array (n, 2)
        Height and width of each image.
    offsets : int array (n + 1,)
        Image i has the runs ``offsets[i]:offsets[i + 1]``.
    values : int array (t,)
        Class of the pixels of each run, -1 where not known; stored as int32. Runs go along the rows of the image;
        neighbouring runs of one class are joined.
    lengths : int array (t,)
        Pixels of each run, at least 1.
    n_classes : int
        Number of classes K.

    Examples
    --------
    >>> masks = Masks.from_arrays([[[0, 0], [1, 1]], [[-1]]], n_classes=2)
    >>> masks.values, masks.lengths, masks.mask(0)
    (array([ 0,  1, -1], dtype=int32), array([2, 2, 1]), array([[0, 0],
           [1, 1]], dtype=int32))
    """

    shapes: NDArray[np.int64]
    offsets: NDArray[np.int64]
    values: NDArray[np.int32]
    lengths: NDArray[np.int64]
    n_classes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_classes", checked_classes(self.n_classes))
        shapes = frozen(np.reshape(self.shapes, (0, 2)) if np.size(self.shapes) == 0 else self.shapes,
                        np.int64, "shapes", ndim=2)  # fmt: skip
        values, lengths = frozen(self.values, np.int32, "values"), frozen(self.lengths, np.int64, "lengths")
        offsets = checked_offsets(self.offsets, len(values), "the run offsets")
        if shapes.shape != (len(offsets) - 1, 2) or (shapes < 0).any():
            raise BadInput(f"shapes of {shapes.shape} for {len(offsets) - 1} images", fix="give height and width each")
        if len(lengths) != len(values) or (lengths < 1).any():
            raise BadInput("the lengths are not one of at least 1 a run", fix="leave empty runs out")
        check_codes(values, self.n_classes, -1, "class")
        filled = segment_sum(lengths, segment_ids(offsets), len(shapes))
        short = np.flatnonzero(filled != shapes.prod(axis=1))
        if len(short):
            i = short[0]
            raise BadInput(
                f"the runs hold {int(filled[i])} pixels for {shapes[i, 0]} x {shapes[i, 1]}", where=f"row {i}"
            )
        offsets, values, lengths = _joined(offsets, values, lengths)
        for name, array in (("shapes", shapes), ("offsets", offsets), ("values", values), ("lengths", lengths)):
            object.__setattr__(self, name, frozen(array, array.dtype, name, ndim=array.ndim))

    @classmethod
    def from_arrays(cls, masks: Iterable[ArrayLike], n_classes: int) -> Self:
        """Return the evidence of class images (h, w), taken one at a time: a generator may read them from files."""
        shapes, counts, values, lengths = [], [], [], []
        for i, mask in enumerate(masks):
            pixels = frozen(mask, np.int32, f"mask {i}", ndim=2)
            flat = pixels.ravel()
            starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])[: flat.size]
            shapes.append(pixels.shape)
            counts.append(len(starts))
            values.append(flat[starts])
            lengths.append(np.diff(np.append(starts, flat.size)))
        runs = np.concatenate(values) if values else np.empty(0, np.int32)
        sizes = np.concatenate(lengths) if lengths else np.empty(0, np.int64)
        return cls(np.array(shapes, dtype=np.int64).reshape(-1, 2), offsets_of(counts), runs, sizes, n_classes)

    def mask(self, row: int) -> NDArray[np.int32]:
        """Return the class of each pixel of one image, int32 (h, w), -1 where not known."""
        part = slice(self.offsets[row], self.offsets[row + 1])
        return np.repeat(self.values[part], self.lengths[part]).reshape(self.shapes[row])

    @property
    def areas(self) -> NDArray[np.int64]:
        """Pixels of each class in each image, int64 (n, K)."""
        known = self.values >= 0
        key = segment_ids(self.offsets)[known] * self.n_classes + self.values[known]
        counts = np.bincount(key, weights=self.lengths[known], minlength=self.n_rows * self.n_classes)
        return counts.astype(np.int64).reshape(self.n_rows, self.n_classes)

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of images."""
        return len(self.offsets) - 1

    def _units(self) -> NDArray[np.int64]:
        return np.arange(self.n_rows, dtype=np.int64)

    def _take(self, rows: NDArray[np.int64]) -> Self:
        offsets, entries = take_segments(self.offsets, rows)
        return type(self)(self.shapes[rows], offsets, self.values[entries], self.lengths[entries], self.n_classes)


def _joined(
    offsets: NDArray[np.int64], values: NDArray[np.int32], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Join neighbouring runs of one class within an image, so that equal masks are stored alike."""
    rows = segment_ids(offsets)
    new = np.ones(len(values), dtype=bool)
    new[1:] = (values[1:] != values[:-1]) | (rows[1:] != rows[:-1])
    starts = np.flatnonzero(new)
    sums = np.add.reduceat(lengths, starts) if len(starts) else lengths
    return offsets_of(np.bincount(rows[starts], minlength=len(offsets) - 1)), values[starts], sums
