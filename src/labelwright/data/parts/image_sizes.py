"""The size of an image from the head of its file."""

from __future__ import annotations

from pathlib import Path

from labelwright.data.image_files import UnreadableImage, head_of
from labelwright.data.readers.places import place
from labelwright.errors import BadInput


def image_size(path: Path) -> tuple[int, int]:
    """Return width and height in pixels of the image when it is upright; BadInput where the file is no image.

    Shares of YOLO files are of these sides, as in the tools that write and read them.
    """
    try:
        return head_of(path).upright
    except UnreadableImage as unreadable:
        raise BadInput(f"cannot be read as an image: {unreadable.problem}", where=place(path), fix="check it") from None
