"""Test images with several classes at once, tiled from patches of single objects.

Source: Anzaku, Wang, Van Messem, De Neve, Re-assessing ImageNet: How aligned is its single-label assumption with its
multi-label nature?, arXiv 2412.18409 [P011].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_generator, as_labels, same_length

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PatchML:
    """Images tiled from patches of several classes: uint8 (n, H, W, C), and their valid labels, bool (n, K)."""

    images: NDArray[np.uint8]
    valid: Mask


def make_patchml(
    images: ArrayLike,
    labels: ArrayLike,
    n_classes: int,
    n: int,
    seed: int | np.random.Generator,
    *,
    patches: Sequence[int] = (2, 3, 4),
    boxes: ArrayLike | None = None,
) -> PatchML:
    """Tile single-object patches of different classes into one image, to test recognition without context.

    Each image is a grid of two by two cells, of which 2, 3 or 4 hold the patch of an object, at random places; empty
    cells are grey.

    Parameters
    ----------
    images : uint8 array (m, H, W, C), H and W even
    labels : int array (m,)
        One class an image, -1 = not to be used.
    n_classes : int
    n : int
        Images to make.
    seed : int or numpy.random.Generator
    patches : sequence of int in 1 … 4
        How many patches an image may have, each as often.
    boxes : int array (m, 4), optional
        Left, top, right and bottom of the object in pixels; the whole image by default.

    Source: arXiv 2412.18409 [P011]: patches cut from object localisation boxes.
    """
    pixels, y = np.asarray(images), as_labels("labels", labels, n_classes)
    if pixels.ndim != 4 or pixels.dtype != np.uint8 or pixels.shape[1] % 2 or pixels.shape[2] % 2:
        raise BadInput(f"images has shape {pixels.shape} and type {pixels.dtype}", fix="give uint8 (m, H, W, C), even")
    same_length(images=pixels, labels=y)
    counts = np.asarray(patches)
    present = np.unique(y[y >= 0])
    if not len(counts) or not ((counts >= 1) & (counts <= 4)).all() or counts.max() > len(present):
        raise BadInput(f"patches is {list(patches)}", fix="use 1 to 4, and no more than there are classes")
    rng = as_generator(seed)
    many = rng.choice(counts, n)
    order = rng.random((n, len(present))).argsort(axis=1)[:, :4]  # different classes
    cells = rng.random((n, 4)).argsort(axis=1)
    out = np.full((n, *pixels.shape[1:]), 128, dtype=np.uint8)
    valid = np.zeros((n, n_classes), dtype=bool)
    half = pixels.shape[1] // 2, pixels.shape[2] // 2
    by_class = np.flatnonzero(y >= 0)[np.argsort(y[y >= 0], kind="stable")]
    sizes = np.bincount(y[y >= 0])[present]
    starts = np.cumsum(sizes) - sizes
    for j in range(int(counts.max())):
        rows = np.flatnonzero(many > j)
        kinds = order[rows, j]
        chosen = by_class[starts[kinds] + rng.integers(0, sizes[kinds])]
        valid[rows, present[kinds]] = True
        small = _shrunk(pixels, chosen, half, None if boxes is None else as_array("boxes", boxes, 2)[chosen])
        for cell in range(4):  # where each patch stands
            at = cells[rows, j] == cell
            top, left = (cell // 2) * half[0], (cell % 2) * half[1]
            out[rows[at], top : top + half[0], left : left + half[1]] = small[at]
    return PatchML(out, valid)


def _shrunk(pixels: NDArray[np.uint8], chosen: Codes, half: tuple[int, int], boxes: Floats | None) -> NDArray[np.uint8]:
    """Return boxes of images at half size, the mean of four samples a pixel."""
    h, w = pixels.shape[1:3]
    ends = np.tile([0.0, 0.0, w, h], (len(chosen), 1)) if boxes is None else boxes
    if ((ends[:, :2] < 0) | (ends[:, 2:] > [w, h]) | (ends[:, 2:] <= ends[:, :2])).any():
        raise BadInput("a box lies outside its image or is empty", fix="give left, top, right, bottom in pixels")

    def positions(low: Floats, high: Floats, count: int, size: int) -> Codes:
        steps = (np.arange(2 * count) + 0.5) / (2 * count)
        return np.minimum((low[:, None] + steps * (high - low)[:, None]).astype(np.int64), size - 1)

    y = positions(ends[:, 1], ends[:, 3], half[0], h)
    x = positions(ends[:, 0], ends[:, 2], half[1], w)
    fine = pixels[chosen[:, None, None], y[:, :, None], x[:, None, :]].astype(np.float64)
    mean = fine.reshape(len(chosen), half[0], 2, half[1], 2, -1).mean(axis=(2, 4))
    return np.rint(mean).astype(np.uint8)
