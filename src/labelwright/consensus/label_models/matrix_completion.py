"""Matrix completion (MeTaL): accuracies from how often pairs of sources give each pair of answers.

With indicators I (n, mK), O = IᵀI/n, μ[jK + l, y] = P(L_j = l | y) and P = diag(π), sources that err independently have
O = μ P μᵀ outside the blocks of a source with itself, and μ π = diag O. Minimise

    ‖(O − μ P μᵀ)_mask‖² + ‖μ π − diag O‖² + λ ‖μ − μ₀‖²,      μ₀[jK + l, l] = min(1, 0.7 · O_diag / π_l)

by L-BFGS with bounds; the mask drops blocks of the same source and of dependent ones. Then

    log q_i = log π + Σ_votes log μ[jK + L_ij]

Source: Ratner et al., Training complex models with multi-task weak supervision, AAAI 2019; in the survey [P121].
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from labelwright.consensus.balance import class_balance, gold_counts
from labelwright.consensus.base import ConfusionModel, confusion_posterior
from labelwright.consensus.moments import answer_moments, enough_sources
from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput
from labelwright.evidence import Hard, Votes
from labelwright.metrics.matching import hungarian

Floats = NDArray[np.float64]
MOST_CELLS = 5000
SMALLEST = 1e-4


class MatrixCompletion(ConfusionModel):
    """Fits the table of agreements between sources; one fit of any number of rows costs the same.

    Parameters
    ----------
    class_balance : float array (K,), optional
        Shares of the classes; of the gold rows when there are 30, else uniform.
    l2 : float, default 0.0
        λ.
    dependent : iterable of (int, int), optional
        Pairs of sources that do not err independently; their agreements are left out.
    max_iter : int, default 200

    Raises
    ------
    BadInput
        When sources x classes is above 5,000, or when fewer than 3 sources vote.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1]], n_classes=2)
    >>> MatrixCompletion().fit(votes).predict_proba(votes).argmax(axis=1)
    array([1, 0, 1, 0, 1])

    Source: Ratner et al., AAAI 2019 [P121].
    """

    def __init__(
        self,
        *,
        class_balance: ArrayLike | None = None,
        l2: float = 0.0,
        dependent: Iterable[tuple[int, int]] = (),
        max_iter: int = 200,
    ) -> None:
        self.class_balance, self.l2, self.dependent, self.max_iter = class_balance, l2, tuple(dependent), max_iter

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        m, k = table.n_sources, table.n_classes
        if m * k > MOST_CELLS:
            raise BadInput(
                f"{m} sources x {k} classes are {m * k} cells, matrix completion takes {MOST_CELLS}",
                fix="use DataProgramming or DawidSkene, whose memory grows with the votes",
            )
        enough_sources(self.said_)
        self._sums, self._n_rows, self._gold = answer_moments(table), table.n_rows, gold_counts(gold, k)
        self._solve()

    def partial_fit(self, votes: Votes, gold: ArrayLike | Hard | None = None) -> Self:
        """Add rows: the table of agreements adds up, so that parts give what the whole gives."""
        table = VoteTable.of(votes)
        known = table.known(gold)
        if not hasattr(self, "_sums"):
            self.fit_table(table, known)
            return self
        self._check_alike(table.n_sources, table.n_classes)
        self._add(answer_moments(table), table.n_rows, gold_counts(known, table.n_classes), table.said())
        return self

    def merge(self, other: Self) -> Self:
        """Add what another model of the same sources and classes saw of other rows."""
        self._check_alike(other.n_sources_, len(other.class_balance_))
        self._add(other._sums, other._n_rows, other._gold, other.said_)
        return self

    def _add(self, sums: Floats, n_rows: int, gold: NDArray[np.int64], said: Floats) -> None:
        self._sums, self._n_rows = self._sums + sums, self._n_rows + n_rows
        self._gold, self.said_ = self._gold + gold, self.said_ + said
        self._solve()

    def _solve(self) -> None:
        (m, k), n = self.said_.shape, max(self._n_rows, 1)
        balance = class_balance(self.class_balance, np.repeat(np.arange(k), self._gold), k)
        mu = self._complete(self._sums / n, self.said_.ravel() / n, balance)
        least = min(0.01, 10.0 ** -np.ceil(np.log10(max(n, 2))))
        self.class_balance_ = balance
        self.mu_ = np.clip(_in_class_order(mu, balance), least, 1 - least)
        self.confusion_ = self.mu_.reshape(m, k, k).transpose(0, 2, 1)

    def _complete(self, moments: Floats, diagonal: Floats, balance: Floats) -> Floats:
        k = len(balance)
        start = initial_mu(diagonal, balance)
        hidden = hidden_blocks(len(diagonal) // k, self.dependent)
        seen = csr_matrix(without_blocks(moments, hidden, k))
        path: list[float] = []

        def loss(flat: Floats) -> tuple[float, Floats]:
            value, gradient = metal_loss(flat.reshape(-1, k), seen, diagonal, hidden, balance)
            if self.l2:
                value += self.l2 * float(((flat - start.ravel()) ** 2).sum())
                gradient = gradient + 2 * self.l2 * (flat - start.ravel())
            return value, gradient

        def note(intermediate_result: object) -> None:
            path.append(-float(intermediate_result.fun))  # type: ignore[attr-defined]

        result = minimize(
            loss, start.ravel(), jac=True, method="L-BFGS-B", callback=note,
            bounds=[(SMALLEST, 1 - SMALLEST)] * start.size, options={"maxiter": self.max_iter, "ftol": 1e-10},
        )  # fmt: skip
        self.objective_, self.converged_ = tuple(path), bool(result.success)
        return result.x.reshape(-1, k)

    def _posterior(self, table: VoteTable) -> Floats:
        return confusion_posterior(table, self.class_balance_, self.confusion_)


def initial_mu(diagonal: Floats, balance: Floats) -> Floats:
    """Return μ₀ (mK, K): a vote for l comes from class l with 0.7 of its mass, evenly from the others."""
    k = len(balance)
    label = np.arange(len(diagonal)) % k
    right = label[:, None] == np.arange(k)
    share = np.where(right, 0.7, 0.3 / max(k - 1, 1))
    return np.clip(share * diagonal[:, None] / balance, SMALLEST, 1 - SMALLEST)


def hidden_blocks(m: int, dependent: Iterable[tuple[int, int]] = ()) -> NDArray[np.int64]:
    """Return the pairs of sources (b, 2), in both orders, whose agreements the loss leaves out."""
    pairs = [(j, j) for j in range(m)]
    for a, b in dependent:
        pairs += [(a, b), (b, a)] if a != b else []
    return np.unique(np.asarray(pairs, dtype=np.int64).reshape(-1, 2), axis=0)


def without_blocks(moments: Floats, hidden: NDArray[np.int64], n_classes: int) -> Floats:
    """Return O (mK, mK) with the hidden blocks set to 0."""
    seen = moments.copy()
    m = len(moments) // n_classes
    seen.reshape(m, n_classes, m, n_classes)[hidden[:, 0], :, hidden[:, 1], :] = 0
    return seen


def metal_loss(
    mu: Floats, seen: csr_matrix, diagonal: Floats, hidden: NDArray[np.int64], balance: Floats
) -> tuple[float, Floats]:
    """Return ‖(O − μPμᵀ)_mask‖² + ‖μπ − diag O‖² at μ (mK, K) and its gradient, flat; 0 at the true μ.

    Expanded, so that no (mK, mK) table is formed: with G = μᵀμ,
    ‖O‖² − 2 tr(μᵀ O μ P) + tr(P G P G) − Σ over hidden blocks ‖μ_a P μ_bᵀ‖².
    """
    k = len(balance)
    weighted = mu * balance
    gram = mu.T @ mu
    product = seen @ weighted
    value = float((seen.data**2).sum() - 2 * (mu * product).sum())
    inner = gram * balance[:, None] * balance
    value += float((gram * inner).sum())
    gradient = -4 * product + 4 * mu @ inner
    parts = mu.reshape(-1, k, k)
    left, right = parts[hidden[:, 0]], parts[hidden[:, 1]]
    blocks = (left * balance) @ right.transpose(0, 2, 1)
    value -= float((blocks**2).sum())
    np.subtract.at(gradient.reshape(-1, k, k), hidden[:, 0], 4 * blocks @ (right * balance))
    off = mu @ balance - diagonal
    gradient += 2 * off[:, None] * balance
    return value + float(off @ off), gradient.ravel()


def _in_class_order(mu: Floats, balance: Floats) -> Floats:
    """Permute columns of classes with equal shares so that the summed accuracies are largest."""
    k = len(balance)
    agreement = np.stack([mu[label::k].sum(axis=0) for label in range(k)])  # (label, column)
    equal = np.isclose(balance[:, None], balance)
    matching = hungarian(np.where(equal, agreement, -1e6))
    order = np.arange(k)
    order[matching.rows] = matching.columns
    return mu[:, order]
