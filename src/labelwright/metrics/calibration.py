"""Whether confidence means what it says: calibration error, Brier score, risk against coverage, temperature.

An interval for any of these: ``bootstrap(expected_calibration_error, [confidence, correct], seed)``. The calibration
errors are biased upwards on small samples, and so is their bootstrap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, softmax

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_labels, as_mask, as_probs, as_vector, same_length
from labelwright.metrics.intervals import clopper_pearson

Floats = NDArray[np.float64]
LOG_TEMPERATURE_BOUND = 7.0


def confidence_and_correct(pred_probs: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the highest probability of each row and whether its class is the label; rows labelled -1 are left out.

    Parameters
    ----------
    pred_probs : float array (n, K)
    labels : int array (n,)

    Examples
    --------
    >>> confidence_and_correct([[0.9, 0.1], [0.4, 0.6]], [0, 0])
    (array([0.9, 0.6]), array([ True, False]))
    """
    probs, y = _probs_and_labels(pred_probs, labels)
    return probs.max(axis=1, initial=0.0), probs.argmax(axis=1) == y if probs.shape[1] else np.empty(0, dtype=bool)


@dataclass(frozen=True)
class Reliability:
    """One entry a bin that holds rows: rows, mean confidence, accuracy and its 95 % Clopper-Pearson interval."""

    count: NDArray[np.int64]
    confidence: Floats
    accuracy: Floats
    low: Floats
    high: Floats

    @property
    def error(self) -> float:
        """Σ_b (count_b / n) · |accuracy_b − confidence_b|; NaN without rows."""
        n = self.count.sum()
        return float((self.count * np.abs(self.accuracy - self.confidence)).sum() / n) if n else float("nan")


def reliability(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> Reliability:
    """Return the reliability table over `bins` bins of equal width, (low, high], the first with 0.

    Parameters
    ----------
    confidence : float array (n,)
        In [0, 1].
    correct : bool array (n,)
    bins : int, default 15
    """
    conf, right = _confidence(confidence, correct, bins)
    edges = np.linspace(0, 1, bins + 1)
    return _reliability(conf, right, np.maximum(np.searchsorted(edges, conf, side="left") - 1, 0))


def reliability_equal_mass(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> Reliability:
    """Return the reliability table over `bins` bins with (nearly) equal numbers of rows; ties stay in one bin."""
    conf, right = _confidence(confidence, correct, bins)
    ordered = np.sort(conf)
    rank = np.searchsorted(ordered, conf, side="left")
    return _reliability(conf, right, rank * bins // max(len(conf), 1))


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """Return Σ_b (n_b / n) · |accuracy_b − confidence_b| over equal-width bins, in [0, 1].

    Parameters as in `reliability`. NaN without rows.

    Examples
    --------
    >>> round(expected_calibration_error([0.8, 0.8], [1, 0]), 12)
    0.3

    Source: Naeini et al., AAAI 2015; Guo et al., ICML 2017.
    """
    return reliability(confidence, correct, bins).error


def adaptive_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """Return the calibration error over bins of equal mass, in [0, 1]. Parameters as in `reliability`."""
    return reliability_equal_mass(confidence, correct, bins).error


def brier_score(pred_probs: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of Σ_k (p_k − 1[y = k])², in [0, 2]; rows labelled -1 are left out.

    Examples
    --------
    >>> brier_score([[1.0, 0.0], [0.5, 0.5]], [0, 0])
    0.25

    Source: Brier, Verification of forecasts expressed in terms of probability, 1950.
    """
    probs, y = _probs_and_labels(pred_probs, labels)
    if not len(y):
        return float("nan")
    hit = probs[np.arange(len(y)), y]
    return float(np.mean((probs**2).sum(axis=1) - 2 * hit + 1))


def log_loss(pred_probs: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of −log p_y in nats; rows labelled -1 are left out. Infinite when a label has probability 0."""
    probs, y = _probs_and_labels(pred_probs, labels)
    with np.errstate(divide="ignore"):
        return float(-np.log(probs[np.arange(len(y)), y]).mean()) if len(y) else float("nan")


def risk_coverage_curve(confidence: ArrayLike, loss: ArrayLike) -> tuple[Floats, Floats]:
    """Return coverage (n + 1,) = 0, 1/n, ..., 1 and the mean loss of the most confident rows that make it up.

    Risk at coverage 0 is 0. Within a tie the expected loss over all orders is used, so row order does not matter.

    Parameters
    ----------
    confidence : float array (n,)
        High = answered first; any range.
    loss : float or bool array (n,)
        Loss of each row, such as ``~correct``.
    """
    score, cost = as_vector("confidence", confidence), as_vector("loss", loss)
    n = same_length(confidence=score, loss=cost)
    order = np.argsort(-score, kind="stable")
    total = np.r_[0.0, np.cumsum(cost[order])]
    ends = np.flatnonzero(np.diff(score[order], append=np.nan) != 0) + 1 if n else np.empty(0, dtype=np.int64)
    taken = np.arange(n + 1)
    tied = np.interp(taken, np.r_[0, ends], total[np.r_[0, ends]])
    return taken / max(n, 1), np.divide(tied, taken, out=np.zeros(n + 1), where=taken > 0)


def area_under_risk_coverage(confidence: ArrayLike, loss: ArrayLike) -> float:
    """Return the area under `risk_coverage_curve` by the trapezoid rule; lower is better, NaN without rows.

    Examples
    --------
    >>> area_under_risk_coverage([0.9, 0.1], [0, 1])
    0.125

    Source: block S4 of the distillation cards; Geifman et al., ICLR 2019.
    """
    coverage, risk = risk_coverage_curve(confidence, loss)
    return float(((risk[1:] + risk[:-1]) * np.diff(coverage)).sum() / 2) if len(risk) > 1 else float("nan")


def excess_area_under_risk_coverage(confidence: ArrayLike, loss: ArrayLike) -> float:
    """Return the area above that of the best possible order (lowest loss first): 0 is perfect."""
    cost = as_vector("loss", loss)
    return area_under_risk_coverage(confidence, cost) - area_under_risk_coverage(-cost, cost)


def coverage_at_risk(confidence: ArrayLike, loss: ArrayLike, risk: float) -> float:
    """Return the largest coverage at which the mean loss of the answered rows is at most `risk`, in [0, 1]."""
    coverage, at = risk_coverage_curve(confidence, loss)
    return float(coverage[at <= risk + 1e-12].max(initial=0.0))


def fit_temperature(logits: ArrayLike, targets: ArrayLike) -> float:
    """Return the temperature T > 0 that minimises the mean of −Σ_k t_k log softmax(z / T)_k.

    The loss is convex in 1/T, so the root of its derivative is the only minimum. T is held in [e⁻⁷, e⁷]: data that
    the logits separate perfectly want T = 0. Logits that are equal within every row say nothing: T = 1.

    Parameters
    ----------
    logits : float array (n, K)
        Or log probabilities.
    targets : int array (n,) or float array (n, K)
        Labels (-1 is left out), or probabilities.

    Examples
    --------
    >>> z = np.log([[0.8, 0.2], [0.3, 0.7]])
    >>> round(fit_temperature(3 * z, softmax(z, axis=1)), 9)
    3.0

    Source: Guo et al., On calibration of modern neural networks, ICML 2017 [P068].
    """
    from scipy.optimize import brentq

    z, t = _logits_and_targets(logits, targets)

    def slope(log_temperature: float) -> float:
        expected = (softmax(z / np.exp(log_temperature), axis=1) * z).sum(axis=1)
        return float((expected - wanted).mean())

    wanted = (t * z).sum(axis=1)
    if not np.ptp(z, axis=1).any():
        return 1.0
    low, high = -LOG_TEMPERATURE_BOUND, LOG_TEMPERATURE_BOUND
    if slope(low) <= 0:
        return float(np.exp(low))
    if slope(high) >= 0:
        return float(np.exp(high))
    return float(np.exp(brentq(slope, low, high, xtol=1e-12)))


def apply_temperature(logits: ArrayLike, temperature: float) -> Floats:
    """Return softmax(logits / temperature), float64 (n, K); the most likely class of a row never changes."""
    z = as_array("logits", logits, 2)
    if not temperature > 0:
        raise BadInput(f"temperature is {temperature!r}", fix="give a temperature above 0")
    scaled = z / temperature
    return np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True)) if z.size else z


def _probs_and_labels(pred_probs: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    probs = as_probs("pred_probs", pred_probs)
    y = as_labels("labels", labels, probs.shape[1])
    same_length(pred_probs=probs, labels=y)
    known = y >= 0
    return (probs, y) if known.all() else (probs[known], y[known])


def _confidence(confidence: ArrayLike, correct: ArrayLike, bins: int) -> tuple[Floats, NDArray[np.bool_]]:
    conf, right = as_vector("confidence", confidence), as_mask("correct", correct)
    same_length(confidence=conf, correct=right)
    if conf.size and not (conf.min() >= 0 and conf.max() <= 1 + 1e-6):
        raise BadInput("confidence must lie in [0, 1]")
    if bins < 1:
        raise BadInput(f"bins is {bins}", fix="give at least one bin")
    return np.minimum(conf, 1.0), right


def _reliability(conf: Floats, right: NDArray[np.bool_], index: NDArray[np.int64]) -> Reliability:
    count = np.bincount(index)
    used = count > 0
    hits = np.bincount(index, weights=right)[used]
    count = count[used]
    low, high = clopper_pearson(hits, count)
    return Reliability(count, np.bincount(index, weights=conf)[used] / count, hits / count, low, high)


def _logits_and_targets(logits: ArrayLike, targets: ArrayLike) -> tuple[Floats, Floats]:
    z = as_array("logits", logits, 2)
    t = np.asarray(targets)
    if t.ndim == 2:
        t = as_probs("targets", t)
        if t.shape != z.shape:
            raise BadInput(f"targets has shape {t.shape} but logits has {z.shape}")
    else:
        y = as_labels("targets", t, z.shape[1])
        same_length(logits=z, targets=y)
        z, t = z[y >= 0], np.eye(z.shape[1])[y[y >= 0]]
    if not len(z):
        raise BadInput("there is no labelled row to fit a temperature on")
    return z, t
