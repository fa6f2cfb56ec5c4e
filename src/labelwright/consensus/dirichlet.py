"""Dirichlet distributions for variational models: expected logarithms and divergences, over one axis of an array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

Floats = NDArray[np.float64]


def expected_log(concentration: Floats, axis: int) -> Floats:
    """Return E[log p] = ψ(a) − ψ(Σ a) of Dirichlet distributions along `axis`."""
    return digamma(concentration) - digamma(concentration.sum(axis=axis, keepdims=True))


def dirichlet_kl(posterior: Floats, prior: Floats, axis: int) -> float:
    """Return Σ KL(Dir(posterior) ‖ Dir(prior)) over all distributions along `axis`.

    Examples
    --------
    >>> dirichlet_kl(np.array([2.0, 3.0]), np.array([2.0, 3.0]), axis=0)
    0.0
    """
    prior = np.broadcast_to(prior, posterior.shape)
    total, prior_total = posterior.sum(axis=axis), prior.sum(axis=axis)
    log_ratio = (gammaln(total) - gammaln(prior_total)).sum() - (gammaln(posterior) - gammaln(prior)).sum()
    return float(log_ratio + ((posterior - prior) * expected_log(posterior, axis)).sum())
