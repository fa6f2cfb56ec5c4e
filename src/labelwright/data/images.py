"""The images of a data set, decoded with care: each row gives one image, or one reason why there is none.

An image column holds paths (opened only below the source's root), encoded bytes, Hugging Face's ``{bytes, path}``
structs, or fixed-size lists of uint8 (a stack of raw pixels). Pillow decodes raster formats only (no SVG, no
PostScript); an image of more than `MAX_PIXELS` pixels is refused before it is unpacked. Orientation tags are obeyed;
palettes, CMYK, 16-bit and grey become RGB; transparency is laid on white.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.cache import content_hash
from labelwright.data.dataset import Dataset, Source
from labelwright.data.image_files import UnreadableImage, as_rgb, decode, file_bytes, safe_path
from labelwright.errors import BadInput, did_you_mean, quoted

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageRows", "UnreadableImage", "safe_path"]

T = TypeVar("T")

_BLOCK = 64  # images that one thread decodes in one go


class ImageRows:
    """The images of one column of a data set.

    Parameters
    ----------
    data : Dataset or Source
    column : str
        Name of the column with paths, encoded bytes, structs or raw pixels.

    Raises
    ------
    BadInput
        When the column is absent or of a type that holds no images.

    Examples
    --------
    >>> source = Source(pa.table({"image": ["gone.png"]}), Path("pictures.csv"), "csv", Path())
    >>> ImageRows(source, "image").unreadable()
    [(0, 'there is no such file')]
    """

    def __init__(self, data: Dataset | Source, column: str) -> None:
        source = data.source if isinstance(data, Dataset) else data
        names = source.table.column_names
        if column not in names:
            raise BadInput(f"there is no column {quoted(column)}", fix=did_you_mean(column, names))
        self._source, self._column, self._root = source, column, source.root
        self._cells = source.table.column(column)
        self._read = _cell_reader(source.table.schema.field(column), source.root)

    def __len__(self) -> int:
        return len(self._cells)

    def open(self, row: int, at_least: int | None = None) -> Image:
        """Return the image of a row as RGB, upright. UnreadableImage when it cannot be had.

        With `at_least`, a JPEG may come smaller than it is stored, both sides still of at least so many pixels.
        """
        try:
            return self._read(self._cells[row], at_least)
        except UnreadableImage as unreadable:
            place = self._source.where(row, self._column)
            raise UnreadableImage(unreadable.problem, where=place) from None

    @property
    def is_encoded(self) -> bool:
        """Whether the column holds files or their bytes, not raw pixels."""
        from labelwright.data.matrices import image_shape

        return image_shape(self._source.table.schema.field(self._column)) is None

    def encoded(self, row: int) -> bytes | None:
        """Return the bytes of a row as stored, None where the column holds raw pixels. UnreadableImage as `open`."""
        return _stored(self._cells[row], self._root) if self.is_encoded else None

    def original(self, row: int) -> tuple[int, int, str]:
        """Return width, height and mode (``"RGB"``, ``"L"``, ...) of a row as stored, before conversion."""
        image = self.open(row)
        width, height, mode = image.info.get("labelwright", (*image.size, image.mode))
        return int(width), int(height), str(mode)

    def thumbnail_png(self, row: int, size: int = 96) -> bytes:
        """Return a PNG file of the image, at most `size` pixels on the longer side, never enlarged, no metadata."""
        from PIL import Image

        image = self.open(row, 2 * size)
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
        image.info.clear()
        file = io.BytesIO()
        image.save(file, "PNG", optimize=True)
        return file.getvalue()

    def map(
        self,
        function: Callable[[Image], T],
        rows: Sequence[int] | NDArray[np.integer] | None = None,
        jobs: int = 1,
        at_least: int | None = None,
    ) -> Iterator[T | UnreadableImage]:
        """Yield ``function(image)`` for each row in order, or the reason why there is no image (`open`).

        Images are decoded by `jobs` threads, a few blocks ahead of what was taken, so memory stays bounded.
        """
        chosen = np.arange(len(self)) if rows is None else np.asarray(rows, dtype=np.int64)
        blocks = [chosen[s : s + _BLOCK] for s in range(0, len(chosen), _BLOCK)]

        def one_block(block: NDArray[np.int64]) -> list[T | UnreadableImage]:
            return [self._mapped(function, int(row), at_least) for row in block]

        if jobs <= 1:
            for block in blocks:
                yield from one_block(block)
            return
        with ThreadPoolExecutor(jobs) as pool:
            ahead = 2 * jobs
            waiting = [pool.submit(one_block, block) for block in blocks[:ahead]]
            for following in range(len(blocks)):
                done = waiting.pop(0).result()
                if following + ahead < len(blocks):
                    waiting.append(pool.submit(one_block, blocks[following + ahead]))
                yield from done

    def _mapped(self, function: Callable[[Image], T], row: int, at_least: int | None) -> T | UnreadableImage:
        try:
            image = self.open(row, at_least)
        except UnreadableImage as unreadable:
            return unreadable
        return function(image)

    def unreadable(self, jobs: int = 1) -> list[tuple[int, str]]:
        """Return the rows that give no image, with the reasons. Decodes every image."""
        reasons = self.map(lambda image: None, jobs=jobs)
        return [(row, reason.problem) for row, reason in enumerate(reasons) if reason is not None]

    def content_hashes(self) -> list[bytes | None]:
        """Return a hash of the stored bytes of each image, None where there are none: exact copies share it."""
        return [self._content_hash(cell) for cell in self._cells]

    def _content_hash(self, cell: pa.Scalar) -> bytes | None:
        try:
            raw = _stored(cell, self._root)
        except UnreadableImage:
            return None
        return content_hash(raw)

    def fingerprint(self) -> bytes:
        """Return a hash of all images: paths count with the size and time of the file, everything else by content."""
        kind = self._cells.type
        if not (_is_text(kind) or pa.types.is_struct(kind)):
            return content_hash([str(kind), self._cells])
        stamps = [_stamp(self._root, _path_of(cell)) for cell in self._cells]
        return content_hash([str(self._root.resolve()), self._cells, stamps])


def _cell_reader(field: pa.Field, root: Path) -> Callable[[pa.Scalar, int | None], Image]:
    """Return how a cell of this column becomes an image."""
    from labelwright.data.matrices import image_shape

    shape = image_shape(field)
    if shape is not None:
        return lambda cell, at_least: _from_pixels(cell, shape)
    kind = field.type
    if _is_text(kind) or _is_bytes(kind) or pa.types.is_struct(kind) or pa.types.is_null(kind):
        return lambda cell, at_least: decode(_stored(cell, root), at_least)
    raise BadInput(
        f"column {quoted(field.name)} of type {kind} holds no images",
        fix="name a column of paths, of encoded bytes or of raw uint8 pixels",
    )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _from_pixels(cell: pa.Scalar, shape: tuple[int, ...]) -> Image:
    from PIL import Image

    if not cell.is_valid:
        raise UnreadableImage("the cell is empty")
    pixels = cell.values.to_numpy(zero_copy_only=False).reshape(shape)
    if pixels.ndim == 3 and shape[2] not in (1, 3, 4):
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return as_rgb(image, (*image.size, image.mode))


def _path_of(cell: pa.Scalar) -> str | None:
    """Return the path that a cell names, None for a cell with bytes or nothing."""
    value = cell.as_py()
    if isinstance(value, dict):
        return None if value.get("bytes") else value.get("path")
    return value if isinstance(value, str) else None


def _stored(cell: pa.Scalar, root: Path) -> bytes:
    """Return the encoded bytes of a cell."""
    value: Any = cell.as_py() if cell.is_valid else None
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if value is None or value == "" or value == b"":
        raise UnreadableImage("the cell is empty")
    if isinstance(value, list):
        return np.asarray(value, np.uint8).tobytes()
    if isinstance(value, bytes):
        return value
    return file_bytes(root, str(value))


def _stamp(root: Path, name: str | None) -> list[int]:
    if not name:
        return []
    try:
        state = safe_path(root, name).stat()
    except (OSError, UnreadableImage):
        return [-1]
    return [state.st_size, state.st_mtime_ns]
