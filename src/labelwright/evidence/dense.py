"""The dense lines of the E-step, written once against the array API: NumPy and torch run the same code."""

from __future__ import annotations

import math

import numpy as np

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, is_torch, namespace, to_numpy

MIN_LOG_PRIOR = math.log(1e-12)  # a model that rules a class out is not believed to the end


def log_sum_exp(values: Array) -> Array:
    """Return log Σ_k exp(values[..., k]); minus infinity where all are. Shapes (..., K) → (...)."""
    xp = namespace(values)
    top = xp.max(values, axis=-1, keepdims=True)
    top = xp.where(xp.isinf(top), xp.zeros_like(top), top)
    total = xp.sum(xp.exp(values - top), axis=-1)
    if is_torch(values):
        return top[..., 0] + xp.log(total)
    with np.errstate(divide="ignore"):
        return top[..., 0] + np.log(total)


def combine(log_prior: Array, log_likelihood: Array) -> tuple[Array, Array]:
    """Return ``(q, log_z)``: log Z_i = log Σ_k exp(prior + likelihood), q_ik = exp(prior + likelihood − log Z_i).

    Shapes (..., K) twice → (..., K) and (...). Every row has a possible class. Gradients flow through `log_z`.
    """
    xp = namespace(log_prior)
    joint = log_prior + log_likelihood
    log_z = log_sum_exp(joint)
    weights = xp.exp(joint - xp.max(joint, axis=-1, keepdims=True))
    return weights / xp.sum(weights, axis=-1, keepdims=True), log_z


def checked_log_prior(log_prior: Array, shape: tuple[int, ...]) -> Array:
    """Return the log-prior floored at log 1e-12 as a floating array; BadInput for a wrong shape, NaN or +inf."""
    xp = namespace(log_prior)
    prior = log_prior if is_torch(log_prior) else np.asarray(log_prior)
    if tuple(prior.shape) != shape:
        raise BadInput(f"the log-prior has shape {tuple(prior.shape)}, the evidence needs {shape}")
    if not is_torch(prior) and prior.dtype not in (np.float32, np.float64):
        prior = prior.astype(np.float64)
    values = to_numpy(prior)
    wrong = ~(values < np.inf)
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        raise BadInput("the log-prior is NaN or +inf", where=f"row {row}", fix="pass log-probabilities")
    return xp.where(prior < MIN_LOG_PRIOR, xp.full_like(prior, MIN_LOG_PRIOR), prior)
