"""What the votes alone say about the sources: coverage, overlap, conflict, accuracy on known rows, who copies whom.

Source: the survey of programmatic weak supervision [P121].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.base import LabelModel, confusion_matrices
from labelwright.consensus.table import VoteTable, gold_codes, summed
from labelwright.errors import BadInput
from labelwright.evidence import Hard, Votes
from labelwright.metrics.intervals import wilson

Floats = NDArray[np.float64]
MOST_SOURCES = 2000


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


@dataclass(frozen=True)
class Dependence:
    """Two sources that agree more often than two independent ones of their quality would.

    Parameters
    ----------
    first, second : int
    n_shared : int
        Rows that both voted on.
    agreement, expected : float
        Observed share of equal votes, and the one expected given the consensus.
    deviations : float
        The difference in standard deviations.
    """

    first: int
    second: int
    n_shared: int
    agreement: float
    expected: float
    deviations: float


def dependent_sources(votes: Votes, model: LabelModel, threshold: float = 4.0) -> tuple[Dependence, ...]:
    """Return the pairs of sources that agree more than `threshold` standard deviations beyond independence.

    Given the consensus q of `model` and its confusion matrices C, two independent sources agree on row i with
    probability Σ_k q_ik Σ_l C_a[k, l] C_b[k, l].

    Parameters
    ----------
    votes : Votes
    model : LabelModel
        Fitted to these votes.
    threshold : float, default 4.0

    Returns
    -------
    tuple of Dependence
        By falling deviation. Of more than 2000 sources only those with the most votes are looked at.

    Notes
    -----
    A model that was led astray by copies finds them less surprising: a simple model (`MajorityVote`, `OneCoin`) as
    judge shows more of them.

    Source: [P121].
    """
    pairs = pair_agreement(votes, model)
    spread = np.sqrt(np.maximum(pairs.variance, 1e-12))
    deviations = np.where(pairs.shared > 0, (pairs.agreed - pairs.expected) / spread, 0.0)
    a, b = np.nonzero(np.tril(deviations > threshold, -1))
    order = np.argsort(-deviations[a, b], kind="stable")
    found = []
    for i, j in zip(a[order].tolist(), b[order].tolist(), strict=True):
        shared = float(pairs.shared[i, j])
        ends = sorted((int(pairs.source[i]), int(pairs.source[j])))
        found.append(
            Dependence(
                ends[0], ends[1], int(shared), float(pairs.agreed[i, j] / shared),
                float(pairs.expected[i, j] / shared), float(deviations[i, j]),
            )
        )  # fmt: skip
    return tuple(found)


@dataclass(frozen=True)
class PairAgreement:
    """Agreement of pairs of sources, lower triangles (s, s) over the sources `source` (s,)."""

    source: NDArray[np.int64]
    shared: Floats
    agreed: Floats
    expected: Floats
    variance: Floats

    def excess(self, least_shared: int = 10) -> float:
        """Return the mean squared deviation over pairs with enough shared rows: about 1 for independent sources.

        NaN where no pair shares `least_shared` rows.
        """
        enough = self.shared >= least_shared
        squared = (self.agreed - self.expected)[enough] ** 2 / np.maximum(self.variance[enough], 1e-12)
        return float(squared.mean()) if len(squared) else float("nan")


def pair_agreement(votes: Votes, model: LabelModel) -> PairAgreement:
    """Return how often each two sources agree, and how often they would if they erred independently."""
    return pair_agreement_table(VoteTable.of(votes), model.predict_proba(votes), confusion_matrices(model))


def pair_agreement_table(table: VoteTable, q: Floats, confusion: Floats) -> PairAgreement:
    """Return `pair_agreement` for posteriors q (n, K) and confusion matrices (m, K, K)."""
    if len(confusion) != table.n_sources:
        raise BadInput("the model knows other sources than the votes", fix="fit it to these votes")
    n_votes = summed(table.source, table.weight, table.n_sources)
    chosen = np.sort(np.argsort(-n_votes, kind="stable")[:MOST_SOURCES])
    place = np.full(table.n_sources, -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    tables = [np.zeros((len(chosen), len(chosen))) for _ in range(4)]
    _pair_pass(table.offsets, place[table.source], table.value, q, np.ascontiguousarray(confusion[chosen]), *tables)
    return PairAgreement(chosen, *tables)


@njit(cache=True, nogil=True)
def _pair_pass(offsets, source, value, q, confusion, shared, agreed, expected, variance):  # type: ignore[no-untyped-def]
    """Fill the lower triangles (s, s) of observed and expected agreement; sources below 0 are skipped."""
    classes = q.shape[1]
    for i in range(len(offsets) - 1):
        for a in range(offsets[i], offsets[i + 1]):
            if source[a] < 0:
                continue
            for b in range(offsets[i], a):
                if source[b] < 0 or source[a] == source[b]:
                    continue
                high, low = max(source[a], source[b]), min(source[a], source[b])
                p = 0.0
                for k in range(classes):
                    if q[i, k] > 1e-6:
                        same = 0.0
                        for l in range(classes):
                            same += confusion[high, k, l] * confusion[low, k, l]
                        p += q[i, k] * same
                shared[high, low] += 1
                agreed[high, low] += value[a] == value[b]
                expected[high, low] += p
                variance[high, low] += p * (1 - p)


def shared_weight(votes: Votes, dependent: tuple[Dependence, ...]) -> Votes:
    """Return the votes with one vote's weight shared among dependent sources: copies count once.

    Sources that pairs of `dependent` link form groups; on each row the votes of a group have a total weight of the
    largest of them.

    Examples
    --------
    >>> votes = Votes.from_matrix([[0, 0, 1]], n_classes=2)
    >>> shared_weight(votes, (Dependence(0, 1, 1, 1.0, 0.5, 9.0),)).weight
    array([0.5, 0.5, 1. ])
    """
    group = np.arange(votes.n_sources)
    for pair in dependent:  # union by relabelling: few pairs, few groups
        a, b = group[pair.first], group[pair.second]
        group[group == max(a, b)] = min(a, b)
    weight = np.ones(len(votes.row)) if votes.weight is None else votes.weight
    said = votes.value >= 0
    key = votes.row[said] * max(votes.n_sources, 1) + group[votes.source[said]]
    _, where, size = np.unique(key, return_inverse=True, return_counts=True)
    shared = weight.copy()
    shared[said] = weight[said] / size[where]
    return Votes(
        votes.row, votes.source, votes.value, votes.n_rows, votes.n_sources, votes.n_classes, shared, votes.seconds
    )
