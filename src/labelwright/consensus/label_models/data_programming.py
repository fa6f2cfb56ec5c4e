"""Data programming: rules vote or abstain, each with one accuracy; the marginal likelihood is climbed by gradient.

    log q_ik = log π_k + Σ_{j voting} ( log α_j if L_ij = k else log((1 − α_j)/(K − 1)) ),     α_j = sigmoid(s_j)
    d/ds_j log P(votes) = Σ_{i: j votes} (q_{i,L_ij} − α_j)

Ascent (L-BFGS) from s = 1 with the penalty ½ λ Σ (s_j − 1)². A rule's propensity to vote does not change q.

Source: Ratner et al., Data programming: creating large training sets, quickly, NeurIPS 2016; in the survey [P121].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from labelwright.consensus.balance import class_balance
from labelwright.consensus.base import EMPTY, LabelModel
from labelwright.consensus.em import safe_log
from labelwright.consensus.kernels import matching_pass
from labelwright.consensus.label_models.dawid_skene import one_coin_posterior, one_coin_terms
from labelwright.consensus.table import VoteTable, summed

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
