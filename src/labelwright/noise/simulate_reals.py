"""Imperfect numbers: censored, rounded, with heavy tails, incomplete, or paired with the wrong rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_share, as_vector
from labelwright.noise.draws import coins
from labelwright.noise.record import Corruption, Seed, share, start

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class IntervalLabels(Corruption):
    """What is known of each value: it lies in [bounds[i, 0], bounds[i, 1]]; float64 (n, 2), ends may be infinite."""

    bounds: Floats


@dataclass(frozen=True, kw_only=True)
class NoisyReals(Corruption):
    """Values that are wrong without saying so, float64 of the shape given; `changed` lists the rows touched."""

    values: Floats


@dataclass(frozen=True, kw_only=True)
class PermutedReals(Corruption):
    """Values dealt to other rows: values[i] = truth[order[i]]; `order` int64 (n,)."""

    values: Floats
    order: NDArray[np.int64]


def right_censored(y: ArrayLike, rate: float, seed: Seed, scale: float = 1.0) -> IntervalLabels:
    """Stop watching a share of the rows early: of them only a lower bound is known.

    A censored value y becomes [y − e, ∞), e exponential with mean `scale`; the others stay [y, y].

    Parameters
    ----------
    y : float array (n,)
    rate : float in [0, 1]
        Chance that a row is censored.
    seed : int or numpy.random.Generator
    scale : float > 0, default 1
        In the unit of y.

    Examples
    --------
    >>> right_censored([3.0], rate=0.0, seed=0).bounds
    array([[3., 3.]])

    Source: corruption block of the regression cards [P057].
    """
    values, hit, slack, recorded = _hit(y, rate, seed, scale, "censored")
    bounds = np.stack([values, values], axis=1)
    bounds[hit, 0] -= slack
    bounds[hit, 1] = np.inf
    return _bounds(bounds, hit, "right_censored", rate, recorded)


def left_censored(y: ArrayLike, rate: float, seed: Seed, scale: float = 1.0) -> IntervalLabels:
    """Report only an upper bound for a share of the rows: y becomes (−∞, y + e]. Parameters as in `right_censored`."""
    values, hit, slack, recorded = _hit(y, rate, seed, scale, "censored")
    bounds = np.stack([values, values], axis=1)
    bounds[hit, 0] = -np.inf
    bounds[hit, 1] += slack
    return _bounds(bounds, hit, "left_censored", rate, recorded)


def interval_censored(y: ArrayLike, rate: float, seed: Seed, width: float = 1.0) -> IntervalLabels:
    """Report an interval of `width` around a share of the values, placed so that y is uniform inside it.

    Examples
    --------
    >>> low, high = interval_censored([3.0], rate=1.0, seed=0, width=2.0).bounds[0]
    >>> bool(low <= 3.0 <= high), round(float(high - low), 9)
    (True, 2.0)
    """
    values = as_vector("y", y)
    _check_scale(width)
    rng, recorded = start(seed, "interval_censored")
    hit = coins(len(values), as_share("rate", rate), rng)
    bounds = np.stack([values, values], axis=1)
    bounds[hit, 0] -= rng.random(len(hit)) * width
    bounds[hit, 1] = np.maximum(bounds[hit, 0] + width, values[hit])  # rounding must not push y out
    return _bounds(bounds, hit, "interval_censored", rate, recorded)


def clipped(y: ArrayLike, low: float = -np.inf, high: float = np.inf) -> IntervalLabels:
    """Measure with an instrument of limited range: below `low` and above `high` only that is known.

    Nothing is random: the requested rate is the realised one.

    Examples
    --------
    >>> clipped([1.0, 9.0], high=5.0).bounds
    array([[ 1.,  1.],
           [ 5., inf]])
    """
    values = as_vector("y", y)
    if not low <= high:
        raise BadInput(f"low is {low!r} and high is {high!r}", fix="give low <= high")
    under, over = values < low, values > high
    bounds = np.stack(
        [np.where(under, -np.inf, np.minimum(values, high)), np.where(over, np.inf, np.maximum(values, low))], axis=1
    )
    hit = np.flatnonzero(under | over)
    return _bounds(bounds, hit, "clipped", share(len(hit), len(values)), None)


def rounded(y: ArrayLike, step: float) -> IntervalLabels:
    """Round to multiples of `step` > 0: [r − step/2, r + step/2] is known. Nothing is random; the rate is that of
    values that are no multiple.

    Examples
    --------
    >>> rounded([2.2], step=1.0).bounds
    array([[1.5, 2.5]])
    """
    values = as_vector("y", y)
    _check_scale(step)
    nearest = np.round(values / step) * step
    bounds = np.stack([np.minimum(nearest - step / 2, values), np.maximum(nearest + step / 2, values)], axis=1)
    hit = np.flatnonzero(nearest != values)
    return _bounds(bounds, hit, "rounded", share(len(hit), len(values)), None)


def heavy_tailed_noise(y: ArrayLike, rate: float, seed: Seed, scale: float = 1.0, df: float = 2.0) -> NoisyReals:
    """Add `scale` × Student-t noise with `df` degrees of freedom to each value with probability `rate`.

    Parameters
    ----------
    y : float array (n,)
    rate : float in [0, 1]
    seed : int or numpy.random.Generator
    scale : float > 0, default 1
        In the unit of y.
    df : float > 0, default 2
        Below 2 the variance is infinite, at 1 the noise is Cauchy.
    """
    values = as_vector("y", y).copy()
    _check_scale(scale)
    _check_scale(df)
    rng, recorded = start(seed, "heavy_tailed")
    hit = coins(len(values), as_share("rate", rate), rng)
    values[hit] += scale * rng.standard_t(df, size=len(hit))
    return _values(values, hit, "heavy_tailed", rate, recorded)


def incomplete_values(y: ArrayLike, rate: float, seed: Seed, mean_loss: float = 1.0) -> NoisyReals:
    """Lose part of the signal: each value drops by an exponential amount of mean `mean_loss` with probability `rate`.

    Source: [P057], incomplete observations lie below the truth.
    """
    values, hit, loss, recorded = _hit(y, rate, seed, mean_loss, "incomplete")
    values = values.copy()
    values[hit] -= loss
    return _values(values, hit, "incomplete", rate, recorded)


def shrunk_values(y: ArrayLike, rate: float, seed: Seed) -> NoisyReals:
    """Multiply each value by a uniform number in [0, 1) with probability `rate` (multiplicative incompleteness)."""
    values = as_vector("y", y).copy()
    rng, recorded = start(seed, "shrunk")
    hit = coins(len(values), as_share("rate", rate), rng)
    values[hit] *= rng.random(len(hit))
    return _values(values, hit, "shrunk", rate, recorded)


def permuted_values(y: ArrayLike, rate: float, seed: Seed) -> PermutedReals:
    """Deal the values of a share of the rows to one another along one random cycle, so that none keeps its own.

    Parameters
    ----------
    y : float array (n,) or (n, m)
        With m columns whole rows move.
    rate : float in [0, 1]
        Exactly round(rate · n) rows move (0 when that is 1: a single row has nowhere to go).
    seed : int or numpy.random.Generator

    Examples
    --------
    >>> permuted_values([5.0, 7.0], rate=1.0, seed=0).values
    array([7., 5.])

    Source: corruption block of the regression cards [P058].
    """
    values = as_array("y", y, 2 if np.ndim(y) == 2 else 1)
    rng, recorded = start(seed, "permuted")
    n = len(values)
    n_moved = round(as_share("rate", rate) * n)
    cycle = rng.permutation(n)[: n_moved if n_moved > 1 else 0]
    order = np.arange(n)
    order[cycle] = np.roll(cycle, 1)
    return PermutedReals(
        values=values[order],
        order=order,
        kind="permuted",
        requested_rate=float(rate),
        realised_rate=share(len(cycle), n),
        changed=np.sort(cycle).astype(np.int64),
        seed=recorded,
    )


def _hit(
    y: ArrayLike, rate: float, seed: Seed, scale: float, kind: str
) -> tuple[Floats, NDArray[np.int64], Floats, int | None]:
    """Return the values, the rows hit, an exponential amount for each of them, and the seed to record."""
    values = as_vector("y", y)
    _check_scale(scale)
    rng, recorded = start(seed, kind)
    hit = coins(len(values), as_share("rate", rate), rng)
    return values, hit, rng.exponential(scale, size=len(hit)), recorded


def _check_scale(scale: float) -> None:
    if not (scale > 0 and np.isfinite(scale)):
        raise BadInput(f"a scale, width or step is {scale!r}", fix="give a number above 0")


def _bounds(bounds: Floats, hit: NDArray[np.int64], kind: str, rate: float, seed: int | None) -> IntervalLabels:
    realised = share(len(hit), len(bounds))
    return IntervalLabels(
        bounds=bounds, kind=kind, requested_rate=float(rate), realised_rate=realised, changed=hit, seed=seed
    )


def _values(values: Floats, hit: NDArray[np.int64], kind: str, rate: float, seed: int | None) -> NoisyReals:
    realised = share(len(hit), len(values))
    return NoisyReals(
        values=values, kind=kind, requested_rate=float(rate), realised_rate=realised, changed=hit, seed=seed
    )
