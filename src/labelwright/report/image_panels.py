"""Small pictures for the report: an image beside itself with what is given and what a model says drawn on it."""

from __future__ import annotations

import base64
import colorsys
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labelwright.data.image_files import Head, UnreadableImage, decode, file_bytes, head_of, safe_path
from labelwright.inert import inert
from labelwright.report.rows import shorten

if TYPE_CHECKING:
    from PIL.Image import Image

PANEL = 320  # longer side of one panel in pixels
GAP, LINE = 8, 22
GIVEN, SAID, DOUBT = (23, 105, 196), (26, 138, 66), (200, 30, 40)


def color_of(k: int) -> tuple[int, int, int]:
    """Return the colour of class k: neighbouring numbers far apart on the wheel."""
    red, green, blue = colorsys.hsv_to_rgb((k * 0.618034 + 0.08) % 1.0, 0.62, 0.92 - 0.14 * (k % 3))
    return round(255 * red), round(255 * green), round(255 * blue)


def opened(root: Path, name: str | None) -> Image | None:
    """Return the image of that name as RGB, None where there is none to be had."""
    if name is None:
        return None
    try:
        return decode(file_bytes(root, name))
    except (UnreadableImage, OSError):
        return None


def head(root: Path, name: str | None) -> Head | None:
    """Return the head of the file of an image, None where there is none to be had."""
    if name is None:
        return None
    try:
        return head_of(safe_path(root, name))
    except UnreadableImage:
        return None


def panel_scale(width: float, height: float) -> float:
    """Return what scales the longer side of an image to that of a panel; a whole number for small images."""
    scale = PANEL / max(width, height, 1)
    return float(max(1, int(scale))) if scale > 1 else scale


def beside(panels: Sequence[Image]) -> Image:
    """Return panels of one height side by side."""
    from PIL import Image

    width = sum(panel.width for panel in panels) + GAP * (len(panels) - 1)
    sheet = Image.new("RGB", (width, max(panel.height for panel in panels)), "white")
    at = 0
    for panel in panels:
        sheet.paste(panel, (at, 0))
        at += panel.width + GAP
    return sheet


def shaded(ground: Image, mask: NDArray[np.integer], strength: float = 0.55) -> Image:
    """Return an image with the classes of a mask (h, w) laid over it in their colours; -1 stays clear."""
    from PIL import Image

    kinds = int(mask.max(initial=0)) + 1
    palette = np.array([color_of(k) for k in range(kinds)], dtype=np.float32)
    small = np.asarray(Image.fromarray(mask.astype(np.int32), "I").resize(ground.size, Image.Resampling.NEAREST))
    pixels = np.asarray(ground, dtype=np.float32).copy()
    known = small >= 0
    pixels[known] = (1 - strength) * pixels[known] + strength * palette[small[known]]
    return Image.fromarray(pixels.astype(np.uint8))


def outlined(ground: Image, region: NDArray[np.bool_], color: tuple[int, int, int] = DOUBT) -> Image:
    """Return an image with the outline of a set of pixels (h, w) drawn on it."""
    from PIL import Image
    from scipy import ndimage

    small = np.asarray(Image.fromarray(region).resize(ground.size, Image.Resampling.NEAREST), dtype=bool)
    edge = ndimage.binary_dilation(small, iterations=2) & ~ndimage.binary_erosion(small, iterations=1)
    pixels = np.asarray(ground).copy()
    pixels[edge] = color
    return Image.fromarray(pixels)


def keyed(sheet: Image, names: Sequence[tuple[str, tuple[int, int, int]]]) -> Image:
    """Return a sheet with a line below it that says which colour is which class."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(13)
    drawn = Image.new("RGB", (sheet.width, sheet.height + LINE * (1 + len(names) // 4)), "white")
    drawn.paste(sheet, (0, 0))
    pen = ImageDraw.Draw(drawn)
    x, y = 0, sheet.height + 5
    for name, color in names:
        text = shorten(inert(name), 24)
        wide = 22 + round(pen.textlength(text, font=font)) + 14
        if x + wide > sheet.width and x:
            x, y = 0, y + LINE
        pen.rectangle((x + 2, y + 1, x + 15, y + 14), fill=color)
        pen.text((x + 21, y), text, fill=(29, 36, 48), font=font)
        x += wide
    return drawn.crop((0, 0, sheet.width, min(drawn.height, y + LINE)))


def as_uri(image: Image) -> str:
    """Return an image as a PNG data URI."""
    held = io.BytesIO()
    image.quantize(128).save(held, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode("ascii")
