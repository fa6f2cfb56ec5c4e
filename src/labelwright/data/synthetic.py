"""Synthetic scenes: small pictures pasted on an empty canvas, so that what is where is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput


@dataclass(frozen=True, eq=False)
class Scenes:
    """Canvases and what lies on them.

    Parameters
    ----------
    images : float32 array (n, size, size)
    items : int64 array (n, m)
        Which picture lies there; -1 where a scene holds fewer than m.
    boxes : int64 array (n, m, 4)
        Its place as left, top, right, bottom in pixels, right and bottom excluded; -1 where there is none.
    """

    images: NDArray[np.float32]
    items: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


def pasted_scenes(
    pictures: ArrayLike, n: int, *, size: int = 64, counts: tuple[int, int] = (2, 4), seed: int = 0
) -> Scenes:
    """Return canvases with some of the pictures on each, never overlapping.

    Parameters
    ----------
    pictures : float array (p, s, s)
        Drawn evenly, with replacement.
    n : int
        Scenes.
    size : int, default 64
        Side of the canvas in pixels. Pictures lie in the cells of a grid, moved at random inside their cell.
    counts : (fewest, most), default (2, 4)
    seed : int

    Examples
    --------
    >>> scenes = pasted_scenes(np.ones((3, 4, 4)), 5, size=12, counts=(1, 2))
    >>> scenes.images.shape, scenes.boxes.shape
    ((5, 12, 12), (5, 2, 4))
    """
    tiles = np.asarray(pictures, dtype=np.float32)
    if tiles.ndim != 3 or len(tiles) == 0 or tiles.shape[1] != tiles.shape[2]:
        raise BadInput(f"pictures have shape {tiles.shape}", fix="pass square pictures (p, s, s)")
    side, (fewest, most) = tiles.shape[1], counts
    across = size // side
    if not 0 <= fewest <= most <= across**2:
        raise BadInput(f"{counts} pictures of {side} pixels on {size}", fix="choose a larger canvas or fewer pictures")
    rng = np.random.default_rng(seed)
    across = min(across, max(int(np.ceil(np.sqrt(most))) + 1, 1))  # fewer cells than fit leave room to move
    pitch = size // across
    cell = np.argsort(rng.random((n, across**2)), axis=1)[:, :most]
    corner = np.stack([cell % across, cell // across], axis=-1) * pitch + rng.integers(
        0, pitch - side + 1, (n, most, 2)
    )
    there = np.arange(most) < rng.integers(fewest, most + 1, n)[:, None]
    items = np.where(there, rng.integers(0, len(tiles), (n, most)), -1)
    images = np.zeros((n, size, size), dtype=np.float32)
    scene, place = np.nonzero(there)
    step = np.arange(side)
    rows, columns = corner[scene, place, 1][:, None] + step, corner[scene, place, 0][:, None] + step
    images[scene[:, None, None], rows[:, :, None], columns[:, None, :]] = tiles[items[scene, place]]
    boxes = np.where(there[..., None], np.concatenate([corner, corner + side], axis=-1), -1)
    return Scenes(images, items, boxes.astype(np.int64))
