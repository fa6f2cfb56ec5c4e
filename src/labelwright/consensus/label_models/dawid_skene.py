"""Dawid-Skene: every source has a confusion matrix; truth and matrices are estimated together by EM.

    E   log q_ik = log π_k + Σ_j log C_j[k, L_ij]
    M   π_k = mean_i q_ik,   C_j[k, l] = (Σ_i q_ik 1[L_ij = l] + ε) / Σ_l' (...)

started from the shares of the votes. `OneCoin` has one accuracy a source, α_j, and even errors; `FastDawidSkene`
rounds q to its best class in every E-step. ε is a Dirichlet prior (1 + ε), so the monitored objective is the
log-likelihood plus ε Σ log C, and it never falls.

Source: Dawid and Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied
Statistics 1979; Sinha et al., Fast Dawid-Skene, 2018; in the survey [P121].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.balance import checked_balance
from labelwright.consensus.base import EMPTY, ConfusionModel, LabelModel
from labelwright.consensus.em import climb, safe_log
from labelwright.consensus.kernels import confusion_pass, count_pass, matching_pass
from labelwright.consensus.table import VoteTable, gold_codes, summed
from labelwright.errors import BadInput
from labelwright.evidence import Hard, Votes

Floats = NDArray[np.float64]
Parameters = tuple[Floats, Floats]  # π (K,) and log C as (m, S, K), or π and α (m,)


class VoteStream(Protocol):
    """Votes too many to hold: may be iterated again and again, in the same blocks; no row is cut by a block."""

    n_sources: int
    n_classes: int

    def __iter__(self) -> Iterator[VoteTable]: ...


class DawidSkene(ConfusionModel):
    """One confusion matrix a source, by EM.

    Parameters
    ----------
    class_balance : float array (K,), optional
        Shares of the classes; estimated by default.
    smoothing : float or float array (K, S), default 0.01
        Pseudo-votes ε added to each cell of every confusion matrix, at least 0.
    max_iter : int, default 100
    tol : float, default 1e-6
        Stop when the objective changes by at most this much a vote.
    abstaining_answers : bool, default False
        Count an abstention as one more answer (S = K + 1) instead of nothing.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 0]], n_classes=2)
    >>> DawidSkene().fit(votes).predict_proba(votes).argmax(axis=1)
    array([0, 1, 0, 1])

    Notes
    -----
    Sources that copy each other are trusted too much: see `dependent_sources`.

    Source: Dawid and Skene, Applied Statistics 1979 [P121].
    """

    hard = False

    def __init__(
        self,
        *,
        class_balance: ArrayLike | None = None,
        smoothing: float | ArrayLike = 0.01,
        max_iter: int = 100,
        tol: float = 1e-6,
        abstaining_answers: bool = False,
    ) -> None:
        self.class_balance, self.smoothing = class_balance, smoothing
        self.max_iter, self.tol, self.abstaining_answers = max_iter, tol, abstaining_answers

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        self._prepare(table.n_classes, table.n_symbols)
        q = np.where((gold >= 0)[:, None], gold[:, None] == np.arange(table.n_classes), table.shares())
        counts = np.zeros((table.n_sources, table.n_symbols, table.n_classes))
        count_pass(table.offsets, table.source, table.value, table.weight, q, counts)
        self._climb([table], [gold], self._maximise(counts, q[table.covered() | (gold >= 0)].sum(axis=0)))

    def fit_stream(self, stream: VoteStream) -> Self:
        """Fit votes that are read block by block in every pass; memory does not grow with their number."""
        symbols = stream.n_classes + int(self.abstaining_answers)
        self._prepare(stream.n_classes, symbols)
        counts = np.zeros((stream.n_sources, symbols, stream.n_classes))
        totals = np.zeros(stream.n_classes)
        for table in stream:
            q = table.shares()
            count_pass(table.offsets, table.source, table.value, table.weight, q, counts)
            totals += q[table.covered()].sum(axis=0)
        self._start(stream.n_sources, counts.sum(axis=2))
        self._climb(stream, None, self._maximise(counts, totals))
        return self

    def _prepare(self, n_classes: int, n_symbols: int) -> None:
        eps = np.asarray(self.smoothing, dtype=np.float64)
        if eps.shape not in ((), (n_classes, n_symbols)) or not np.isfinite(eps).all() or (eps < 0).any():
            raise BadInput(
                f"smoothing has shape {eps.shape}, or an entry is negative",
                fix=f"pass one number of at least 0, or a table ({n_classes}, {n_symbols})",
            )
        self._eps = np.ascontiguousarray(np.broadcast_to(eps, (n_classes, n_symbols)).T)
        self._given = None if self.class_balance is None else checked_balance(self.class_balance, n_classes)

    def _climb(self, tables: Iterable[VoteTable], gold: list[NDArray[np.int64]] | None, start: Parameters) -> None:
        smoothed = bool(self._eps.any())

        def step(parameters: Parameters) -> tuple[Parameters, float]:
            balance, log_c = parameters
            counts, totals = np.zeros_like(log_c), np.zeros_like(balance)
            reached = float((self._eps * log_c).sum()) if smoothed else 0.0
            for b, table in enumerate(tables):
                known = table.no_gold() if gold is None else gold[b]
                reached += confusion_pass(
                    table.offsets, table.source, table.value, table.weight, known, 1, self.hard,
                    safe_log(balance), log_c, counts, totals, EMPTY,
                )  # fmt: skip
            self._counts, self._totals = counts, totals
            return self._maximise(counts, totals), reached

        arrived = climb(step, start, self.max_iter, self.tol * max(float(self.said_.sum()), 1.0))
        self.objective_, self.converged_ = arrived.objective, arrived.converged
        self._close(arrived.parameters)

    def _maximise(self, counts: Floats, totals: Floats) -> Parameters:
        """M-step: counts (m, S, K) and totals (K,) → π (K,), log C (m, S, K)."""
        total = totals.sum()
        balance = self._given
        if balance is None:
            balance = totals / total if total > 0 else np.full(len(totals), 1 / len(totals))
        smoothed = counts + self._eps
        votes = smoothed.sum(axis=1, keepdims=True)
        share = np.where(votes > 0, smoothed / np.where(votes > 0, votes, 1), 1 / counts.shape[1])
        return balance, safe_log(share)

    def _close(self, parameters: Parameters) -> None:
        self.class_balance_ = parameters[0]
        self.confusion_ = np.exp(parameters[1]).transpose(0, 2, 1)

    def partial_fit(self, votes: Votes, gold: ArrayLike | Hard | None = None) -> Self:
        """Add rows: one E-step on them with what is known so far (vote shares at first), then one M-step on all."""
        table = VoteTable.of(votes, abstaining_answers=self.abstaining_answers)
        known = gold_codes(gold, table.n_rows, table.n_classes)
        if not hasattr(self, "_counts"):
            self._prepare(table.n_classes, table.n_symbols)
            self._start(table.n_sources, table.said())
            q = np.where((known >= 0)[:, None], known[:, None] == np.arange(table.n_classes), table.shares())
            self._counts = np.zeros((table.n_sources, table.n_symbols, table.n_classes))
            self._totals = q[table.covered() | (known >= 0)].sum(axis=0)
            count_pass(table.offsets, table.source, table.value, table.weight, q, self._counts)
        else:
            self._fits(table.n_sources, table.n_classes)
            log_c = safe_log(np.ascontiguousarray(self.confusion_.transpose(0, 2, 1)))
            self.said_ = self.said_ + table.said()
            confusion_pass(
                table.offsets, table.source, table.value, table.weight, known, 1, self.hard,
                safe_log(self.class_balance_), log_c, self._counts, self._totals, EMPTY,
            )  # fmt: skip
        self._close(self._maximise(self._counts, self._totals))
        return self

    def merge(self, other: Self) -> Self:
        """Add what another model of the same sources and classes saw of other rows; then one M-step."""
        self._fits(other.n_sources_, len(other.class_balance_))
        self._counts, self._totals = self._counts + other._counts, self._totals + other._totals
        self.said_ = self.said_ + other.said_
        self._close(self._maximise(self._counts, self._totals))
        return self

    def _fits(self, n_sources: int, n_classes: int) -> None:
        if (n_sources, n_classes) != (self.n_sources_, len(self.class_balance_)):
            raise BadInput(
                f"{n_sources} sources and {n_classes} classes meet {self.n_sources_} and {len(self.class_balance_)}",
                fix="number sources and classes alike in all parts",
            )


class FastDawidSkene(DawidSkene):
    """Dawid-Skene with hard E-steps: each row counts for its best class alone. Parameters as in `DawidSkene`.

    Source: Sinha et al., Fast Dawid-Skene, 2018 [P121].
    """

    hard = True


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
        k = table.n_classes
        given = None if self.class_balance is None else checked_balance(self.class_balance, k)
        votes = self.said_.sum(axis=1)

        def maximise(right: Floats, totals: Floats) -> Parameters:
            total = totals.sum()
            uniform = np.full(k, 1 / k)
            balance = given if given is not None else totals / total if total > 0 else uniform
            alpha = (right + self.smoothing) / np.maximum(votes + 2 * self.smoothing, 1e-300)
            return balance, np.where(votes > 0, alpha, 1 / k)

        def step(parameters: Parameters) -> tuple[Parameters, float]:
            balance, alpha = parameters
            matches, totals = np.zeros_like(self.said_), np.zeros(k)
            reached = matching_pass(
                table.offsets, table.source, table.value, table.weight, gold, False,
                safe_log(balance), *one_coin_terms(alpha, k), matches, totals, EMPTY,
            )  # fmt: skip
            prior = self.smoothing * (safe_log(alpha) + safe_log(1 - alpha))[votes > 0].sum()
            return maximise(matches.sum(axis=1), totals), reached + prior

        q = np.where((gold >= 0)[:, None], gold[:, None] == np.arange(k), table.shares())
        right = summed(table.source, table.weight * q[table.row(), table.value], table.n_sources)
        start = maximise(right, q[table.covered() | (gold >= 0)].sum(axis=0))
        arrived = climb(step, start, self.max_iter, self.tol * max(table.total_weight, 1.0))
        self.class_balance_, self.accuracy_ = arrived.parameters
        self.objective_, self.converged_ = arrived.objective, arrived.converged

    def _posterior(self, table: VoteTable) -> Floats:
        return one_coin_posterior(table, self.class_balance_, self.accuracy_)

    def _accuracy(self) -> Floats:
        return self.accuracy_


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
