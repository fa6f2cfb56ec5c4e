"""Label errors in masks, pixel by pixel, in memory bounded by one image.

Every pixel is a row. With p the probabilities of a pixel, y its class, k its most probable class and t_k the mean
probability of class k over the pixels given k:

    M     = number of pixels with k ≠ y and p_k ≥ t_k                      how many pixels are probably wrong
    issue = among the M pixels with the lowest p_y, and k ≠ y
    image = Σ s · softmax((1 − s) / τ) over its pixels, s = p_y           low = suspect

The probabilities are read once, image after image; what later steps need of a pixel (p_y, k, p_k: a few bytes) waits in
a temporary file when it is large.

Source: Lad, Mueller, Estimating label quality and errors in semantic segmentation data via any model, 2023.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_kernels import SLACK
from labelwright.errors import BadInput

IN_MEMORY = 1 << 26  # bytes of looked-at pixels; more wait in a file
LEAST_THRESHOLD = 2e-6
Method = Literal["softmin", "num_pixel_issues"]


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
    """Return Σ s · softmax((1 − s) / τ); 1 for nothing."""
    if not temperature > 0:
        raise BadInput(f"temperature is {temperature}", fix="use a number such as 0.1")
    if not scores.size:
        return 1.0
    wide = scores.astype(np.float64)
    weight = np.exp((wide.min() - wide) / temperature)
    return float(weight @ wide / weight.sum())


def segmentation_find_label_issues(
    labels: Any,
    pred_probs: Any,
    *,
    batch_size: int | None = None,
    n_jobs: int | None = None,
    verbose: bool = False,
    downsample: int = 1,
) -> NDArray[np.bool_]:
    """Flag the pixels whose class is probably wrong.

    Parameters
    ----------
    labels : int, shape (n, H, W), in [0, K)
        May be memory-mapped.
    pred_probs : float16, float32 or float64, shape (n, K, H, W)
        From a model that was not trained on the image. May be memory-mapped: one image is read at a time.
    batch_size, n_jobs, verbose : optional
        Accepted for the sake of callers; they change nothing.
    downsample : int, default 1
        Judge squares of so many pixels by their means; then only pixels that the model gives another class are flagged.

    Returns
    -------
    bool, shape (n, H, W)

    Examples
    --------
    >>> labels = np.array([[[0, 1], [0, 0]], [[1, 1], [1, 1]]])
    >>> probs = np.stack([1 - 0.8 * labels - 0.1, 0.8 * labels + 0.1], axis=1)
    >>> labels[0, 0, 1] = 0
    >>> np.argwhere(segmentation_find_label_issues(labels, probs))
    array([[0, 0, 1]])
    """
    given, probs = _stacks(labels, pred_probs)
    if downsample == 1:
        return np.stack(list(look_at(given, probs).flags()))
    small = look_at(_Small(given, downsample, True), _Small(probs, downsample, False))
    flags = np.stack([np.kron(flag, np.ones((downsample, downsample), bool)) for flag in small.flags()])
    for i in range(len(given)):
        flags[i] &= np.asarray(probs[i]).argmax(axis=0) != given[i]
    return flags


@dataclass(frozen=True)
class _Small:
    """Images shrunk by a whole factor, one at a time: rounded means of masks, means of probabilities, summing to 1."""

    images: NDArray[Any]
    factor: int
    masks: bool

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> NDArray[Any]:
        image = np.asarray(self.images[row])
        h, w = image.shape[-2:]
        f = self.factor
        if f < 1 or h % f or w % f:
            raise BadInput(f"{h} x {w} pixels cannot be shrunk by {f}", fix="use a divisor of height and width")
        means = image.reshape(*image.shape[:-2], h // f, f, w // f, f).mean(axis=(-1, -3))
        return np.round(means).astype(np.int64) if self.masks else means / means.sum(axis=0)


def segmentation_label_quality_scores(
    labels: Any,
    pred_probs: Any,
    *,
    method: Method = "softmin",
    batch_size: int | None = None,
    n_jobs: int | None = None,
    verbose: bool = False,
    temperature: float = 0.1,
    downsample: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.floating]]:
    """Score every image and every pixel, in [0, 1], low = suspect.

    Parameters
    ----------
    labels, pred_probs, downsample : as for `segmentation_find_label_issues`
    method : {"softmin", "num_pixel_issues"}
        Pool the scores of the pixels, or take the share of pixels that are not flagged.
    temperature : float, default 0.1
        Of softmin.

    Returns
    -------
    image_scores : float64, shape (n,)
    pixel_scores : float, shape (n, H, W)
        The probability of the given class.
    """
    given, probs = _stacks(labels, pred_probs)
    if method not in ("softmin", "num_pixel_issues"):
        raise BadInput(f"method is {method!r}", fix="use 'softmin' or 'num_pixel_issues'")
    rows, columns = np.ogrid[: given.shape[1], : given.shape[2]]
    wide = np.float64 if probs.dtype == np.float64 else np.float32
    pixels, images = np.empty(given.shape, wide), np.ones(len(given))
    for i in range(len(given)):
        _check_codes(given[i], probs.shape[1], i)
        pixels[i] = probs[i][given[i], rows, columns]
        if method == "softmin":
            images[i] = softmin(pixels[i].ravel(), temperature)
    if method == "num_pixel_issues":
        flags = segmentation_find_label_issues(given, probs, downsample=downsample)
        images = 1 - flags.mean(axis=(1, 2))
    return images, pixels


def _check_codes(mask: NDArray[Any], k: int, row: int) -> None:
    if mask.dtype.kind not in "iu" or (mask.size and (mask.min() < 0 or mask.max() >= k)):
        raise BadInput(
            f"the mask holds other numbers than 0 to {k - 1}", where=f"image {row}", fix="number the classes"
        )


def segmentation_issues_from_scores(
    image_scores: ArrayLike, pixel_scores: ArrayLike | None = None, threshold: float = 0.1
) -> NDArray[Any]:
    """Return the pixels that score below `threshold`, bool (n, H, W), or without them the images, worst first."""
    if not 0 <= threshold <= 1:
        raise BadInput(f"threshold is {threshold}", fix="give a score in [0, 1]")
    if pixel_scores is not None:
        return np.asarray(pixel_scores) < threshold
    scores = np.asarray(image_scores)
    rows = np.flatnonzero(scores < threshold)
    return rows[np.argsort(scores[rows], kind="stable")]


def segmentation_common_label_issues(
    issues: ArrayLike,
    labels: Any,
    pred_probs: Any,
    *,
    class_names: Sequence[str] | None = None,
    exclude: Sequence[int] = (),
    top: int | None = 20,
    verbose: bool = False,
) -> pa.Table:
    """Count the flagged pixels by given and predicted class, most frequent first.

    Returns
    -------
    pyarrow.Table
        Columns given_label, predicted_label, num_pixel_issues; pixels predicted as a class in `exclude` are left out.
    """
    flags, (given, probs) = np.asarray(issues, dtype=bool), _stacks(labels, pred_probs)
    k = probs.shape[1]
    counts = np.zeros((k, k), dtype=np.int64)
    for i in np.flatnonzero(flags.any(axis=(1, 2))).tolist():
        said = np.asarray(probs[i])[:, flags[i]].argmax(axis=0)
        np.add.at(counts, (given[i][flags[i]], said), 1)
    counts[:, list(exclude)] = 0
    names = [str(j) for j in range(k)] if class_names is None else list(class_names)
    a, b = np.nonzero(counts)
    order = np.argsort(-counts[a, b], kind="stable")[:top]
    table = pa.table(
        {
            "given_label": [names[j] for j in a[order].tolist()],
            "predicted_label": [names[j] for j in b[order].tolist()],
            "num_pixel_issues": counts[a, b][order],
        }
    )
    if verbose:
        print("\n".join(" | ".join(map(str, line.values())) for line in table.to_pylist()))
    return table


def segmentation_filter_by_class(
    class_index: int, issues: ArrayLike, labels: Any, pred_probs: Any
) -> NDArray[np.bool_]:
    """Return the flagged pixels whose given or predicted class is `class_index`, bool (n, H, W)."""
    flags, (given, probs) = np.array(issues, dtype=bool), _stacks(labels, pred_probs)
    for i in range(len(flags)):
        flags[i] &= (given[i] == class_index) | (np.asarray(probs[i]).argmax(axis=0) == class_index)
    return flags


def _stacks(labels: Any, pred_probs: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    given = labels if isinstance(labels, np.ndarray) else np.asarray(labels)
    probs = pred_probs if isinstance(pred_probs, np.ndarray) else np.asarray(pred_probs)
    if given.ndim != 3 or probs.ndim != 4 or (probs.shape[0], *probs.shape[2:]) != given.shape:
        raise BadInput(
            f"labels have shape {given.shape}, pred_probs {probs.shape}", fix="give (n, H, W) and (n, K, H, W)"
        )
    return given, probs
