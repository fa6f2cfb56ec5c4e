"""Unequal chances that add up to a budget, and draws that respect them.

    π_i = min(1, c · w_i)  with  Σ π_i = n

Systematic sampling lays the π_i end to end and takes what lies at u, u + 1, u + 2, ... for one uniform u: exactly Σ π_i
rows, each with chance π_i.

Source: Madow, On the theory of systematic sampling II, 1949; used by [P038] and [P098].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labelwright.acquire.contract import Bools, Floats, Rows, Seed
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator, as_vector


def inclusion_probabilities(weights: ArrayLike, n: float) -> Floats:
    """Return π = min(1, c·w), float64 (N,), that add up to `n`.

    Parameters
    ----------
    weights : float array (N,)
        At least 0; only their ratios count.
    n : float
        In [0, number of positive weights].

    Raises
    ------
    BadInput
        A weight is negative, or n is more than the positive weights can give.

    Examples
    --------
    >>> inclusion_probabilities([1.0, 1.0, 8.0], 2)
    array([0.5, 0.5, 1. ])
    """
    w = as_vector("weights", weights)
    if (w < 0).any():
        raise BadInput("a weight is negative", where=f"row {int(np.argmin(w))}", fix="pass weights of at least 0")
    positive = int((w > 0).sum())
    if not 0 <= n <= positive:
        raise BadInput(f"{n:g} of {positive} rows with a positive weight cannot be drawn", fix="lower the number")
    if n == positive:
        return (w > 0).astype(np.float64)
    order = np.argsort(-w, kind="stable")
    ordered = w[order]
    rest = np.cumsum(ordered[::-1])[::-1]  # what the weights from each rank on add up to
    # c = (n − r) / rest_r with the r largest at 1: the first r whose own weight then stays below 1
    certain = (n - np.arange(len(w))) * ordered >= rest
    r = int(np.argmin(certain))
    pi = np.ones(len(w))
    pi[order[r:]] = np.minimum((n - r) * ordered[r:] / rest[r], 1.0)
    return pi


def systematic_sample(pi: ArrayLike, rng: Seed) -> Rows:
    """Return rows drawn with chances `pi`, ascending, int64: exactly Σ π of them where that is a whole number.

    Parameters
    ----------
    pi : float array (N,)
        In [0, 1].
    rng : int or numpy.random.Generator

    Examples
    --------
    >>> systematic_sample([0.0, 1.0, 0.0, 1.0], 0)
    array([1, 3])
    """
    chance = _chances(pi)
    generator = as_generator(rng)
    order = generator.permutation(len(chance))  # which rows come together must not depend on how they are listed
    ends = np.cumsum(chance[order])
    if len(ends) and abs(ends[-1] - np.round(ends[-1])) < 1e-6:  # what rounding has left of a whole number
        ends = np.minimum(ends, np.round(ends[-1]))
        ends[-1] = np.round(ends[-1])
    passed = np.ceil(ends - generator.random())
    return np.sort(order[np.diff(passed, prepend=0.0) > 0]).astype(np.int64)


def poisson_sample(pi: ArrayLike, rng: Seed) -> Bools:
    """Return independent draws with chances `pi` (N,), bool (N,): Σ π rows on average."""
    chance = _chances(pi)
    return np.asarray(as_generator(rng).random(len(chance)) < chance)


def _chances(pi: ArrayLike) -> Floats:
    chance = as_vector("pi", pi)
    if ((chance < 0) | (chance > 1)).any():
        raise BadInput("pi holds a number outside [0, 1]", fix="use inclusion_probabilities")
    return chance
