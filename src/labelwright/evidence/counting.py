"""Evidence about how many rows of a group belong to a class, solved exactly (block B2).

For one bag of independent rows with P(y_i = 1) = p_i and a count potential φ,

    Z = Σ_k φ(k) P(Σ_i y_i = k),    q_i = P(y_i = 1 | evidence),    d(−log Z)/d logit_i = p_i − q_i.

φ is an interval of counts (exactly k, any, at least r, at most r) or any soft potential (a noisy report). Bags are
ragged: bag g holds entries ``offsets[g]:offsets[g + 1]``. NumPy runs a compiled kernel in O(m · min(k, √m)); torch
runs padded batches on its own device with the analytic gradient.

Source: Chen et al., Imprecise Label Learning, NeurIPS 2024 [P010]; Chen et al., A General Framework for Learning from
Weak Supervision, ICML 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, is_torch, namespace
from labelwright.evidence.segments import checked_offsets, offsets_of, segment_ids, segment_sum, take_segments

MAX_LOG_TABLE_BAG = 8192  # rows; a larger table would take over a gigabyte


@dataclass(frozen=True, eq=False)
class CountFactor:
    """What a count says about each row of its bag.

    Parameters
    ----------
    q : array (t,)
        P(y_i = 1 | count evidence).
    log_z : array (g,)
        Log-probability of each bag's evidence; minus infinity when it is impossible. In torch, differentiable.
    message : array (t, 2)
        Log-likelihood of the other rows and the count if y_i = 0 and if y_i = 1; the larger one is 0.
    """

    q: Array
    log_z: Array
    message: Array


def count_factor(
    log_odds: Array,
    offsets: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    log_potential: ArrayLike | None = None,
) -> CountFactor:
    """Condition ragged bags of binary rows on their number of ones.

    Parameters
    ----------
    log_odds : array (t,)
        log p_i − log(1 − p_i) of each entry, NumPy or torch; infinite where the row is certain.
    offsets : int array (g + 1,)
        Bag g holds entries ``offsets[g]:offsets[g + 1]``.
    low, high : int array (g,) or scalar
        The count lies in ``low..high``, both included; equal for an exact count.
    log_potential : array (t + g,), optional
        log φ(0), ..., log φ(m) of each bag, one after the other. Log-concave ones take the fast kernel, others the
        log-space tables (bags of up to 8192 rows).

    Returns
    -------
    CountFactor
        Impossible evidence gives ``log_z = -inf`` there, not an error.

    Examples
    --------
    >>> count_factor(np.zeros(4), [0, 4], 1, 1).q
    array([0.25, 0.25, 0.25, 0.25])
    """
    n_entries = int(log_odds.shape[0])
    cuts = checked_offsets(offsets, n_entries, "the bag offsets")
    sizes = np.diff(cuts)
    least = np.maximum(np.broadcast_to(np.asarray(low, dtype=np.int64), sizes.shape), 0)
    most = np.minimum(np.broadcast_to(np.asarray(high, dtype=np.int64), sizes.shape), sizes)
    phi = None if log_potential is None else _potential(log_potential, n_entries + len(sizes))
    if is_torch(log_odds):
        return _count_torch(log_odds, cuts, least, most, phi)
    odds = np.asarray(log_odds, dtype=np.float64)
    if np.isnan(odds).any():
        raise BadInput("the log-odds hold NaN", where=f"entry {int(np.flatnonzero(np.isnan(odds))[0])}")
    message, log_z = _count_numpy(odds, cuts, least, most, phi)
    return CountFactor(_updated(odds, message), log_z, message)


def _potential(values: ArrayLike, size: int) -> NDArray[np.float64]:
    phi = np.ascontiguousarray(values, dtype=np.float64)
    if phi.shape != (size,) or np.isnan(phi).any() or (phi == np.inf).any():
        raise BadInput(
            f"log_potential has shape {phi.shape}, NaN or +inf",
            fix=f"pass {size} finite numbers or -inf: one a count 0..m of each bag",
        )
    return phi


def _count_numpy(
    odds: NDArray[np.float64],
    cuts: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    phi: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from labelwright.evidence.counting_kernels import count_bags, count_bags_log, log_concave_bags

    if phi is None:
        return count_bags(odds, cuts, low, high, np.empty(0))
    phi = interval_masked(phi, cuts, low, high)
    concave = log_concave_bags(cuts, phi)
    if concave.all():
        return count_bags(odds, cuts, low, high, phi)
    sizes = np.diff(cuts)
    if sizes[~concave].max() > MAX_LOG_TABLE_BAG:
        raise BadInput(
            f"a bag of {sizes[~concave].max()} rows has a count potential that is not log-concave",
            fix=f"use a log-concave potential, or bags of at most {MAX_LOG_TABLE_BAG} rows",
        )
    message, log_z = np.zeros((len(odds), 2)), np.zeros(len(sizes))
    spans = cuts + np.arange(len(cuts))
    for bags, fast in ((np.flatnonzero(concave), True), (np.flatnonzero(~concave), False)):
        part, entries = take_segments(cuts, bags)
        part_phi = phi[take_segments(spans, bags)[1]]
        if fast:
            message[entries], log_z[bags] = count_bags(odds[entries], part, low[bags], high[bags], part_phi)
        else:
            message[entries], log_z[bags] = count_bags_log(odds[entries], part, part_phi)
    return message, log_z


def interval_masked(
    phi: NDArray[np.float64], cuts: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the potential with minus infinity outside ``low..high`` of each bag; shapes (t + g,), (g + 1,), (g,)."""
    spans = offsets_of(np.diff(cuts) + 1)
    bag = segment_ids(spans)
    count = np.arange(len(phi)) - spans[bag]
    return np.where((count >= low[bag]) & (count <= high[bag]), phi, -np.inf)


def _count_torch(
    log_odds: Any,
    cuts: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    phi: NDArray[np.float64] | None,
) -> CountFactor:
    import torch

    from labelwright.evidence.counting_torch import CountLogZ, count_bags_torch, log_z_of

    flat = np.zeros(len(log_odds) + len(low)) if phi is None else phi
    masked = torch.as_tensor(interval_masked(flat, cuts, low, high), device=log_odds.device)
    message, log_z = count_bags_torch(log_odds, cuts, masked)
    bag_of_row = torch.as_tensor(segment_ids(cuts), device=log_odds.device)
    q = torch.sigmoid(log_odds.detach().to(torch.float64) + message[:, 1] - message[:, 0]).to(log_odds.dtype)
    return CountFactor(q, log_z_of(CountLogZ, log_odds, message, log_z, bag_of_row), message.to(log_odds.dtype))


def _updated(odds: NDArray[np.float64], message: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    with np.errstate(invalid="ignore"):
        return np.nan_to_num(expit(odds + message[:, 1] - message[:, 0]))


def any_factor(log_odds: Array, offsets: ArrayLike) -> CountFactor:
    """Condition bags on holding at least one positive, in closed form: Z = 1 − Π(1 − p_i), q_i = p_i / Z.

    O(t) in either namespace; gradients flow through `log_z`. An empty bag has ``log_z = -inf``.

    Examples
    --------
    >>> round(float(any_factor(np.zeros(2), [0, 2]).q[0]), 4)
    0.6667
    """
    xp = namespace(log_odds)
    cuts = checked_offsets(offsets, int(log_odds.shape[0]), "the bag offsets")
    bag = segment_ids(cuts)
    log_no, log_yes = -_softplus(xp, log_odds), -_softplus(xp, -log_odds)
    none = segment_sum(log_no, bag, len(cuts) - 1)
    log_z = log1mexp(xp, none)
    others = log1mexp(xp, _minus(xp, none[bag], log_no))
    message = xp.stack([others, xp.zeros_like(others)], axis=1)
    q = xp.exp(log_yes - log_z[bag])
    return CountFactor(q.detach() if is_torch(q) else q, log_z, message.detach() if is_torch(q) else message)


def _softplus(xp: Any, x: Array) -> Array:
    return xp.logaddexp(xp.zeros_like(x), x)


def _minus(xp: Any, total: Array, own: Array) -> Array:
    """Return total − own, at most 0, where both may be minus infinity (a certain row makes the others free)."""
    sure = xp.isinf(own)
    rest = xp.where(sure, xp.zeros_like(own), total) - xp.where(sure, xp.zeros_like(own), own)
    return xp.where(rest > 0, xp.zeros_like(rest), rest)


def log1mexp(xp: Any, x: Array) -> Array:
    """Return log(1 − exp(x)) for x <= 0, accurate at both ends; minus infinity at 0."""
    near = x > -0.6931471805599453
    inner = xp.where(near, x, xp.full_like(x, -1.0))
    outer = xp.where(near, xp.full_like(x, -1.0), x)
    if is_torch(x):
        return xp.where(near, xp.log(-xp.expm1(inner)), xp.log1p(-xp.exp(outer)))
    with np.errstate(divide="ignore"):
        return xp.where(near, np.log(-np.expm1(inner)), np.log1p(-np.exp(outer)))


def laplace_potential(reported: ArrayLike, sizes: ArrayLike, scale: float) -> NDArray[np.float64]:
    """log φ(k) = −|k − reported_g| / scale for k = 0..m_g, ragged (t + g,): a report with Laplace noise.

    Log-concave. `reported` (g,) may be fractional, as a proportion times the bag's size is; `scale` > 0 in rows.
    """
    if not scale > 0:
        raise BadInput(f"scale is {scale}", fix="choose scale > 0, in rows")
    spans = offsets_of(np.asarray(sizes, dtype=np.int64) + 1)
    bag = segment_ids(spans)
    count = np.arange(spans[-1]) - spans[bag]
    return -np.abs(count - np.asarray(reported, dtype=np.float64)[bag]) / scale


def binomial_potential(reported: ArrayLike, trials: ArrayLike, sizes: ArrayLike) -> NDArray[np.float64]:
    """log φ(k) = log Binomial(reported_g; trials_g, k / m_g): `reported` positives seen in a sample with replacement.

    Ragged (t + g,), log-concave in k. Shapes: reported, trials, sizes (g,).
    """
    from scipy.stats import binom

    size = np.asarray(sizes, dtype=np.int64)
    spans = offsets_of(size + 1)
    bag = segment_ids(spans)
    share = (np.arange(spans[-1]) - spans[bag]) / np.maximum(size, 1)[bag]
    return np.asarray(binom.logpmf(np.asarray(reported)[bag], np.asarray(trials)[bag], share), dtype=np.float64)
