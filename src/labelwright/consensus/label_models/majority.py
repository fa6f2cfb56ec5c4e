"""Votes are counted, plain or weighted by how often each source agrees with the rest.

    q_ik ∝ Σ_j w_j · 1[L_ij = k]

`MajorityVote` has w = 1. `WorkerAgreement` (WAWA) sets w_j to the share of j's votes that agree with the unweighted
majority. `ZeroBasedSkill` starts at w = 1/K and repeats w_j ← w_j + lr · (agreement_j − w_j), voting anew each time.

Source: A Survey on Programmatic Weak Supervision, 2022 [P121].
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.balance import checked_balance
from labelwright.consensus.base import LabelModel, most_probable
from labelwright.consensus.count_kernels import agreement_pass, share_pass
from labelwright.consensus.table import VoteTable, summed
from labelwright.errors import BadInput
from labelwright.evidence import Hard, Votes

Floats = NDArray[np.float64]


class WeightedVote(LabelModel):
    """Share of the weighted votes for each class.

    Parameters
    ----------
    weights : float array (m,), optional
        Weight of each source, at least 0; 1 by default.
    class_balance : float array (K,), optional
        Multiplies the shares; uniform by default.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 1, 1]], n_classes=2)
    >>> WeightedVote([3, 1, 1]).fit(votes).predict_proba(votes)
    array([[0.6, 0.4]])

    Source: [P121].
    """

    weights_: Floats

    def __init__(self, weights: ArrayLike | None = None, *, class_balance: ArrayLike | None = None) -> None:
        self.weights, self.class_balance = weights, class_balance

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        k = table.n_classes
        self._prior = np.full(k, 1 / k) if self.class_balance is None else checked_balance(self.class_balance, k)
        self.weights_ = self._learn_weights(table)
        q = self._posterior(table)
        if (gold >= 0).any():
            q = np.where((gold >= 0)[:, None], gold[:, None] == np.arange(k), q)
        self._count(table, q)

    def _learn_weights(self, table: VoteTable) -> Floats:
        if self.weights is None:
            return np.ones(table.n_sources)
        weights = np.asarray(self.weights, dtype=np.float64)
        if weights.shape != (table.n_sources,) or not np.isfinite(weights).all() or (weights < 0).any():
            raise BadInput(
                f"weights have shape {weights.shape} for {table.n_sources} sources, or one is negative",
                fix="pass one number of at least 0 a source",
            )
        return weights

    def _count(self, table: VoteTable, q: Floats) -> None:
        self._class_totals = table.covered().astype(np.float64) @ q
        self._agreed = agreement(table, q)
        self._close()

    def _close(self) -> None:
        total = self._class_totals.sum()
        self.class_balance_ = self._class_totals / total if total > 0 else self._prior.copy()

    def _posterior(self, table: VoteTable) -> Floats:
        return weighted_shares(table, self.weights_, self._prior)

    def _accuracy(self) -> Floats:
        return self._agreed / np.maximum(self.said_.sum(axis=1), 1e-300)

    def partial_fit(self, votes: Votes, gold: ArrayLike | Hard | None = None) -> Self:
        """Add rows: class balance and agreement add up. Weights that are learned stay those of the first rows."""
        if not hasattr(self, "class_balance_"):
            return self.fit(votes, gold)
        table = VoteTable.of(votes)
        self._check_alike(table.n_sources, table.n_classes)
        known = table.known(gold)
        shares = self._posterior(table)
        q = np.where((known >= 0)[:, None], known[:, None] == np.arange(table.n_classes), shares)
        self._class_totals = self._class_totals + q[table.covered()].sum(axis=0)
        self._agreed, self.said_ = self._agreed + agreement(table, q), self.said_ + table.said()
        self._close()
        return self

    def merge(self, other: Self) -> Self:
        """Add what another model of the same sources saw of other rows: class balance and agreement add up."""
        self._check_alike(other.n_sources_, len(other.class_balance_))
        self._class_totals = self._class_totals + other._class_totals
        self._agreed, self.said_ = self._agreed + other._agreed, self.said_ + other.said_
        self._close()
        return self


class MajorityVote(WeightedVote):
    """Share of the votes for each class.

    Parameters
    ----------
    class_balance : float array (K,), optional
        Multiplies the shares; uniform by default.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 1, 1, -1]], n_classes=2)
    >>> MajorityVote().fit(votes).predict_proba(votes).round(3)
    array([[0.333, 0.667]])

    Source: [P121]; when it is the best that can be done: `majority_is_optimal` [P086].
    """

    def __init__(self, *, class_balance: ArrayLike | None = None) -> None:
        super().__init__(None, class_balance=class_balance)


class WorkerAgreement(WeightedVote):
    """Weighted vote (WAWA): a source weighs as much as it agrees with the unweighted majority.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 0, 1], [1, 1, 0], [0, 0, 0]], n_classes=2)
    >>> WorkerAgreement().fit(votes).weights_.round(3)
    array([1.   , 1.   , 0.333])

    Source: [P121].
    """

    def __init__(self) -> None:
        super().__init__(None)

    def _learn_weights(self, table: VoteTable) -> Floats:
        winner = most_probable(table.shares())
        return agreement_share(table, winner)


class ZeroBasedSkill(WeightedVote):
    """Weighted vote whose weights move step by step towards each source's agreement with the weighted majority.

    Parameters
    ----------
    n_iter : int, default 100
    learning_rate : float in (0, 1], default 1.0
    tol : float, default 1e-5
        Stop when no weight changes by more.

    Source: [P121].
    """

    def __init__(self, n_iter: int = 100, learning_rate: float = 1.0, tol: float = 1e-5) -> None:
        super().__init__(None)
        self.n_iter, self.learning_rate, self.tol = n_iter, learning_rate, tol

    def _learn_weights(self, table: VoteTable) -> Floats:
        weights = np.full(table.n_sources, 1 / table.n_classes + 1e-6)
        self.converged_ = False
        for _ in range(self.n_iter):
            winner = most_probable(weighted_shares(table, weights, self._prior))
            change = self.learning_rate * (agreement_share(table, winner) - weights)
            weights = weights + change
            if np.abs(change).max(initial=0.0) <= self.tol:
                self.converged_ = True
                break
        return weights


def weighted_shares(table: VoteTable, weights: Floats, prior: Floats) -> Floats:
    """Return q_ik ∝ prior_k · Σ_j w_j 1[L_ij = k], float64 (n, K); the prior where no weight is left."""
    q = np.empty((table.n_rows, table.n_classes))
    share_pass(table.offsets, table.source, table.value, table.weight, weights, prior, q)
    return q


def agreement(table: VoteTable, q: Floats) -> Floats:
    """Return Σ_i w · q[i, L_ij] of each source, float64 (m,)."""
    agreed = np.zeros(table.n_sources)
    agreement_pass(table.offsets, table.source, table.value, table.weight, q, agreed)
    return agreed


def agreement_share(table: VoteTable, winner: NDArray[np.int64]) -> Floats:
    """Return the share of each source's votes that equal `winner` (n,), float64 (m,); 0 without a vote."""
    same = summed(table.source, table.weight * (winner[table.row()] == table.value), table.n_sources)
    votes = summed(table.source, table.weight, table.n_sources)
    return same / np.where(votes > 0, votes, 1)
