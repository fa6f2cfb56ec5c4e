"""The oracle of this room: sums over all labellings of a few rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest


def _enumerate(log_prior, weight):
    """Return (q, log_z) by summing exp(log_prior) · exp(weight(labels)) over all K^n labellings."""
    n, k = log_prior.shape
    labels = np.array(list(itertools.product(range(k), repeat=n)), dtype=int).reshape(-1, n)
    total = log_prior[np.arange(n), labels].sum(axis=1) + np.array([weight(y) for y in labels])
    log_z = np.logaddexp.reduce(total)
    share = np.exp(total - log_z)
    return np.stack([(share[:, None] * (labels == c)).sum(axis=0) for c in range(k)], axis=1), log_z


@pytest.fixture(scope="session")
def enumerated():
    return _enumerate


def _random_log_prior(seed, n, k):
    return np.log(np.random.default_rng(seed).dirichlet(np.ones(k), size=n))


@pytest.fixture(scope="session")
def random_log_prior():
    return _random_log_prior
