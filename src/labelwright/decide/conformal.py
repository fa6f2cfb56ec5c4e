"""The rule under every conformal set: how a new score ranks among those of calibration rows.

With calibration scores a_1 ... a_n (high = strange) and exchangeable rows,

    p(s)       = (#{i : a_i ≥ s} + 1) / (n + 1)            P(p ≤ α) ≤ α for the true label of a new row
    τ(α)       = the ⌊α (n + 1)⌋-th largest a_i, infinite where that index is 0
    set        = {candidates : p > α} = {candidates : s ≤ τ(α)}

Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005 [B076]; the same rule in [P118].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.decide.contract import Floats, as_rate
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_generator, as_vector

_SLACK = 1e-9  # α (n + 1) is a whole number only up to rounding


def conformal_p_values(calibration: ArrayLike, scores: ArrayLike) -> Floats:
    """Return (#{calibration ≥ s} + 1) / (n + 1) for every score, in the shape of `scores`.

    Parameters
    ----------
    calibration : float array (n,)
        Scores of the true labels of calibration rows, high = strange. Infinity is a score like another.
    scores : float array of any shape

    Examples
    --------
    >>> conformal_p_values([1.0, 2.0, 3.0], [0.5, 2.5])
    array([1. , 0.5])
    """
    ordered = np.sort(_scores(calibration))
    at_least = len(ordered) - np.searchsorted(ordered, np.asarray(scores, np.float64), side="left")
    return (at_least + 1) / (len(ordered) + 1)


def smoothed_p_values(calibration: ArrayLike, scores: ArrayLike, seed: int | np.random.Generator) -> Floats:
    """Return p-values that are exactly uniform: ties are broken by θ ~ U(0, 1), one draw a row of `scores`.

    p = (#{a > s} + θ · (#{a = s} + 1)) / (n + 1). Parameters as in `conformal_p_values`, `scores` (m,) or (m, K).
    """
    ordered = np.sort(_scores(calibration))
    s = np.asarray(scores, np.float64)
    theta = as_generator(seed).random(s.shape[:1]).reshape(-1, *[1] * (s.ndim - 1))
    left, right = np.searchsorted(ordered, s, side="left"), np.searchsorted(ordered, s, side="right")
    return (len(ordered) - right + theta * (right - left + 1)) / (len(ordered) + 1)


def conformal_threshold(calibration: ArrayLike, alpha: float) -> float:
    """Return τ: candidates with a score of at most τ make a set that misses the truth with probability ≤ alpha.

    Parameters
    ----------
    calibration : float array (n,)
    alpha : float
        Error rate in (0, 1). Below 1 / (n + 1) the threshold is infinite: so few rows cannot promise so much.

    Examples
    --------
    >>> conformal_threshold([1.0, 2.0, 3.0, 4.0], 0.2), conformal_threshold([1.0, 2.0, 3.0, 4.0], 0.1)
    (4.0, inf)
    """
    values = _scores(calibration)
    k = threshold_rank(len(values), alpha)
    if k == 0:
        return float("inf")
    return float(np.partition(values, len(values) - k)[len(values) - k])


def threshold_rank(n: int, alpha: float) -> int:
    """Return ⌊alpha (n + 1)⌋: which of n scores, counted from the largest, is the threshold; 0 for none."""
    return int(np.floor(as_rate("alpha", alpha) * (n + 1) + _SLACK))


def rows_needed(alpha: float) -> int:
    """Return the fewest calibration rows with which sets at `alpha` are not all candidates: ⌈1/α⌉ − 1.

    Examples
    --------
    >>> rows_needed(0.05)
    19
    """
    return int(np.ceil(1 / as_rate("alpha", alpha) - _SLACK)) - 1


def _scores(calibration: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(calibration)
    if values.ndim == 1 and values.dtype.kind == "f" and np.isinf(values).any():
        as_vector("calibration", values[~np.isinf(values)])
        return values.astype(np.float64)
    checked = as_array("calibration", values, 1)
    if not len(checked):
        raise BadInput("there are no calibration scores")
    return checked
