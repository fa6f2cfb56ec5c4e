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
def group_by_label(labels: NDArray[Any], n_classes: int) -> tuple[NDArray[Any], NDArray[Any]]:  # -> (n,), (K + 1,)
    """Return the rows ordered by label, ascending within a label, and where each label starts."""
    start = np.zeros(n_classes + 1, np.int64)
    for i in range(labels.size):
        start[labels[i] + 1] += 1
    for k in range(n_classes):
        start[k + 1] += start[k]
    place = start[:-1].copy()
    order = np.empty(labels.size, np.int64)
    for i in range(labels.size):
        order[place[labels[i]]] = i
        place[labels[i]] += 1
    return order, start


@njit(cache=True, nogil=True)
def classify_rows(
    labels: NDArray[Any],
    pred_probs: NDArray[Any],
    cuts: NDArray[Any],
    reference: NDArray[Any],
    paper: NDArray[Any],
    rival: NDArray[Any],
    top_other: NDArray[Any],
) -> int:
    """Write what one look at each row tells; return how many probabilities are no probabilities.

    labels (b,), pred_probs (b, K), cuts (K,): class j is confident in row i when pred_probs[i, j] >= cuts[j].
    reference, paper (b,): the class each row is counted in, -1 when none is confident. With several confident
    classes `reference` takes the most probable of all classes, `paper` the most probable of the confident ones.
    rival (b,), top_other (b,): the most probable class other than the label, and its probability.
    """
    n_classes = pred_probs.shape[1]
    bad = 0
    for i in range(labels.size):
        row = pred_probs[i]
        label = labels[i]
        given = row[label]
        for j in range(n_classes):  # apart from the search below, so that it compiles to vector instructions
            bad += not (-SLACK <= row[j] <= 1.0 + SLACK)
        best = row.dtype.type(-1.0)
        best_at, confident, best_in, best_in_at = -1, 0, row.dtype.type(-1.0), -1
        for j in range(n_classes):
            p = row[j]
            if p > best and j != label:
                best, best_at = p, j
            if p >= cuts[j]:
                confident += 1
                if p > best_in:
                    best_in, best_in_at = p, j
        rival[i], top_other[i] = best_at, best
        paper[i] = best_in_at
        if confident > 1:
            argmax_is_label = best_at < 0 or given > best or (given == best and label < best_at)
            reference[i] = label if argmax_is_label else best_at
        else:
            reference[i] = best_in_at
    return bad


@njit(cache=True, nogil=True)
def _sift_down(value: NDArray[Any], row: NDArray[Any], start: int, size: int) -> None:
    """Restore the heap order (smallest on top) below the first entry."""
    hole, v, r = 0, value[start], row[start]
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and value[start + child + 1] < value[start + child]:
            child += 1
        if value[start + child] >= v:
            break
        value[start + hole], row[start + hole] = value[start + child], row[start + child]
        hole = child
    value[start + hole], row[start + hole] = v, r


@njit(cache=True, nogil=True)
def _sift_up(value: NDArray[Any], row: NDArray[Any], start: int, at: int) -> None:
    """Restore the heap order above entry `at`."""
    v, r = value[start + at], row[start + at]
    while at > 0:
        parent = (at - 1) // 2
        if value[start + parent] <= v:
            break
        value[start + at], row[start + at] = value[start + parent], row[start + parent]
        at = parent
    value[start + at], row[start + at] = v, r


@njit(cache=True, nogil=True)
def push_margins(
    first: int,
    labels: NDArray[Any],
    pred_probs: NDArray[Any],
    indptr: NDArray[Any],
    columns: NDArray[Any],
    heaps: NDArray[Any],
    size: NDArray[Any],
    cutoff: NDArray[Any],
    passed_over: NDArray[Any],
    value: NDArray[Any],
    row: NDArray[Any],
) -> None:
    """Keep, for every (given k, other j) that is asked for, the rows with the largest margin p_j - p_k.

    first: number of the block's first row. labels (b,), pred_probs (b, K).
    indptr (K + 1,), columns (m,): the pairs asked for, as CSR by given class; pair t keeps at most
    heaps[t + 1] - heaps[t] rows in value[heaps[t]:], row[heaps[t]:], of which size[t] are in use.
    cutoff (m,): smallest kept margin once a heap is full, else -inf. passed_over (m,): largest margin that was
    dropped or refused at the cutoff; where it equals the final cutoff, rows are tied there.
    """
    for i in range(labels.size):
        k = labels[i]
        given = pred_probs[i, k]
        for t in range(indptr[k], indptr[k + 1]):
            margin = pred_probs[i, columns[t]] - given
            if margin < cutoff[t]:
                continue
            start, room = heaps[t], heaps[t + 1] - heaps[t]
            if size[t] < room:
                value[start + size[t]], row[start + size[t]] = margin, first + i
                _sift_up(value, row, start, size[t])
                size[t] += 1
            else:
                passed_over[t] = cutoff[t]
                if margin > cutoff[t]:
                    value[start], row[start] = margin, first + i
                    _sift_down(value, row, start, room)
            if size[t] == room:
                cutoff[t] = value[start]
