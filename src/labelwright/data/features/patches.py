"""Images as vectors without labels or downloads: whitened random patches, a two-sided rectifier, pooling, PCA.

1. Each image is scaled to `SIDE` x `SIDE` (small ones as they are, larger ones by area).
2. 6x6 patches from the data, contrast-normalised and ZCA-whitened, serve as filters.
3. Every patch of an image meets every filter: ``max(0, ±(response) − threshold)``, summed over a 2x2 grid.
4. Principal components of the pooled numbers.

Source: Coates and Ng, The Importance of Encoding Versus Training with Sparse Coding and Vector Quantization, ICML
2011. Filters and components are learned from at most `SAMPLE` images; images pass in blocks, so memory does not grow
with n but for the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from labelwright.data.image_files import UnreadableImage
from labelwright.data.images import ImageRows
from labelwright.errors import BadInput
from labelwright.progress import SILENT, Progress

if TYPE_CHECKING:
    from PIL.Image import Image

DIMENSIONS = 256
FILTERS = 320
PATCH, STRIDE, SIDE, GRID = 6, 1, 32, 2
SAMPLE = 10_000
THRESHOLD = 0.25
_BLOCK = 64
_PATCHES = 100_000


@dataclass(frozen=True)
class PatchEncoder:
    """Filters with the whitening folded in, and the principal components of what they give.

    Parameters
    ----------
    filters : float32 (PATCH * PATCH * 3, FILTERS)
    offset : float32 (FILTERS,)
        The response of the mean patch.
    centre, components : float32 (f,), (f, d)
    """

    filters: NDArray[np.float32]
    offset: NDArray[np.float32]
    centre: NDArray[np.float32]
    components: NDArray[np.float32]

    def transform(self, rows: ImageRows, *, jobs: int = 1, progress: Progress = SILENT) -> NDArray[np.float32]:
        """Return one vector an image, float32 (n, d); an unreadable image is a row of zeros."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="blas"), progress.stage("image features", len(rows)) as advance:
            blocks = [np.arange(start, min(start + SAMPLE, len(rows))) for start in range(0, len(rows), SAMPLE)]
            matrix = np.zeros((len(rows), self.components.shape[1]), np.float32)
            for block in blocks:
                matrix[block] = self._encoded(*_pixels(rows, block, jobs), jobs)
                advance(len(block))
        return matrix

    def _encoded(self, pixels: NDArray[np.uint8], readable: NDArray[np.bool_], jobs: int) -> NDArray[np.float32]:
        pooled = _pooled(pixels, self.filters, self.offset, jobs)
        vectors = np.asarray((pooled - self.centre) @ self.components, np.float32)
        vectors[~readable] = 0
        return vectors

    def arrays(self) -> dict[str, NDArray]:
        """Return everything that `from_arrays` needs."""
        return {
            "filters": self.filters,
            "offset": self.offset,
            "centre": self.centre,
            "components": self.components,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> Self:
        """Return the encoder whose `arrays` these are."""
        return cls(
            **{name: np.ascontiguousarray(arrays[name]) for name in ("filters", "offset", "centre", "components")}
        )


def image_features(
    rows: ImageRows, *, dimensions: int = DIMENSIONS, seed: int = 0, jobs: int = 1, progress: Progress = SILENT
) -> tuple[NDArray[np.float32], list[str]]:
    """Return one vector an image and notes on how they were made.

    Parameters
    ----------
    rows : ImageRows, length n
    dimensions : int
        Most columns of the result.
    jobs : int
        Threads; the result does not depend on it.

    Returns
    -------
    matrix : array of float32, shape (n, d)
        An unreadable image is a row of zeros, which is the mean of the readable ones.
    notes : list of str
    """
    _, matrix, notes = fit_images(rows, dimensions=dimensions, seed=seed, jobs=jobs, progress=progress)
    return matrix, notes


def fit_images(
    rows: ImageRows, *, dimensions: int = DIMENSIONS, seed: int = 0, jobs: int = 1, progress: Progress = SILENT
) -> tuple[PatchEncoder, NDArray[np.float32], list[str]]:
    """Return what `image_features` returns, and the encoder that makes the same vectors of further images."""
    from threadpoolctl import threadpool_limits

    n = len(rows)
    rng = np.random.default_rng(seed)
    chosen = np.arange(n) if n <= SAMPLE else np.sort(rng.choice(n, SAMPLE, replace=False))
    with threadpool_limits(1, user_api="blas"), progress.stage("image features", n + len(chosen)) as advance:
        sample, readable = _pixels(rows, chosen, jobs)
        if n and not readable.any():
            raise _none_readable(rows, chosen)
        encoder = _learned(sample[readable], dimensions, rng, jobs)
        advance(len(chosen))
        matrix = np.zeros((n, encoder.components.shape[1]), np.float32)
        unreadable = 0
        for start in range(0, n, SAMPLE):
            block = np.arange(start, min(start + SAMPLE, n))
            if n > SAMPLE or start > 0:
                sample, readable = _pixels(rows, block, jobs)
            matrix[block] = encoder._encoded(sample, readable, jobs)
            unreadable += int((~readable).sum())
            advance(len(block))
    note = f"images: {FILTERS} whitened random {PATCH}x{PATCH} patches at {SIDE}x{SIDE}, PCA to {matrix.shape[1]}"
    return encoder, matrix, [note, *([f"{unreadable} image(s) cannot be read: zeros"] if unreadable else [])]


def _none_readable(rows: ImageRows, chosen: NDArray[np.int64]) -> BadInput:
    try:
        rows.open(int(chosen[0]))
        first = ""
    except UnreadableImage as unreadable:
        first = f"; the first: {unreadable.problem}"
    return BadInput(
        f"none of {len(chosen):,} images can be read{first}", fix="check the files and their folder (--root)"
    )


def _pixels(rows: ImageRows, chosen: NDArray[np.int64], jobs: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return images as uint8 (m, SIDE, SIDE, 3) and which of them could be read; the others are black."""
    out = np.zeros((len(chosen), SIDE, SIDE, 3), np.uint8)
    readable = np.ones(len(chosen), bool)
    for at, pixels in enumerate(rows.map(_scaled, chosen, jobs, at_least=2 * SIDE)):
        if isinstance(pixels, UnreadableImage):
            readable[at] = False
        else:
            out[at] = pixels
    return out, readable


def _scaled(image: Image) -> NDArray[np.uint8]:
    from PIL import Image

    if image.size != (SIDE, SIDE):
        image = image.resize(
            (SIDE, SIDE), Image.Resampling.BOX if min(image.size) >= SIDE else Image.Resampling.BILINEAR
        )
    return np.asarray(image)


def _learned(images: NDArray[np.uint8], dimensions: int, rng: np.random.Generator, jobs: int) -> PatchEncoder:
    """Learn filters and components from a sample of images."""
    width = PATCH * PATCH * 3
    if not len(images):
        empty = np.zeros(FILTERS * 2 * GRID * GRID, np.float32)
        return PatchEncoder(
            np.zeros((width, FILTERS), np.float32), np.zeros(FILTERS, np.float32), empty, empty[:, None]
        )
    patches = _random_patches(images, _PATCHES, rng)
    mean = patches.mean(axis=0)
    value, vector = np.linalg.eigh(np.cov(patches - mean, rowvar=False).astype(np.float64))
    whiten = ((vector / np.sqrt(np.maximum(value, 0) + 0.1)) @ vector.T).astype(np.float32)
    white = (patches[rng.choice(len(patches), FILTERS, replace=False)] - mean) @ whiten
    directions = white / np.maximum(np.linalg.norm(white, axis=1, keepdims=True), 1e-6)
    filters = whiten @ directions.T
    offset = mean @ filters
    pooled = _pooled(images, filters, offset, jobs)
    centre = pooled.mean(axis=0)
    return PatchEncoder(filters, offset, centre, _principal_components(pooled - centre, dimensions))


def _principal_components(centred: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """Return the leading components, (f, d), signs fixed; from the Gram matrix where there are fewer rows than f."""
    from scipy.linalg import eigh

    m, f = centred.shape
    wide = f > m
    matrix = (centred @ centred.T if wide else centred.T @ centred).astype(np.float64)
    value, vector = eigh(matrix, subset_by_index=[max(len(matrix) - dimensions, 0), len(matrix) - 1])
    keep = np.flatnonzero(value > max(value[-1], 0) * 1e-7)[::-1]
    if not len(keep):
        return np.zeros((f, 1), np.float32)
    components = centred.T @ vector[:, keep] / np.sqrt(value[keep]) if wide else vector[:, keep]
    largest = components[np.abs(components).argmax(axis=0), np.arange(components.shape[1])]
    return np.ascontiguousarray(components * np.sign(largest), np.float32)


def _random_patches(images: NDArray[np.uint8], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return `count` contrast-normalised patches from random places, float32 (count, PATCH * PATCH * 3)."""
    which = rng.integers(len(images), size=count)
    top, left = rng.integers(SIDE - PATCH + 1, size=(2, count))
    views = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(1, 2))
    return _normalised(views[which, top, left].transpose(0, 2, 3, 1).reshape(count, -1).astype(np.float32))


def _normalised(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    patches = patches - patches.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.einsum("ij,ij->i", patches, patches) / patches.shape[1] + 10)
    patches /= deviation[:, None]
    return patches


def _pooled(
    images: NDArray[np.uint8], filters: NDArray[np.float32], offset: NDArray[np.float32], jobs: int
) -> NDArray[np.float32]:
    """Return the pooled responses, float32 (m, 2 * FILTERS * GRID * GRID)."""
    out = np.empty((len(images), 2 * filters.shape[1] * GRID * GRID), np.float32)

    def one_block(start: int) -> None:
        out[start : start + _BLOCK] = _pooled_block(images[start : start + _BLOCK], filters, offset)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        list(pool.map(one_block, range(0, len(images), _BLOCK)))
    return out


def _pooled_block(
    images: NDArray[np.uint8], filters: NDArray[np.float32], offset: NDArray[np.float32]
) -> NDArray[np.float32]:
    from labelwright.data.features._pooling import normalised_patches, rectify_and_pool

    places = (SIDE - PATCH) // STRIDE + 1
    patches = normalised_patches(images, PATCH, STRIDE)
    response = patches @ filters
    return rectify_and_pool(response, offset, np.float32(THRESHOLD), len(images), places, GRID)
