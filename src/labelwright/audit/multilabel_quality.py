"""How well the tags of each row fit the probabilities: a score for each tag, pooled into one for the row.

    s_ik = p_ik when row i has tag k, else 1 − p_ik

sorted so that s_(1) ≥ ... ≥ s_(K), worst last, and pooled by

    EMA       e_1 = s_(1),  e_t = a·s_(t) + (1 − a)·e_(t−1),  score e_K: the worst tags weigh a, a(1 − a), ...
    softmin   Σ_k s_k · softmax_k((1 − s) / τ)
    min, mean, and the mean of the m smallest

Source: Thyagarajan, Snorrason, Northcutt, Mueller, Identifying Incorrect Annotations in Multi-Label Classification
Data, 2022 [P071].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.multilabel_tags import as_tags
from labelwright.audit.probabilities import as_probabilities, for_blocks
from labelwright.errors import BadInput


class Pooling(Protocol):
    """A way to turn the scores of a row's tags into one."""

    def __call__(self, class_scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pool (b, K) into (b,)."""
        ...


@dataclass(frozen=True)
class ExponentialAverage:
    """Exponential moving average towards the worst tag.

    Parameters
    ----------
    alpha : float, default 0.8
        Weight of the worst tag, in [0, 1]: 1 is the minimum, 0 the maximum; None is 2 / (K + 1).

    Examples
    --------
    >>> float(ExponentialAverage(0.8)(np.array([[0.9, 0.3, 0.9]]))[0].round(6))
    0.42
    """

    alpha: float | None = 0.8

    def __call__(self, class_scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pool (b, K) into (b,)."""
        alpha = 2 / (class_scores.shape[1] + 1) if self.alpha is None else self.alpha
        if not 0 <= alpha <= 1:
            raise BadInput(f"alpha is {alpha}, not in [0, 1]", fix="use a weight such as 0.8")
        ordered = np.sort(class_scores, axis=1)
        out = np.empty(len(ordered))
        _average_to_worst(ordered, alpha, out)
        return out


@dataclass(frozen=True)
class SoftMin:
    """Mean of the tags' scores weighted towards the worst ones.

    Parameters
    ----------
    temperature : float, default 0.1
        > 0; small is near the minimum, large near the mean.
    """

    temperature: float = 0.1

    def __call__(self, class_scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pool (b, K) into (b,)."""
        if not self.temperature > 0:
            raise BadInput(f"temperature is {self.temperature}, not positive", fix="use a number such as 0.1")
        s = np.asarray(class_scores, dtype=np.float64)
        weight = np.exp((s.min(axis=1, keepdims=True) - s) / self.temperature)
        return (s * weight).sum(axis=1) / weight.sum(axis=1)


@dataclass(frozen=True)
class MeanOfWorst:
    """Mean of the `m` lowest scores; all of them when m is None."""

    m: int | None = None

    def __call__(self, class_scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pool (b, K) into (b,)."""
        k = class_scores.shape[1]
        m = k if self.m is None else min(self.m, k)
        if m < 1:
            raise BadInput(f"m is {self.m}, not at least 1", fix="average one score or more")
        return np.asarray(np.partition(class_scores, m - 1, axis=1)[:, :m].mean(axis=1, dtype=np.float64))


def minimum(class_scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the lowest score of each row, (b, K) -> (b,)."""
    return np.asarray(class_scores.min(axis=1), dtype=np.float64)


def mean(class_scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean score of each row, (b, K) -> (b,)."""
    return np.asarray(class_scores.mean(axis=1, dtype=np.float64))


def pool_class_scores(class_scores: ArrayLike, pooling: Pooling | None = None) -> NDArray[np.float64]:
    """Pool scores of tags (n, K) into scores of rows (n,); None is `ExponentialAverage(0.8)`.

    Examples
    --------
    >>> pool_class_scores([[0.9, 0.9, 0.3]]).round(6)
    array([0.42])
    """
    scores = as_probabilities(class_scores)
    pool = pooling or ExponentialAverage()
    out = np.empty(len(scores))

    def work(start: int, stop: int, block: NDArray[np.floating]) -> int:
        out[start:stop] = pool(block)
        return 0

    for_blocks(scores, work)
    return out


def multilabel_class_scores(tags: ArrayLike, pred_probs: ArrayLike) -> NDArray[np.floating]:
    """Score each tag of each row: its probability if given, else the probability that it is absent; (n, K)."""
    probs = as_probabilities(pred_probs)
    given = as_tags(tags, probs.shape[1], len(probs))
    return _fit(given, probs)


def multilabel_quality_scores(
    tags: ArrayLike, pred_probs: ArrayLike, *, pooling: Pooling | None = None
) -> NDArray[np.float64]:
    """Score the tags of each row; in [0, 1], low = suspect.

    Parameters
    ----------
    tags : one list of class numbers a row, or a 0/1 matrix (n, K)
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample, one independent probability a class: rows need not sum to 1.
    pooling : callable, optional
        Turns (b, K) into (b,); None is `ExponentialAverage(0.8)`.

    Examples
    --------
    >>> multilabel_quality_scores([[0, 1], []], [[0.9, 0.9, 0.7], [0.5, 0.5, 0.5]]).round(6)
    array([0.42, 0.5 ])
    """
    probs = as_probabilities(pred_probs)
    given = as_tags(tags, probs.shape[1], len(probs))
    pool = pooling or ExponentialAverage()
    out = np.empty(len(probs))

    def work(start: int, stop: int, block: NDArray[np.floating]) -> int:
        out[start:stop] = pool(_fit(given[start:stop], block))
        return 0

    for_blocks(probs, work)
    return out


def _fit(tags: NDArray[np.int8], probs: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return how well each tag fits; an unknown tag fits perfectly, for nothing was said."""
    scores = np.where(tags == 1, probs, 1 - probs)
    scores[tags < 0] = 1
    return scores


@njit(cache=True, nogil=True)
def _average_to_worst(ordered: NDArray, alpha: float, out: NDArray) -> None:  # (b, K) ascending -> (b,)
    for i in range(ordered.shape[0]):
        average = ordered[i, ordered.shape[1] - 1]
        for t in range(ordered.shape[1] - 2, -1, -1):
            average = alpha * ordered[i, t] + (1 - alpha) * average
        out[i] = average
