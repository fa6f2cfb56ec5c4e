"""GLAD: how able each source is, and how easy each item.

    P(L_ij = k | y_i = k) = σ(α_j · exp β_i),   other classes evenly;   α_j ~ N(1, 1),  β_i ~ N(1, 1)

EM: the E-step gives q; the M-step climbs

    Q = Σ_votes [ q_{i,L_ij} log σ_ij + (1 − q_{i,L_ij}) log((1 − σ_ij)/(K − 1)) ] + log N(α; 1, 1) + log N(β; 1, 1)
    dQ/dα_j = Σ_i (q_{i,L_ij} − σ_ij) e^{β_i} − (α_j − 1)
    dQ/dβ_i = Σ_j (q_{i,L_ij} − σ_ij) α_j e^{β_i} − (β_i − 1)

Given α the items are apart, and given β the sources: each takes Newton steps of its own, and none that lowers its part
of Q, so that the objective never falls. A negative α is an adversary.

Source: Whitehill et al., Whose vote should count more, NeurIPS 2009; in the survey [P121].
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.balance import class_balance
from labelwright.consensus.base import LabelModel
from labelwright.consensus.em import climb, safe_log
from labelwright.consensus.table import VoteTable, summed

Floats = NDArray[np.float64]
Parameters = tuple[Floats, Floats]  # α (m,), β (n,)


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
            objective += weight[v] * (-np.log1p(np.exp(-abs(x))) - max(x, 0.0) - even)  # log σ(−x) − log(K − 1)
            score[value[v]] += weight[v] * (x + even)  # log σ(x) − log σ(−x) = x
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
def _vote(x, right):  # type: ignore[no-untyped-def]
    """Return log σ(−x) + r x, which is Q of a vote up to a constant, and σ(x)."""
    e = np.exp(-abs(x))
    sigma = (1.0 if x >= 0 else e) / (1.0 + e)
    return right * x - np.log1p(e) - max(x, 0.0), sigma


@njit(cache=True, nogil=True)
def _item(first, last, source, weight, right, alpha, beta):  # type: ignore[no-untyped-def]
    """Return one item's part of Q at β, its derivative, and the curvature that is expected (at least 1)."""
    ease = np.exp(min(beta, 700.0))
    q, slope, curve = -0.5 * (beta - 1.0) ** 2, 1.0 - beta, 1.0
    for v in range(first, last):
        x = alpha[source[v]] * ease
        part, sigma = _vote(x, right[v])
        q += weight[v] * part
        slope += weight[v] * (right[v] - sigma) * x
        curve += weight[v] * sigma * (1.0 - sigma) * x * x
    return q, slope, curve


@njit(cache=True, nogil=True)
def _ease_step(offsets, source, weight, right, alpha, beta, steps):  # type: ignore[no-untyped-def]
    """Move β (n,) in place: Newton steps of each item, halved until its part of Q does not fall."""
    for i in range(len(offsets) - 1):
        first, last = offsets[i], offsets[i + 1]
        q, slope, curve = _item(first, last, source, weight, right, alpha, beta[i])
        for _ in range(steps):
            move = min(max(slope / curve, -2.0), 2.0)
            if abs(move) < 1e-3:
                break
            moved = False
            for _ in range(6):
                q_new, slope_new, curve_new = _item(first, last, source, weight, right, alpha, beta[i] + move)
                if q_new >= q:
                    beta[i] += move
                    q, slope, curve, moved = q_new, slope_new, curve_new, True
                    break
                move /= 2.0
            if not moved:
                break


@njit(cache=True, nogil=True)
def _ability_sums(offsets, source, weight, right, alpha, beta, q, slope, curve, most):  # type: ignore[no-untyped-def]
    """Fill q, slope, curve, most (m,): each source's part of Q, its derivative, its curvature here and at most."""
    for j in range(len(alpha)):
        q[j], slope[j], curve[j], most[j] = -0.5 * (alpha[j] - 1.0) ** 2, 1.0 - alpha[j], 1.0, 1.0
    for i in range(len(offsets) - 1):
        ease = np.exp(min(beta[i], 300.0))
        for v in range(offsets[i], offsets[i + 1]):
            j = source[v]
            part, sigma = _vote(alpha[j] * ease, right[v])
            q[j] += weight[v] * part
            slope[j] += weight[v] * (right[v] - sigma) * ease
            curve[j] += weight[v] * sigma * (1.0 - sigma) * ease * ease
            most[j] += weight[v] * 0.25 * ease * ease


class GLAD(LabelModel):
    """Ability of sources and easiness of items, together with the labels.

    Parameters
    ----------
    class_balance : float array (K,), optional
        Shares of the classes; of the gold rows when there are 30, else uniform.
    max_iter : int, default 100
        EM iterations.
    m_step_iter : int, default 2
        Newton steps of every item in each M-step; sources take one.
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
        m_step_iter: int = 2,
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
        alpha, beta = start[0], start[1].copy()
        votes = (table.offsets, table.source, table.weight, right)
        _ease_step(*votes, alpha, beta, self.m_step_iter)
        if not move_ability:
            return alpha, beta
        q, slope, curve, most = (np.empty(len(alpha)) for _ in range(4))
        _ability_sums(*votes, alpha, beta, q, slope, curve, most)
        moved, reached = alpha + slope / curve, np.empty(len(alpha))
        _ability_sums(*votes, moved, beta, reached, np.empty_like(q), np.empty_like(q), np.empty_like(q))
        # A step at the greatest curvature that is possible never lowers Q.
        return np.where(reached >= q, moved, alpha + slope / most), beta

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
