"""Labels from a second picture: what glows under ultraviolet light is where the label is.

Objects carry paint that is invisible in normal light and glows under ultraviolet lamps. The camera and the scene stay
still; one picture is taken under normal light, one under ultraviolet. The glow's colour names the class, its place the
pixels, and the masks hold for the normal picture unchanged.

1. Colours: from painted patches, the circular mean of the hue of each paint and an interval of 3 standard deviations.
2. Masks: pixels that are saturated and bright enough and whose hue lies in an interval; of overlapping intervals the
   one whose centre is nearer in its own width. A picture of the empty scene under ultraviolet is subtracted first.
3. Cleaning: specks and pinholes that a small square does not fit into go, all else keeps its form to the pixel
   (opening and closing by reconstruction); holes are filled, small components dropped.
4. Keypoints: the centroid of each dot, weighted by brightness.

Source: Thananjeyan, Kerr, Huang, Gonzalez, Goldberg, All You Need is LUV: Unsupervised Collection of Labeled Images
using Invisible UV Fluorescent Indicators, 2022 [P143].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from labelwright.consensus.paired_capture import PairedCapture, SensedScene, paired_outliers, simulate_paired_scene
from labelwright.errors import BadInput, quoted
from labelwright.metrics.masks import connected_components

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LEAST_WIDTH = 0.02  # of a hue interval to each side, in turns

__all__ = [
    "FluorescentLabeler",
    "Keypoint",
    "PaintColor",
    "PairedCapture",
    "SensedScene",
    "calibrate_colors",
    "extract_keypoints",
    "extract_masks",
    "paired_outliers",
    "simulate_paired_scene",
    "skeleton",
]


@dataclass(frozen=True)
class PaintColor:
    """The glow of one paint: hues within `width` turns of `hue`, on the circle.

    Parameters
    ----------
    name : str
    hue : float
        In turns; 0 and 1 are red. Whole turns more or less change nothing.
    width : float
        Half the interval, in (0, 0.5].
    """

    name: str
    hue: float
    width: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.hue) and 0 < self.width <= 0.5):
            raise BadInput(f"the paint {quoted(self.name)} has no interval of hues", fix="give a width in (0, 0.5]")

    def distance(self, hue: Floats) -> Floats:
        """Return the distance of hues from the centre, in widths: at most 1 inside the interval."""
        away = np.abs((hue - self.hue + 0.5) % 1 - 0.5)
        return np.asarray(away / self.width)


@dataclass(frozen=True)
class Keypoint:
    """The place of one dot: column and row in pixels, its class, and the pixels that it has."""

    x: float
    y: float
    class_index: int
    size: int


def calibrate_colors(
    patches: Mapping[str, ArrayLike], *, deviations: float = 3.0, least_saturation: float = 0.3
) -> tuple[PaintColor, ...]:
    """Return the glow of each paint from pixels that are known to carry it.

    Parameters
    ----------
    patches : mapping of str to array (..., 3)
        Class name → painted pixels under ultraviolet, RGB in [0, 1]. Pixels of low saturation have no hue and are left
        out.
    deviations : float, default 3.0
        Half the interval in circular standard deviations; at least 0.02 turns.
    least_saturation : float, default 0.3

    Examples
    --------
    >>> (paint,) = calibrate_colors({"red": [[1.0, 0.0, 0.02], [1.0, 0.02, 0.0]]})
    >>> min(paint.hue, 1 - paint.hue) < 0.01
    True
    """
    found = []
    for name, pixels in patches.items():
        rgb = _rgb(pixels).reshape(-1, 3)
        hue, saturation, _ = _hsv(rgb)
        hue = hue[saturation >= least_saturation]
        if not len(hue):
            raise BadInput(f"no pixel of the paint {quoted(name)} has a colour", fix="pass pixels that glow")
        mean = np.exp(2j * np.pi * hue).mean()
        length = min(max(abs(mean), 1e-12), 1.0)
        spread = np.sqrt(-2 * np.log(length)) / (2 * np.pi)
        width = float(np.clip(deviations * spread, LEAST_WIDTH, 0.5))
        found.append(PaintColor(name, float(np.angle(mean) / (2 * np.pi) % 1), width))
    return tuple(found)


def extract_masks(
    ultraviolet: ArrayLike,
    paints: Sequence[PaintColor],
    *,
    empty: ArrayLike | None = None,
    least_saturation: float = 0.3,
    least_value: float = 0.25,
    median: int = 1,
    radius: int = 1,
    least_area: int = 12,
) -> Bools:
    """Return where each paint glows, bool (C, H, W).

    Parameters
    ----------
    ultraviolet : float array (H, W, 3), or uint8
        RGB in [0, 1].
    paints : sequence of PaintColor
    empty : array (H, W, 3), optional
        The empty scene under the same light, subtracted first.
    least_saturation, least_value : float
        Darker and greyer pixels carry no paint.
    median : int, default 1
        Side of a median filter of the picture, 1 for none: it helps against strong sensor noise and rounds corners.
    radius : int, default 1
        Specks and pinholes that no square of side 2·radius + 1 fits into are removed, 0 for none.
    least_area : int, default 12
        Smaller components are dropped.
    """
    picture = _rgb(ultraviolet)
    if picture.ndim != 3:
        raise BadInput(f"the picture has shape {picture.shape}", fix="pass (height, width, 3)")
    if empty is not None:
        ground = _rgb(empty)
        if ground.shape != picture.shape:
            raise BadInput(f"the empty scene is {ground.shape}, the picture {picture.shape}", fix="take both alike")
        picture = np.clip(picture - ground, 0, 1)
    if median > 1:
        picture = ndimage.median_filter(picture, size=(median, median, 1))
    hue, saturation, value = _hsv(picture)
    distance = np.stack([paint.distance(hue) for paint in paints])
    glows = (saturation >= least_saturation) & (value >= least_value) & (distance.min(axis=0) <= 1)
    nearest = distance.argmin(axis=0)
    return np.stack([_clean(glows & (nearest == c), radius, least_area) for c in range(len(paints))])


def _clean(mask: Bools, radius: int, least_area: int) -> Bools:
    if radius:
        square = np.ones((2 * radius + 1, 2 * radius + 1), dtype=np.bool_)
        kept = ndimage.binary_propagation(ndimage.binary_erosion(mask, square), mask=mask)
        ground = ~kept
        around = ndimage.binary_propagation(ndimage.binary_erosion(ground, square, border_value=1), mask=ground)
        mask = ~around
    mask = ndimage.binary_fill_holes(mask)
    components, n = connected_components(mask)
    sizes = np.bincount(components.ravel(), minlength=n + 1)
    sizes[0] = 0
    return np.asarray(sizes[components] >= max(least_area, 1))


def extract_keypoints(ultraviolet: ArrayLike, masks: ArrayLike) -> list[Keypoint]:
    """Return the brightness-weighted centre of every component, class by class, larger ones first.

    Parameters
    ----------
    ultraviolet : float array (H, W, 3)
    masks : bool array (C, H, W)
        As `extract_masks` gives them.
    """
    value = _rgb(ultraviolet).max(axis=-1)
    found = []
    for c, mask in enumerate(np.asarray(masks, dtype=np.bool_)):
        components, n = connected_components(mask)
        sizes = np.bincount(components.ravel(), minlength=n + 1)
        centers = ndimage.center_of_mass(value + 1e-12, components, np.arange(1, n + 1))
        for k in sorted(range(n), key=lambda k: -sizes[k + 1]):
            found.append(Keypoint(float(centers[k][1]), float(centers[k][0]), c, int(sizes[k + 1])))
    return found


def skeleton(mask: ArrayLike) -> Bools:
    """Return the middle lines of a mask (H, W), one pixel wide: labels of cords, seams and needles.

    Thinning by the eight turns of two patterns (Golay's L) until nothing changes; connected parts stay connected.

    Examples
    --------
    >>> skeleton(np.ones((3, 9)))[:, 1:-1].sum(axis=0)
    array([1, 1, 1, 1, 1, 1, 1])
    """
    thin = np.pad(np.asarray(mask, dtype=np.bool_), 1)
    edge = (np.array([[0, 0, 0], [0, 1, 0], [1, 1, 1]]), np.array([[1, 1, 1], [0, 0, 0], [0, 0, 0]]))
    corner = (np.array([[0, 0, 0], [1, 1, 0], [0, 1, 0]]), np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]]))
    while True:
        before = thin.copy()
        for turns in range(4):
            for hit, miss in (edge, corner):
                thin &= ~ndimage.binary_hit_or_miss(thin, np.rot90(hit, turns), np.rot90(miss, turns))
        if (thin == before).all():
            return thin[1:-1, 1:-1]


class FluorescentLabeler:
    """Labels pictures by their ultraviolet twins. [P143]

    Parameters
    ----------
    paints : sequence of PaintColor
        From `calibrate_colors`.
    empty : array (H, W, 3), optional
        The empty scene under ultraviolet.
    **settings
        Of `extract_masks`.

    Attributes
    ----------
    seconds_per_capture : float
        What one pair costs: two exposures and the change of light. With the count of labelled captures this is the
        price of the labels.

    Examples
    --------
    >>> scene = simulate_paired_scene(seed=2, counts=(8, 9))
    >>> labeler = FluorescentLabeler(calibrate_colors(scene.patches()), empty=scene.empty)
    >>> bool((labeler.masks(scene.capture) & scene.masks).sum() > 0.9 * scene.masks.sum())
    True

    Source: [P143].
    """

    seconds_per_capture = 2.0

    def __init__(self, paints: Sequence[PaintColor], *, empty: ArrayLike | None = None, **settings: float) -> None:
        if not paints:
            raise BadInput("there are no paints", fix="calibrate at least one")
        self.paints, self.empty, self.settings = tuple(paints), empty, settings
        self.n_labelled = 0

    def masks(self, capture: PairedCapture) -> Bools:
        """Return the masks of the normal picture, bool (C, H, W)."""
        self.n_labelled += 1
        return extract_masks(capture.ultraviolet, self.paints, empty=self.empty, **self.settings)  # type: ignore[arg-type]

    def keypoints(self, capture: PairedCapture) -> list[Keypoint]:
        """Return the dots of the normal picture."""
        return extract_keypoints(capture.ultraviolet, self.masks(capture))

    @property
    def seconds(self) -> float:
        """What the labels so far have cost, in seconds of camera time."""
        return self.n_labelled * self.seconds_per_capture


def _rgb(pixels: ArrayLike) -> Floats:
    array = np.asarray(pixels)
    scaled = array / 255 if array.dtype == np.uint8 else array.astype(np.float64)
    if scaled.ndim < 1 or scaled.shape[-1] != 3 or not ((scaled >= 0) & (scaled <= 1)).all():
        raise BadInput(f"pixels {array.shape} are no RGB values in [0, 1]", fix="pass (..., 3), or uint8")
    return np.asarray(scaled)


def _hsv(rgb: Floats) -> tuple[Floats, Floats, Floats]:
    """Return hue in turns, saturation and value."""
    from matplotlib.colors import rgb_to_hsv

    hsv = rgb_to_hsv(rgb)
    return hsv[..., 0], hsv[..., 1], hsv[..., 2]
