"""One accuracy a source: right with probability α_j, else evenly wrong; truth and accuracies by EM.

    E   log q_ik = log π_k + Σ_j (log α_j if L_ij = k else log((1 − α_j)/(K − 1)))
    M   π_k = mean_i q_ik,   α_j = (Σ_i q_{i, L_ij} + ε) / (votes of j + 2ε)

Source: in the survey [P121].
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.balance import checked_balance
from labelwright.consensus.base import EMPTY, LabelModel
from labelwright.consensus.em import climb, safe_log
from labelwright.consensus.kernels import matching_pass
from labelwright.consensus.table import VoteTable, summed
from labelwright.evidence import Hard, Votes

Floats = NDArray[np.float64]
Parameters = tuple[Floats, Floats]  # π (K,) and α (m,)


class OneCoin(LabelModel):
    """Dawid-Skene with one accuracy a source: right with probability α_j, else evenly wrong.

    Parameters
    ----------
    class_balance : float array (K,), optional
        Shares of the classes; estimated by default.
    smoothing : float, default 0.01
        Pseudo-votes added to right and to wrong answers of each source.
    max_iter : int, default 100
    tol : float, default 1e-6
        Stop when the objective changes by at most this much a vote.

    Attributes
    ----------
    accuracy_ : float64 (m,)

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], n_classes=2)
    >>> OneCoin().fit(votes).accuracy_.round(2)
    array([1. , 1. , 0.5])

    Source: [P121].
    """

    accuracy_: Floats

    def __init__(
        self,
        *,
        class_balance: ArrayLike | None = None,
        smoothing: float = 0.01,
        max_iter: int = 100,
        tol: float = 1e-6,
    ) -> None:
        self.class_balance, self.smoothing, self.max_iter, self.tol = class_balance, smoothing, max_iter, tol

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        self._prepare(table.n_classes)
        votes, k = self.said_.sum(axis=1), table.n_classes

        def step(parameters: Parameters) -> tuple[Parameters, float]:
            balance, alpha = parameters
            matches, totals = np.zeros_like(self.said_), np.zeros(k)
            reached = matching_pass(
                table.offsets, table.source, table.value, table.weight, gold, False,
                safe_log(balance), *one_coin_terms(alpha, k), matches, totals, EMPTY,
            )  # fmt: skip
            prior = self.smoothing * (safe_log(alpha) + safe_log(1 - alpha))[votes > 0].sum()
            self._right, self._totals = matches.sum(axis=1), totals
            return self._maximise(), reached + prior

        self._right, self._totals = _from_shares(table, gold)
        arrived = climb(step, self._maximise(), self.max_iter, self.tol * max(table.total_weight, 1.0))
        self.class_balance_, self.accuracy_ = arrived.parameters
        self.objective_, self.converged_ = arrived.objective, arrived.converged

    def _prepare(self, n_classes: int) -> None:
        self._given = None if self.class_balance is None else checked_balance(self.class_balance, n_classes)

    def _maximise(self) -> Parameters:
        """M-step: expected right votes (m,) and class totals (K,) → π, α."""
        total, k, votes = self._totals.sum(), len(self._totals), self.said_.sum(axis=1)
        uniform = np.full(k, 1 / k)
        balance = self._given if self._given is not None else self._totals / total if total > 0 else uniform
        alpha = (self._right + self.smoothing) / np.maximum(votes + 2 * self.smoothing, 1e-300)
        return balance, np.where(votes > 0, alpha, 1 / k)

    def partial_fit(self, votes: Votes, gold: ArrayLike | Hard | None = None) -> Self:
        """Add rows: one E-step on them with what is known so far (vote shares at first), then one M-step on all."""
        table = VoteTable.of(votes)
        known = table.known(gold)
        if not hasattr(self, "_right"):
            self._prepare(table.n_classes)
            self._start(table.n_sources, table.said())
            self._right, self._totals = _from_shares(table, known)
        else:
            self._check_alike(table.n_sources, table.n_classes)
            matches, totals = np.zeros_like(self.said_), np.zeros(table.n_classes)
            matching_pass(
                table.offsets, table.source, table.value, table.weight, known, False,
                safe_log(self.class_balance_), *one_coin_terms(self.accuracy_, table.n_classes), matches, totals, EMPTY,
            )  # fmt: skip
            self.said_ = self.said_ + table.said()
            self._right, self._totals = self._right + matches.sum(axis=1), self._totals + totals
        self.class_balance_, self.accuracy_ = self._maximise()
        return self

    def merge(self, other: Self) -> Self:
        """Add what another model of the same sources and classes saw of other rows; then one M-step."""
        self._check_alike(other.n_sources_, len(other.class_balance_))
        self.said_ = self.said_ + other.said_
        self._right, self._totals = self._right + other._right, self._totals + other._totals
        self.class_balance_, self.accuracy_ = self._maximise()
        return self

    def _posterior(self, table: VoteTable) -> Floats:
        return one_coin_posterior(table, self.class_balance_, self.accuracy_)

    def _accuracy(self) -> Floats:
        return self.accuracy_


def _from_shares(table: VoteTable, gold: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return expected right votes (m,) and class totals (K,) when the shares of the votes are the posterior."""
    q = table.shares(gold)
    right = summed(table.source, table.weight * q[table.row(), table.value], table.n_sources)
    return right, q[table.covered() | (gold >= 0)].sum(axis=0)


def one_coin_terms(alpha: Floats, n_classes: int) -> tuple[Floats, Floats]:
    """Return base and bonus (m, K) of `matching_pass` for accuracies α (m,) and even errors."""
    wrong = safe_log((1 - alpha) / max(n_classes - 1, 1))
    shape = (len(alpha), n_classes)
    base = np.ascontiguousarray(np.broadcast_to(wrong[:, None], shape))
    bonus = np.ascontiguousarray(np.broadcast_to((safe_log(alpha) - wrong)[:, None], shape))
    return base, bonus


def one_coin_posterior(table: VoteTable, balance: Floats, alpha: Floats) -> Floats:
    """Return q_ik ∝ π_k Π_j (α_j if L_ij = k else (1 − α_j)/(K − 1)), float64 (n, K)."""
    q = np.empty((table.n_rows, table.n_classes))
    base, bonus = one_coin_terms(alpha, table.n_classes)
    matching_pass(
        table.offsets, table.source, table.value, table.weight, table.no_gold(), False,
        safe_log(balance), base, bonus, np.zeros_like(base), np.zeros(table.n_classes), q,
    )  # fmt: skip
    return q
