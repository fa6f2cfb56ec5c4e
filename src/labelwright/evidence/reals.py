"""Evidence about a real number: its value, an interval, a bound, or values whose order was lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, frozen, is_torch, like, namespace, to_numpy
from labelwright.evidence.base import Evidence, linked_units

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Reals(Evidence):
    """The hidden number of each row lies in ``bounds[i, 0]..bounds[i, 1]``.

    Parameters
    ----------
    bounds : float array (n, 2)
        Equal ends: the value itself. An infinite end: one-sided. Both infinite: nothing known. No NaN.
    block : int array (n,), optional
        Rows of one block (>= 0) hold each other's values: the values are right as a set, their order is lost.
        -1 (the default) for rows that keep their own. Rows of a block hold values, not intervals.

    Examples
    --------
    >>> Reals.values([1.0, np.nan]).nll(np.zeros(2)).round(3)
    array([1.419, 0.   ])
    """

    bounds: NDArray[np.float64]
    block: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        bounds = frozen(self.bounds, np.float64, "bounds", ndim=2)
        if bounds.shape[1] != 2:
            raise BadInput(f"bounds have {bounds.shape[1]} columns", fix="pass (n, 2): low, high")
        low, high = bounds[:, 0], bounds[:, 1]
        wrong = np.flatnonzero(~(low <= high) | (np.isinf(low) & (low == high)))
        if len(wrong):
            raise BadInput(
                f"the interval {low[wrong[0]]} to {high[wrong[0]]} is no interval",
                where=f"row {wrong[0]}",
                fix="low <= high, no NaN; -inf and inf where nothing is known",
            )
        block = np.full(len(bounds), -1) if self.block is None else self.block
        block = frozen(block, np.int64, "block")
        if len(block) != len(bounds) or (block < -1).any():
            raise BadInput("block is not one number a row, -1 or more", fix=f"pass {len(bounds)} integers")
        loose = np.flatnonzero((block >= 0) & (low != high))
        if len(loose):
            raise BadInput("a row of a shuffled block holds no value", where=f"row {loose[0]}", fix="give it block -1")
        object.__setattr__(self, "bounds", bounds)
        object.__setattr__(self, "block", block)

    @classmethod
    def values(cls, values: ArrayLike, *, block: ArrayLike | None = None) -> Self:
        """Return exact values (n,); NaN where unknown."""
        exact = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(exact)
        ends = (np.where(known, exact, -np.inf), np.where(known, exact, np.inf))
        return cls(np.stack(ends, axis=1), None if block is None else np.asarray(block))

    @classmethod
    def between(cls, low: ArrayLike, high: ArrayLike) -> Self:
        """Return intervals (n,), (n,); infinite or NaN ends are open."""
        ends = np.stack([np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)], axis=1)
        return cls(np.where(np.isnan(ends), [-np.inf, np.inf], ends))

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self.bounds)

    def _units(self) -> NDArray[np.int64]:
        """Return the unit of each row: a shuffled block is one unit, any other row its own."""
        assert self.block is not None
        shuffled = np.flatnonzero(self.block >= 0)
        codes = np.unique(self.block[shuffled], return_inverse=True)[1]
        return linked_units(self.n_rows, shuffled, codes, int(codes.max(initial=-1)) + 1)

    def _take(self, rows: NDArray[np.int64]) -> Self:
        assert self.block is not None
        return type(self)(self.bounds[rows], self.block[rows])

    def nll(self, prediction: Array, scale: Array | float = 1.0) -> Array:
        """Return −log P(evidence | prediction) of each row under a Gaussian around it.

        A value costs its negative log-density, an interval −log[Φ((b − μ)/s) − Φ((a − μ)/s)], nothing known 0.
        A shuffled block is scored under its likeliest order: in one dimension both sides are paired by rank.

        Parameters
        ----------
        prediction : array (n,)
            μ, NumPy or torch (gradients flow).
        scale : float or array (n,), default 1.0
            Standard deviation s > 0, in the unit of the values.

        Returns
        -------
        array (n,)
            In nats.
        """
        prediction = prediction if is_torch(prediction) else np.asarray(prediction, dtype=np.float64)
        if tuple(prediction.shape) != (self.n_rows,):
            raise BadInput(f"the prediction has shape {tuple(prediction.shape)}", fix=f"pass ({self.n_rows},)")
        if not (to_numpy(scale) > 0).all():
            raise BadInput("a scale is not above 0", fix="pass standard deviations")
        xp = namespace(prediction)
        mean = prediction
        bounds = self.bounds if (self.block == -1).all() else self._ranked(mean)  # type: ignore[union-attr]
        point = bounds[:, 0] == bounds[:, 1]
        spread = like(scale, mean) if not isinstance(scale, int | float) else scale
        centre = like(np.where(point, bounds[:, 0], 0.0), mean)
        is_point = xp.asarray(point, device=mean.device) if is_torch(mean) else point
        # A point's interval is replaced before the logarithm, so that no NaN reaches a gradient.
        low = _in_units(np.where(point, -np.inf, bounds[:, 0]), mean, spread)
        high = _in_units(np.where(point, np.inf, bounds[:, 1]), mean, spread)
        density = 0.5 * ((centre - mean) / spread) ** 2 + HALF_LOG_TWO_PI + _log(spread)
        return xp.where(is_point, density, 0.0 - log_cdf_difference(low, high))

    def _ranked(self, mean: Array) -> NDArray[np.float64]:
        """Return the bounds with each block's values dealt out in the order of the predictions."""
        assert self.block is not None
        guess, value = to_numpy(mean).astype(np.float64), self.bounds[:, 0]
        rows = np.flatnonzero(self.block >= 0)
        to = rows[np.lexsort((guess[rows], self.block[rows]))]
        source = rows[np.lexsort((value[rows], self.block[rows]))]
        dealt = self.bounds.copy()
        dealt[to] = self.bounds[source]
        return dealt


def _in_units(ends: NDArray[np.float64], mean: Array, spread: Any) -> Array:
    """Return (ends − mean)/spread; infinite ends stay so without touching a gradient of mean or spread."""
    xp = namespace(mean)
    told = np.isfinite(ends)
    inside = (like(np.where(told, ends, 0.0), mean) - mean) / spread
    return xp.where(xp.asarray(told, device=mean.device) if is_torch(mean) else told, inside, like(ends, mean))


def _log(scale: Any) -> Any:
    return math.log(scale) if isinstance(scale, int | float) else namespace(scale).log(scale)


def log_cdf_difference(low: Array, high: Array) -> Array:
    """Return log[Φ(high) − Φ(low)], stable in both tails; low < high, infinite ends allowed. Shapes (n,)."""
    xp = namespace(low)
    zero = xp.zeros_like(low)
    # Both ends to the left of 0, where log Φ is accurate: Φ(b) − Φ(a) = Φ(−a) − Φ(−b).
    flip = xp.where(xp.isinf(low), zero, low) + xp.where(xp.isinf(high), zero, high) > 0
    flip = (flip & ~xp.isinf(low)) | xp.isinf(high)
    upper, lower = xp.where(flip, -low, high), xp.where(flip, -high, low)
    # Open ends are replaced before log Φ, so that no NaN reaches a gradient.
    all_open, open_below = xp.isinf(upper), xp.isinf(lower)
    top = _log_ndtr(xp.where(all_open, zero, upper))
    bottom = _log_ndtr(xp.where(open_below, xp.where(all_open, zero, upper) - 1, lower))
    gap = bottom - top
    gap = xp.where(gap > -1e-12, xp.full_like(gap, -1e-12), gap)
    inside = top + xp.log(-xp.expm1(gap))
    return xp.where(all_open, zero, xp.where(open_below, top, inside))


def _log_ndtr(x: Array) -> Array:
    if is_torch(x):
        import torch

        return torch.special.log_ndtr(x)
    from scipy.special import log_ndtr

    return log_ndtr(x)
