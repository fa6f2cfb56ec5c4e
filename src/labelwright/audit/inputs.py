"""What auditors take: the same arrays, checked once at the border with one clear message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput


class NeighborTable(Protocol):
    """The nearest other rows of each row, nearest first: `labelwright.data.neighbors.Neighbors` is one."""

    @property
    def indices(self) -> NDArray[np.int64]:
        """Row numbers, int64 (n, k); -1 where a row has fewer than k neighbours."""
        ...

    @property
    def distances(self) -> NDArray[np.float32]:
        """Distances, float32 (n, k), ascending within a row."""
        ...


def class_codes(labels: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Return labels as int64 (n,) in -1 .. n_classes - 1; BadInput for anything else.

    Examples
    --------
    >>> class_codes([0, 1, -1], 2)
    array([ 0,  1, -1])
    """
    codes = np.asarray(labels)
    if codes.ndim != 1:
        raise BadInput(f"labels have shape {codes.shape}, expected one number a row", fix="pass an array of shape (n,)")
    if codes.size and codes.dtype.kind not in "iu":
        raise BadInput(f"labels have dtype {codes.dtype}, expected integers", fix="encode them with LabelSpace.encode")
    if codes.size and (codes.min() < -1 or codes.max() >= n_classes):
        row = int(np.flatnonzero((codes < -1) | (codes >= n_classes))[0])
        problem = f"label {int(codes[row])} is outside -1 .. {n_classes - 1}"
        raise BadInput(problem, where=f"row {row}", fix="number classes from 0 and use -1 for unlabelled rows")
    return codes.astype(np.int64)


def probabilities(pred_probs: ArrayLike, n: int, n_classes: int) -> NDArray[np.float64]:
    """Return predicted probabilities as float64 (n, n_classes); BadInput where shape or values do not fit."""
    p = np.asarray(pred_probs)
    if p.shape != (n, n_classes):
        raise BadInput(f"pred_probs has shape {p.shape}, expected ({n}, {n_classes})", fix="give one row a label")
    p = p.astype(np.float64, copy=False)
    if not np.isfinite(p).all():
        row = int(np.flatnonzero(~np.isfinite(p).all(axis=1))[0])
        raise BadInput("pred_probs holds NaN or infinity", where=f"row {row}", fix="predict this row again")
    return p


def feature_matrix(features: ArrayLike) -> NDArray[np.float32]:
    """Return features as float32 (n, d); BadInput where they are not a finite matrix."""
    x = np.asarray(features)
    if x.ndim != 2 or x.dtype.kind not in "fiub":
        raise BadInput(f"features have shape {x.shape} and dtype {x.dtype}", fix="pass numbers of shape (n, d)")
    x = np.ascontiguousarray(x, dtype=np.float32)
    if x.size and not np.isfinite(x).all():
        row = int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])
        raise BadInput("features hold NaN or infinity", where=f"row {row}", fix="fill or drop the missing values")
    return x


def same_length(n: int, /, **arrays: Sequence[object] | NDArray | None) -> None:
    """Raise BadInput unless each array that is given has length n."""
    for name, values in arrays.items():
        if values is not None and len(values) != n:
            raise BadInput(f"{name} has {len(values)} entries, expected {n}", fix="pass one entry a row")


def neighbor_arrays(neighbors: NeighborTable) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return indices (n, k), distances (n, k) and which of them are real neighbours, bool (n, k)."""
    indices = np.asarray(neighbors.indices)
    distances = np.asarray(neighbors.distances, dtype=np.float64)
    if indices.ndim != 2 or indices.shape != distances.shape:
        raise BadInput(
            f"neighbour indices have shape {indices.shape}, distances {distances.shape}",
            fix="pass two arrays of shape (n, k)",
        )
    if indices.size and indices.max() >= len(indices):
        raise BadInput(f"a neighbour is row {int(indices.max())} of {len(indices)}", fix="find the neighbours again")
    valid = (indices >= 0) & np.isfinite(distances)
    return indices.astype(np.int64), np.maximum(distances, 0.0), valid


def reasons_at(rows: NDArray[np.integer], texts: Sequence[str], n: int) -> list[str | None]:
    """Return a list of length n with `texts` at `rows` and None elsewhere."""
    reasons: list[str | None] = [None] * n
    for row, text in zip(rows.tolist(), texts, strict=True):
        reasons[row] = text
    return reasons
