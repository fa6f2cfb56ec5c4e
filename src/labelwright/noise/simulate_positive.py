"""Positive-unlabelled data: some positives are labelled, everything else is unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_mask, as_share, same_length
from labelwright.noise.record import Corruption, Seed, share, start


@dataclass(frozen=True, kw_only=True)
class PositiveUnlabeled(Corruption):
    """`labeled` bool (n,): True = known to be positive, False = unknown.

    `propensity` float64 (n,) is P(labelled | positive) of each row. The rate is the share of positives that are
    labelled; `changed` lists the positives that lost their label.
    """

    labeled: NDArray[np.bool_]
    propensity: NDArray[np.float64]


def label_at_random(positive: ArrayLike, rate: float, seed: Seed) -> PositiveUnlabeled:
    """Keep the label of each positive with probability `rate`, whatever its features (SCAR).

    Parameters
    ----------
    positive : bool array (n,)
    rate : float in [0, 1]
    seed : int or numpy.random.Generator

    Examples
    --------
    >>> label_at_random([1, 0, 1], rate=1.0, seed=0).labeled
    array([ True, False,  True])

    Source: Elkan and Noto, KDD 2008; block L1 of the partial-label cards.
    """
    truth = as_mask("positive", positive)
    return _label(truth, np.full(len(truth), as_share("rate", rate)), "scar", seed)


def label_by_features(
    positive: ArrayLike, features: ArrayLike, seed: Seed, low: float = 0.2, high: float = 0.8
) -> PositiveUnlabeled:
    """Keep the label of each positive with a probability that grows with its features (SAR).

    e(x) = Π_j (low + (high − low)·(x_j − min_j)/(max_j − min_j))^(1/d) over the d columns given; a constant column
    counts as (low + high)/2.

    Parameters
    ----------
    positive : bool array (n,)
    features : float array (n, d)
        The attributes that decide, any scale.
    seed : int or numpy.random.Generator
    low, high : float, default 0.2 and 0.8

    Source: Bekker et al., Beyond the selected completely at random assumption, 2019; block L1.
    """
    truth, x = as_mask("positive", positive), as_array("features", features, 2)
    same_length(positive=truth, features=x)
    if not 0 < as_share("low", low) <= as_share("high", high) or not x.shape[1]:
        raise BadInput("labelling by features needs 0 < low <= high and at least one column")
    if not len(x):
        return _label(truth, np.empty(0), "sar", seed)
    bottom, reach = x.min(axis=0), np.ptp(x, axis=0)
    scaled = np.divide(x - bottom, reach, out=np.full(x.shape, 0.5), where=reach > 0)
    return _label(truth, np.exp(np.log(low + scaled * (high - low)).mean(axis=1)), "sar", seed)


def label_by_propensity(positive: ArrayLike, propensity: ArrayLike, seed: Seed) -> PositiveUnlabeled:
    """Keep the label of each positive with the probability given for its row, float (n,) in [0, 1]."""
    truth, e = as_mask("positive", positive), as_array("propensity", propensity, 1)
    same_length(positive=truth, propensity=e)
    if ((e < 0) | (e > 1)).any():
        raise BadInput("propensity must lie in [0, 1]")
    return _label(truth, e, "propensity", seed)


def _label(truth: NDArray[np.bool_], propensity: NDArray[np.float64], kind: str, seed: Seed) -> PositiveUnlabeled:
    rng, recorded = start(seed, kind)
    labeled = truth & (rng.random(len(truth)) < propensity)
    n_positive = np.count_nonzero(truth)
    return PositiveUnlabeled(
        labeled=labeled,
        propensity=propensity,
        kind=kind,
        requested_rate=float(propensity[truth].mean()) if n_positive else float("nan"),
        realised_rate=share(np.count_nonzero(labeled), n_positive),
        changed=np.flatnonzero(truth & ~labeled),
        seed=recorded,
    )
