"""Who copies whom: sources that agree more often than independent ones of their quality would.

Source: the survey of programmatic weak supervision [P121].
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from labelwright.consensus.base import LabelModel, confusion_matrices
from labelwright.consensus.label_models.dawid_skene import DawidSkene
from labelwright.consensus.label_models.majority import MajorityVote
from labelwright.consensus.table import VoteTable, summed
from labelwright.errors import BadInput
from labelwright.evidence import Votes

Floats = NDArray[np.float64]
MOST_SOURCES = 2000
LEAST_SHARED = 20


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
    return _beyond(pair_agreement(votes, model), threshold)


def _beyond(pairs: PairAgreement, threshold: float) -> tuple[Dependence, ...]:
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


def near_copies(table: VoteTable, gold: NDArray[np.int64], agreement: float = 0.95) -> tuple[Dependence, ...]:
    """Return the pairs that agree on 95 % of their rows, 20 points more than the majority makes one expect.

    At least 20 shared rows. Such pairs lead every model astray, and then look independent to it: the majority, which
    learns nothing, is the judge.
    """
    judge = MajorityVote().fit_table(table, gold)
    pairs = pair_agreement_table(table, judge.posterior_table(table), confusion_matrices(judge))
    found = _beyond(pairs, 4.0)
    return tuple(
        pair
        for pair in found
        if pair.agreement >= agreement and pair.agreement - pair.expected >= 0.2 and pair.n_shared >= LEAST_SHARED
    )


def warned_pairs(votes: Votes, model: LabelModel | None = None) -> tuple[Dependence, ...]:
    """Return the pairs of sources that a person should look at: few false alarms on independent sources.

    Near copies first (`near_copies`); they count as one source in the Dawid-Skene model that judges all pairs. Named is
    who agrees 4 standard deviations and 10 points beyond independence on 20 shared rows or more.

    Parameters
    ----------
    votes : Votes
    model : LabelModel, optional
        Fitted to these votes: it judges alone.

    Examples
    --------
    >>> warned_pairs(Votes.from_matrix([[0, 0, 1], [1, 1, 1]] * 5, n_classes=2))
    ()
    """
    table = VoteTable.of(votes)
    copies = near_copies(table, table.no_gold()) if model is None else ()
    found = {(pair.first, pair.second): pair for pair in copies}
    once = counted_once(table, copies)
    judge = DawidSkene().fit_table(once, once.no_gold()) if model is None else model
    pairs = pair_agreement_table(table, judge.posterior_table(once), confusion_matrices(judge))
    for pair in _beyond(pairs, 4.0):
        if pair.agreement - pair.expected >= 0.1 and pair.n_shared >= LEAST_SHARED:
            found[pair.first, pair.second] = pair
    return tuple(sorted(found.values(), key=lambda pair: (-pair.deviations, pair.first, pair.second)))


def overlapping_rules(votes: Votes, q: Floats) -> tuple[Dependence, ...]:
    """Return the pairs of rules that speak about the same rows far more often than two rules of their classes would.

    Rules mostly name one class, so that two of them agree whenever both speak; what tells that they look at the same
    thing is that they speak together. Given the class they would do so on Σ_k N_k c_a(k) c_b(k) rows, with
    N_k = Σ_i q_ik and c_a(k) the share of class k that rule a speaks about. Named is who exceeds that 4 standard
    deviations, twice over, on 20 rows or more and half of the rows of the rarer one.

    Parameters
    ----------
    votes : Votes
    q : float64 (n, K)
        Probabilities of the merged labels.

    Returns
    -------
    tuple of Dependence
        ``agreement`` and ``expected`` are shares of the rows of the rarer rule. By falling deviation.
    """
    said = votes.value >= 0
    shape = (votes.n_rows, votes.n_sources)
    spoke = csr_matrix((np.ones(int(said.sum())), (votes.row[said], votes.source[said])), shape=shape)
    spoke.data[:] = 1  # a rule that speaks twice on a row speaks about one row
    shared = np.asarray((spoke.T @ spoke).todense())
    total = np.maximum(q.sum(axis=0), 1e-12)
    share = np.asarray(spoke.T @ q) / total
    expected = (share * total) @ share.T
    rarer = np.maximum(np.minimum.outer(shared.diagonal(), shared.diagonal()), 1)
    deviations = (shared - expected) / np.sqrt(np.maximum(expected, 1))
    named = (deviations > 4) & (shared >= 2 * expected) & (shared >= LEAST_SHARED) & (shared >= rarer / 2)
    a, b = np.nonzero(np.triu(named, 1))
    order = np.argsort(-deviations[a, b], kind="stable")
    return tuple(
        Dependence(
            *(i, j, int(shared[i, j]), float(shared[i, j] / rarer[i, j])),
            *(float(expected[i, j] / rarer[i, j]), float(deviations[i, j])),
        )
        for i, j in zip(a[order].tolist(), b[order].tolist(), strict=True)
    )


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
    weight = np.ones(len(votes.row)) if votes.weight is None else votes.weight
    said = votes.value >= 0
    shared = weight.copy()
    shared[said] = _shared(votes.row[said], votes.source[said], weight[said], votes.n_sources, dependent)
    return Votes(
        votes.row, votes.source, votes.value, votes.n_rows, votes.n_sources, votes.n_classes, shared, votes.seconds
    )


def counted_once(table: VoteTable, dependent: tuple[Dependence, ...]) -> VoteTable:
    """Return `shared_weight` of votes that are a table already."""
    if not dependent:
        return table
    return replace(table, weight=_shared(table.row(), table.source, table.weight, table.n_sources, dependent))


def _shared(
    row: NDArray[np.int64],
    source: NDArray[np.integer],
    weight: Floats,
    n_sources: int,
    dependent: tuple[Dependence, ...],
) -> Floats:
    group = np.arange(n_sources)
    for pair in dependent:  # union by relabelling: few pairs, few groups
        a, b = group[pair.first], group[pair.second]
        group[group == max(a, b)] = min(a, b)
    _, where, size = np.unique(row * max(n_sources, 1) + group[source], return_inverse=True, return_counts=True)
    return weight / size[where]
