"""Which rows the pruning filters of confident learning flag, given how many of each pair (given, truth) they are to."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.confident_kernels import push_margins, settle
from labelwright.audit.confident_rows import ConfidentRows, by_label
from labelwright.audit.joint_counts import JointCounts
from labelwright.audit.probabilities import blocks

BY_CLASS_BYTES = 1 << 26  # rows of one label within this are looked at together
PARTS = 8  # of the work on pairs of classes; each pair is the work of one, so threads change nothing


def pruned_rows(
    rows: ConfidentRows, pred_probs: NDArray, counts: JointCounts, filter_by: str, least: int
) -> NDArray[np.bool_]:
    """Apply the pruning filters; a class with `least` rows or fewer, or with one row, is left alone."""
    n_k = rows.label_counts
    open_class = (n_k > least) & (n_k > 1)
    flags = np.ones(len(rows.labels), dtype=bool)
    if filter_by != "prune_by_noise_rate":
        flags &= _smallest_given(rows, np.where(open_class, n_k - counts.diagonal, 0))
    if filter_by != "prune_by_class":
        flags &= _largest_margins(rows, pred_probs, counts, open_class)
    return flags & ~rows.agrees


def _smallest_given(rows: ConfidentRows, how_many: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Flag the how_many[k] rows of each class k with the smallest probability of k."""
    flags = np.zeros(len(rows.labels), dtype=bool)
    for k in np.flatnonzero(how_many > 0):
        mine = rows.of_class(int(k))
        given = rows.given[mine]
        m = min(int(how_many[k]), len(mine))
        worst: NDArray[Any] = np.argpartition(given, m - 1)[:m]
        if np.count_nonzero(given <= given[worst[-1]]) != m:  # a tie at the cut: the full sort decides
            worst = np.argsort(given)[:m]
        flags[mine[worst]] = True
    return flags


def _largest_margins(
    rows: ConfidentRows, pred_probs: NDArray, counts: JointCounts, open_class: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Flag, for each pair (given k, other j), the counts[k, j] rows of class k with the largest p_j − p_k.

    Most pairs find enough rows with a margin above 0; all rows are looked at only for those that do not.
    """
    asked = (counts.given != counts.true) & (counts.count > 0) & open_class[counts.given]
    given, other = counts.given[asked], counts.true[asked]
    room = np.minimum(counts.count[asked], rows.label_counts[given])
    flags = np.zeros(len(rows.labels), dtype=bool)
    ahead = np.flatnonzero(rows.beaten)
    short = _push(rows, pred_probs, ahead, given, other, room, float(np.finfo(rows.given.dtype).tiny), flags)
    if short.any():
        everyone = np.arange(len(rows.labels))
        _push(rows, pred_probs, everyone, given[short], other[short], room[short], -np.inf, flags)
    return flags


def _push(
    rows: ConfidentRows,
    pred_probs: NDArray,
    candidates: NDArray[np.int64],
    given: NDArray[np.int64],
    other: NDArray[np.int64],
    room: NDArray[np.int64],
    floor: float,
    flags: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Flag the rows with the largest margins above the floor; return the pairs that did not find enough."""
    dtype = rows.given.dtype
    indptr = np.searchsorted(given, np.arange(rows.n_classes + 1))
    shelf = np.concatenate([[0], np.cumsum(2 * room)]).astype(np.int64)
    size, cutoff = np.zeros(len(room), np.int64), np.full(len(room), floor, dtype)
    passed_over = np.full(len(room), -np.inf, dtype)
    value, row = np.empty(shelf[-1], dtype), np.empty(shelf[-1], np.int64)
    tied = np.zeros(len(room), dtype=bool)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start, block in blocks(pred_probs, BY_CLASS_BYTES):
            inside = candidates[slice(*np.searchsorted(candidates, [start, start + len(block)]))]
            parts = _by_classes(rows, inside)

            def push(part: NDArray[np.int64], start: int = start, block: NDArray = block) -> None:
                push_margins(
                    start, part, rows.labels, block, indptr, other, shelf, size, cutoff, passed_over, value, row
                )

            list(pool.map(push, parts))
        full = size >= room

        def finish(pairs: NDArray[np.int64]) -> None:
            if len(pairs):
                settle(shelf, size, room, passed_over, value, row, flags, tied, pairs[0], pairs[-1] + 1)

        list(pool.map(finish, np.array_split(np.arange(len(room)), PARTS)))
    for t in np.flatnonzero(tied):  # rows tie at the cut: the full sort decides, as in the reference code
        mine = rows.of_class(int(given[t]))
        margin = pred_probs[mine, other[t]] - pred_probs[mine, given[t]]
        flags[mine[np.argsort(-margin)[: room[t]]]] = True
    return ~full


def _by_classes(rows: ConfidentRows, chosen: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the chosen rows label after label, in parts of about equal size that share no label."""
    if not len(chosen):
        return []
    ordered = by_label(rows.labels, chosen, rows.n_classes)
    given = rows.labels[ordered]
    cuts = np.searchsorted(given, given[np.linspace(0, len(given), PARTS, endpoint=False)[1:].astype(np.int64)])
    return [part for part in np.split(ordered, cuts) if len(part)]
