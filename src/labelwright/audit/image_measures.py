"""What images look like in numbers: brightness, contrast, sharpness, detail, colour and size.

One pass decodes each image once and measures it on at most `MEASURED_SIDE` pixels a side, the size that models see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labelwright.progress import SILENT, Progress

if TYPE_CHECKING:
    from PIL.Image import Image

    from labelwright.data.images import ImageRows

MEASURED_SIDE = 128
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ImageProperties:
    """Measurements of n images; NaN where an image cannot be read.

    Parameters
    ----------
    width, height : arrays of float64, shape (n,)
        Pixels, upright.
    bright_end, dark_end : arrays of float64, shape (n,)
        99 % and 5 % quantile of the luminance, in [0, 1].
    brightness, contrast : arrays of float64, shape (n,)
        Mean and standard deviation of the luminance.
    sharpness : array of float64, shape (n,)
        Standard deviation of the Laplacian over that of the luminance.
    entropy : array of float64, shape (n,)
        Of the 256 grey levels, in bits, 0 to 8.
    colour : array of float64, shape (n,)
        Largest mean difference between two channels, in [0, 1]; 0 for grey.
    problems : tuple of str or None, length n
        Why an image cannot be read.
    """

    width: Floats
    height: Floats
    bright_end: Floats
    dark_end: Floats
    brightness: Floats
    contrast: Floats
    sharpness: Floats
    entropy: Floats
    colour: Floats
    problems: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.problems)

    def columns(self) -> dict[str, Floats]:
        """Return the properties that should not tell a label, for `SpuriousCorrelations`."""
        return {
            "image brightness": self.brightness,
            "image contrast": self.contrast,
            "image sharpness": self.sharpness,
            "image detail": self.entropy,
            "image colour": self.colour,
            "image area": self.width * self.height,
            "image aspect ratio": self.width / self.height,
        }


def measure_images(images: ImageRows, *, jobs: int = 1, progress: Progress = SILENT) -> ImageProperties:
    """Decode every image once and measure it; the result does not depend on `jobs`."""
    n = len(images)
    values = np.full((n, 9), np.nan)
    problems: list[str | None] = [None] * n
    with progress.stage("image properties", n) as advance:
        for row, found in enumerate(images.map(measure, jobs=jobs)):
            if isinstance(found, tuple):
                values[row] = found
            else:
                problems[row] = found.problem
            advance(1)
    w, h, bright, dark, mean, contrast, sharp, entropy, colour = values.T.copy()
    return ImageProperties(w, h, bright, dark, mean, contrast, sharp, entropy, colour, tuple(problems))


def measure(image: Image) -> tuple[float, ...]:
    """Return the nine numbers of `ImageProperties` for one RGB image, in its order."""
    from PIL import Image as pillow

    width, height = image.size
    shrink = max(width, height) / MEASURED_SIDE
    if shrink > 1:
        size = (max(round(width / shrink), 1), max(round(height / shrink), 1))
        image = image.resize(size, pillow.Resampling.BOX)
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
    grey = pixels @ _LUMINANCE
    levels = np.bincount(np.minimum(grey + 0.5, 255).astype(np.uint8).ravel(), minlength=256)
    share = levels / grey.size
    low, high = np.searchsorted(np.cumsum(share), [0.05, 0.99])
    some = share[share > 0]
    contrast = float(grey.std())
    r, g, b = (pixels[:, :, c] for c in range(3))
    colour = max(float(np.abs(r - g).mean()), float(np.abs(g - b).mean()), float(np.abs(r - b).mean()))
    return (
        float(width),
        float(height),
        min(high, 255) / 255,
        low / 255,
        float(grey.mean()) / 255,
        contrast / 255,
        _edges(grey) / contrast if contrast > 0.5 else np.nan,
        float(-(some * np.log2(some)).sum()) + 0.0,
        colour / 255,
    )


def _edges(grey: NDArray[np.float32]) -> float:
    if min(grey.shape) < 3:
        return float("nan")
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(laplacian.std())
