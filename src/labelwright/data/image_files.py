"""Encoded images and the files that hold them, opened with care: pixels, or one reason why there are none.

Files are opened only below a root. Pillow decodes raster formats alone (no SVG, no PostScript); an image of more than
`MAX_PIXELS` pixels is refused before it is unpacked.
"""

from __future__ import annotations

import io
import os
import warnings
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 100_000_000
MAX_BYTES = 256 * 2**20
_ORIENTATION, _WIDTH, _HEIGHT = 0x0112, 0x0100, 0x0101  # tags of EXIF and TIFF
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")


class Head(NamedTuple):
    """What the head of an image file tells: its sides in stored pixels, and how to turn them upright (EXIF, 1 to 8)."""

    width: int
    height: int
    orientation: int = 1

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of the image when it is turned upright."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


class UnreadableImage(BadInput):
    """One image cannot be had; `problem` says why in a few words."""


def file_bytes(root: Path, name: str) -> bytes:
    """Return the content of the file that a cell names, below `root`; UnreadableImage when it cannot be had."""
    path = safe_path(root, name)
    try:
        if not path.is_file():
            raise UnreadableImage("there is no such file" if not path.exists() else "it is not a file")
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableImage(f"the file is larger than {MAX_BYTES // 2**20} MiB")
        return path.read_bytes()
    except OSError as trouble:
        raise UnreadableImage(f"the file cannot be read ({os.strerror(trouble.errno or 5)})") from None


def safe_path(root: Path, name: str) -> Path:
    """Return the file that a relative name means below `root`, links followed; UnreadableImage when it lies outside.

    Examples
    --------
    >>> safe_path(Path("/tmp"), "../etc/passwd")
    Traceback (most recent call last):
    ...
    labelwright.data.image_files.UnreadableImage: the path leads out of the data's folder.
    """
    if "\0" in name:
        raise UnreadableImage("the path holds a null character")
    base = root.resolve()
    try:
        path = (
            base / name.replace("\\", "/") if os.sep == "/" and not (base / name).exists() else base / name
        ).resolve()
    except (OSError, RuntimeError):
        raise UnreadableImage("the path cannot be followed") from None
    if not path.is_relative_to(base):
        raise UnreadableImage("the path leads out of the data's folder")
    return path


def decode(data: bytes, at_least: int | None = None) -> Image:
    """Return encoded bytes as an upright RGB image; UnreadableImage says why when that cannot be.

    ``info["labelwright"]`` of the result holds width, height and mode as stored. `at_least` as in `ImageRows.open`.
    """
    from PIL import Image, UnidentifiedImageError

    if len(data) > MAX_BYTES:
        raise UnreadableImage(f"the file is larger than {MAX_BYTES // 2**20} MiB")
    _quieten_pillow()
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise UnreadableImage(f"{width} x {height} pixels are more than {MAX_PIXELS} (a decompression bomb?)")
            stored = (width, height, image.mode)
            if at_least:
                image.draft(None, (at_least, at_least))
            image.load()
            return as_rgb(image, stored)
    except UnidentifiedImageError:
        raise UnreadableImage(_not_an_image(data)) from None
    except Image.DecompressionBombError:
        raise UnreadableImage("too many pixels (a decompression bomb?)") from None
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        OverflowError,
        MemoryError,
    ) as e:
        cut = "truncated" in str(e) or isinstance(e, EOFError)
        raise UnreadableImage("the image is cut short" if cut else "the image is damaged") from None
    except Exception as trouble:  # Pillow's plugins raise struct.error, zlib.error and others on hostile bytes
        raise UnreadableImage(f"the image is damaged ({type(trouble).__name__})") from None


def head_of(file: IO[bytes] | Path) -> Head:
    """Return the head of an image file, without its pixels; UnreadableImage when there is none."""
    from PIL import Image

    _quieten_pillow()
    try:
        with Image.open(file, formats=FORMATS) as image:
            orientation = image.getexif().get(_ORIENTATION, 1)
            known = isinstance(orientation, int) and 1 <= orientation <= 8
            tags = getattr(image, "tag_v2", {})  # of TIFF, whose size Pillow tells turned
            stored = tags.get(_WIDTH, image.width), tags.get(_HEIGHT, image.height)
            return Head(*stored, orientation if known else 1)
    except FileNotFoundError:
        raise UnreadableImage("there is no such file") from None
    except Exception as trouble:  # as in `decode`
        raise UnreadableImage(f"the image is damaged ({type(trouble).__name__})") from None


@cache
def _quieten_pillow() -> None:
    """Keep Pillow's warnings on odd files from the terminal: each image ends as pixels or as one reason."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _not_an_image(data: bytes) -> str:
    if data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*", b"MM\0*")):
        return "the image is damaged or cut short"
    head = data[:512].lstrip().lower()
    if head.startswith((b"<svg", b"<?xml")) or b"<svg" in head:
        return "SVG drawings are not read"
    return f"it is no image of a known format ({', '.join(FORMATS)})"


def as_rgb(image: Image, stored: tuple[int, int, str]) -> Image:
    """Return an upright RGB copy; 16-bit and float grey are scaled, transparency is laid on white."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        upright = _grey_from_numbers(np.asarray(upright), upright.mode)
    if upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info:
        solid = upright.convert("RGBA")
        white = Image.new("RGBA", solid.size, "white")
        upright = Image.alpha_composite(white, solid)
    rgb = upright.convert("RGB")
    rgb.info = {"labelwright": stored}
    return rgb


def _grey_from_numbers(values: NDArray, mode: str) -> Image:
    """Scale 16-bit integers by their range of 65535, other numbers by their own range."""
    from PIL import Image

    numbers = np.nan_to_num(values.astype(np.float64))
    low, high = float(numbers.min(initial=0)), float(numbers.max(initial=0))
    if mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0 if high > 255 else 255.0
    return Image.fromarray(((numbers - low) * (255 / max(high - low, 1e-12))).round().astype(np.uint8))
