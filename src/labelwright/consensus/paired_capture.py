"""Two pictures of one scene, the checks that they belong together, and a simulator of such pairs.

Source: Thananjeyan et al., All You Need is LUV, 2022 [P143].
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.signal import correlate

from labelwright.data.synthetic import shape_scenes
from labelwright.errors import BadInput
from labelwright.metrics.ranking import auroc

Floats = NDArray[np.float64]
LEAST_MOTION = 0.05  # residual that a pair of a still series does not reach
GLOWS = (0.02, 0.36, 0.86, 0.16, 0.50)  # hues of the simulated paints, away from the blue of the lamps


@dataclass(frozen=True, eq=False)
class PairedCapture:
    """One scene under normal and under ultraviolet light, from the same camera.

    Parameters
    ----------
    standard, ultraviolet : float array (H, W, 3)
        RGB in [0, 1].
    """

    standard: NDArray[np.floating]
    ultraviolet: NDArray[np.floating]

    def __post_init__(self) -> None:
        if np.ndim(self.standard) != 3 or np.shape(self.standard) != np.shape(self.ultraviolet):
            raise BadInput(
                f"the pictures are {np.shape(self.standard)} and {np.shape(self.ultraviolet)}",
                fix="pass two pictures (H, W, 3) of one size",
            )

    def motion_residual(self, reach: int = 1, furthest: int = 8) -> float:
        """Return how much better the edges of the two pictures agree after a shift than where they lie, in [0, 1].

        1 − (best agreement within `reach` pixels) / (best within `furthest` pixels): 0 where nothing moved. Agreement
        is the product of the strengths of the edges, summed over pixels.
        """
        under, normal = _edges(self.ultraviolet), _edges(self.standard)
        agreement = correlate(under, normal, mode="full", method="fft")
        rows, columns = under.shape[0] - 1, under.shape[1] - 1

        def best(within: int) -> float:
            near = agreement[max(rows - within, 0) : rows + within + 1, max(columns - within, 0) : columns + within + 1]
            return float(near.max())

        highest = best(furthest)
        return max(1 - best(reach) / highest, 0.0) if highest > 1e-9 else 0.0

    def clipped_share(self) -> float:
        """Return the share of ultraviolet pixels with a channel at its end: their hue cannot be trusted."""
        return float((np.asarray(self.ultraviolet) >= 0.999).any(axis=-1).mean())


def _edges(picture: ArrayLike) -> Floats:
    """Return the strength of the edges of a smoothed picture, the strongest channel of each pixel, mean 0."""
    smooth = ndimage.gaussian_filter(np.asarray(picture, dtype=np.float64), (1, 1, 0))
    steep = np.hypot(ndimage.sobel(smooth, axis=0), ndimage.sobel(smooth, axis=1)).max(axis=-1)
    return np.asarray(steep - steep.mean())


def paired_outliers(captures: Sequence[PairedCapture], deviations: float = 4.0) -> NDArray[np.bool_]:
    """Return which pairs moved between the two exposures, bool (n,): their residual is far above the series' median.

    Far is `deviations` median absolute deviations (scaled to a standard deviation) and at least 0.05.
    """
    residual = np.array([capture.motion_residual() for capture in captures])
    if not len(residual):
        return np.zeros(0, dtype=np.bool_)
    middle = np.median(residual)
    spread = 1.4826 * np.median(np.abs(residual - middle))
    return residual > middle + max(deviations * spread, LEAST_MOTION)


def area_change(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return how much each class's area differs between masks (C, H, W) of two captures of one scene, relative. (C,)"""
    a, b = (np.asarray(masks, dtype=bool).sum(axis=(1, 2)).astype(np.float64) for masks in (first, second))
    return np.abs(a - b) / np.maximum(np.maximum(a, b), 1)


def visible_paint(painted: ArrayLike, plain: ArrayLike, *, folds: int = 5, seed: int = 0) -> float:
    """Return how well normal pictures tell painted from plain objects, as an out-of-fold AUROC: 0.5 is invisible.

    A network trained on pictures in which paint shows learns the paint.

    Parameters
    ----------
    painted, plain : float array (n, ...), (m, ...)
        Crops of the same objects with and without paint, under normal light. Mean and deviation of each channel are
        what is looked at.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.preprocessing import StandardScaler

    def facts(crops: ArrayLike) -> Floats:
        array = np.asarray(crops, dtype=np.float64)
        flat = array.reshape(len(array), -1, array.shape[-1])
        return np.concatenate([flat.mean(axis=1), flat.std(axis=1)], axis=1)

    X = np.concatenate([facts(painted), facts(plain)])
    y = np.repeat([1, 0], [len(np.asarray(painted)), len(np.asarray(plain))])
    X = StandardScaler().fit_transform(X)
    order = np.random.default_rng(seed).permutation(len(y))
    probs = np.empty(len(y))
    probs[order] = cross_val_predict(LogisticRegression(), X[order], y[order], cv=folds, method="predict_proba")[:, 1]
    return float(auroc(y == 1, probs))


@dataclass(frozen=True, eq=False)
class SensedScene:
    """A simulated pair and its truth.

    Parameters
    ----------
    capture : PairedCapture
    masks : bool (C, H, W)
        Of the normal picture.
    keypoints : float64 (m, 3)
        Column, row and class of the centre of each shape.
    empty : float32 (H, W, 3)
        The scene without objects under ultraviolet.
    moved : bool
        Whether the scene moved between the exposures.
    """

    capture: PairedCapture
    masks: NDArray[np.bool_]
    keypoints: Floats
    empty: NDArray[np.float32]
    moved: bool

    def patches(self) -> dict[str, NDArray[np.float64]]:
        """Return the painted pixels of each class that is there, less the light of the empty scene."""
        light = np.clip(np.asarray(self.capture.ultraviolet, dtype=np.float64) - self.empty, 0, 1)
        inner = [ndimage.binary_erosion(mask) for mask in self.masks]
        return {f"paint {c}": light[mask] for c, mask in enumerate(inner) if mask.any()}


def simulate_paired_scene(
    *, noise: float = 0.02, spill: float = 0.15, blur: float = 0.5, moved: bool = False, seed: int = 0, **scenes: Any
) -> SensedScene:
    """Return one scene of shapes under both lights.

    Parameters
    ----------
    noise : float, default 0.02
        Standard deviation of the sensor's noise.
    spill : float, default 0.15
        Blue light of the lamps that the scene throws back, by its brightness.
    blur : float, default 0.5
        Standard deviation of the lens's blur under ultraviolet, in pixels.
    moved : bool, default False
        Shift the ultraviolet picture by 4 pixels.
    seed : int
    **scenes
        Of `shape_scenes`: kinds, size, side, counts, texture.
    """
    world = shape_scenes(1, seed=seed, **scenes)
    standard, masks = world.images[0].astype(np.float64), world.masks[0]
    rng = np.random.default_rng([seed, 2])
    bright = standard.mean(axis=-1)
    ground = np.where(masks.any(axis=0), np.median(bright), bright)
    lamp = np.array([0.1, 0.15, 1.0])
    empty = spill * ground[:, :, None] * lamp
    light = spill * bright[:, :, None] * lamp
    for c, mask in enumerate(masks):
        glow = np.array(colorsys.hsv_to_rgb(GLOWS[c % len(GLOWS)], 0.9, 0.75))
        light[mask] = glow * (0.85 + 0.15 * bright[mask][:, None]) + spill * bright[mask][:, None] * lamp
    if blur:
        light = ndimage.gaussian_filter(light, (blur, blur, 0))
    if moved:
        light = np.roll(light, (4, 4), axis=(0, 1))
    light, standard = (
        np.clip(picture + noise * rng.standard_normal(picture.shape), 0, 1) for picture in (light, standard)
    )
    there = world.kinds[0] >= 0
    keypoints = np.column_stack([world.centers[0][there], world.kinds[0][there]])
    capture = PairedCapture(standard.astype(np.float32), light.astype(np.float32))
    return SensedScene(capture, masks, keypoints, np.clip(empty, 0, 1).astype(np.float32), moved)
