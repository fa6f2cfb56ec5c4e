"""Uncertainty sampling: ask about the rows on which the model is least sure, and random choice, the mark to beat.

    entropy  −Σ_k p_k log p_k        least confidence  1 − max_k p_k        margin  1 − (p_(1) − p_(2))

All are oriented alike, high = unsure, and take classes along any axis, so that they serve rows (n, K) and pixels
(K, H, W).

Source: Lewis and Gale, A sequential algorithm for training text classifiers, SIGIR 1994; Scheffer et al., Active hidden
Markov models for information extraction, IDA 2001.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from labelwright.acquire.contract import Floats, Pool, ScoredAcquisition, Seed, Selection, checked_budget
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator


def entropy_score(pred_probs: ArrayLike, axis: int = 1) -> Floats:
    """Return the entropy in nats, in [0, log K]; `pred_probs` float with the classes along `axis`.

    Examples
    --------
    >>> entropy_score([[0.5, 0.5], [1.0, 0.0]]).round(4)
    array([0.6931, 0.    ])
    """
    return np.asarray(entr(np.asarray(pred_probs, dtype=np.float64)).sum(axis=axis) + 0.0)


def least_confidence_score(pred_probs: ArrayLike, axis: int = 1) -> Floats:
    """Return 1 − the highest probability, in [0, 1 − 1/K]; `pred_probs` float with the classes along `axis`.

    Examples
    --------
    >>> least_confidence_score([[0.75, 0.25], [1.0, 0.0]])
    array([0.25, 0.  ])
    """
    return np.asarray(1 - np.asarray(pred_probs, dtype=np.float64).max(axis=axis))


def margin_score(pred_probs: ArrayLike, axis: int = 1) -> Floats:
    """Return 1 − (highest − second highest probability), in [0, 1]; `pred_probs` float with the classes along `axis`.

    Examples
    --------
    >>> margin_score([[0.75, 0.25], [0.5, 0.5]])
    array([0.5, 1. ])
    """
    p = np.moveaxis(np.asarray(pred_probs, dtype=np.float64), axis, -1)
    if p.shape[-1] < 2:
        raise BadInput("a margin needs two classes", fix="pass probabilities of at least 2 classes")
    top = np.partition(p, p.shape[-1] - 2, axis=-1)
    return np.asarray(1 - (top[..., -1] - top[..., -2]))


class Entropy(ScoredAcquisition):
    """Asks about the rows whose predicted classes have the highest entropy.

    Examples
    --------
    >>> Entropy().select(Pool(pred_probs=[[0.9, 0.1], [0.5, 0.5]]), 1, rng=0).rows
    array([1])
    """

    def scores(self, pool: Pool) -> Floats:
        """Return the entropy of each row in nats, (n,)."""
        return entropy_score(pool.need("pred_probs", self))


class LeastConfidence(ScoredAcquisition):
    """Asks about the rows whose most probable class is least probable."""

    def scores(self, pool: Pool) -> Floats:
        """Return 1 − the highest probability of each row, (n,)."""
        return least_confidence_score(pool.need("pred_probs", self))


class Margin(ScoredAcquisition):
    """Asks about the rows whose two most probable classes are closest."""

    def scores(self, pool: Pool) -> Floats:
        """Return 1 − the margin of each row, (n,)."""
        return margin_score(pool.need("pred_probs", self))


class RandomSampling:
    """Asks about rows drawn evenly, without replacement.

    Examples
    --------
    >>> len(RandomSampling().select(Pool(labels=[-1, -1, 0]), 2, rng=0))
    2
    """

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return `budget` open rows in random order, each with its chance of being drawn."""
        rows = pool.open_rows
        size = checked_budget(budget, len(rows))
        drawn = as_generator(rng).permutation(rows)[:size]
        return Selection(drawn, np.zeros(size), probability=np.full(size, size / max(len(rows), 1)))
