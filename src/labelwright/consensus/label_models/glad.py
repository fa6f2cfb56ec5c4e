"""GLAD: how able each source is, and how easy each item.

    P(L_ij = k | y_i = k) = σ(α_j · exp β_i),   other classes evenly;   α_j ~ N(1, 1),  β_i ~ N(1, 1)

EM: the E-step gives q; the M-step climbs (L-BFGS)

    Q = Σ_votes [ q_{i,L_ij} log σ_ij + (1 − q_{i,L_ij}) log((1 − σ_ij)/(K − 1)) ] + log N(α; 1, 1) + log N(β; 1, 1)
    dQ/dα_j = Σ_i (q_{i,L_ij} − σ_ij) e^{β_i} − (α_j − 1)
    dQ/dβ_i = Σ_j (q_{i,L_ij} − σ_ij) α_j e^{β_i} − (β_i − 1)

A negative α is an adversary.

Source: Whitehill et al., Whose vote should count more, NeurIPS 2009; in the survey [P121].
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from labelwright.consensus.balance import class_balance
from labelwright.consensus.base import LabelModel
from labelwright.consensus.em import climb, safe_log
from labelwright.consensus.table import VoteTable, summed

Floats = NDArray[np.float64]
Parameters = tuple[Floats, Floats]  # α (m,), β (n,)


@njit(cache=True, nogil=True)
def _log_sigmoid(x):  # type: ignore[no-untyped-def]
    return -np.log1p(np.exp(-x)) if x >= 0 else x - np.log1p(np.exp(x))


@njit(cache=True, nogil=True)
def _expect(offsets, source, value, weight, gold, log_prior, alpha, beta, right, q):  # type: ignore[no-untyped-def]
    """E-step: fill right (v,) = q[i, L_ij] and q (n, K) unless empty; return the log-likelihood."""
    classes = len(log_prior)
    even = np.log(max(classes - 1, 1))
    score = np.empty(classes)
    objective = 0.0
    for i in range(len(offsets) - 1):
        if offsets[i] == offsets[i + 1] and gold[i] < 0:
            continue
        ease = np.exp(min(beta[i], 700.0))
        for k in range(classes):
            score[k] = log_prior[k]
        for v in range(offsets[i], offsets[i + 1]):
            x = alpha[source[v]] * ease
            wrong = _log_sigmoid(-x) - even
            objective += weight[v] * wrong
            score[value[v]] += weight[v] * (_log_sigmoid(x) - wrong)
        if gold[i] >= 0:
            objective += score[gold[i]]
            score[:] = 0.0
            score[gold[i]] = 1.0
        else:
            top = score.max()
            total = 0.0
            for k in range(classes):
                score[k] = np.exp(score[k] - top)
                total += score[k]
            for k in range(classes):
                score[k] /= total
            objective += top + np.log(total)
        for v in range(offsets[i], offsets[i + 1]):
            right[v] = score[value[v]]
        if len(q):
            q[i] = score
    return objective


@njit(cache=True, nogil=True)
def _expected_score(offsets, source, weight, right, classes, alpha, beta, d_alpha, d_beta):  # type: ignore[no-untyped-def]
    """Return Q without the priors; d_alpha (m,) and d_beta (n,) become its gradient."""
    even = np.log(max(classes - 1, 1))
    d_alpha[:] = 0.0
    d_beta[:] = 0.0
    total = 0.0
    for i in range(len(offsets) - 1):
        ease = np.exp(min(beta[i], 700.0))
        for v in range(offsets[i], offsets[i + 1]):
            j = source[v]
            x = alpha[j] * ease
            # Q of a vote: r log σ(x) + (1 − r) log σ(−x) = log σ(−x) + r x
            e = np.exp(-abs(x))
            log_wrong = -np.log1p(e) - max(x, 0.0)
            sigma = (1.0 if x >= 0 else e) / (1.0 + e)
            total += weight[v] * (log_wrong + right[v] * x - (1.0 - right[v]) * even)
            slope = weight[v] * (right[v] - sigma) * ease
            d_alpha[j] += slope
            d_beta[i] += slope * alpha[j]
    return total


class GLAD(LabelModel):
    """Ability of sources and easiness of items, together with the labels.

    Parameters
    ----------
    class_balance : float array (K,), optional
        Shares of the classes; of the gold rows when there are 30, else uniform.
    max_iter : int, default 100
        EM iterations.
    m_step_iter : int, default 25
        L-BFGS iterations of each M-step.
    tol : float, default 1e-5
        Stop when the objective changes by at most this much a vote.

    Attributes
    ----------
    ability_ : float64 (m,)
        α; 0 = coin toss, negative = adversary.
    log_easiness_ : float64 (n,)
        β of the rows of `fit`; 1 for rows without votes.

    Notes
    -----
    Rows other than those of `fit` get their β by the same EM with α fixed. `gold` fixes q.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], n_classes=2)
    >>> GLAD().fit(votes).ability_.argmin()
    np.int64(2)

    Source: Whitehill et al., NeurIPS 2009 [P121].
    """

    ability_: Floats
    log_easiness_: Floats

    def __init__(
        self,
        *,
        class_balance: ArrayLike | None = None,
        max_iter: int = 100,
        m_step_iter: int = 25,
        tol: float = 1e-5,
    ) -> None:
        self.class_balance, self.max_iter, self.m_step_iter, self.tol = class_balance, max_iter, m_step_iter, tol

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        self.class_balance_ = class_balance(self.class_balance, gold, table.n_classes)
        start = np.ones(table.n_sources), np.ones(table.n_rows)
        (self.ability_, self.log_easiness_), self.objective_, self.converged_ = self._climb(table, gold, start, True)
        self._seen = table

    def _climb(
        self, table: VoteTable, gold: NDArray[np.int64], start: Parameters, move_ability: bool
    ) -> tuple[Parameters, tuple[float, ...], bool]:
        log_prior = safe_log(self.class_balance_)
        right = np.empty(len(table.value))

        def step(parameters: Parameters) -> tuple[Parameters, float]:
            alpha, beta = parameters
            reached = _expect(
                table.offsets, table.source, table.value, table.weight, gold, log_prior,
                alpha, beta, right, np.empty((0, 0)),
            )  # fmt: skip
            prior = -0.5 * float(((alpha - 1) ** 2).sum() + ((beta - 1) ** 2).sum())
            return self._maximise(table, right, parameters, move_ability), reached + prior

        arrived = climb(step, start, self.max_iter, self.tol * max(table.total_weight, 1.0))
        return arrived.parameters, arrived.objective, arrived.converged

    def _maximise(self, table: VoteTable, right: Floats, start: Parameters, move_ability: bool) -> Parameters:
        m = len(start[0])
        d_alpha, d_beta = np.empty(m), np.empty(len(start[1]))

        def loss(x: Floats) -> tuple[float, Floats]:
            alpha, beta = x[:m], x[m:]
            q = _expected_score(
                table.offsets, table.source, table.weight, right, table.n_classes, alpha, beta, d_alpha, d_beta
            )
            gradient = np.concatenate([d_alpha - (alpha - 1), d_beta - (beta - 1)])
            if not move_ability:
                gradient[:m] = 0
            return -q + 0.5 * float(((x - 1) ** 2).sum()), -gradient

        options = {"maxiter": self.m_step_iter, "ftol": 1e-7, "maxcor": 5}
        found = minimize(loss, np.concatenate(start), jac=True, method="L-BFGS-B", options=options).x
        return found[:m], found[m:]

    def _posterior(self, table: VoteTable) -> Floats:
        beta = self.log_easiness_
        if not _same_votes(table, self._seen):
            start = self.ability_, np.ones(table.n_rows)
            beta = self._climb(table, table.no_gold(), start, False)[0][1]
        q = np.empty((table.n_rows, table.n_classes))
        q[:] = self.class_balance_
        _expect(
            table.offsets, table.source, table.value, table.weight, table.no_gold(), safe_log(self.class_balance_),
            self.ability_, beta, np.empty(len(table.value)), q,
        )  # fmt: skip
        return q

    def _accuracy(self) -> Floats:
        ease = np.exp(np.minimum(self.log_easiness_, 700))
        row, source = self._seen.row(), self._seen.source
        x = self.ability_[source] * ease[row]
        right = self._seen.weight / (1 + np.exp(-np.clip(x, -700, 700)))
        votes = self.said_.sum(axis=1)
        return summed(source, right, len(votes)) / np.where(votes > 0, votes, 1)


def _same_votes(a: VoteTable, b: VoteTable) -> bool:
    pairs = ((a.offsets, b.offsets), (a.source, b.source), (a.value, b.value), (a.weight, b.weight))
    return all(np.array_equal(x, y) for x, y in pairs)
