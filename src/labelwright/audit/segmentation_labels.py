"""Label errors in masks, pixel by pixel, in memory bounded by one image.

Every pixel is a row. With p the probabilities of a pixel, y its class, k its most probable class and t_k the mean
probability of class k over the pixels given k:

    M     = number of pixels with k ≠ y and p_k ≥ t_k                      how many pixels are probably wrong
    issue = among the M pixels with the lowest p_y, and k ≠ y
    image = Σ s · softmax((1 − s) / τ) over its pixels, s = p_y           low = suspect

The probabilities are read once, image after image (`pixel_pass`).

Source: Lad, Mueller, Estimating label quality and errors in semantic segmentation data via any model, 2023.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.pixel_pass import given_pass, look_at, softmin
from labelwright.errors import BadInput

Method = Literal["softmin", "num_pixel_issues"]


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
        issues = np.empty(given.shape, dtype=bool)
        for i, flags in enumerate(look_at(given, probs).flags()):
            issues[i] = flags
        return issues
    small = look_at(_Small(given, downsample, True), _Small(probs, downsample, False))
    issues = np.stack([np.kron(flags, np.ones((downsample, downsample), bool)) for flags in small.flags()])
    for i in range(len(given)):
        issues[i] &= np.asarray(probs[i]).argmax(axis=0) != given[i]
    return issues


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
    n_jobs : int, optional
        Threads, each at one image; by default as many as there are cores, 4 at most. Results do not depend on it.
    batch_size, verbose : optional
        Accepted for the sake of callers; they change nothing.
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
    wide = np.float64 if probs.dtype == np.float64 else np.float32
    pixels, images = np.empty(given.shape, wide), np.ones(len(given))

    def score(i: int) -> None:
        seen = np.asarray(probs[i])
        if seen.dtype != wide:  # float16, or bytes in the other order
            seen = seen.astype(wide)
        if given_pass(_codes(given[i], probs.shape[1], i), seen, pixels[i]):
            raise _no_classes(probs.shape[1], i)
        if method == "softmin":
            images[i] = softmin(pixels[i], temperature)

    with ThreadPoolExecutor(n_jobs if n_jobs and n_jobs > 0 else min(4, os.cpu_count() or 1)) as pool:
        for _ in pool.map(score, range(len(given))):  # the first bad image is the one that is named
            pass
    if method == "num_pixel_issues":
        flags = segmentation_find_label_issues(given, probs, downsample=downsample)
        images = 1 - flags.mean(axis=(1, 2))
    return images, pixels


def _codes(mask: NDArray[Any], k: int, row: int) -> NDArray[Any]:
    """Return a mask as whole numbers of few types, because each is compiled for by itself."""
    codes = np.ascontiguousarray(mask)
    if codes.dtype.kind not in "iu":
        raise _no_classes(k, row)
    kept = codes.dtype.isnative and codes.dtype in (np.uint8, np.int32, np.int64)
    return codes if kept else codes.astype(np.int64)


def _no_classes(k: int, row: int) -> BadInput:
    problem = f"the mask holds other numbers than 0 to {k - 1}"
    return BadInput(problem, where=f"image {row}", fix="number the classes")


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

    Parameters
    ----------
    issues : bool (n, H, W)
        As `segmentation_find_label_issues` flags them.
    labels : int (n, H, W)
    pred_probs : float (n, K, H, W)
    class_names : sequence of str, length K, optional
    top : int, optional
        Pairs of classes to list; None lists all.
    verbose : bool
        Print them, too.

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
    """Return the flagged pixels whose given or predicted class is `class_index`, bool (n, H, W).

    Parameters are those of `segmentation_common_label_issues`.

    Examples
    --------
    >>> probs = np.array([[[[0.9, 0.1]], [[0.1, 0.9]], [[0.0, 0.0]]]])
    >>> segmentation_filter_by_class(0, [[[True, True]]], np.array([[[1, 2]]]), probs)
    array([[[ True, False]]])
    """
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
