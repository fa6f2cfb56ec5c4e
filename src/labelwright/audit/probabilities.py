"""Predicted probabilities as the auditors read them: checked once at the border, then block by block."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput

BLOCK_BYTES = 1 << 20  # what stays in the cache while several operations pass over it
LARGE_BLOCK = 1 << 24  # for a kernel that looks at each row once
SMALL = 1 << 20  # fewer numbers than this are not worth a thread


def as_labels(labels: ArrayLike, n_classes: int) -> NDArray[np.int32]:
    """Return labels as int32, shape (n,); BadInput unless they are whole numbers in [0, n_classes)."""
    given = np.asarray(labels)
    if given.ndim != 1:
        raise BadInput(f"labels has shape {given.shape}, not (n,)", fix="give one label a row")
    if given.dtype.kind not in "iub" and not (given.dtype.kind == "f" and (given == np.rint(given)).all()):
        raise BadInput(
            f"labels are {given.dtype}, not class numbers", fix="encode them with LabelSpace(names).encode(labels)"
        )
    if given.size and not (given.min() >= 0 and given.max() < n_classes):
        row = int(np.flatnonzero((given < 0) | (given >= n_classes))[0])
        raise BadInput(
            f"label {given[row]} is not one of the {n_classes} columns of pred_probs",
            where=f"row {row}",
            fix=f"use class numbers 0 to {n_classes - 1}, and leave unlabelled rows out",
        )
    return np.ascontiguousarray(given, dtype=np.int32)


def as_probabilities(pred_probs: ArrayLike, n_rows: int | None = None) -> NDArray[np.floating]:
    """Return probabilities with shape (n, K) without copying them; values are checked when they are read."""
    given = np.asarray(pred_probs)
    if given.ndim != 2 or given.shape[1] == 0:
        raise BadInput(f"pred_probs has shape {given.shape}, not (n, K)", fix="give one column a class")
    if given.dtype.kind not in "fiub":
        raise BadInput(f"pred_probs are {given.dtype}, not numbers", fix="give floating-point probabilities")
    if n_rows is not None and len(given) != n_rows:
        raise BadInput(
            f"pred_probs has {len(given)} rows but there are {n_rows} labels", fix="give one row of both for each item"
        )
    return given


def as_bits(values: NDArray[np.floating]) -> NDArray[np.unsignedinteger]:
    """Return float32 or float64 numbers as the unsigned integers with the same bits."""
    return values.view(np.uint64 if values.dtype == np.float64 else np.uint32)


def not_probabilities(pred_probs: NDArray[Any], n_bad: int) -> BadInput:
    """Return the error that names the first value that is no probability."""
    row, column, value = next(
        (start + int(at[0]), int(at[1]), block[tuple(at)])
        for start, block in blocks(pred_probs)
        for at in np.argwhere(~((block >= -1e-6) & (block <= 1 + 1e-6)))
    )
    return BadInput(
        f"{n_bad} of the probabilities are not in [0, 1]; the first is {value}",
        where=f"pred_probs row {row}, column {column}",
        fix="give probabilities: softmax logits first, and fill missing values",
    )


def open_npy(path: str | Path) -> NDArray[Any]:
    """Memory-map a `.npy` file; BadInput when it is none."""
    try:
        return np.load(Path(path), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"cannot be read as a .npy file ({error})", where=str(path), fix="save it with numpy.save"
        ) from None


def blocks(pred_probs: NDArray[Any], block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, NDArray[np.floating]]]:
    """Yield (first row, rows) in order: C-contiguous float32 or float64 blocks, copied only where they must be."""
    for start, stop in _cuts(pred_probs, block_bytes):
        yield start, readable(pred_probs[start:stop])


def for_blocks(
    pred_probs: NDArray[Any],
    work: Callable[[int, int, NDArray[np.floating]], int],
    jobs: int | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> int:
    """Call work(start, stop, rows) for every block, in threads when there is enough to do; return the sum."""
    cuts = _cuts(pred_probs, block_bytes)
    workers = min(len(cuts), jobs or min(4, os.cpu_count() or 1))
    if workers == 1 or pred_probs.size < SMALL:
        return sum(work(start, stop, readable(pred_probs[start:stop])) for start, stop in cuts)
    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(lambda cut: work(cut[0], cut[1], readable(pred_probs[cut[0] : cut[1]])), cuts))


def readable(block: NDArray[Any]) -> NDArray[np.floating]:
    """Return a block as the kernels want it: C-contiguous float32 or float64."""
    kept = block.dtype in (np.float32, np.float64) and block.dtype.isnative
    return np.ascontiguousarray(block, dtype=block.dtype if kept else np.float64)


def value_dtype(pred_probs: NDArray[Any]) -> np.dtype:
    """Return the precision that probabilities are worked on in: their own, or float64."""
    return np.dtype(np.float32) if pred_probs.dtype == np.float32 else np.dtype(np.float64)


def _cuts(pred_probs: NDArray[Any], block_bytes: int) -> list[tuple[int, int]]:
    n, k = pred_probs.shape
    step = max(1, block_bytes // (8 * k))
    return [(start, min(n, start + step)) for start in range(0, n, step)]
