"""The size of an image from the head of its file."""

from __future__ import annotations

from pathlib import Path

from labelwright.data.image_files import FORMATS
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput


def image_size(path: Path) -> tuple[int, int]:
    """Return width and height in pixels; BadInput where the file is no image."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput(f"cannot be read as an image ({said(error)})", where=place(path), fix="check it") from None
