"""Triplets (FlyingSquid): accuracies in closed form from the agreements of three sources at a time.

For two classes let λ_j in {−1, 0, 1}, M_jk = mean λ_j λ_k and a_j = E[λ_j Y]. Independent errors give
M_jk = a_j a_k, so that for any two others k, l

    |a_j| = sqrt |M_jk M_jl / M_kl|,   the median over pairs (k, l) with |M_kl| > 1e-6;  sign +: better than random

With P0 = P(λ = 0), P1 = P(λ = 1), c = 1 − P0 and r = (1 + a − P0)/2 = P(λ Y = 1):

    p(1, 1) = (r + P1 + π₁c − c)/2,  p(1, −1) = P1 − p(1, 1),  p(−1, 1) = π₁c − p(1, 1),  p(−1, −1) = r − p(1, 1)

and naive Bayes over the voters. More classes: one against the rest, then normalised.

Source: Fu et al., Fast and three-rious: speeding up weak supervision with triplet methods, ICML 2020; in the survey
[P121].
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.balance import class_balance, gold_counts
from labelwright.consensus.base import LabelModel
from labelwright.consensus.em import safe_log
from labelwright.consensus.kernels import confusion_pass
from labelwright.consensus.moments import co_counts, enough_sources
from labelwright.consensus.table import VoteTable
from labelwright.evidence import Hard, Votes

Floats = NDArray[np.float64]
TOO_SMALL = 1e-6
SMALLEST = 1e-4


class TripletModel(LabelModel):
    """Accuracies from triples of sources, in one pass and without iteration.

    Parameters
    ----------
    class_balance : float array (K,), optional
        Shares of the classes; of the gold rows when there are 30, else uniform.
    partners : int, default 40
        Each source meets at most this many others: those whose second moment with it is largest.

    Attributes
    ----------
    moment_ : float64 (m, K)
        a_j of each source for each class against the rest (for two classes both columns are equal).

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1]], n_classes=2)
    >>> TripletModel().fit(votes).predict_proba(votes).argmax(axis=1)
    array([1, 0, 1, 0, 1])

    Source: Fu et al., ICML 2020 [P121].
    """

    moment_: Floats

    def __init__(self, *, class_balance: ArrayLike | None = None, partners: int = 40) -> None:
        self.class_balance, self.partners = class_balance, partners

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        enough_sources(self.said_)
        self._sums, self._n_rows, self._gold = self._counted(table), table.n_rows, gold_counts(gold, table.n_classes)
        self._solve()

    def partial_fit(self, votes: Votes, gold: ArrayLike | Hard | None = None) -> Self:
        """Add rows: second moments add up, so that parts give what the whole gives."""
        table = VoteTable.of(votes)
        known = gold_counts(table.known(gold), table.n_classes)
        if not hasattr(self, "_sums"):
            enough_sources(table.said())
            self._start(table.n_sources, table.said())
            self._sums, self._n_rows, self._gold = self._counted(table), table.n_rows, known
        else:
            self._check_alike(table.n_sources, table.n_classes)
            self._add(self._counted(table), table.n_rows, known, table.said())
        self._solve()
        return self

    def merge(self, other: Self) -> Self:
        """Add what another model of the same sources and classes saw of other rows."""
        self._check_alike(other.n_sources_, len(other.class_balance_))
        self._add(other._sums, other._n_rows, other._gold, other.said_)
        self._solve()
        return self

    def _add(self, sums: Floats, n_rows: int, gold: NDArray[np.int64], said: Floats) -> None:
        self._sums, self._n_rows = self._sums + sums, self._n_rows + n_rows
        self._gold, self.said_ = self._gold + gold, self.said_ + said

    def _counted(self, table: VoteTable) -> Floats:
        """Return Σ λ_j λ_k over rows, for each class against the rest, (K, m, m); for two classes (1, m, m)."""
        k, m = table.n_classes, table.n_sources
        sums = np.zeros((1 if k == 2 else k, m, m))
        for place, side in enumerate([1] if k == 2 else range(k)):
            signs = np.where(table.value == side, 1.0, -1.0)
            co_counts(table.offsets, table.source, signs * np.sqrt(table.weight), sums[place])
        return sums

    def _solve(self) -> None:
        k, n = self.said_.shape[1], max(self._n_rows, 1)
        self.class_balance_ = class_balance(self.class_balance, np.repeat(np.arange(k), self._gold), k)
        sides = [1, 1] if k == 2 else list(range(k))
        moments, tables = {}, {}
        for place, side in enumerate(sorted(set(sides))):
            moments[side] = triplet_moments(self._sums[place] / n, self.partners)
            tables[side] = vote_given_class(moments[side], self.said_ / n, side, self.class_balance_[side])
        self.moment_ = np.stack([moments[side] for side in sides], axis=1)
        self._tables = tables

    def _posterior(self, table: VoteTable) -> Floats:
        k = table.n_classes
        if k == 2:
            return self._against_rest(table, 1)[:, ::-1].copy()
        scores = np.stack([self._against_rest(table, side)[:, 0] for side in range(k)], axis=1)
        return scores / scores.sum(axis=1, keepdims=True)

    def _against_rest(self, table: VoteTable, side: int) -> Floats:
        """Return P(y = side), P(y ≠ side), (n, 2)."""
        share = self.class_balance_[side]
        log_table = np.ascontiguousarray(safe_log(self._tables[side]))
        value = np.where(table.value == side, 0, 1)
        q = np.empty((table.n_rows, 2))
        confusion_pass(
            table.offsets, table.source, value, table.weight, table.no_gold(), 1, False,
            safe_log(np.array([share, 1 - share])), log_table, np.zeros_like(log_table), np.zeros(2), q,
        )  # fmt: skip
        return q

    def _accuracy(self) -> Floats:
        coverage = self.said_.sum(axis=1)
        rows = np.zeros(len(coverage))
        for side, balance in enumerate(self.class_balance_):
            column = self._tables[1 if len(self.class_balance_) == 2 else side]
            place = 1 - side if len(self.class_balance_) == 2 else 0
            given = column[:, :, place]  # P(vote for or against | this class), (m, 2)
            rows += balance * given[:, place] / np.maximum(given.sum(axis=1), 1e-300)
        return np.where(coverage > 0, rows, np.nan)


def triplet_moments(second: Floats, partners: int = 40) -> Floats:
    """Return a (m,) from second moments M (m, m): the median over pairs (k, l) of sqrt |M_jk M_jl / M_kl|.

    A source with no usable pair gets 0.
    """
    m = len(second)
    size = np.abs(second) * ~np.eye(m, dtype=bool)
    found = np.zeros(m)
    for j in range(m):
        others = np.argsort(-size[j], kind="stable")[: min(partners, m - 1)]
        others = others[others != j]
        first, then = np.triu_indices(len(others), 1)
        k, l = others[first], others[then]
        usable = size[k, l] > TOO_SMALL
        if usable.any():
            k, l = k[usable], l[usable]
            found[j] = np.median(np.sqrt(size[j, k] * size[j, l] / size[k, l]))
    return found


def vote_given_class(moment: Floats, shares: Floats, side: int, balance: float) -> Floats:
    """Return P(votes for the side or against it | class is the side, or not), (m, 2, 2), at least 1e-4.

    `moment` (m,) is a_j = E[λ_j Y], `shares` (m, K) the shares of rows with each answer, `balance` = π₁.
    """
    positive = shares[:, side]
    covered = shares.sum(axis=1)
    right = (moment + covered) / 2
    both = (right + positive + balance * covered - covered) / 2
    joint = np.stack(
        [
            np.stack([both, positive - both], axis=1),
            np.stack([balance * covered - both, right - both], axis=1),
        ],
        axis=1,
    )
    return np.maximum(joint, SMALLEST) / np.array([balance, 1 - balance])
