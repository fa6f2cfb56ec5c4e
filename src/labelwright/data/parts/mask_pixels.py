"""The pixels of one mask, read from a picture or an array without running anything that it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.image_files import MAX_PIXELS
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput

_INDEX_MODES = ("P", "L", "1", "I", "I;16", "I;16B", "I;16L")


def mask_values(path: Path, name: str) -> NDArray[np.integer]:
    """Return the pixel values of one mask, (h, w); BadInput where the file is no mask."""
    if path.is_file():
        return np.asarray(open_stack(path)[int(name)])
    file = path / name
    if file.suffix.lower() == ".npy":
        return _checked(load_array(file), file)
    return _checked(_picture(file), file)


def open_stack(path: Path) -> NDArray[np.integer]:
    """Return the masks of a ``.npy`` file (n, H, W), memory-mapped."""
    stack = load_array(path)
    if stack.ndim != 3 or stack.dtype.kind not in "iub":
        raise BadInput(
            f"holds {stack.dtype} of shape {stack.shape}", where=place(path), fix="store whole numbers (n, H, W)"
        )
    return stack


def load_array(file: Path) -> NDArray[Any]:
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TypeError) as error:
        raise BadInput(f"cannot be read ({said(error)})", where=place(file), fix="save it with numpy.save") from None


def _picture(file: Path) -> NDArray[Any]:
    from PIL import Image

    try:
        with Image.open(file, formats=("PNG", "TIFF", "BMP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadInput(f"has more than {MAX_PIXELS:,} pixels", where=place(file), fix="cut it into tiles")
            if image.mode not in _INDEX_MODES:
                raise BadInput(
                    f"is a picture of mode {image.mode}, not of class numbers",
                    where=place(file),
                    fix="store the class of each pixel as grey value or palette index",
                )
            return np.asarray(image).astype(np.uint8) if image.mode == "1" else np.asarray(image)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"cannot be read as a mask ({said(error)})", where=place(file), fix="export it again") from None


def _checked(values: NDArray[Any], file: Path) -> NDArray[np.integer]:
    if values.ndim != 2 or values.dtype.kind not in "iub" or (values.size and int(values.min()) < 0):
        raise BadInput(
            f"holds {values.dtype} of shape {values.shape}", where=place(file), fix="store class numbers (H, W)"
        )
    return values.astype(np.uint8) if values.dtype == bool else values
