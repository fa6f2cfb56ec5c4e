"""What a set of labels is worth and what it costs, when labels are right or wrong.

For a set S, true labels Y and a monotone u with u(∅) = 0 and u(all labels) = 1,

    value(S, Y) = u(S ∩ Y)                cost(S, Y) = u(S \\ Y)         (false positives)

Before Y is known, labels count as independent with probabilities p. `expected_value` and `expected_cost` are the means,
`violation` is P(cost > limit).

Source: Lin et al., Fast online value-maximizing prediction sets with conformal cost control, ICML 2023 [P061].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from labelwright.decide.contract import Bools, Floats
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator, as_vector

EXACT_LABELS = 11  # up to 2¹¹ combinations are enumerated
_HAIR = 1e-12  # a cost equal to the limit is no violation, whatever the rounding


class SetFunction(Protocol):
    """A monotone function of sets of K labels, in [0, 1]; sets are bool (..., K), results (...)."""

    n_labels: int

    def value(self, sets: Bools, y: Bools) -> Floats:
        """Return u(S ∩ Y)."""
        ...

    def cost(self, sets: Bools, y: Bools) -> Floats:
        """Return u(S \\ Y)."""
        ...

    def expected_value(self, sets: Bools, probs: Floats) -> Floats:
        """Return the mean of u(S ∩ Y)."""
        ...

    def expected_cost(self, sets: Bools, probs: Floats) -> Floats:
        """Return the mean of u(S \\ Y)."""
        ...

    def violation(self, sets: Bools, probs: Floats, limit: float) -> Floats:
        """Return P(u(S \\ Y) > limit)."""
        ...


class AdditiveSetFunction:
    """u(S) = Σ_{k ∈ S} w_k / Σ_k w_k: every label has its price.

    Parameters
    ----------
    weights : float array (K,)
        At least 0, not all 0; in any currency, they are divided by their sum.

    Examples
    --------
    >>> fines = AdditiveSetFunction([1, 1, 2])
    >>> fines.cost(np.array([True, False, True]), np.array([True, False, False])).item()
    0.5

    Source: Lin et al., ICML 2023 [P061].
    """

    def __init__(self, weights: ArrayLike) -> None:
        w = as_vector("weights", weights)
        if not len(w) or w.min() < 0 or w.sum() <= 0:
            raise BadInput("weights must be 0 or more, and one of them above 0")
        self.weights = w / w.sum()
        self.n_labels = len(w)

    def value(self, sets: Bools, y: Bools) -> Floats:
        """Return u(S ∩ Y), (...)."""
        return (sets & y) @ self.weights

    def cost(self, sets: Bools, y: Bools) -> Floats:
        """Return u(S \\ Y), (...)."""
        return (sets & ~y) @ self.weights

    def expected_value(self, sets: Bools, probs: Floats) -> Floats:
        """Return u(S · p), (...)."""
        return (sets * probs) @ self.weights

    def expected_cost(self, sets: Bools, probs: Floats) -> Floats:
        """Return u(S · (1 − p)), (...)."""
        return (sets * (1 - probs)) @ self.weights

    def violation(self, sets: Bools, probs: Floats, limit: float) -> Floats:
        """Return P(u(S \\ Y) > limit), (...): exact for up to 11 labels in doubt, else a Gaussian approximation."""
        from scipy.special import ndtr

        wrong = np.where(sets, 1 - probs, 0.0)
        spread = np.sqrt((self.weights**2 * wrong * (1 - wrong)).sum(axis=-1))
        gaussian = np.asarray(ndtr((wrong @ self.weights - limit) / np.maximum(spread, _HAIR)))
        flat = np.ascontiguousarray(wrong.reshape(-1, self.n_labels))
        exact = _exact_violations(flat, self.weights, limit + _HAIR).reshape(gaussian.shape)
        return np.where(np.isnan(exact), gaussian, exact)


@njit(cache=True, nogil=True)
def _exact_violations(wrong: Floats, weights: Floats, limit: float) -> Floats:
    """P(Σ w_k B_k > limit) for each of m rows, B_k independent with means `wrong` (m, K); NaN: too many in doubt."""
    m, n_labels = wrong.shape
    result = np.empty(m)
    totals, masses = np.empty(1 << EXACT_LABELS), np.empty(1 << EXACT_LABELS)
    for i in range(m):
        totals[0], masses[0], size, doubt = 0.0, 1.0, 1, 0
        for k in range(n_labels):
            q = wrong[i, k]
            if q == 0.0 or weights[k] == 0.0:
                continue
            if q == 1.0:
                for j in range(size):
                    totals[j] += weights[k]
                continue
            doubt += 1
            if doubt > EXACT_LABELS:
                break
            for j in range(size):
                totals[size + j], masses[size + j] = totals[j] + weights[k], masses[j] * q
                masses[j] *= 1.0 - q
            size *= 2
        above = 0.0
        for j in range(size):
            if totals[j] > limit:
                above += masses[j]
        result[i] = np.nan if doubt > EXACT_LABELS else above
    return result


class GeneralSetFunction:
    """Any monotone function of sets, divided by its value for all labels.

    Means and probabilities are exact for up to 11 labels in doubt, else over random draws; the draws are the same for
    every set, so that a larger set never looks cheaper.

    Parameters
    ----------
    function : callable, bool (m, K) to float (m,)
        Monotone, 0 for the empty set.
    n_labels : int
    draws : int, default 10_000
    seed : int, default 0

    Examples
    --------
    >>> capped = GeneralSetFunction(lambda sets: np.minimum(sets.sum(axis=1), 2), n_labels=3)
    >>> capped.value(np.array([[1, 1, 1], [1, 0, 0]], bool), np.ones((2, 3), bool))
    array([1. , 0.5])

    Source: Lin et al., ICML 2023 [P061].
    """

    def __init__(self, function: Callable[[Bools], NDArray], n_labels: int, draws: int = 10_000, seed: int = 0) -> None:
        ends = np.asarray(function(np.array([[False] * n_labels, [True] * n_labels])))
        if ends.dtype.kind not in "biuf" or ends.shape != (2,) or abs(ends[0]) > _HAIR or not ends[1] > 0:
            raise BadInput(
                "a set function is 0 for the empty set and above 0 for all labels", fix="return one number a set"
            )
        self.n_labels, self._function, self._most = n_labels, function, float(ends[1])
        self._draws, self._seed = draws, seed

    def _of(self, sets: Bools) -> Floats:
        flat = self._function(sets.reshape(-1, self.n_labels))
        return (np.asarray(flat, np.float64) / self._most).reshape(sets.shape[:-1])

    def value(self, sets: Bools, y: Bools) -> Floats:
        """Return u(S ∩ Y), (...)."""
        return self._of(sets & y)

    def cost(self, sets: Bools, y: Bools) -> Floats:
        """Return u(S \\ Y), (...)."""
        return self._of(sets & ~y)

    def expected_value(self, sets: Bools, probs: Floats) -> Floats:
        """Return E u(S ∩ Y), (...)."""
        return self._mean(sets, probs, lambda u: u)

    def expected_cost(self, sets: Bools, probs: Floats) -> Floats:
        """Return E u(S \\ Y), (...)."""
        return self._mean(sets, 1 - probs, lambda u: u)

    def violation(self, sets: Bools, probs: Floats, limit: float) -> Floats:
        """Return P(u(S \\ Y) > limit), (...)."""
        return self._mean(sets, 1 - probs, lambda u: u > limit + _HAIR)

    def _mean(self, sets: Bools, kept: Floats, score: Callable[[Floats], NDArray]) -> Floats:
        """Mean of score(u(S ∩ B)), B independent with probabilities `kept`, for each S of one row or many."""
        sets, kept = np.broadcast_arrays(sets, kept)
        result = np.empty(sets.shape[:-1])
        uniform: Floats | None = None
        for index in np.ndindex(result.shape):
            chosen, p = sets[index], kept[index]
            doubt = np.flatnonzero(chosen & (p > 0) & (p < 1))
            if len(doubt) <= EXACT_LABELS:
                present, mass = _combinations(chosen & (p == 1), doubt, p)
                result[index] = mass @ score(self._of(present))
            else:
                if uniform is None:
                    uniform = as_generator(self._seed).random((self._draws, self.n_labels))
                result[index] = score(self._of((uniform < p) & chosen)).mean()
        return result


def _combinations(sure: Bools, doubt: NDArray[np.int64], p: Floats) -> tuple[Bools, Floats]:
    """All combinations of the labels in doubt on top of the sure ones, (2^d, K), with their probabilities."""
    bits = (np.arange(1 << len(doubt))[:, None] >> np.arange(len(doubt)) & 1).astype(bool)
    present = np.repeat(sure[None], len(bits), axis=0)
    present[:, doubt] = bits
    return present, np.where(bits, p[doubt], 1 - p[doubt]).prod(axis=1)
