"""What the votes alone say about the sources: coverage, overlap, conflict, accuracy on known rows.

Source: the survey of programmatic weak supervision [P121].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.table import VoteTable, gold_codes, summed
from labelwright.evidence import Hard, Votes
from labelwright.metrics.intervals import wilson

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SourceSummary:
    """One entry a source, arrays (m,).

    Parameters
    ----------
    n_votes : float64
        Total weight of its votes, abstentions left out.
    coverage : float64
        Share of all rows that it votes on.
    overlap : float64
        Share of its votes on rows with another vote; NaN without votes.
    conflict : float64
        Share of its votes on rows where another source says something else; NaN without votes.
    n_classes_used : int64
        How many classes it ever answers (its polarity).
    n_gold : int64
        Its votes on rows of known class.
    accuracy, low, high : float64
        Share of those that are right, with Wilson's 95 % interval; NaN, 0 and 1 without any.
    """

    n_votes: Floats
    coverage: Floats
    overlap: Floats
    conflict: Floats
    n_classes_used: NDArray[np.int64]
    n_gold: NDArray[np.int64]
    accuracy: Floats
    low: Floats
    high: Floats


def summarize_sources(votes: Votes, gold: ArrayLike | Hard | None = None) -> SourceSummary:
    """Describe every source from its votes, and from the rows of known class where there are some.

    Parameters
    ----------
    votes : Votes
        n rows, m sources, K classes.
    gold : int array (n,) or Hard, optional
        Known classes, -1 = unknown.

    Examples
    --------
    >>> summary = summarize_sources(Votes.from_matrix([[0, 0], [1, 0], [1, -1]], n_classes=2), gold=[0, 1, 1])
    >>> summary.coverage.round(2), summary.conflict, summary.accuracy
    (array([1.  , 0.67]), array([0.33333333, 0.5       ]), array([1. , 0.5]))
    """
    table = VoteTable.of(votes)
    known = gold_codes(gold, table.n_rows, table.n_classes)
    row, source, m = table.row(), table.source, table.n_sources
    n_votes = summed(source, table.weight, m)
    counts = table.class_weights()
    others = np.diff(table.offsets)[row] > 1
    differ = counts.sum(axis=1)[row] - counts[row, table.value] > 1e-12
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (source[1:] != source[:-1])
    judged = known[row] >= 0
    n_gold = np.bincount(source[judged], minlength=m)
    right = np.bincount(source[judged & (known[row] == table.value)], minlength=m)
    low, high = wilson(right, n_gold)
    with np.errstate(invalid="ignore", divide="ignore"):
        return SourceSummary(
            n_votes,
            np.bincount(source[first], minlength=m) / max(table.n_rows, 1),
            summed(source, table.weight * others, m) / n_votes,
            summed(source, table.weight * differ, m) / n_votes,
            (table.said() > 0).sum(axis=1),
            n_gold.astype(np.int64),
            right / n_gold,
            low,
            high,
        )
