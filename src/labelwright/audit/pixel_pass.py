"""One pass over the probabilities of pixels, image after image: what confident learning needs of each, and no more.

For every pixel with class y the pass keeps p_y, its most probable class k and p_k (a few bytes, in a temporary file
when they are many); the probabilities themselves are read once, so memory is bounded by one image.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from labelwright.audit.confident_kernels import SLACK
from labelwright.errors import BadInput

IN_MEMORY = 1 << 26  # bytes of looked-at pixels; more wait in a file
LEAST_THRESHOLD = 2e-6
PART = 1 << 14  # scores that are pooled at a time


class Pixels(Protocol):
    """Arrays of images, one at a time: a (n, ...) array, a memory map, or a reader of files."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> NDArray[Any]: ...


@dataclass(frozen=True)
class LookedAt:
    """What one pass over the probabilities keeps of each pixel, image after image.

    Parameters
    ----------
    given : array of float32 or float64, shape (m,)
        p_y; 2 where the class is not known.
    top : array of int16, shape (m,)
        k, the first most probable class.
    top_probability : array like `given`
        p_k, -1 where k = y or the class is not known.
    shapes : array of int64, shape (n, 2)
    thresholds : array of float64, shape (K,)
        t_k; 2 for a class without pixels.
    """

    given: NDArray[np.floating]
    top: NDArray[np.int16]
    top_probability: NDArray[np.floating]
    shapes: NDArray[np.int64]
    thresholds: NDArray[np.float64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where the pixels of each image start, int64 (n + 1,)."""
        return np.concatenate([[0], np.cumsum(self.shapes.prod(axis=1))]).astype(np.int64)

    def flags(self) -> Iterator[NDArray[np.bool_]]:
        """Yield which pixels of each image are issues, bool (h, w)."""
        starts = self.starts
        wrong = 0
        for a, b in pairwise(starts):
            top, value = self.top[a:b], self.top_probability[a:b]
            wrong += int(np.count_nonzero((value >= 0) & (value >= self.thresholds[top] - SLACK)))
        cut, spare = lowest(self.given, starts, wrong)
        for (a, b), shape in zip(pairwise(starts), self.shapes, strict=True):
            given = self.given[a:b]
            chosen = given < cut
            tied = np.flatnonzero(given == cut)[:spare]
            spare -= len(tied)
            chosen[tied] = True
            yield (chosen & (self.top_probability[a:b] >= 0)).reshape(shape)

    def predicted(self, row: int) -> NDArray[np.int16]:
        """Return the most probable class of each pixel of an image, int16 (h, w)."""
        starts = self.starts
        return self.top[starts[row] : starts[row + 1]].reshape(self.shapes[row])

    def scores(self, row: int) -> NDArray[np.floating]:
        """Return p_y of each pixel of an image, (h, w); 2 where its class is not known."""
        starts = self.starts
        return self.given[starts[row] : starts[row + 1]].reshape(self.shapes[row])


def look_at(labels: Pixels, pred_probs: Pixels, *, unknown: bool = False) -> LookedAt:
    """Read labels (h, w) and probabilities (K, h, w) image by image, once.

    Parameters
    ----------
    labels, pred_probs : arrays (n, h, w) and (n, K, h, w), or readers of such images of any sizes
        Probabilities in float16, float32 or float64.
    unknown : bool
        Whether -1 stands for pixels whose class is not known; otherwise it is an error.
    """
    n = len(labels)
    if len(pred_probs) != n:
        raise BadInput(f"there are {n} masks and {len(pred_probs)} images of probabilities", fix="give one each")
    if not n:
        raise BadInput("there is no mask", fix="give at least one")
    shapes = np.array([np.shape(labels[i]) for i in range(n)], dtype=np.int64)
    size = int(shapes.prod(axis=1).sum())
    wide = np.float64 if np.asarray(pred_probs[0][:1, :1]).dtype == np.float64 else np.float32
    kept = [_room(size, dtype) for dtype in (wide, np.int16, wide)]
    k = len(pred_probs[0])
    sums, counts, at = np.zeros(k), np.zeros(k, np.int64), 0
    for i in range(n):
        mask, probs = labels[i], pred_probs[i]
        given, top, value = _look_at_image(mask, probs, k, i, wide, unknown)
        part = slice(at, at + given.size)
        kept[0][part], kept[1][part], kept[2][part] = given, top, value
        known = np.asarray(mask).ravel() >= 0
        codes = np.asarray(mask).ravel()[known].astype(np.int64)
        sums += np.bincount(codes, weights=given[known], minlength=k)
        counts += np.bincount(codes, minlength=k)
        at += given.size
    thresholds = np.where(counts > 0, np.maximum(sums / np.maximum(counts, 1), LEAST_THRESHOLD), 2.0)
    return LookedAt(kept[0], kept[1], kept[2], shapes, thresholds)


def _room(size: int, dtype: Any) -> NDArray[Any]:
    """Return room for one value a pixel: in memory, or in a file that goes when it is no longer used."""
    if size * np.dtype(dtype).itemsize <= IN_MEMORY:
        return np.empty(size, dtype)
    with tempfile.TemporaryFile() as file:
        file.truncate(size * np.dtype(dtype).itemsize)
        return np.memmap(file, dtype, "r+", shape=(size,))


def _look_at_image(
    mask: NDArray[Any], probs: NDArray[Any], k: int, row: int, wide: Any, unknown: bool
) -> tuple[NDArray[np.floating], NDArray[np.int16], NDArray[np.floating]]:
    if probs.ndim != 3 or probs.shape[0] != k or probs.shape[1:] != np.shape(mask):
        raise BadInput(
            f"pred_probs have shape {probs.shape}, the mask {np.shape(mask)} and there are {k} classes",
            where=f"image {row}",
            fix="give probabilities of shape (K, height, width) for each mask",
        )
    codes = np.ascontiguousarray(mask).ravel()
    least = -1 if unknown else 0
    if codes.dtype.kind not in "iu" or (codes.size and (int(codes.min()) < least or int(codes.max()) >= k)):
        raise BadInput(
            f"the mask holds {codes.dtype} from {codes.min()} to {codes.max()}",
            where=f"image {row}",
            fix=f"give class numbers from {least} to {k - 1}",
        )
    codes = codes.astype(np.int16)
    given, top, value = np.full(codes.size, 2, wide), np.zeros(codes.size, np.int16), np.full(codes.size, -1, wide)
    improper = 0
    for j in range(k):
        improper += _look_at_plane(np.ascontiguousarray(probs[j], dtype=wide).ravel(), j, codes, given, top, value)
    if improper:
        raise BadInput(
            f"{improper} of the probabilities are not in [0, 1]", where=f"image {row}", fix="softmax logits first"
        )
    value[(top == codes) | (codes < 0)] = -1
    return given, top, value


@njit(cache=True, nogil=True)
def _look_at_plane(
    plane: NDArray[Any], j: int, codes: NDArray[Any], given: NDArray[Any], top: NDArray[Any], value: NDArray[Any]
) -> int:
    """Take in the probabilities of class j, (m,): keep them where j is given and where they are the largest so far."""
    proper = 0
    for i in range(plane.size):
        p = plane[i]
        proper += (p >= -SLACK) & (p <= 1 + 1e-3)
        if codes[i] == j:
            given[i] = p
        if p > value[i]:
            value[i] = p
            top[i] = j
    return plane.size - proper


def lowest(values: NDArray[np.floating], starts: NDArray[np.int64], wanted: int) -> tuple[float, int]:
    """Return the `wanted`-th lowest value and how many equal to it are among the lowest; values are read in parts.

    The bits of floats from 0 to 2 have the order of the numbers, so sixteen of them at a time, from the top, are
    counted, and the part that holds the answer is counted again by the next sixteen.
    """
    if wanted <= 0:
        return -1.0, 0
    kind = np.uint64 if values.dtype == np.float64 else np.uint32
    width, prefix, left = values.dtype.itemsize * 8, 0, wanted
    for shift in range(width - 16, -1, -16):
        counts = np.zeros(1 << 16, np.int64)
        for a, b in pairwise(starts):
            bits = np.maximum(values[a:b], 0).view(kind)
            if shift < width - 16:
                bits = bits[bits >> kind(shift + 16) == kind(prefix)]
            counts += np.bincount(((bits >> kind(shift)) & kind(0xFFFF)).astype(np.int64), minlength=1 << 16)
        before = np.concatenate([[0], np.cumsum(counts)])
        digit = int(np.searchsorted(before, left, side="left")) - 1
        left -= int(before[digit])
        prefix = (prefix << 16) | digit
    cut = np.array([prefix], dtype=kind).view(values.dtype)[0]
    return float(cut), left


def softmin(scores: NDArray[np.floating], temperature: float = 0.1) -> float:
    """Return Σ s · softmax((1 − s) / τ); 1 for nothing. Scores are widened in parts that stay in the cache."""
    if not temperature > 0:
        raise BadInput(f"temperature is {temperature}", fix="use a number such as 0.1")
    if not scores.size:
        return 1.0
    least, total, weighted = float(scores.min()), 0.0, 0.0
    room = np.empty((2, min(scores.size, PART)))
    flat = scores.reshape(-1)
    for start in range(0, flat.size, PART):
        part = flat[start : start + PART]
        z, weight = room[0, : part.size], room[1, : part.size]
        _scaled(part, least, -1.0 / temperature, z)
        np.exp(z, out=weight)
        sums = _pooled(weight, z)
        total += sums[0]
        weighted += sums[1]
    return least - temperature * weighted / total


@njit(cache=True, nogil=True)
def _scaled(scores: NDArray[Any], least: float, scale: float, out: NDArray[np.float64]) -> None:
    """Write (s − least) · scale in double precision."""
    for i in range(scores.size):
        out[i] = (scores[i] - least) * scale


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _pooled(weights: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Return Σ w and Σ w · z; terms are added as fits the processor's vectors."""
    total = weighted = 0.0
    for i in range(weights.size):
        total += weights[i]
        weighted += weights[i] * values[i]
    return total, weighted


@njit(cache=True, nogil=True)
def given_pass(codes: NDArray[Any], probs: NDArray[Any], given: NDArray[Any]) -> int:
    """Write the probability of the class of each pixel to given (h, w); codes (h, w), probs (K, h, w).

    Return how many codes are no class; given stays as it was there.
    """
    k = probs.shape[0]
    strange = 0
    for row in range(codes.shape[0]):
        for column in range(codes.shape[1]):
            code = codes[row, column]
            if code < 0 or code >= k:
                strange += 1
            else:
                given[row, column] = probs[code, row, column]
    return strange
