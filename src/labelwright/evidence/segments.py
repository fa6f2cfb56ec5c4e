"""Ragged rows as offsets: entries ``offsets[i]:offsets[i + 1]`` belong to row ``i``.

`segment_sum` has a NumPy and a torch body; every sparse likelihood and every ragged bag rests on it.
"""

from __future__ import annotations

import numpy as np
from array_api_compat import is_torch_array
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, frozen


def segment_sum(values: Array, ids: NDArray[np.integer], n_segments: int) -> Array:
    """Sum the entries of each segment.

    Parameters
    ----------
    values : array (t, ...)
        NumPy or torch. Minus infinity is allowed; a segment that holds one sums to minus infinity.
    ids : int array (t,)
        Segment of each entry, in ``0..n_segments - 1``, in any order.
    n_segments : int
        Number of segments; one without entries sums to 0.

    Returns
    -------
    array (n_segments, ...)
        In the namespace and on the device of `values`; gradients flow through the torch body.

    Examples
    --------
    >>> segment_sum(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 0]), 3)
    array([5., 0., 2.])
    """
    if is_torch_array(values):
        import torch

        index = torch.as_tensor(np.array(ids, dtype=np.int64), device=values.device)
        empty = torch.zeros((n_segments, *values.shape[1:]), dtype=values.dtype, device=values.device)
        return empty.index_add(0, index, values)
    flat = np.asarray(values)
    if flat.ndim == 1:
        return np.bincount(ids, weights=flat, minlength=n_segments).astype(flat.dtype, copy=False)
    from scipy.sparse import csr_matrix

    order = np.argsort(ids, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(ids, minlength=n_segments))))
    gather = csr_matrix((np.ones(len(order), dtype=flat.dtype), order, starts), shape=(n_segments, len(flat)))
    wide = flat.reshape(len(flat), -1) if len(flat) else flat.reshape(0, int(np.prod(flat.shape[1:])))
    return np.asarray(gather @ wide).reshape(n_segments, *flat.shape[1:])


def segment_ids(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of each entry, int64 (t,)."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))


def offsets_of(lengths: ArrayLike) -> NDArray[np.int64]:
    """Return the offsets int64 (n + 1,) of rows with these numbers of entries."""
    return np.concatenate(([0], np.cumsum(np.asarray(lengths, dtype=np.int64)))).astype(np.int64)


def take_segments(offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the offsets of the chosen rows and the positions of their entries in the old arrays."""
    lengths = offsets[rows + 1] - offsets[rows]
    taken = offsets_of(lengths)
    shift = np.repeat(offsets[rows] - taken[:-1], lengths)
    return taken, np.arange(taken[-1], dtype=np.int64) + shift


def checked_offsets(offsets: ArrayLike, n_entries: int, name: str) -> NDArray[np.int64]:
    """Return read-only offsets that start at 0, never fall and end at `n_entries`; BadInput otherwise."""
    array = frozen(offsets, np.int64, name)
    if len(array) == 0 or array[0] != 0 or array[-1] != n_entries or (np.diff(array) < 0).any():
        raise BadInput(
            f"{name} do not cut {n_entries} entries into rows", fix="start at 0, never fall, end at the length"
        )
    return array


def grouped(ids: NDArray[np.integer], n_groups: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ``(offsets, positions)``: the positions of each group's members, in order."""
    positions = np.argsort(ids, kind="stable").astype(np.int64)
    return offsets_of(np.bincount(ids, minlength=n_groups)), positions


def repeats(values: NDArray[np.integer]) -> bool:
    """Return whether some value occurs twice."""
    return bool((np.diff(np.sort(values)) == 0).any())
