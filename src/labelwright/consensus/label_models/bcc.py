"""Bayesian classifier combination, by variational inference.

`EBCC`: each class has M subtypes in which sources err alike, so that errors may be correlated; `IBCC` is M = 1.
Subtype weights ~ Dir(a/M), class shares τ ~ Dir(α) with α = majority counts, rows of confusions v_jkm ~ Dir(β_k).

    log ρ_ikm = E log π_km + E log τ_k + Σ_j E log v_jkm[L_ij]          E log x = ψ(x) − ψ(Σ x)
    η_km = a/M + Σ_i ρ_ikm,   ν_k = α_k + Σ_im ρ_ikm,   μ_jkml = β_kl + Σ_{i: L_ij = l} ρ_ikm

Source: Kim and Ghahramani, Bayesian classifier combination, AISTATS 2012; Li et al., Exploiting worker correlation for
label aggregation in crowdsourcing, ICML 2019; in the survey [P121].
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.base import EMPTY, LabelModel
from labelwright.consensus.count_kernels import count_pass
from labelwright.consensus.dirichlet import dirichlet_kl, expected_log
from labelwright.consensus.em import best_climb
from labelwright.consensus.kernels import confusion_pass
from labelwright.consensus.table import VoteTable
from labelwright.evidence import Hard, Votes

Floats = NDArray[np.float64]
Parameters = tuple[Floats, Floats, Floats]  # η (K, M), ν (K,), μ as (m, S, K · M)


class EBCC(LabelModel):
    """Confusion matrices with priors, several subtypes a class: sources may err together.

    Parameters
    ----------
    subtypes : int, default 10
        M, at least 1.
    right, wrong : float, default 4.0 and 1.0
        β: prior votes for the true class and for each other one.
    concentration : float, default 0.1
        a: small values keep few subtypes.
    restarts : int, default 5
        Starts that split the majority's votes among subtypes at random; the highest lower bound wins.
    max_iter : int, default 100
    tol : float, default 1e-6
        Stop when the lower bound changes by at most this much a vote.
    seed : int, default 0

    Attributes
    ----------
    confusion_ : float64 (m, K, K)
        P(answer | class), mixed over the subtypes.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 0]], n_classes=2)
    >>> EBCC(subtypes=2).fit(votes).predict_proba(votes).argmax(axis=1)
    array([0, 1, 0, 1])

    Source: Li et al., ICML 2019 [P121].
    """

    confusion_: Floats

    def __init__(
        self,
        subtypes: int = 10,
        *,
        right: float = 4.0,
        wrong: float = 1.0,
        concentration: float = 0.1,
        restarts: int = 5,
        max_iter: int = 100,
        tol: float = 1e-6,
        seed: int = 0,
    ) -> None:
        self.subtypes, self.right, self.wrong, self.concentration = subtypes, right, wrong, concentration
        self.restarts, self.max_iter, self.tol, self.seed = restarts, max_iter, tol, seed

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        k, width = table.n_classes, self.subtypes
        shares = table.shares(gold)
        self._set_priors(k, shares[table.covered()].sum(axis=0) + 1e-3)

        def step(parameters: Parameters) -> tuple[Parameters, float]:
            counts, totals = np.zeros_like(parameters[2]), np.zeros(k * width)
            reached = confusion_pass(
                table.offsets, table.source, table.value, table.weight, gold, width, False,
                self._log_states(parameters), expected_log(parameters[2], 1), counts, totals, EMPTY,
            )  # fmt: skip
            self._counts, self._totals = counts, totals
            return self._maximise(counts, totals), reached - self._divergence(parameters)

        rng = np.random.default_rng(self.seed)
        starts = []
        for _ in range(max(self.restarts, 1) if width > 1 else 1):
            split = rng.dirichlet(np.ones(width), size=shares.shape)
            rho = (shares[:, :, None] * split).reshape(len(shares), k * width)
            counts = np.zeros((table.n_sources, k, k * width))
            count_pass(table.offsets, table.source, table.value, table.weight, rho, counts)
            starts.append(self._maximise(counts, rho[table.covered()].sum(axis=0)))
        arrived = best_climb(step, starts, self.max_iter, self.tol * max(table.total_weight, 1.0))
        self.objective_, self.converged_ = arrived.objective, arrived.converged
        self._close(arrived.parameters)

    def _set_priors(self, n_classes: int, alpha: Floats) -> None:
        """Set η₀ (K, M), α (K,) and β (S, K · M), which is symmetric in S and K."""
        beta = np.where(np.eye(n_classes) > 0, self.right, self.wrong).repeat(self.subtypes, axis=1)
        self._priors = np.full((n_classes, self.subtypes), self.concentration / self.subtypes), alpha, beta

    def _maximise(self, counts: Floats, totals: Floats) -> Parameters:
        """Return the posteriors' parameters η, ν, μ from Σ ρ."""
        eta, alpha, beta = self._priors
        by_class = totals.reshape(eta.shape)
        return eta + by_class, alpha + by_class.sum(axis=1), beta + counts

    def _log_states(self, parameters: Parameters) -> Floats:
        return (expected_log(parameters[0], 1) + expected_log(parameters[1], 0)[:, None]).ravel()

    def _divergence(self, parameters: Parameters) -> float:
        eta, alpha, beta = self._priors
        return (
            dirichlet_kl(parameters[0], eta, 1)
            + dirichlet_kl(parameters[1], alpha, 0)
            + dirichlet_kl(parameters[2], beta, 1)
        )

    def _close(self, parameters: Parameters) -> None:
        self._parameters = parameters
        eta, nu, mu = parameters
        self.class_balance_ = nu / nu.sum()
        per_state = (mu / mu.sum(axis=1, keepdims=True)).reshape(len(mu), len(nu), *eta.shape)  # (m, S, K, M)
        self.confusion_ = np.einsum("jskm,km->jks", per_state, eta / eta.sum(axis=1, keepdims=True))

    def _posterior(self, table: VoteTable) -> Floats:
        width = self._parameters[0].shape[1]
        rho = np.empty((table.n_rows, table.n_classes * width))
        mu = self._parameters[2]
        confusion_pass(
            table.offsets, table.source, table.value, table.weight, table.no_gold(), width, False,
            self._log_states(self._parameters), expected_log(mu, 1), np.zeros_like(mu), np.zeros(mu.shape[2]), rho,
        )  # fmt: skip
        return rho.reshape(table.n_rows, table.n_classes, width).sum(axis=2)

    def _accuracy(self) -> Floats:
        return (np.diagonal(self.confusion_, axis1=1, axis2=2) * self.class_balance_).sum(axis=1)

    def _confusion(self) -> Floats:
        return self.confusion_


class IBCC(EBCC):
    """Confusion matrices with priors, sources independent given the class: Dawid-Skene that needs fewer votes.

    Parameters
    ----------
    right, wrong : float, default 4.0 and 1.0
        β: prior votes for the true class and for each other one.
    max_iter : int, default 100
    tol : float, default 1e-6

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 0]], n_classes=2)
    >>> IBCC().fit(votes).predict_proba(votes).argmax(axis=1)
    array([0, 1, 0, 1])

    Source: Kim and Ghahramani, AISTATS 2012 [P121].
    """

    def __init__(self, *, right: float = 4.0, wrong: float = 1.0, max_iter: int = 100, tol: float = 1e-6) -> None:
        super().__init__(1, right=right, wrong=wrong, max_iter=max_iter, tol=tol)

    def partial_fit(self, votes: Votes, gold: ArrayLike | Hard | None = None) -> Self:
        """Add rows: one E-step on them with what is known so far (vote shares at first), then one M-step on all."""
        table = VoteTable.of(votes)
        known = table.known(gold)
        k = table.n_classes
        shares = table.shares(known)[table.covered()]
        counts, totals = np.zeros((table.n_sources, k, k)), np.zeros(k)
        if not hasattr(self, "_counts"):
            self._start(table.n_sources, table.said())
            self._set_priors(k, shares.sum(axis=0) + 1e-3)
            full = table.shares(known)
            count_pass(table.offsets, table.source, table.value, table.weight, full, counts)
            self._counts, self._totals = counts, shares.sum(axis=0)
        else:
            self._check_alike(table.n_sources, k)
            confusion_pass(
                table.offsets, table.source, table.value, table.weight, known, 1, False,
                self._log_states(self._parameters), expected_log(self._parameters[2], 1), counts, totals, EMPTY,
            )  # fmt: skip
            self._add(counts, totals, table.said(), shares.sum(axis=0))
        self._close(self._maximise(self._counts, self._totals))
        return self

    def merge(self, other: Self) -> Self:
        """Add what another model of the same sources and classes saw of other rows; then one M-step."""
        self._check_alike(other.n_sources_, len(other.class_balance_))
        self._add(other._counts, other._totals, other.said_, other._priors[1] - 1e-3)
        self._close(self._maximise(self._counts, self._totals))
        return self

    def _add(self, counts: Floats, totals: Floats, said: Floats, shares: Floats) -> None:
        eta, alpha, beta = self._priors
        self._priors = eta, alpha + shares, beta
        self._counts, self._totals, self.said_ = self._counts + counts, self._totals + totals, self.said_ + said

    def _log_states(self, parameters: Parameters) -> Floats:
        return expected_log(parameters[1], 0)

    def _divergence(self, parameters: Parameters) -> float:
        return dirichlet_kl(parameters[1], self._priors[1], 0) + dirichlet_kl(parameters[2], self._priors[2], 1)
