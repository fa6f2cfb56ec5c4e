"""Which part of the data to label or train on, with a rough surrogate model that says how hard each row is.

    s_i = [u_i (1 − u_i)]^α,    π_i = min(1, c·s_i),  Σ π_i = γ N;     row i is taken with chance π_i, independently

u_i is the surrogate's probability (with K classes 1 − Σ_k u_ik² stands for u (1 − u)); α > 0 favours hard rows, α < 0
easy ones, 0 is even. What is taken is fitted with the penalty of the whole, λ N/2 · |θ|², plainly (w = 1) or unbiased
(w = 1/π). Plain fits of hard rows can beat the fit of all rows; unbiased ones are often worse than even choice.

For a logistic model with few features two best choices are known. With h(x) = m (1 − m) x x' the Hessian of a row (m
the model's probability), g(x) = E_u[(y − m)²] x x' and H, Q, G their means:

    unbiased        π(x) = min(1, c · √Z(x)),      Z(x) = tr( g(x) H⁻¹ Q H⁻¹ )
    plain           π(x) = 1 where z(x; π) is large,   z = 2 tr( h(x) H_π⁻¹ Q H_π⁻¹ G_π H_π⁻¹ ) − tr( g(x) H_π⁻¹ Q H_π⁻¹
    )

Source: Kolossov, Montanari and Tandon, Towards a statistical theory of data selection under weak supervision, ICLR 2024
[P098].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.acquire.contract import Bools, Floats, Pool, Seed, Selection, checked_budget
from labelwright.acquire.inclusion import inclusion_probabilities, poisson_sample, systematic_sample
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_generator, as_probs, as_vector, same_length

LEAST = 1e-6  # of u (1 − u), so that α < 0 has an end
RIDGE = 1e-8


class SurrogateSubsampler:
    """Takes rows by how hard a surrogate finds them.

    Parameters
    ----------
    alpha : float, default 1.0
        Above 0 hard rows, below 0 easy rows, 0 even. Choose it on validation data; -1 to 2 is the usual range.

    Notes
    -----
    With labels that are right in 95 % of cases, 60 features and the penalty chosen for each way alike, the plain fit of
    60 % hard rows errs in 8.2 %, that of all rows in 9.1 %, that of the same rows reweighted in 9.3 % (proof of
    P098, fifteen seeds).

    Examples
    --------
    >>> SurrogateSubsampler(alpha=0).probabilities([[0.9, 0.1], [0.5, 0.5]], fraction=0.5)
    array([0.5, 0.5])

    Source: Kolossov, Montanari and Tandon, ICLR 2024 [P098].
    """

    def __init__(self, alpha: float = 1.0) -> None:
        if not np.isfinite(alpha):
            raise BadInput(f"alpha is {alpha}", fix="give a number, such as 1 for hard rows")
        self.alpha = float(alpha)

    def scores(self, surrogate_probs: ArrayLike) -> Floats:
        """Return how eagerly each row is taken, float64 (n,), from the surrogate's probabilities (n, K)."""
        u = as_probs("surrogate_probs", surrogate_probs)
        return np.asarray(np.maximum((1 - (u**2).sum(axis=1)) / 2, LEAST) ** self.alpha)

    def probabilities(self, surrogate_probs: ArrayLike, fraction: float) -> Floats:
        """Return π, float64 (n,) in [0, 1], that adds up to fraction · n.

        Parameters
        ----------
        surrogate_probs : float array (n, K)
        fraction : float
            γ, in (0, 1].
        """
        if not 0 < fraction <= 1:
            raise BadInput(f"the fraction is {fraction}", fix="choose it in (0, 1]")
        weights = self.scores(surrogate_probs)
        return inclusion_probabilities(weights, fraction * len(weights))

    def sample(self, surrogate_probs: ArrayLike, fraction: float, rng: Seed) -> Selection:
        """Return rows taken independently, fraction · n of them on average: as the theory has it."""
        chance = self.probabilities(surrogate_probs, fraction)
        rows = np.flatnonzero(poisson_sample(chance, rng))
        return Selection(rows, self.scores(surrogate_probs)[rows], probability=chance[rows])

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return exactly `budget` open rows, with the same chances; `Pool.pred_probs` is the surrogate."""
        rows = pool.open_rows
        size = checked_budget(budget, len(rows))
        weights = self.scores(pool.need("pred_probs", self)[rows])
        chance = inclusion_probabilities(weights, size)
        drawn = systematic_sample(chance, as_generator(rng))
        drawn = drawn[np.argsort(-weights[drawn], kind="stable")]
        return Selection(rows[drawn], weights[drawn], probability=chance[drawn])


def hardest_rows(surrogate_probs: ArrayLike, fraction: float, *, easiest: bool = False) -> Bools:
    """Return the share `fraction` of rows that the surrogate is least sure of (`easiest`: surest), bool (n,).

    Examples
    --------
    >>> hardest_rows([[0.9, 0.1], [0.5, 0.5]], 0.5)
    array([False,  True])
    """
    hard = SurrogateSubsampler(1.0).scores(surrogate_probs)
    order = np.argsort(hard if easiest else -hard, kind="stable")
    taken = np.zeros(len(hard), np.bool_)
    taken[order[: round(fraction * len(hard))]] = True
    return taken


def fit_selected(
    X: ArrayLike, y: ArrayLike, lam: float, n_total: int, *, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return ridge-logistic coefficients (p,) of selected rows, without intercept.

    Minimises Σ_{taken} w_i log(1 + exp(−y_i x_i'θ)) + λ N/2 · |θ|², y in {−1, +1}.

    Parameters
    ----------
    X : float array (n, p)
    y : int array (n,)
        0 or 1.
    lam : float
        λ, above 0.
    n_total : int
        N, all rows that could have been taken: the penalty is that of the whole.
    weights : float array (n,), optional
        1/π for the unbiased fit; 1 by default.

    Source: [P098].
    """
    from sklearn.linear_model import LogisticRegression

    rows, labels = as_array("X", X, 2), np.asarray(y)
    same_length(X=rows, y=labels)
    if not lam > 0 or n_total < 1:
        raise BadInput(f"lam is {lam}, n_total {n_total}", fix="give both above 0")
    model: Any = LogisticRegression(C=1 / (lam * n_total), fit_intercept=False, max_iter=2000, tol=1e-8)
    model.fit(rows, labels, sample_weight=None if weights is None else as_vector("weights", weights))
    return np.asarray(model.coef_[0])


def optimal_unbiased_pi(
    X: ArrayLike, surrogate_probs: ArrayLike, fraction: float, *, model_probs: ArrayLike | None = None
) -> Floats:
    """Return the best chances when rows are reweighted by 1/π, float64 (n,) that add up to fraction · n.

    Parameters
    ----------
    X : float array (n, p)
    surrogate_probs : float array (n,)
        u, P(y = 1 | x) as the surrogate has it.
    fraction : float
        γ, in (0, 1].
    model_probs : float array (n,), optional
        m, what the best logistic model would say; u by default (the logistic model is right).

    Examples
    --------
    >>> optimal_unbiased_pi([[1.0], [2.0]], [0.5, 0.5], 0.75).round(3)
    array([0.5, 1. ])

    Source: [P098].
    """
    rows, h, g = _moments(X, surrogate_probs, model_probs)
    hessian = _mean_outer(rows, h)
    inverse = np.linalg.inv(hessian)
    influence = g * np.einsum("ij,jk,ik->i", rows, inverse @ hessian @ inverse, rows)
    return inclusion_probabilities(np.sqrt(np.maximum(influence, 0)) + 1e-12, fraction * len(rows))


def optimal_nonreweighted_set(
    X: ArrayLike, surrogate_probs: ArrayLike, fraction: float, *, model_probs: ArrayLike | None = None,
    rounds: int = 50,
) -> Bools:  # fmt: skip
    """Return the best rows when nothing is reweighted, bool (n,): round(fraction · n) of them.

    The set and its Hessian depend on each other; they are found by turns, from all rows, each step half way.

    Parameters
    ----------
    X, surrogate_probs, fraction, model_probs
        As in `optimal_unbiased_pi`.
    rounds : int, default 50

    Examples
    --------
    >>> optimal_nonreweighted_set([[1.0], [2.0], [3.0]], [0.5, 0.5, 0.5], 1 / 3)
    array([False, False,  True])

    Source: [P098].
    """
    rows, h, g = _moments(X, surrogate_probs, model_probs)
    n, hessian = len(rows), _mean_outer(rows, h)
    size, share = round(fraction * n), np.full(n, fraction)
    taken, best, least = np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.inf
    for _ in range(rounds):
        inverse = np.linalg.inv(_mean_outer(rows, h * share))
        sandwich = inverse @ hessian @ inverse
        spread = sandwich @ _mean_outer(rows, g * share) @ inverse
        z = 2 * h * np.einsum("ij,jk,ik->i", rows, spread, rows) - g * np.einsum("ij,jk,ik->i", rows, sandwich, rows)
        taken = np.zeros(n, np.bool_)
        taken[np.argsort(-z, kind="stable")[:size]] = True
        risk = _plain_risk(rows, h, g, hessian, taken)
        if risk < least:
            best, least = taken, risk
        share = (share + taken) / 2
    return best


def _plain_risk(rows: Floats, h: Floats, g: Floats, quality: Floats, taken: Bools) -> float:
    """tr( G_π H_π⁻¹ Q H_π⁻¹ ): the excess test loss, up to 1/n, of the plain fit of `taken`."""
    inverse = np.linalg.inv(_mean_outer(rows, h * taken))
    return float(np.trace(_mean_outer(rows, g * taken) @ inverse @ quality @ inverse))


def _moments(X: ArrayLike, surrogate_probs: ArrayLike, model_probs: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    """Return the rows (n, p), the weights h of their Hessians and g of their squared gradients, (n,)."""
    rows, u = as_array("X", X, 2), as_vector("surrogate_probs", surrogate_probs)
    m = u if model_probs is None else as_vector("model_probs", model_probs)
    same_length(X=rows, surrogate_probs=u, model_probs=m)
    if len(u) and (min(u.min(), m.min()) < 0 or max(u.max(), m.max()) > 1):
        raise BadInput("a probability is outside [0, 1]", fix="pass P(y = 1 | x)")
    return rows, np.maximum(m * (1 - m), LEAST), np.maximum(u * (1 - m) ** 2 + (1 - u) * m**2, LEAST)


def _mean_outer(rows: Floats, weight: Floats) -> Floats:
    """Return the weighted mean of x x', (p, p), with a trace of ridge so that it can be inverted."""
    mean = rows.T @ (rows * weight[:, None]) / len(rows)
    return np.asarray(mean + RIDGE * np.trace(mean) / len(mean) * np.eye(len(mean)))
