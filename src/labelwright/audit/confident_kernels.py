"""The compiled inner loops of confident learning: each reads the probabilities once, row by row.

No kernel has options, allocates per row or holds the global lock, so blocks of rows can run in threads; a block writes
only the slots of its own rows, so the result does not depend on how many threads there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

SLACK = 1e-6  # two probabilities nearer than this count as equal


@njit(cache=True, nogil=True)
def take_given(labels: NDArray[Any], pred_probs: NDArray[Any], out: NDArray[Any]) -> None:  # (b,), (b, K) -> (b,)
    """Write the probability of the given class of each row."""
    for i in range(labels.size):
        out[i] = pred_probs[i, labels[i]]


@njit(cache=True, nogil=True)
def scatter_by_label(labels: NDArray[Any], values: NDArray[Any], place: NDArray[Any], out: NDArray[Any]) -> None:
    """Write values (n,) label after label, rows ascending within one; place (K,): where each label starts."""
    for i in range(labels.size):
        k = labels[i]
        out[place[k]] = values[i]
        place[k] += 1


@njit(cache=True, nogil=True)
def count_labels(labels: NDArray[Any], n_classes: int) -> NDArray[Any]:  # (n,) -> (K,)
    """Count the rows of each label."""
    counts = np.zeros(n_classes, np.int64)
    for i in range(labels.size):
        counts[labels[i]] += 1
    return counts


@njit(cache=True, nogil=True)
def count_pairs(labels: NDArray[Any], counted: NDArray[Any], table: NDArray[Any]) -> None:  # (n,), (n,) -> (K, K)
    """Count the rows of each pair (label, class counted in); -1 is not counted."""
    for i in range(labels.size):
        if counted[i] >= 0:
            table[labels[i], counted[i]] += 1


@njit(cache=True, nogil=True)
def largest_bits(bits: NDArray[Any]) -> int:  # (m,) unsigned
    """Return the largest number: floats above 1, negative ones and NaN all have larger bits than 1.0."""
    largest = bits[0]
    for i in range(bits.size):
        largest = max(largest, bits[i])
    return largest


@njit(cache=True, nogil=True)
def classify_rows(
    labels: NDArray[Any],
    pred_probs: NDArray[Any],
    cuts: NDArray[Any],
    counted: NDArray[Any],
    rival: NDArray[Any],
    rival_probability: NDArray[Any],
) -> None:
    """Write what one look at each row tells; the values must be no NaN.

    labels (b,), pred_probs (b, K), cuts (K,): class j is confident in row i when pred_probs[i, j] >= cuts[j].
    counted (b,): the confident class, with several the most probable of all classes, with none -1.
    rival (b,), rival_probability (b,): the first most probable class that is not the label; -1 and -1 where the label
    reaches the lowest cut and no other class does, or there is one class only.
    """
    n_classes, floor = pred_probs.shape[1], cuts.min()
    for i in range(labels.size):
        row, label = pred_probs[i], labels[i]
        given = row[label]
        best, at, confident, which = row.dtype.type(-1.0), -1, 0, -1
        for j in range(n_classes):
            p = row[j]
            if p >= floor:  # few classes come so far: one well predicted branch for the others
                if p > best and j != label:
                    best, at = p, j
                if p >= cuts[j]:
                    confident += 1
                    which = j
        if at < 0 and given < floor:
            for j in range(n_classes):
                if row[j] > best and j != label:
                    best, at = row[j], j
        rival[i], rival_probability[i] = at, best
        if confident > 1:
            which = label if at < 0 or given > best or (given == best and label < at) else at
        counted[i] = which


@njit(cache=True, nogil=True)
def take_top_other(labels: NDArray[Any], pred_probs: NDArray[Any], out: NDArray[Any]) -> None:  # (b,), (b, K) -> (b,)
    """Write the largest probability of a class that is not the label, -1 when there is one class only."""
    for i in range(labels.size):
        row, label = pred_probs[i], labels[i]
        best = row.dtype.type(-1.0)
        for j in range(row.size):
            p = row[j] if j != label else row.dtype.type(-1.0)
            best = p if p > best else best
        out[i] = best


@njit(cache=True, nogil=True)
def most_probable_confident(pred_probs: NDArray[Any], cuts: NDArray[Any], counted: NDArray[Any]) -> None:
    """Write the most probable of the confident classes of each row, -1 when there is none; (b, K), (K,) -> (b,)."""
    for i in range(pred_probs.shape[0]):
        at = -1
        for j in range(pred_probs.shape[1]):
            if pred_probs[i, j] >= cuts[j] and (at < 0 or pred_probs[i, j] > pred_probs[i, at]):
                at = j
        counted[i] = at


@njit(cache=True, nogil=True)
def keep_largest(value: NDArray[Any], row: NDArray[Any], start: int, size: int, wanted: int) -> bool:
    """Move the `wanted` largest of value[start : start + size] to the front, the smallest of them last, rows along.

    Return whether a value that was left behind equals the smallest that was kept. Quickselect, after Hoare 1961.
    """
    low, high, last = start, start + size - 1, start + wanted - 1
    while low < high:
        pivot, i, j = value[(low + high) // 2], low, high
        while i <= j:
            while value[i] > pivot:
                i += 1
            while value[j] < pivot:
                j -= 1
            if i <= j:
                value[i], value[j] = value[j], value[i]
                row[i], row[j] = row[j], row[i]
                i += 1
                j -= 1
        if last <= j:
            high = j
        elif last >= i:
            low = i
        else:
            break
    left = 0
    for i in range(last + 1, start + size):
        left += value[i] == value[last]
    return left > 0


@njit(cache=True, nogil=True)
def push_margins(
    first: int,
    rows: NDArray[Any],
    labels: NDArray[Any],
    pred_probs: NDArray[Any],
    indptr: NDArray[Any],
    columns: NDArray[Any],
    shelf: NDArray[Any],
    size: NDArray[Any],
    cutoff: NDArray[Any],
    passed_over: NDArray[Any],
    value: NDArray[Any],
    row: NDArray[Any],
) -> None:
    """Keep, for every (given k, other j) that is asked for, the rows with the largest margin p_j - p_k.

    first: number of the block's first row. rows (m,): the rows to look at, all in the block. labels (n,),
    pred_probs (b, K). indptr (K + 1,), columns (t,): the pairs asked for, as CSR by given class. Pair t collects in
    value[shelf[t] : shelf[t + 1]] and row[...], of which size[t] are in use; a full shelf is cut to its larger half.
    cutoff (t,): margins below it are refused: the caller's floor, then the smallest that a cut has kept.
    passed_over (t,): last cutoff at which a cut left an equal margin behind.
    """
    for i in rows:
        k = labels[i]
        given = pred_probs[i - first, k]
        for t in range(indptr[k], indptr[k + 1]):
            margin = pred_probs[i - first, columns[t]] - given
            if margin < cutoff[t]:
                continue
            start, room = shelf[t], shelf[t + 1] - shelf[t]
            value[start + size[t]], row[start + size[t]] = margin, i
            size[t] += 1
            if size[t] == room:
                half = room // 2
                tied = keep_largest(value, row, start, room, half)
                size[t], cutoff[t] = half, value[start + half - 1]
                if tied:
                    passed_over[t] = cutoff[t]


@njit(cache=True, nogil=True)
def settle(
    shelf: NDArray[Any],
    size: NDArray[Any],
    room: NDArray[Any],
    passed_over: NDArray[Any],
    value: NDArray[Any],
    row: NDArray[Any],
    flags: NDArray[Any],
) -> NDArray[Any]:
    """Flag the rows of each pair t that collected at least room[t]; return (t,) where rows are tied at the cut.

    The arrays are those of `push_margins`; flags (n,). A tied pair is left to the caller.
    """
    tied = np.zeros(room.size, np.bool_)
    for t in range(room.size):
        start, wanted = shelf[t], room[t]
        if size[t] < wanted:
            continue
        tied[t] = keep_largest(value, row, start, size[t], wanted) or passed_over[t] == value[start + wanted - 1]
        if not tied[t]:
            for at in range(start, start + wanted):
                flags[row[at]] = True
    return tied
