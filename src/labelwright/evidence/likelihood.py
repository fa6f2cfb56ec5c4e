"""Evidence becomes a likelihood: log P(o_i | y_i = k) for every kind of row evidence (block B1).

The lines are written once against the array API: a torch `noise` gives a torch likelihood through which its gradient
flows. Transition matrices have rows = truth, columns = observed. Only ratios between classes matter.

Source: Chen et al., Imprecise Label Learning, NeurIPS 2024 [P010].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, is_torch, namespace, to_numpy
from labelwright.evidence.segments import segment_sum

ROW_SUM_TOLERANCE = 1e-4


def log_of(probabilities: Array) -> Array:
    """Return the logarithm, minus infinity for 0, without a warning."""
    if is_torch(probabilities):
        return probabilities.log()
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def transition_array(noise: Any, name: str = "noise") -> Array:
    """Return a transition matrix as an array: the object itself, or its `matrix` (as ``TransitionMatrix`` has).

    Raises BadInput when an entry is negative or not finite, or when a row does not sum to 1 (within 1e-4).
    """
    matrix = getattr(noise, "matrix", noise)
    try:
        matrix = matrix if is_torch(matrix) else np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{name} is no table of numbers", fix="pass a transition matrix") from None
    values = to_numpy(matrix)
    if values.ndim < 2 or not np.isfinite(values).all() or (values < 0).any():
        raise BadInput(f"{name} is no transition matrix", fix="pass probabilities, rows = truth, columns = observed")
    if np.abs(values.sum(axis=-1) - 1).max(initial=0.0) > ROW_SUM_TOLERANCE:
        raise BadInput(
            f"the rows of {name} do not sum to 1", fix="rows = truth, columns = observed; each row sums to 1"
        )
    return matrix


def check_observed(transition: Array, n_observed: int) -> Array:
    """Return `transition` when it has a column for each observed class; BadInput otherwise."""
    if transition.shape[-1] != n_observed:
        raise BadInput(
            f"the noise has {transition.shape[-1]} columns, the labels {n_observed} classes",
            fix="rows = truth, columns = observed",
        )
    return transition


def where_true(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return 0 where the mask holds and minus infinity elsewhere."""
    return np.where(mask, 0.0, -np.inf)


def hard_log_likelihood(labels: NDArray[np.integer], transition: Array, rows: NDArray[np.int64]) -> Array:
    """log T[k, s] of an observed label s; zeros where unlabelled (-1).

    Shapes: labels (b,), transition (K, S) or, depending on the row, (n, K, S); returns (b, K).
    """
    xp = namespace(transition)
    known = labels >= 0
    observed = np.where(known, labels, 0).astype(np.int64)
    log_t = log_of(transition)
    if transition.ndim == 2:
        columns = _index(log_t.T, observed)
    else:
        columns = log_t[_position(log_t, rows), :, _position(log_t, observed)]
    return xp.where(_position(log_t, known)[:, None], columns, xp.zeros_like(columns))


def share_log_likelihood(shares: NDArray[np.floating], n_votes: NDArray[np.floating], transition: Array) -> Array:
    """m_i · Σ_s π_is log T[k, s], with 0 · log 0 = 0. Shapes: (b, S), (b,), (K, S) → (b, K)."""
    xp = namespace(transition)
    said = np.asarray(shares, dtype=np.float64) * np.asarray(n_votes, dtype=np.float64)[:, None]
    zero = to_numpy(transition) == 0
    log_t = log_of(xp.where(_position(transition, zero), xp.ones_like(transition), transition))
    sums = _position(log_t, said).to(log_t.dtype) @ log_t.T if is_torch(log_t) else said @ log_t.T
    impossible = (said > 0).astype(np.float64) @ zero.T.astype(np.float64) > 0
    return xp.where(_position(sums, impossible), xp.full_like(sums, -np.inf), sums)


def listed_log_likelihood(
    segments: NDArray[np.int64], classes: NDArray[np.integer], transition: Array, n_rows: int
) -> Array:
    """Σ over the listed s of log T[k, s]: the product form for candidate sets and for complementary labels.

    Shapes: segments and classes (t,), transition (K, S); returns (n_rows, K).
    """
    log_t = log_of(transition).T
    return segment_sum(_index(log_t, classes.astype(np.int64)), segments, n_rows)


def noisy_candidate_level(miss: float, inclusion: float) -> float:
    """log[η q / ((1 − η)(1 − q))]: a class outside the set, relative to one inside (miss rate η, inclusion q)."""
    return float(np.log(miss) + np.log(inclusion) - np.log1p(-miss) - np.log1p(-inclusion))


def vote_log_likelihood(
    segments: NDArray[np.int64],
    source: NDArray[np.integer],
    value: NDArray[np.integer],
    weight: NDArray[np.floating],
    confusion: Array,
    n_rows: int,
) -> Array:
    """Σ_votes w · log C_a[k, v], C_a the confusion of source a. Votes (t,), confusion (A, K, S) → (n_rows, K)."""
    log_c = log_of(confusion)
    entries = log_c[_position(log_c, source.astype(np.int64)), :, _position(log_c, value.astype(np.int64))]
    # A weight of 0 silences a vote, also one that its source could never have cast.
    silent = weight == 0
    scale = np.where(silent, 1.0, weight)
    xp = namespace(confusion)
    scaled = entries * _number(entries, scale)[:, None]
    return segment_sum(xp.where(_position(entries, silent)[:, None], xp.zeros_like(scaled), scaled), segments, n_rows)


def smoothed(log_likelihood: Array, eps: float) -> Array:
    """log((1 − eps) exp(l_k) + eps/K · exp(max_j l_j)); a row with no possible class becomes flat. Shape (..., K)."""
    xp = namespace(log_likelihood)
    top = xp.max(log_likelihood, axis=-1, keepdims=True)
    top = xp.where(xp.isinf(top), xp.zeros_like(top), top)
    level = eps / log_likelihood.shape[-1]
    return top + xp.log((1 - eps) * xp.exp(log_likelihood - top) + level)


def _position(model: Array, values: NDArray[Any]) -> Array:
    """Return NumPy `values` (indices, masks, floats) where `model` lives, unchanged in dtype."""
    if is_torch(model):
        import torch

        return torch.as_tensor(np.array(values), device=model.device)
    return values


def _number(model: Array, values: NDArray[np.floating]) -> Array:
    placed = _position(model, values)
    return placed.to(model.dtype) if is_torch(model) else placed


def _index(table: Array, rows: NDArray[np.int64]) -> Array:
    return table[_position(table, rows)]
