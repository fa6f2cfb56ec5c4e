"""The compiled inner loops of confident learning: each reads the probabilities once, row by row.

No kernel has options, allocates per row or holds the global lock, so blocks of rows can run in threads; a block writes
only the slots of its own rows, so the result does not depend on how many threads there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

TILE = 128  # rows of one label that are looked at together
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
def classify_by_value(
    rows: NDArray[Any],
    labels: NDArray[Any],
    pred_probs: NDArray[Any],
    cuts: NDArray[Any],
    counted: NDArray[Any],
    rival: NDArray[Any],
    rival_probability: NDArray[Any],
) -> int:
    """Write what one look at each of `rows` tells, and return how many of their values are no probabilities (or NaN).

    rows (m,), labels (b,), pred_probs (b, K), cuts (K,): class j is confident in row i when its p_ij >= cuts[j].
    counted (b,): the confident class, with several the most probable of all classes, with none -1.
    rival (b,), rival_probability (b,): the first most probable class that is not the label; -1 and -1 where the label
    reaches the lowest cut and no other class does, or there is one class only.
    """
    n_classes, floor, improper = pred_probs.shape[1], cuts.min(), 0
    for i in rows:
        row, label = pred_probs[i], labels[i]
        given = row[label]
        best, at, confident, which, proper = row.dtype.type(-1.0), -1, 0, -1, 0
        for j in range(n_classes):
            proper += (row[j] >= -SLACK) & (row[j] <= 1 + SLACK)
        improper += n_classes - proper
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
    return improper


@njit(cache=True, nogil=True)
def classify_by_bits(
    labels: NDArray[Any],
    pred_probs: NDArray[Any],
    bits: NDArray[Any],
    bits_of_floor: Any,
    bits_of_one: Any,
    cuts: NDArray[Any],
    counted: NDArray[Any],
    rival: NDArray[Any],
    rival_probability: NDArray[Any],
    unclear: NDArray[Any],
) -> int:
    """Write what `classify_by_value` does for the clear rows; list the others in unclear (b,), return how many.

    bits (b, K): the same numbers as unsigned integers. Those of probabilities have the order of the floats; what is
    above 1, below 0 or NaN is larger than bits_of_one. bits_of_floor: no larger than those of the smallest cut or of 1.
    Two integer reductions over a long row, which the processor does many at a time, settle nearly every row. A rival
    below the lowest cut is left out where the label comes first.
    """
    n_unclear = 0
    for i in range(labels.size):
        row = bits[i]
        largest, near = row[0], 0
        for j in range(row.size):
            largest = max(largest, row[j])
            near += row[j] >= bits_of_floor
        first, clear = labels[i], near <= 1 and largest <= bits_of_one
        if clear and row[first] != largest:
            first = 0
            while row[first] != largest:
                first += 1
        elif clear and near == 0:
            tied = 0
            for j in range(row.size):
                tied += row[j] == largest
            clear = tied == 1
        if not clear:
            unclear[n_unclear] = i
            n_unclear += 1
            continue
        p = pred_probs[i, first]
        counted[i] = first if p >= cuts[first] else -1
        rival[i] = -1 if first == labels[i] else first
        rival_probability[i] = pred_probs.dtype.type(-1.0) if first == labels[i] else p
    return n_unclear


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

    first: number of the block's first row. rows (m,): the rows to look at, all in the block, label after label.
    labels (n,), pred_probs (b, K). indptr (K + 1,), columns (t,): the pairs asked for, as CSR by given class. Pair t
    collects in value[shelf[t] : shelf[t + 1]] and row[...], of which size[t] are in use; a full shelf is cut to its
    larger half. cutoff (t,): margins below it are refused: the caller's floor, then the smallest that a cut has kept.
    passed_over (t,): last cutoff at which a cut left an equal margin behind.
    """
    given, start = np.empty(TILE, pred_probs.dtype), 0
    while start < rows.size:
        k, stop = labels[rows[start]], start
        while stop < rows.size and stop < start + TILE and labels[rows[stop]] == k:
            given[stop - start] = pred_probs[rows[stop] - first, k]
            stop += 1
        for t in range(indptr[k], indptr[k + 1]):
            column, least, at = columns[t], cutoff[t], shelf[t] + size[t]
            for i in range(start, stop):
                margin = pred_probs[rows[i] - first, column] - given[i - start]
                if margin < least:
                    continue
                value[at], row[at] = margin, rows[i]
                at += 1
                if at == shelf[t + 1]:
                    room = shelf[t + 1] - shelf[t]
                    tied = keep_largest(value, row, shelf[t], room, room // 2)
                    at = shelf[t] + room // 2
                    least = value[at - 1]
                    if tied:
                        passed_over[t] = least
            size[t], cutoff[t] = at - shelf[t], least
        start = stop


@njit(cache=True, nogil=True)
def settle(
    shelf: NDArray[Any],
    size: NDArray[Any],
    room: NDArray[Any],
    passed_over: NDArray[Any],
    value: NDArray[Any],
    row: NDArray[Any],
    flags: NDArray[Any],
    tied: NDArray[Any],
    begin: int,
    end: int,
) -> None:
    """Flag the rows of each pair t in [begin, end) that collected at least room[t]; say in tied[t] if rows tie there.

    The arrays are those of `push_margins`; flags (n,), tied (t,) all False. A tied pair is left to the caller.
    """
    for t in range(begin, end):
        start, wanted = shelf[t], room[t]
        if size[t] < wanted:
            continue
        tied[t] = keep_largest(value, row, start, size[t], wanted) or passed_over[t] == value[start + wanted - 1]
        if not tied[t]:
            for at in range(start, start + wanted):
                flags[row[at]] = True
