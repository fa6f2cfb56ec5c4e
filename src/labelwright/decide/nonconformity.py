"""How strange a whole set of labels is for a row: distance to the outputs, rare pairs, rare shapes.

    norm            a(ψ) = ‖ψ − o‖_d
    co-occurrence   a(ψ) = ‖ψ − o‖_d^d + λ · Σ_{k<m} ψ_k ψ_m μ_km,  μ_km = 1 − how often k and m go together
    Mahalanobis     a(ψ) = M(|o − ψ|) / M(1) + w_H · min_i Hamming(ψ, ψ_i) / K + w_C · (1 − share with |ψ| labels)

Source: Maltoudoglou et al., Pattern Recognition 2022 [P118] (norm; the form of the penalty is ours: how often two
labels go together is the overlap coefficient n_km / min(n_k, n_m)). The third is that of the same group's code of 2025.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from labelwright.decide.contract import Bools, Floats, label_probs, tag_matrix
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_mask

Outputs = Floats


class Nonconformity(Protocol):
    """A score of label sets, high = strange.

    `order` is d. `distance_budget(tau)` bounds Σ_k |ψ_k − o_k|^d of every set with a score of at most tau; infinity
    where distance bounds nothing, and then the whole powerset is searched.
    """

    order: float

    def __call__(self, sets: Bools, outputs: Outputs) -> Floats:
        """Return the score of sets (..., K) for outputs (..., K)."""
        ...

    def distance_budget(self, tau: float) -> float:
        """Return the largest Σ_k |ψ_k − o_k|^d among sets with a score of at most tau."""
        ...


class NormNonconformity:
    """‖ψ − o‖_d.

    Parameters
    ----------
    order : float, default 2
        d, at least 1.

    Examples
    --------
    >>> NormNonconformity()(np.array([True, False]), np.array([0.4, 0.8])).item()
    1.0
    """

    def __init__(self, order: float = 2) -> None:
        self.order = _order(order)

    def __call__(self, sets: Bools, outputs: Outputs) -> Floats:
        """Return the norm, (...)."""
        return distances(sets, outputs, self.order) ** (1 / self.order)

    def distance_budget(self, tau: float) -> float:
        """Return tau^d."""
        return tau**self.order


class CooccurrencePenalty:
    """‖ψ − o‖_d^d plus `lam` for every pair of labels in ψ that seldom go together.

    Parameters
    ----------
    tags : bool array (n, K)
        Labels of the rows that the model was trained on.
    lam : float
        At least 0.
    order : float, default 2
    """

    def __init__(self, tags: ArrayLike, lam: float, order: float = 2) -> None:
        if not lam >= 0:
            raise BadInput(f"lam is {lam!r}", fix="give a penalty of 0 or more")
        seen = as_mask("tags", tags, 2).astype(np.float64)
        together, count = seen.T @ seen, seen.sum(axis=0)
        fewer = np.minimum(count[:, None], count[None])
        self.order, self.lam = _order(order), lam
        self.rarity = 1 - np.divide(together, fewer, out=np.zeros_like(together), where=fewer > 0)
        np.fill_diagonal(self.rarity, 0)

    def __call__(self, sets: Bools, outputs: Outputs) -> Floats:
        """Return the penalised distance, (...)."""
        psi = sets.astype(np.float64)
        return distances(sets, outputs, self.order) + self.lam * ((psi @ self.rarity) * psi).sum(axis=-1) / 2

    def distance_budget(self, tau: float) -> float:
        """Return tau: the penalty is never negative."""
        return tau


class MahalanobisNonconformity:
    """Distance in the metric of the model's own errors, plus how far ψ is from any label set seen in training.

    It bounds no distance, so whole powersets are searched: for 20 labels or fewer.

    Parameters
    ----------
    outputs, tags : float array (n, K), bool array (n, K)
        Of the proper training set.
    hamming_weight, cardinality_weight : float, default 1.0
        w_H and w_C, at least 0.
    """

    def __init__(
        self, outputs: ArrayLike, tags: ArrayLike, hamming_weight: float = 1.0, cardinality_weight: float = 1.0
    ) -> None:
        o = label_probs("outputs", outputs)
        seen = tag_matrix("tags", tags, o)
        if min(hamming_weight, cardinality_weight) < 0 or len(o) < 2:
            raise BadInput("weights must be 0 or more, and there must be at least two training rows")
        k = o.shape[1]
        self.order = 2.0
        self._inverse = np.linalg.pinv(np.atleast_2d(np.cov(np.abs(o - seen), rowvar=False)) + 1e-9 * np.eye(k))
        self._most = float(np.sqrt(self._inverse.sum()))
        self._seen = np.unique(seen, axis=0)
        self._share = np.bincount(seen.sum(axis=1), minlength=k + 1) / len(seen)
        self._hamming_weight, self._cardinality_weight = hamming_weight, cardinality_weight

    def __call__(self, sets: Bools, outputs: Outputs) -> Floats:
        """Return the score, (...)."""
        error = np.abs(outputs - sets)
        distance = np.sqrt(np.maximum(((error @ self._inverse) * error).sum(axis=-1), 0)) / self._most
        psi = sets.astype(np.float64)
        apart = (psi.sum(axis=-1)[..., None] + self._seen.sum(axis=1) - 2 * psi @ self._seen.T).min(axis=-1)
        rare = 1 - self._share[sets.sum(axis=-1)]
        return distance + self._hamming_weight * apart / sets.shape[-1] + self._cardinality_weight * rare

    def distance_budget(self, tau: float) -> float:
        """Return infinity."""
        return float("inf")


def distances(sets: Bools, outputs: Outputs, order: float) -> Floats:
    """Return Σ_k |ψ_k − o_k|^order, (...)."""
    return (np.abs(sets - outputs) ** order).sum(axis=-1)


def _order(order: float) -> float:
    if not 1 <= order < np.inf:
        raise BadInput(f"the order of the norm is {order!r}", fix="give a finite number of 1 or more, such as 2")
    return float(order)
