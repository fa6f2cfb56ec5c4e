"""Data programming: rules vote or abstain, each with one accuracy; the marginal likelihood is climbed by gradient.

    log q_ik = log π_k + Σ_{j voting} ( log α_j if L_ij = k else log((1 − α_j)/(K − 1)) ),     α_j = sigmoid(s_j)
    d/ds_j log P(votes) = Σ_{i: j votes} (q_{i,L_ij} − α_j)

Ascent (L-BFGS) from s = 1 with the penalty ½ λ Σ (s_j − 1)². A rule's propensity to vote does not change q. In parts
the expected right votes R_j = Σ_i q_{i,L_ij} and the votes N_j add up, and s_j solves R_j − N_j α_j = λ (s_j − 1).

Source: Ratner et al., Data programming: creating large training sets, quickly, NeurIPS 2016; in the survey [P121].
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from labelwright.consensus.balance import class_balance, gold_counts
from labelwright.consensus.base import EMPTY, LabelModel
from labelwright.consensus.em import safe_log
from labelwright.consensus.kernels import matching_pass
from labelwright.consensus.label_models.one_coin import one_coin_posterior, one_coin_terms
from labelwright.consensus.table import VoteTable, summed
from labelwright.evidence import Hard, Votes

Floats = NDArray[np.float64]


class DataProgramming(LabelModel):
    """One accuracy a labelling function, by maximum marginal likelihood.

    Parameters
    ----------
    class_balance : float array (K,), optional
        Shares of the classes; of the gold rows when there are 30, else uniform.
    l2 : float, default 0.1
        λ, the pull of every s_j towards 1 (accuracy 0.73).
    max_iter : int, default 100
        Most steps of L-BFGS.

    Attributes
    ----------
    accuracy_ : float64 (m,)

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[1, 1, -1], [0, -1, 0], [1, 1, 0], [0, 0, 0]], n_classes=2)
    >>> DataProgramming().fit(votes).predict_proba(votes).argmax(axis=1)
    array([1, 0, 1, 0])

    Source: Ratner et al., NeurIPS 2016 [P121].
    """

    accuracy_: Floats

    def __init__(self, *, class_balance: ArrayLike | None = None, l2: float = 0.1, max_iter: int = 100) -> None:
        self.class_balance, self.l2, self.max_iter = class_balance, l2, max_iter

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        self.class_balance_ = class_balance(self.class_balance, gold, table.n_classes)
        votes, path = self.said_.sum(axis=1), []

        def loss(s: Floats) -> tuple[float, Floats]:
            value, gradient = self.log_likelihood(table, gold, s)
            pull = s - 1
            return -value + 0.5 * self.l2 * float(pull @ pull), -gradient + self.l2 * pull

        def note(intermediate_result: object) -> None:
            path.append(-float(intermediate_result.fun))  # type: ignore[attr-defined]

        start = np.ones(table.n_sources)
        result = minimize(
            loss, start, jac=True, method="L-BFGS-B", callback=note, options={"maxiter": self.max_iter, "ftol": 1e-10}
        )
        self.objective_, self.converged_ = (-loss(start)[0], *path), bool(result.success)
        self.accuracy_ = np.where(votes > 0, expit(result.x), expit(1.0))
        self._right, self._gold = self._expected_right(table, gold), gold_counts(gold, table.n_classes)

    def partial_fit(self, votes: Votes, gold: ArrayLike | Hard | None = None) -> Self:
        """Add rows: their expected right votes under what is known so far (s = 1 at first), then s anew from all."""
        table = VoteTable.of(votes)
        known = table.known(gold)
        if not hasattr(self, "_right"):
            self._start(table.n_sources, table.said())
            self.class_balance_ = class_balance(self.class_balance, known, table.n_classes)
            self._gold = gold_counts(known, table.n_classes)
            self.accuracy_ = np.full(table.n_sources, expit(1.0))
            self._right = self._expected_right(table, known)
        else:
            self._check_alike(table.n_sources, table.n_classes)
            self._right = self._right + self._expected_right(table, known)
            self._gold = self._gold + gold_counts(known, table.n_classes)
            self.said_ = self.said_ + table.said()
        self._solve()
        return self

    def merge(self, other: Self) -> Self:
        """Add what another model of the same functions and classes saw of other rows; then s anew from all."""
        self._check_alike(other.n_sources_, len(other.class_balance_))
        self._right, self.said_ = self._right + other._right, self.said_ + other.said_
        self._gold = self._gold + other._gold
        self._solve()
        return self

    def _expected_right(self, table: VoteTable, gold: NDArray[np.int64]) -> Floats:
        """Return R_j = Σ_i q_{i, L_ij} (m,) at the present accuracies."""
        base, bonus = one_coin_terms(self.accuracy_, table.n_classes)
        matches = np.zeros_like(base)
        matching_pass(
            table.offsets, table.source, table.value, table.weight, gold, False,
            safe_log(self.class_balance_), base, bonus, matches, np.zeros(table.n_classes), EMPTY,
        )  # fmt: skip
        return matches.sum(axis=1)

    def _solve(self) -> None:
        """Solve R − N sigmoid(s) = λ (s − 1) for every function by bisection: the left side falls, the right rises."""
        k = len(self.class_balance_)
        self.class_balance_ = class_balance(self.class_balance, np.repeat(np.arange(k), self._gold), k)
        votes = self.said_.sum(axis=1)
        low, high = np.full(len(votes), -30.0), np.full(len(votes), 30.0)
        for _ in range(60):
            s = (low + high) / 2
            rises = self._right - votes * expit(s) > self.l2 * (s - 1)
            low, high = np.where(rises, s, low), np.where(rises, high, s)
        self.accuracy_ = np.where(votes > 0, expit((low + high) / 2), expit(1.0))

    def log_likelihood(self, table: VoteTable, gold: NDArray[np.int64], s: Floats) -> tuple[float, Floats]:
        """Return log P(votes | s) and its gradient (m,)."""
        alpha = expit(s)
        base, bonus = one_coin_terms(alpha, table.n_classes)
        matches = np.zeros_like(base)
        value = matching_pass(
            table.offsets, table.source, table.value, table.weight, gold, False,
            safe_log(self.class_balance_), base, bonus, matches, np.zeros(table.n_classes), EMPTY,
        )  # fmt: skip
        votes = summed(table.source, table.weight, table.n_sources)
        return float(value), matches.sum(axis=1) - alpha * votes

    def _posterior(self, table: VoteTable) -> Floats:
        return one_coin_posterior(table, self.class_balance_, self.accuracy_)

    def _accuracy(self) -> Floats:
        return self.accuracy_
