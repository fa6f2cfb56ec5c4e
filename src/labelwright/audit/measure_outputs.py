"""What measures give beside their tables: rows as pictures and words, arrays as archives."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.errors import BadInput


def png_picture(pixels: NDArray, most: int = 480) -> str:
    """Return an image as a PNG data URI; small ones are enlarged by whole factors.

    Parameters
    ----------
    pixels : uint8 (H, W) or (H, W, 3), or bool (H, W)
    """
    from PIL import Image

    array = np.asarray(pixels)
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    image = Image.fromarray(array)
    factor = max(most // 2 // max(image.size), 1)
    if factor > 1:
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    image.thumbnail((most, most))
    out = io.BytesIO()
    image.save(out, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def png_uri_of_rows(dataset: Dataset) -> Callable[[int], str] | None:
    """Return what gives a row's thumbnail as a PNG data URI (empty where it cannot be read), None without images."""
    if dataset.plan.image is None:
        return None
    from labelwright.data.images import ImageRows

    images = ImageRows(dataset, dataset.plan.image)

    def picture(row: int) -> str:
        try:
            return "data:image/png;base64," + base64.b64encode(images.thumbnail_png(row, 160)).decode()
        except BadInput:
            return ""

    return picture


def words_of_rows(dataset: Dataset) -> Callable[[int], str] | None:
    """Return what says a row in words: its text, or the path of its image; None where it has neither."""
    import pyarrow as pa

    plan = dataset.plan
    if plan.text:
        lines = dataset.texts()
    elif plan.image is not None and pa.types.is_string(dataset.source.table.schema.field(plan.image).type):
        lines = [str(cell or "") for cell in dataset.column(plan.image).to_pylist()]
    else:
        return None
    return lambda row: lines[row]


def npz_bytes(arrays: Mapping[str, NDArray]) -> bytes:
    """Return arrays as the bytes of a compressed ``.npz``."""
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()
