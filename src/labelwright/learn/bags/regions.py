"""Regions of images: where something may be, and what it looks like there. Stands in for a trained proposal network.

A window is object-like when it is busier than the ring around it. The best windows are taken one after the other, each
far enough from those before; the whole image comes first.

Source: stands in for the region proposals of [P089].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput

Floats = NDArray[np.float64]
Boxes = NDArray[np.int64]


@dataclass(frozen=True)
class GridProposals:
    """Square windows on a grid, the most object-like ones first.

    Parameters
    ----------
    n : int, default 32
        Windows an image, beside the whole image.
    sizes : tuple of int, default (16,)
        Sides in pixels.
    stride : int, default 4
    overlap : float, default 0.3
        Largest intersection over union of two windows taken.

    Examples
    --------
    >>> image = np.zeros((1, 16, 16))
    >>> image[0, 4:8, 8:12] = 1
    >>> GridProposals(n=1, sizes=(4,)).boxes(image)[0].tolist()
    [[0, 0, 16, 16], [8, 4, 12, 8]]
    """

    n: int = 32
    sizes: tuple[int, ...] = (16,)
    stride: int = 4
    overlap: float = 0.3

    def boxes(self, images: ArrayLike) -> Boxes:
        """Return left, top, right, bottom of the regions, int64 (N, n + 1, 4), for images (N, H, W) of one channel.

        Region 0 is the whole image. Where too few windows are left, the best one stands again.
        """
        x = np.asarray(images, dtype=np.float64)
        if x.ndim != 3 or self.n < 0 or min((*self.sizes, self.stride)) < 1 or max(self.sizes) > min(x.shape[1:]):
            raise BadInput(f"windows of {self.sizes} pixels in images {x.shape}", fix="pass (N, H, W), smaller windows")
        height, width = x.shape[1:]
        whole = np.broadcast_to(np.array([0, 0, width, height]), (len(x), 1, 4))
        if self.n == 0:
            return whole.copy()
        windows = self._windows(height, width)
        score = objectness(x, windows)
        apart = box_iou(windows, windows) <= self.overlap
        chosen = np.empty((len(x), self.n), dtype=np.int64)
        for k in range(self.n):
            best = score.argmax(axis=1)
            chosen[:, k] = best if k == 0 else np.where(np.isneginf(score.max(axis=1)), chosen[:, 0], best)
            score = np.where(apart[best], score, -np.inf)
        return np.concatenate([whole, windows[chosen]], axis=1)

    def _windows(self, height: int, width: int) -> Boxes:
        found = []
        for size in self.sizes:
            top, left = (np.arange(0, side - size + 1, self.stride) for side in (height, width))
            corner = np.stack(np.meshgrid(left, top), axis=-1).reshape(-1, 2)
            found.append(np.concatenate([corner, corner + size], axis=1))
        return np.concatenate(found)


def _integral(images: Floats) -> Floats:
    """Return sums over all rectangles from the corner, (N, H + 1, W + 1)."""
    return np.pad(images.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))


def _inside(table: Floats, left: Boxes, top: Boxes, right: Boxes, bottom: Boxes, image: Boxes) -> Floats:
    corners = table[image, bottom, right] - table[image, top, right] - table[image, bottom, left]
    return np.asarray(corners + table[image, top, left])


def objectness(images: Floats, windows: Boxes) -> Floats:
    """Return how much busier each window is than the ring around it: mean inside − mean in the ring, (N, w)."""
    table = _integral(np.abs(images - np.median(images, axis=(1, 2), keepdims=True)))
    height, width = images.shape[1:]
    image = np.arange(len(images))[:, None]
    left, top, right, bottom = (windows[None, :, k] for k in range(4))
    ring = np.maximum((right - left) // 4, 1)
    outer = (
        *(np.maximum(left - ring, 0), np.maximum(top - ring, 0)),
        *(np.minimum(right + ring, width), np.minimum(bottom + ring, height)),
    )
    inner = _inside(table, left, top, right, bottom, image)
    area, outer_area = (right - left) * (bottom - top), (outer[2] - outer[0]) * (outer[3] - outer[1])
    around = _inside(table, *outer, image) - inner
    return np.asarray(inner / area - around / np.maximum(outer_area - area, 1))


def box_iou(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return intersection over union of boxes (a, 4) and (b, 4), (a, b)."""
    a, b = np.asarray(first, dtype=np.float64)[:, None], np.asarray(second, dtype=np.float64)[None]
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area = [(box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1]) for box in (a, b)]
    return np.asarray(shared / np.maximum(area[0] + area[1] - shared, 1e-12))


def roi_pool(images: ArrayLike, boxes: ArrayLike, out: int = 7) -> NDArray[np.float32]:
    """Return each region averaged into out × out bins, float32 (N, r, out, out).

    Parameters
    ----------
    images : float array (N, H, W)
    boxes : int array (N, r, 4)
        Left, top, right, bottom, inside the image.
    out : int, default 7
        Bins a side; bins share pixels where a side does not divide.
    """
    x, at = np.asarray(images, dtype=np.float64), np.asarray(boxes, dtype=np.int64)
    if x.ndim != 3 or at.ndim != 3 or at.shape[2] != 4 or len(at) != len(x) or out < 1:
        raise BadInput(f"boxes {at.shape} do not fit images {x.shape}", fix="pass (N, r, 4) and (N, H, W)")
    if (at[..., :2] < 0).any() or (at[..., 2] > x.shape[2]).any() or (at[..., 3] > x.shape[1]).any():
        raise BadInput("a box leaves its image", fix="cut boxes to the image")
    table, image = _integral(x), np.arange(len(x))[:, None, None, None]
    bins = np.arange(out)
    low_x, high_x = _edges(at[..., 0], at[..., 2], bins, out)
    low_y, high_y = _edges(at[..., 1], at[..., 3], bins, out)
    left, right, top, bottom = low_x[..., None, :], high_x[..., None, :], low_y[..., :, None], high_y[..., :, None]
    area = (right - left) * (bottom - top)
    return (_inside(table, left, top, right, bottom, image) / area).astype(np.float32)


def _edges(low: Boxes, high: Boxes, bins: Boxes, out: int) -> tuple[Boxes, Boxes]:
    side = (high - low)[..., None]
    start = low[..., None] + bins * side // out
    return start, low[..., None] + -(-((bins + 1) * side) // out)
