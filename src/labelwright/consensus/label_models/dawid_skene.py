"""Dawid-Skene: every source has a confusion matrix; truth and matrices are estimated together by EM.

    E   log q_ik = log π_k + Σ_j log C_j[k, L_ij]
    M   π_k = mean_i q_ik,   C_j[k, l] = (Σ_i q_ik 1[L_ij = l] + ε) / Σ_l' (...)

started from the shares of the votes. `FastDawidSkene` rounds q to its best class in every E-step. ε is a Dirichlet
prior (1 + ε), so the monitored objective is the log-likelihood plus ε Σ log C, and it never falls.

Source: Dawid and Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied
Statistics 1979; Sinha et al., Fast Dawid-Skene, 2018; in the survey [P121].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.balance import checked_balance
from labelwright.consensus.base import ConfusionModel
from labelwright.consensus.count_kernels import share_count_pass
from labelwright.consensus.em import SMALLEST, climb
from labelwright.consensus.expectation import Expectation
from labelwright.consensus.kernels import confusion_step
from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput
from labelwright.evidence import Hard, Votes

Floats = NDArray[np.float64]
Parameters = tuple[Floats, Floats]  # π (K,) and C as (m, S, K)


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
        counts, totals = np.zeros((table.n_sources, table.n_symbols, table.n_classes)), np.zeros(table.n_classes)
        share_count_pass(table.offsets, table.source, table.value, table.weight, gold, counts, totals)
        self._climb([table], [gold], self._maximise(counts, totals))

    def fit_stream(self, stream: VoteStream) -> Self:
        """Fit votes that are read block by block in every pass; memory does not grow with their number."""
        symbols = stream.n_classes + int(self.abstaining_answers)
        self._prepare(stream.n_classes, symbols)
        counts = np.zeros((stream.n_sources, symbols, stream.n_classes))
        totals = np.zeros(stream.n_classes)
        for table in stream:
            share_count_pass(
                table.offsets, table.source, table.value, table.weight, table.no_gold(), counts, totals
            )  # fmt: skip
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

        with ThreadPoolExecutor(1) as helper:
            votes = Expectation(start[1].shape, helper, hard=self.hard)

            def step(parameters: Parameters) -> tuple[Parameters, float]:
                votes.begin(*parameters)
                reached = float((self._eps * np.log(parameters[1])).sum()) if smoothed else 0.0
                for b, table in enumerate(tables):
                    reached += votes.add(table, table.no_gold() if gold is None else gold[b])
                self._counts, self._totals = votes.sums()
                return self._maximise(self._counts, self._totals), reached

            arrived = climb(step, start, self.max_iter, self.tol * max(float(self.said_.sum()), 1.0))
        self.objective_, self.converged_ = arrived.objective, arrived.converged
        self._close(arrived.parameters)

    def _maximise(self, counts: Floats, totals: Floats) -> Parameters:
        """M-step: counts (m, S, K) and totals (K,) → π (K,), C (m, S, K)."""
        total = totals.sum()
        balance = self._given
        if balance is None:
            balance = totals / total if total > 0 else np.full(len(totals), 1 / len(totals))
        confusion = np.empty_like(counts)
        confusion_step(counts, self._eps, confusion)
        return balance, np.maximum(confusion, SMALLEST, out=confusion)

    def _close(self, parameters: Parameters) -> None:
        self.class_balance_ = parameters[0]
        self.confusion_ = parameters[1].transpose(0, 2, 1)

    def partial_fit(self, votes: Votes, gold: ArrayLike | Hard | None = None) -> Self:
        """Add rows: one E-step on them with what is known so far (vote shares at first), then one M-step on all."""
        table = VoteTable.of(votes, abstaining_answers=self.abstaining_answers)
        known = table.known(gold)
        if not hasattr(self, "_counts"):
            self._prepare(table.n_classes, table.n_symbols)
            self._start(table.n_sources, table.said())
            self._counts = np.zeros((table.n_sources, table.n_symbols, table.n_classes))
            self._totals = np.zeros(table.n_classes)
            cells = table.offsets, table.source, table.value, table.weight
            share_count_pass(*cells, known, self._counts, self._totals)
        else:
            self._check_alike(table.n_sources, table.n_classes)
            confusion = np.ascontiguousarray(self.confusion_.transpose(0, 2, 1))
            self.said_ = self.said_ + table.said()
            with ThreadPoolExecutor(1) as helper:
                more = Expectation(confusion.shape, helper, hard=self.hard)
                more.begin(self.class_balance_, confusion)
                more.add(table, known)
            counts, totals = more.sums()
            self._counts, self._totals = self._counts + counts, self._totals + totals
        self._close(self._maximise(self._counts, self._totals))
        return self

    def merge(self, other: Self) -> Self:
        """Add what another model of the same sources and classes saw of other rows; then one M-step."""
        self._check_alike(other.n_sources_, len(other.class_balance_))
        self._counts, self._totals = self._counts + other._counts, self._totals + other._totals
        self.said_ = self.said_ + other.said_
        self._close(self._maximise(self._counts, self._totals))
        return self


class FastDawidSkene(DawidSkene):
    """Dawid-Skene with hard E-steps: each row counts for its best class alone. Parameters as in `DawidSkene`.

    Source: Sinha et al., Fast Dawid-Skene, 2018 [P121].
    """

    hard = True
