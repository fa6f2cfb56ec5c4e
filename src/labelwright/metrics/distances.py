"""How far apart two distributions over the same classes are, row by row or for a single pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr

from labelwright.errors import BadInput


def total_variation(p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    """Return ½ Σ_k |p_k − q_k| over the last axis, in [0, 1]. Shapes (..., K), broadcast against each other.

    Examples
    --------
    >>> float(total_variation([1.0, 0.0], [0.5, 0.5]))
    0.5
    """
    a, b = _distributions(p, q)
    return np.abs(a - b).sum(axis=-1) / 2


def kl_divergence(p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    """Return Σ_k p_k log(p_k / q_k) in nats over the last axis; infinite where q is 0 and p is not."""
    a, b = _distributions(p, q)
    return rel_entr(a, b).sum(axis=-1)


def jensen_shannon(p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    """Return the Jensen-Shannon divergence in nats over the last axis, in [0, log 2].

    Examples
    --------
    >>> round(float(jensen_shannon([1.0, 0.0], [0.0, 1.0])), 6)
    0.693147
    """
    a, b = _distributions(p, q)
    middle = (a + b) / 2
    return (rel_entr(a, middle).sum(axis=-1) + rel_entr(b, middle).sum(axis=-1)) / 2


def hellinger(p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    """Return √(½ Σ_k (√p_k − √q_k)²) over the last axis, in [0, 1]."""
    a, b = _distributions(p, q)
    return np.sqrt(((np.sqrt(a) - np.sqrt(b)) ** 2).sum(axis=-1) / 2)


def _distributions(p: ArrayLike, q: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-1]:
        raise BadInput(f"the distributions have shapes {a.shape} and {b.shape}", fix="give both over the same classes")
    for name, values in (("p", a), ("q", b)):
        if not (np.isfinite(values).all() and (values >= 0).all() and np.allclose(values.sum(axis=-1), 1, atol=1e-3)):
            raise BadInput(f"{name} is not a distribution", fix="give numbers of 0 or more that sum to 1")
    return a, b
