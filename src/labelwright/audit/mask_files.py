"""Folders of drawn masks, whole numbers with 0 as background, and of the images under them: PNG or NumPy files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.metrics.masks import connected_components

SUFFIXES = (".png", ".npy", ".tif", ".tiff")
LARGEST = 1 << 28  # pixels


def mask_folder(folder: Path) -> dict[str, Path]:
    """Return the files of a folder of masks by their name without ending; BadInput when there is none."""
    if not folder.is_dir():
        raise BadInput("there is no such folder of masks", where=str(folder), fix="check the path")
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file()]
    if not files:
        raise BadInput("holds no mask", where=str(folder), fix="put one PNG or .npy file a task there")
    names = [path.stem for path in files]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"task {twice!r} has two files", where=str(folder), fix="keep one of them")
    return dict(zip(names, files, strict=True))


def image_folder(folder: Path) -> dict[str, Path]:
    """Return the images or volumes of a folder by their name without ending; BadInput when there is none."""
    if not folder.is_dir():
        raise BadInput("there is no such folder of images", where=str(folder), fix="check the path")
    kinds = (*SUFFIXES, ".jpg", ".jpeg", ".webp")
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in kinds and path.is_file()]
    if not files:
        raise BadInput("holds no image", where=str(folder), fix="put PNG, JPEG or .npy files there")
    return {path.stem: path for path in files}


def read_image(path: Path) -> NDArray[np.float64]:
    """Return a grey image (H, W) or a volume (D, H, W) as float64, finite; BadInput when it is none."""
    if path.suffix.lower() == ".npy":
        values = _array(path)
    else:
        from PIL import Image

        try:
            with Image.open(path) as image:
                if image.width * image.height > LARGEST:
                    raise BadInput(
                        f"has {image.width} x {image.height} pixels", where=path.name, fix="cut it into tiles"
                    )
                values = np.asarray(image.convert("I" if image.mode.startswith("I") else "L"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"cannot be read ({type(error).__name__})", where=path.name, fix="save it again") from None
    if values.ndim not in (2, 3) or values.dtype.kind not in "iufb" or not np.isfinite(values).all():
        raise BadInput(f"holds an array {values.shape} of {values.dtype}", where=path.name, fix="save finite numbers")
    return values.astype(np.float64)


def read_mask(path: Path, n_dims: int = 2) -> NDArray[np.int64]:
    """Return a mask file as whole numbers ≥ 0; BadInput when it is none.

    A PNG with colours is refused: save the numbers of the objects in a grey or palette image.
    """
    values = _array(path) if path.suffix.lower() == ".npy" else _image(path)
    if values.ndim != n_dims or values.dtype.kind not in "iub":
        raise BadInput(
            f"holds an array {values.shape} of {values.dtype}",
            where=path.name,
            fix=f"save whole numbers with {n_dims} dimensions",
        )
    if values.size and int(values.min()) < 0:
        raise BadInput("holds negative numbers", where=path.name, fix="number objects from 1, background is 0")
    return values.astype(np.int64)


def read_objects(path: Path, unsure: int | None = None) -> NDArray[np.int64]:
    """Return a mask with a number for each object: two values only (0 and one other) are split into connected parts.

    Pixels of the number `unsure` are background.
    """
    values = read_mask(path)
    certain = np.where(values == unsure, 0, values) if unsure is not None else values
    if len(np.unique(certain[certain > 0])) == 1:
        return connected_components(certain > 0)[0].astype(np.int64)
    return certain


def _array(path: Path) -> NDArray:
    try:
        return np.asarray(np.load(path, allow_pickle=False, mmap_mode="r"))
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"cannot be read ({type(error).__name__})", where=path.name, fix="save it again") from None


def _image(path: Path) -> NDArray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.width * image.height > LARGEST:
                raise BadInput(f"has {image.width} x {image.height} pixels", where=path.name, fix="cut it into tiles")
            if image.mode not in ("1", "L", "P", "I", "I;16"):
                raise BadInput("is a colour image", where=path.name, fix="save objects as numbers in a grey image")
            return np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"cannot be read ({type(error).__name__})", where=path.name, fix="save it again") from None
