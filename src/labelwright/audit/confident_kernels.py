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
def count_improper(values: NDArray[Any]) -> int:  # (m,)
    """Count the values that are no probabilities, NaN among them."""
    bad = 0
    for i in range(values.size):
        bad += not (-SLACK <= values[i] <= 1.0 + SLACK)
    return bad


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def classify_rows(
    labels: NDArray[Any],
    pred_probs: NDArray[Any],
    cuts: NDArray[Any],
    counted: NDArray[Any],
    rival: NDArray[Any],
    top_other: NDArray[Any],
) -> None:
    """Write what one look at each row tells; the values must be no NaN.

    labels (b,), pred_probs (b, K), cuts (K,): class j is confident in row i when pred_probs[i, j] >= cuts[j].
    counted (b,): the confident class, with several the most probable of all classes, with none -1.
    top_other (b,): the largest probability of a class that is not the label; rival (b,): the first such class, found
    only where it is no less probable than the label, else -1.
    """
    n_classes = pred_probs.shape[1]
    for i in range(labels.size):
        row, label = pred_probs[i], labels[i]
        given = row[label]
        best, confident, which = row.dtype.type(-1.0), 0, 0
        for j in range(n_classes):  # no branches, so that it compiles to vector instructions
            p = row.dtype.type(-1.0) if j == label else row[j]
            best = p if p > best else best
            sure = row[j] >= cuts[j]
            confident += sure
            which += j * sure
        top_other[i] = best
        at = -1
        if best >= given:
            for j in range(n_classes):
                if row[j] == best and j != label:
                    at = j
                    break
        rival[i] = at
        if confident > 1:
            which = label if given > best or (given == best and label < at) else at
        counted[i] = which if confident > 0 else -1


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
    rows: NDArray[Any],
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

    first: number of the block's first row. rows (m,): the rows to look at, all in the block. labels (n,),
    pred_probs (b, K). indptr (K + 1,), columns (t,): the pairs asked for, as CSR by given class; pair t keeps at most
    heaps[t + 1] - heaps[t] rows in value[heaps[t]:], row[heaps[t]:], of which size[t] are in use.
    cutoff (t,): margins below it are refused: the caller's floor until a heap is full, then its smallest margin.
    passed_over (t,): largest margin that was dropped or refused at the cutoff of a full heap; where it equals the
    final cutoff, rows are tied there.
    """
    for i in rows:
        k = labels[i]
        given = pred_probs[i - first, k]
        for t in range(indptr[k], indptr[k + 1]):
            margin = pred_probs[i - first, columns[t]] - given
            if margin < cutoff[t]:
                continue
            start, room = heaps[t], heaps[t + 1] - heaps[t]
            if size[t] < room:
                value[start + size[t]], row[start + size[t]] = margin, i
                _sift_up(value, row, start, size[t])
                size[t] += 1
            else:
                passed_over[t] = cutoff[t]
                if margin > cutoff[t]:
                    value[start], row[start] = margin, i
                    _sift_down(value, row, start, room)
            if size[t] == room:
                cutoff[t] = value[start]
