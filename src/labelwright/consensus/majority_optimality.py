"""Is plain majority voting already the best that can be done?

Two classes, prior ν = P(y = 1), sources with a = P(vote 1 | 1) and b = P(vote 0 | 0), H votes a row. With
ℓ = log ν/(1 − ν), w1 = log a/(1 − b), w0 = log b/(1 − a) the oracle says 1 iff ℓ + n1·w1 − n0·w0 > 0. Majority decides
alike on every untied outcome iff its narrowest wins are right: with (h, g) = ((H+1)/2, (H−1)/2), for even H
(H/2 + 1, H/2 − 1),

    ℓ + h·w1 − g·w0 > 0   and   ℓ + g·w1 − h·w0 < 0

For sources that differ, u_i = w1_i + w0_i: ℓ − Σ w0 + (the h smallest u) > 0 and ℓ − Σ w0 + (the g largest u) < 0.
More annotators do not help: the narrowest majority decides. The conditions are about equal decisions, not equal error;
`majority_gap` says what a violation costs.

Source: The majority vote paradigm shift: when popular meets optimal, 2025 [P086].
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from labelwright.errors import BadInput

Floats = NDArray[np.float64]
MOST_ENUMERATED = 16


def oracle_map(votes: ArrayLike, prior: float, sensitivity: ArrayLike, specificity: ArrayLike) -> NDArray[np.int64]:
    """Return the class that the known reliabilities make likelier, int64 (n,).

    Parameters
    ----------
    votes : int array (n, H)
        0 or 1, -1 = no vote.
    prior : float
        ν in (0, 1).
    sensitivity, specificity : float or float array (H,)
        a and b of each source, in (0, 1).

    Examples
    --------
    >>> oracle_map([[1, 0, 0]], 0.5, [0.99, 0.6, 0.6], [0.99, 0.6, 0.6])
    array([1])

    Source: [P086].
    """
    given = np.asarray(votes)
    w1, w0 = vote_weights(sensitivity, specificity)
    score = logit(prior) + ((given == 1) * w1).sum(axis=1) - ((given == 0) * w0).sum(axis=1)
    return (score > 0).astype(np.int64)


@dataclass(frozen=True)
class Optimality:
    """Whether majority equals the oracle on every untied outcome, and by how many nats (negative: it does not)."""

    holds: bool
    margin: float


def majority_is_optimal(
    prior: float, sensitivity: ArrayLike, specificity: ArrayLike, n_votes: int | None = None
) -> Optimality:
    """Tell whether majority voting decides as the oracle does on every untied outcome.

    Parameters
    ----------
    prior : float
        ν in (0, 1).
    sensitivity, specificity : float or float array (H,)
        a and b; one number for identical sources.
    n_votes : int, optional
        H, needed for identical sources.

    Examples
    --------
    >>> majority_is_optimal(0.5, 0.8, 0.8, n_votes=3).holds
    True
    >>> majority_is_optimal(0.05, 0.8, 0.8, n_votes=3).holds
    False

    Source: [P086].
    """
    w1, w0 = vote_weights(sensitivity, specificity)
    if w1.ndim == 0:
        if n_votes is None or n_votes < 1:
            raise BadInput("the number of votes is missing", fix="pass n_votes of at least 1")
        w1, w0 = np.full(n_votes, w1), np.full(n_votes, w0)
    h, g = narrowest(len(w1))
    u = np.sort(w1 + w0)
    base = logit(prior) - w0.sum()
    # The worst set of at least h sources adds every negative u; the best of at most g only positive ones.
    worst_win = base + u[:h].sum() + np.minimum(u[h:], 0).sum()
    best_loss = base + np.maximum(u[len(u) - g :], 0).sum()
    margin = float(min(worst_win, -best_loss))
    return Optimality(margin > 0, margin)


def plurality_is_optimal(prior: ArrayLike, accuracy: float) -> Optimality:
    """Tell for several classes and even errors whether a lead of one vote settles every pair of classes.

    Sufficient: log((K − 1) α/(1 − α)) > log max π / min π. Shapes: prior (K,).
    """
    shares = np.asarray(prior, dtype=np.float64)
    if len(shares) < 2 or not (shares > 0).all() or not 0 < accuracy < 1:
        raise BadInput("the prior or the accuracy is not usable", fix="pass positive shares and an accuracy in (0, 1)")
    weight = np.log((len(shares) - 1) * accuracy / (1 - accuracy))
    margin = float(weight - np.log(shares.max() / shares.min()))
    return Optimality(margin > 0, margin)


@dataclass(frozen=True)
class Gap:
    """Error of majority voting (ties go where the oracle goes) and of the oracle, shares of rows."""

    majority_error: float
    oracle_error: float

    @property
    def cost(self) -> float:
        """What majority voting loses."""
        return self.majority_error - self.oracle_error


def majority_gap(
    prior: float,
    sensitivity: ArrayLike,
    specificity: ArrayLike,
    n_votes: int | None = None,
    *,
    draws: int = 100_000,
    seed: int = 0,
) -> Gap:
    """Return the error of majority voting and of the oracle.

    Exact for identical sources and for up to 16 different ones, else from `draws` simulated rows. Parameters as in
    `majority_is_optimal`.

    Examples
    --------
    >>> gap = majority_gap(0.05, 0.8, 0.8, n_votes=3)
    >>> round(gap.majority_error, 3), round(gap.oracle_error, 3)
    (0.104, 0.032)

    Source: [P086].
    """
    a, b = np.asarray(sensitivity, dtype=np.float64), np.asarray(specificity, dtype=np.float64)
    w1, w0 = vote_weights(a, b)
    if a.ndim == 0 and b.ndim == 0:
        if n_votes is None or n_votes < 1:
            raise BadInput("the number of votes is missing", fix="pass n_votes of at least 1")
        ones = np.arange(n_votes + 1)
        mass = np.stack([(1 - prior) * binom.pmf(ones, n_votes, 1 - b), prior * binom.pmf(ones, n_votes, a)])
        lead = 2 * ones - n_votes
        score = logit(prior) + ones * w1 - (n_votes - ones) * w0
    else:
        a, b = np.broadcast_arrays(a, b)
        if len(a) <= MOST_ENUMERATED:
            outcomes = np.array(list(product((0, 1), repeat=len(a))))
            chance = [np.where(outcomes == 1, p, 1 - p).prod(axis=1) for p in (1 - b, a)]
            mass = np.stack([(1 - prior) * chance[0], prior * chance[1]])
        else:
            rng = np.random.default_rng(seed)
            truth = rng.random(draws) < prior
            outcomes = (rng.random((draws, len(a))) < np.where(truth[:, None], a, 1 - b)).astype(int)
            mass = np.stack([~truth, truth]) / draws
        lead = 2 * outcomes.sum(axis=1) - len(a)
        score = logit(prior) + outcomes @ w1 - (1 - outcomes) @ w0
    oracle = score > 0
    majority = np.where(lead == 0, oracle, lead > 0)
    return Gap(_error(mass, majority), _error(mass, oracle))


def _error(mass: Floats, says_one: NDArray[np.bool_]) -> float:
    return float(np.where(says_one, mass[0], mass[1]).sum())


def narrowest(n_votes: int) -> tuple[int, int]:
    """Return the votes for and against in the narrowest majority of H votes: (2, 1) of 3, (3, 1) of 4."""
    return (n_votes + 2 - n_votes % 2) // 2, (n_votes - 2 + n_votes % 2) // 2


def vote_weights(sensitivity: ArrayLike, specificity: ArrayLike) -> tuple[Floats, Floats]:
    """Return w1 = log a/(1 − b) and w0 = log b/(1 − a)."""
    a, b = np.asarray(sensitivity, dtype=np.float64), np.asarray(specificity, dtype=np.float64)
    if a.ndim > 1 or not ((a > 0) & (a < 1)).all() or not ((b > 0) & (b < 1)).all():
        raise BadInput("a reliability is outside (0, 1)", fix="pass P(vote 1 | 1) and P(vote 0 | 0) inside (0, 1)")
    a, b = np.broadcast_arrays(a, b)
    return np.log(a / (1 - b)), np.log(b / (1 - a))


def logit(prior: float) -> float:
    """Return ℓ = log ν/(1 − ν)."""
    if not 0 < prior < 1:
        raise BadInput(f"the prior is {prior}", fix="pass a share inside (0, 1)")
    return float(np.log(prior / (1 - prior)))
