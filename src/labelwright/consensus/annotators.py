"""The work of each annotator in numbers: how much, beside whom, how often it agrees with what is taken to be right.

An annotator is judged on the tasks that somebody else answered too, or whose label is known. Below 20 of them nothing
is said about accuracy and no rank is given: the interval would span most of the scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.consensus.analysis import summarize_sources
from labelwright.consensus.base import LabelModel
from labelwright.consensus.table import VoteTable, summed
from labelwright.evidence import Votes
from labelwright.metrics.intervals import wilson

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAST_JUDGED = 20
NOT_ENOUGH = "not enough data"


def judged_rows(table: VoteTable, known: Ints) -> Ints:
    """Return on how many rows each source can be judged: another source voted, or the class is known; int64 (m,)."""
    row = table.row()
    key = np.unique(row * table.n_sources + table.source)
    rows, sources = key // table.n_sources, key % table.n_sources
    voters = np.bincount(rows, minlength=table.n_rows)
    counted = (voters[rows] > 1) | (known[rows] >= 0)
    return np.bincount(sources[counted], minlength=table.n_sources).astype(np.int64)


def annotator_columns(votes: Votes, model: LabelModel, known: Ints, judged: Ints) -> Mapping[str, Any]:
    """Return the columns of the table of annotators, an entry a source.

    Parameters
    ----------
    votes : Votes
        n rows, m sources.
    model : LabelModel
        Fitted to them.
    known : int64 (n,)
        Known classes, -1 = unknown.
    judged : int64 (m,)
        Of `judged_rows`.
    """
    summary = summarize_sources(votes, known)
    accuracy = np.clip(model.source_quality().accuracy, 0, 1)
    enough = (judged >= LEAST_JUDGED) & ~np.isnan(accuracy)
    low, high = wilson(np.where(enough, accuracy, 0) * judged, judged)
    rank = np.zeros(len(judged), dtype=np.int64)
    order = np.argsort(np.where(enough, -accuracy, np.inf), kind="stable")
    rank[order] = np.arange(1, len(judged) + 1)
    checked = enough & (summary.n_gold > 0)
    said = summary.n_votes > 0
    n_votes = np.bincount(votes.source[votes.value >= 0], minlength=votes.n_sources)
    columns = {
        "n_votes": n_votes,
        "coverage": summary.coverage,
        "overlap": _or_null(summary.overlap, said),
        "conflict": _or_null(summary.conflict, said),
        "n_judged": judged,
        "accuracy": _or_null(accuracy, enough),
        "low": _or_null(low, enough),
        "high": _or_null(high, enough),
        "n_checked": summary.n_gold,
        "checked": _or_null(summary.accuracy, checked),
        "checked_low": _or_null(summary.low, checked),
        "checked_high": _or_null(summary.high, checked),
    }
    seconds = median_seconds(votes)
    if not np.isnan(seconds).all():
        columns["median_seconds"] = _or_null(seconds, ~np.isnan(seconds))
    notes = ["" if fine else NOT_ENOUGH for fine in enough.tolist()]
    return columns | {"rank": _or_null(rank, enough), "note": notes}


def median_seconds(votes: Votes) -> Floats:
    """Return the median time of the votes of each source, float64 (m,); NaN where no time is known."""
    known = np.flatnonzero(~np.isnan(votes.seconds)) if votes.seconds is not None else np.empty(0, dtype=np.int64)
    median = np.full(votes.n_sources, np.nan)
    if not len(known):
        return median
    seconds, source = votes.seconds[known], votes.source[known]
    order = np.lexsort((seconds, source))
    seconds, source = seconds[order], source[order]
    starts = np.searchsorted(source, np.arange(votes.n_sources))
    count = np.bincount(source, minlength=votes.n_sources)
    some = count > 0
    first, last = starts[some] + (count[some] - 1) // 2, starts[some] + count[some] // 2
    median[some] = (seconds[first] + seconds[last]) / 2
    return median


def answers_by_consensus(votes: Votes, q: Floats) -> Floats:
    """Return Σ_i w · q[i, k] over the votes of each source for each class, (m, K, K): rows = consensus, columns = said.

    Parameters
    ----------
    votes : Votes
    q : float64 (n, K)
        Probabilities of the merged labels.
    """
    m, k = votes.n_sources, q.shape[1]
    said = votes.value >= 0
    weight = votes.weight[said] if votes.weight is not None else np.ones(int(said.sum()))
    cell = votes.source[said].astype(np.int64) * k + votes.value[said]
    counts: Floats = np.stack([summed(cell, weight * q[votes.row[said], c], m * k) for c in range(k)])
    return counts.reshape(k, m, k).transpose(1, 0, 2)


def _or_null(values: NDArray[Any], valid: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, mask=~valid)
