"""Synthetic scenes: pictures and shapes on a canvas, and blurred balls in volumes, so that what is where is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, listed, quoted


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


SHAPES = ("disc", "square", "triangle", "cross", "ring")


@dataclass(frozen=True, eq=False)
class ShapeScenes:
    """Coloured pictures of simple shapes on a textured ground, and where each kind lies.

    Parameters
    ----------
    images : float32 array (n, size, size, 3)
        In [0, 1].
    masks : bool array (n, K, size, size)
        The pixels of each kind.
    kinds : int64 array (n, m)
        Kind of each shape, -1 where a scene holds fewer than m.
    centers : float64 array (n, m, 2)
        Mean column and row of its pixels; NaN where there is none.
    """

    images: NDArray[np.float32]
    masks: NDArray[np.bool_]
    kinds: NDArray[np.int64]
    centers: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.images)


def shape_tile(kind: str, side: int) -> NDArray[np.float32]:
    """Return one shape as 0 and 1, (side, side); kinds are those of `SHAPES`.

    Examples
    --------
    >>> shape_tile("cross", 5).sum()
    np.float32(9.0)
    """
    if kind not in SHAPES or side < 3:
        raise BadInput(f"there is no {quoted(kind)} of {side} pixels", fix=f"use one of {listed(SHAPES)}, 3 or more")
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2) / (side / 2)
    radius, third = np.hypot(x, y), 1 / 3
    drawn = {
        "disc": radius <= 1,
        "square": np.maximum(np.abs(x), np.abs(y)) <= 0.8,
        "triangle": (y <= 0.9) & (2 * np.abs(x) <= y + 1),
        "cross": np.minimum(np.abs(x), np.abs(y)) <= third,
        "ring": (radius <= 1) & (radius >= 0.5),
    }
    return drawn[kind].astype(np.float32)


def shape_scenes(
    n: int,
    *,
    kinds: tuple[str, ...] = ("disc", "square", "triangle"),
    size: int = 48,
    side: int = 13,
    counts: tuple[int, int] = (2, 4),
    colors: tuple[float, float] = (0.4, 0.9),
    ground: tuple[float, float] = (0.1, 0.35),
    texture: float = 0.05,
    seed: int = 0,
) -> ShapeScenes:
    """Return pictures whose kinds differ in form only: every shape has a colour of its own.

    Parameters
    ----------
    n : int
    kinds : tuple of str
        From `SHAPES`; kind k is the k-th.
    size, side : int
        Side of the picture and of a shape, in pixels.
    counts : (fewest, most) shapes a picture
    colors, ground : (low, high)
        Range of each channel of the shapes and of the ground.
    texture : float, default 0.05
        Standard deviation of the brightness of neighbouring pixels.
    seed : int

    Examples
    --------
    >>> scenes = shape_scenes(4)
    >>> scenes.images.shape, scenes.masks.shape
    ((4, 48, 48, 3), (4, 3, 48, 48))
    """
    tiles = np.stack([shape_tile(kind, side) for kind in kinds])
    placed = pasted_scenes(tiles, n, size=size, counts=counts, seed=seed)
    rng = np.random.default_rng([seed, 1])
    most = placed.items.shape[1]
    own = rng.uniform(*colors, (n, most, 3))
    images = np.broadcast_to(rng.uniform(*ground, (n, 1, 1, 3)), (n, size, size, 3)).copy()
    masks = np.zeros((n, len(kinds), size, size), dtype=np.bool_)
    centers = np.full((n, most, 2), np.nan)
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1)
    for place in range(most):  # one pass a place, all scenes at once
        scene = np.flatnonzero(placed.items[:, place] >= 0)
        kind, corner = placed.items[scene, place], placed.boxes[scene, place, :2]
        s, i, j = np.nonzero(tiles[kind])
        rows, columns = corner[s, 1] + i, corner[s, 0] + j
        masks[scene[s], kind[s], rows, columns] = True
        images[scene[s], rows, columns] = own[scene[s], place]
        middle = np.array([grid[tile > 0].mean(axis=0) for tile in tiles])
        centers[scene, place] = corner + middle[kind]
    images += texture * rng.standard_normal((n, size, size, 1))
    return ShapeScenes(images.clip(0, 1).astype(np.float32), masks, placed.items, centers)


@dataclass(frozen=True, eq=False)
class BlobVolumes:
    """Volumes with bright blurred balls on an even background.

    Parameters
    ----------
    volumes : float32 array (n, D, H, W)
    blobs : int64 array (n, m, 3)
        Centre voxel (depth, row, column) of each ball; -1 where a volume holds fewer than m.
    peaks, radii : float64 array (n, m)
        Highest value above zero, and radius in voxels; NaN where there is none.
    masks : bool array (n, m, D, H, W)
        The voxels within each radius.
    """

    volumes: NDArray[np.float32]
    blobs: NDArray[np.int64]
    peaks: NDArray[np.float64]
    radii: NDArray[np.float64]
    masks: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.volumes)


def blob_volumes(
    n: int,
    *,
    size: int = 32,
    counts: tuple[int, int] = (3, 6),
    peaks: tuple[float, float] = (3.0, 15.0),
    radii: tuple[float, float] = (2.0, 3.5),
    background: float = 1.0,
    noise: float = 0.02,
    seed: int = 0,
) -> BlobVolumes:
    """Return volumes of balls blurred by one voxel, each in a cell of its own, so that none touch.

    Parameters
    ----------
    n, size : int
        Volumes, and voxels along each axis; at least 16 voxels.
    counts : (fewest, most) balls a volume, at most 8
    peaks, radii : (low, high)
        Ranges of the highest value of a ball and of its radius in voxels; a radius is at most a quarter of half a side.
    background, noise : float
        Value of the ground, and its standard deviation.
    seed : int

    Examples
    --------
    >>> worlds = blob_volumes(2, size=16, counts=(1, 2), radii=(1.5, 2.0))
    >>> worlds.volumes.shape, worlds.masks.shape
    ((2, 16, 16, 16), (2, 2, 16, 16, 16))
    """
    from scipy.ndimage import gaussian_filter

    half = size // 2
    if size < 16 or not 0 <= counts[0] <= counts[1] <= 8 or not 0 < radii[0] <= radii[1] <= half / 4:
        raise BadInput(f"{counts} balls of {radii} voxels do not fit {size}", fix="choose a larger volume")
    rng = np.random.default_rng(seed)
    most = counts[1]
    cell = np.argsort(rng.random((n, 8)), axis=1)[:, :most]
    corner = np.stack([cell // 4, cell // 2 % 2, cell % 2], axis=-1) * half
    margin = int(np.ceil(radii[1])) + 2
    blobs = corner + rng.integers(margin, half - margin + 1, (n, most, 3))
    there = np.arange(most) < rng.integers(counts[0], counts[1] + 1, n)[:, None]
    peak, radius = rng.uniform(*peaks, (n, most)), rng.uniform(*radii, (n, most))
    axes = np.mgrid[:size, :size, :size]
    away = np.sqrt(((axes - blobs[..., None, None, None]) ** 2).sum(axis=2))  # (n, m, D, H, W)
    masks = (away <= radius[..., None, None, None]) & there[..., None, None, None]
    soft = gaussian_filter(masks.astype(np.float32), (0, 0, 1, 1, 1))
    soft /= np.maximum(soft.max(axis=(2, 3, 4), keepdims=True), 1e-9)
    volumes = background + (soft * (peak - background)[..., None, None, None]).sum(axis=1)
    volumes += noise * rng.standard_normal(volumes.shape)
    hidden = ~there
    blobs[hidden] = -1
    return BlobVolumes(
        volumes.astype(np.float32), blobs, np.where(there, peak, np.nan), np.where(there, radius, np.nan), masks
    )
