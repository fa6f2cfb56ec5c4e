"""MACE: a source either knows and copies the truth, or answers from its own habit, whatever the item.

    P(L_ij = l | y_i = k) = θ_j 1[l = k] + (1 − θ_j) ξ_jl

Variational Bayes, with priors θ_j ~ Beta(½, ½) and ξ_j ~ Dirichlet(10): the E-step uses exp E[log θ], exp E[log ξ];

    knows_j = Σ_l Σ_i q_{i,l} 1[L_ij = l] · θ_j / (θ_j + (1 − θ_j) ξ_jl),     guesses_jl = votes_jl − (its part with l)

Ten starts from votes by majority; the highest evidence lower bound wins.

Source: Hovy et al., Learning whom to trust with MACE, NAACL 2013; in the survey [P121].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.balance import class_balance
from labelwright.consensus.base import EMPTY, LabelModel
from labelwright.consensus.dirichlet import dirichlet_kl, expected_log
from labelwright.consensus.em import SMALLEST, best_climb, safe_log
from labelwright.consensus.kernels import matching_pass, matching_product_pass
from labelwright.consensus.table import VoteTable, summed
from labelwright.evidence import Votes

Floats = NDArray[np.float64]
Parameters = tuple[Floats, Floats]  # Beta (m, 2): knows, guesses; Dirichlet (m, K)


class MACE(LabelModel):
    """Finds sources that guess: θ_j is the share of its answers that source j knows.

    Parameters
    ----------
    class_balance : float array (K,), optional
        Shares of the classes; of the gold rows when there are 30, else uniform.
    skill_prior : float or pair of float, default 0.5
        Parameters of the Beta prior of θ: knows, guesses; one number for both.
    habit_prior : float, default 10.0
        Each parameter of the Dirichlet prior of ξ.
    restarts : int, default 10
    max_iter : int, default 50
        Iterations of each start.
    tol : float, default 1e-6
        Stop when the lower bound changes by at most this much a vote.
    seed : int, default 0

    Attributes
    ----------
    competence_ : float64 (m,)
        θ, the share of answers that are known; low for spammers.
    habit_ : float64 (m, K)
        ξ, what a source answers when it guesses.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> table = [[k, k, k, 0] for k in (0, 1, 1, 1) * 10]
    >>> votes = Votes.from_matrix(table, n_classes=2)
    >>> MACE().fit(votes).competence_.argmin()
    np.int64(3)

    Source: Hovy et al., NAACL 2013 [P121].
    """

    competence_: Floats
    habit_: Floats

    def __init__(
        self,
        *,
        class_balance: ArrayLike | None = None,
        skill_prior: float | tuple[float, float] = 0.5,
        habit_prior: float = 10.0,
        restarts: int = 10,
        max_iter: int = 50,
        tol: float = 1e-6,
        seed: int = 0,
    ) -> None:
        self.class_balance, self.skill_prior, self.habit_prior = class_balance, skill_prior, habit_prior
        self.restarts, self.max_iter, self.tol, self.seed = restarts, max_iter, tol, seed

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        k = table.n_classes
        self.class_balance_ = class_balance(self.class_balance, gold, k)
        said = self.said_
        skill = np.broadcast_to(np.asarray(self.skill_prior, dtype=np.float64), 2)
        habit = np.full(k, float(self.habit_prior))

        def posteriors(known: Floats) -> Parameters:
            """M-step: votes of each kind that were known, (m, K) → parameters of θ and ξ."""
            guessed = said - known
            return skill + np.stack([known.sum(axis=1), guessed.sum(axis=1)], axis=1), habit + guessed

        def step(parameters: Parameters) -> tuple[Parameters, float]:
            base, bonus, knows = _terms(*parameters)
            matches = np.zeros_like(said)
            reached = _expect(table, gold, self.class_balance_, base, bonus, matches)
            divergence = dirichlet_kl(parameters[0], skill, 1) + dirichlet_kl(parameters[1], habit, 1)
            return posteriors(matches * knows), reached - divergence

        q = table.shares()
        cells = table.source.astype(np.int64) * k + table.value
        agreed = summed(cells, table.weight * q[table.row(), table.value], said.size).reshape(said.shape)
        rng = np.random.default_rng(self.seed)
        shares = [np.full(table.n_sources, 0.5), *rng.random((max(self.restarts, 1) - 1, table.n_sources))]
        starts = [posteriors(agreed * share[:, None]) for share in shares]
        arrived = best_climb(step, starts, self.max_iter, self.tol * max(table.total_weight, 1.0))
        self.objective_, self.converged_ = arrived.objective, arrived.converged
        self._parameters = arrived.parameters
        self.competence_ = arrived.parameters[0][:, 0] / arrived.parameters[0].sum(axis=1)
        self.habit_ = arrived.parameters[1] / arrived.parameters[1].sum(axis=1, keepdims=True)

    def _posterior(self, table: VoteTable) -> Floats:
        q = np.empty((table.n_rows, table.n_classes))
        base, bonus, _ = _terms(*self._parameters)
        matching_pass(
            table.offsets, table.source, table.value, table.weight, table.no_gold(), False,
            safe_log(self.class_balance_), base, bonus, np.zeros_like(base), np.zeros(table.n_classes), q,
        )  # fmt: skip
        return q

    def _accuracy(self) -> Floats:
        return self.competence_ + (1 - self.competence_) * (self.habit_ * self.class_balance_).sum(axis=1)

    def _confusion(self) -> Floats:
        eye = np.eye(len(self.class_balance_))
        return self.competence_[:, None, None] * eye + ((1 - self.competence_)[:, None] * self.habit_)[:, None, :]

    def entropy(self, votes: Votes) -> Floats:
        """Return the entropy of each row's posterior in nats, float64 (n,): high = look at it again."""
        q = self.predict_proba(votes)
        return -(q * safe_log(q)).sum(axis=1)


def _expect(
    table: VoteTable, gold: NDArray[np.int64], balance: Floats, base: Floats, bonus: Floats, matches: Floats
) -> float:
    """Add Σ w · q[i, l] of each answer to matches (m, K); return the log-likelihood."""
    totals = np.zeros(len(balance))
    if table.unweighted and np.abs(bonus).max(initial=0.0) < 600:
        prior, odds = np.maximum(balance, SMALLEST), np.exp(bonus)
        votes = (table.offsets, table.cells, table.n_symbols, gold, prior)
        return float(matching_product_pass(*votes, base.ravel(), odds.ravel(), matches.reshape(-1), totals))
    return float(
        matching_pass(
            table.offsets, table.source, table.value, table.weight, gold, False,
            safe_log(balance), base, bonus, matches, totals, EMPTY,
        )
    )  # fmt: skip


def _terms(skill: Floats, habit: Floats) -> tuple[Floats, Floats, Floats]:
    """Return base and bonus of `matching_pass` and P(knew | right), each (m, K)."""
    log_skill, log_habit = expected_log(skill, 1), expected_log(habit, 1)
    base = log_skill[:, 1:] + log_habit
    knows = np.broadcast_to(log_skill[:, :1], base.shape)
    right = np.logaddexp(knows, base)
    return base, right - base, np.exp(knows - right)
