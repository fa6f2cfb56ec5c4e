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

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.balance import class_balance
from labelwright.consensus.base import LabelModel
from labelwright.consensus.em import climb
from labelwright.consensus.expectation import side_by_side
from labelwright.consensus.glad_kernels import CURVE, FACTOR, MOST, SLOPE, Q, glad_posterior, source_pass, step_pass
from labelwright.consensus.table import VoteTable, summed

Floats = NDArray[np.float64]
Parameters = tuple[Floats, Floats]  # α (m,), β (n,)


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
        right = np.empty(len(table.value))

        with ThreadPoolExecutor(1) as helper:

            def step(parameters: Parameters) -> tuple[Parameters, float]:
                (alpha, beta), moved = parameters, np.empty(table.n_rows)
                votes = (table.offsets, table.source, table.value, table.weight, gold)
                given = (self.class_balance_, alpha, beta, self.m_step_iter, right, moved)
                sums = [empty_sums(len(alpha)) for _ in range(2)]

                def part(half: int, first: int, last: int) -> float:
                    return float(step_pass(*votes, first, last, *given, sums[half]))

                reached = sum(side_by_side(table.offsets, part, helper))
                reached -= 0.5 * float(((alpha - 1) ** 2).sum() + ((beta - 1) ** 2).sum())
                if move_ability:
                    alpha = _better_ability(table, right, alpha, moved, joined(sums, alpha), helper)
                return (alpha, moved), reached

            arrived = climb(step, start, self.max_iter, self.tol * max(table.total_weight, 1.0))
        return arrived.parameters, arrived.objective, arrived.converged

    def _posterior(self, table: VoteTable) -> Floats:
        beta = self.log_easiness_
        if not _same_votes(table, self._seen):
            start = self.ability_, np.ones(table.n_rows)
            beta = self._climb(table, table.no_gold(), start, False)[0][1]
        q = np.empty((table.n_rows, table.n_classes))
        votes = (table.offsets, table.source, table.value, table.weight)
        glad_posterior(*votes, self.class_balance_, self.ability_, beta, q)
        return q

    def _accuracy(self) -> Floats:
        ease = np.exp(np.minimum(self.log_easiness_, 700))
        row, source = self._seen.row(), self._seen.source
        x = self.ability_[source] * ease[row]
        right = self._seen.weight / (1 + np.exp(-np.clip(x, -700, 700)))
        votes = self.said_.sum(axis=1)
        return summed(source, right, len(votes)) / np.where(votes > 0, votes, 1)


def _better_ability(
    table: VoteTable, right: Floats, alpha: Floats, beta: Floats, sums: Floats, helper: Executor
) -> Floats:
    """Return α (m,) after one Newton step each, or, where that lowers a source's part of Q, one that never does."""
    moved = alpha + sums[:, SLOPE] / sums[:, CURVE]
    seen = [empty_sums(len(alpha)) for _ in range(2)]

    def part(half: int, first: int, last: int) -> None:
        source_pass(table.offsets, table.source, table.weight, right, first, last, moved, beta, seen[half])

    side_by_side(table.offsets, part, helper)
    # A step at the greatest curvature that is possible never lowers Q.
    kept = joined(seen, moved)[:, Q] >= sums[:, Q]
    return np.where(kept, moved, alpha + sums[:, SLOPE] / sums[:, MOST])


def empty_sums(n_sources: int) -> Floats:
    """Return the sums of `step_pass` before any vote, (m, 5)."""
    sums = np.zeros((n_sources, 5))
    sums[:, FACTOR] = 1.0
    return sums


def joined(parts: Sequence[Floats], alpha: Floats) -> Floats:
    """Return the sums of all parts at α, (m, 4): Q with the prior of α, its derivative, curvature here and at most."""
    total = np.zeros((len(alpha), FACTOR))
    for part in parts:
        total += part[:, :FACTOR]
        total[:, Q] -= np.log(part[:, FACTOR])
    total[:, Q] -= 0.5 * (alpha - 1) ** 2
    total[:, SLOPE] += 1 - alpha
    total[:, CURVE] += 1
    total[:, MOST] += 1
    return total


def _same_votes(a: VoteTable, b: VoteTable) -> bool:
    pairs = ((a.offsets, b.offsets), (a.source, b.source), (a.value, b.value), (a.weight, b.weight))
    return all(np.array_equal(x, y) for x, y in pairs)
