"""What evidence about numbers says of which row, and how targets are brought to mean 0 and standard deviation 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence import Evidence, Mixed, Reals

Floats = NDArray[np.float64]

FAR = 1e6  # standard deviations; a network counts in float32


@dataclass(frozen=True)
class TargetScale:
    """Location and scale of targets, in their unit; scale > 0.

    Examples
    --------
    >>> scale = TargetScale.of(Reals.values([10.0, 14.0]))
    >>> scale.standardized(Reals.between([12.0, 14.0], [14.0, np.inf])).bounds.tolist()
    [[0.0, 1.0], [1.0, inf]]
    """

    location: float
    scale: float

    @classmethod
    def of(cls, evidence: Evidence, weight: Floats | None = None) -> Self:
        """Return mean and standard deviation of the values, or of interval middles and bounds where no two are known.

        Parameters
        ----------
        evidence : Reals, or Mixed of Reals
        weight : float array (n,), optional
            At least 0.

        Raises
        ------
        BadInput
            When no row says anything, or the values are too large to be squared.
        """
        bounds, rows = entries(evidence)
        w = np.ones(len(bounds)) if weight is None else weight[rows]
        low, high = bounds.T
        one_end = np.where(np.isfinite(low), low, high)
        with np.errstate(invalid="ignore"):
            guess = np.where(np.isfinite(bounds).all(axis=1), low / 2 + high / 2, one_end)
        speaks = np.isfinite(guess) & (w > 0)
        if not speaks.any():
            raise BadInput("no row says anything about its number", fix="give some values, intervals or bounds")
        exact = speaks & (low == high)
        used = exact if len(np.unique(guess[exact])) > 1 else speaks
        with np.errstate(over="ignore", invalid="ignore"):
            location = float(np.average(guess[used], weights=w[used]))
            spread = float(np.sqrt(np.average((guess[used] - location) ** 2, weights=w[used])))
        if not np.isfinite(spread):
            raise BadInput("the targets are too large to be standardised", fix="divide them by a power of ten")
        return cls(location, spread if spread > 1e-10 * abs(location) else 1.0)

    def standardized(self, evidence: Evidence) -> Evidence:
        """Return the evidence with location taken off and divided by scale; ends of intervals beyond `FAR` are open."""
        if isinstance(evidence, Mixed):
            return Mixed(tuple(self.standardized(part) for part in evidence.parts), evidence.rows, evidence.n_rows)
        assert isinstance(evidence, Reals)
        low, high = ((evidence.bounds - self.location) / self.scale).T
        loose = low < high
        ends = np.where(loose & (low < -FAR), -np.inf, low), np.where(loose & (high > FAR), np.inf, high)
        return Reals(np.stack(ends, axis=1), evidence.block)

    def restored(self, values: Floats) -> Floats:
        """Return standardised values in the targets' unit."""
        return values * self.scale + self.location


def entries(evidence: Evidence) -> tuple[Floats, NDArray[np.int64]]:
    """Return all bounds (m, 2) of `Reals` or of a `Mixed` of them, and the row that each speaks of, int64 (m,)."""
    if isinstance(evidence, Reals):
        return evidence.bounds, np.arange(len(evidence))
    if not (isinstance(evidence, Mixed) and isinstance(evidence.parts[0], Reals)):
        raise BadInput(
            f"{type(evidence).__name__} is no evidence about numbers", fix="pass Reals, or use ImpreciseClassifier"
        )
    parts = [part for part in evidence.parts if isinstance(part, Reals)]
    return np.concatenate([part.bounds for part in parts]), np.concatenate(evidence.rows)


def heard(evidence: Evidence) -> NDArray[np.bool_]:
    """Return bool (n,): rows of which a value or a finite bound is known."""
    bounds, rows = entries(evidence)
    told = np.zeros(len(evidence), dtype=bool)
    told[rows[np.isfinite(bounds).any(axis=1)]] = True
    return told


def known_values(evidence: Evidence | None, method: str) -> Floats:
    """Return one value a row, float64 (n,), NaN where nothing is known: for methods that take no intervals.

    Raises
    ------
    BadInput
        When a row holds an interval or a bound, or rows of a block are shuffled; names the first.
    """
    if not isinstance(evidence, Reals) or evidence.block is None:
        raise BadInput(f"{method} needs one value a row", fix="pass numbers, or Reals.values(y)")
    shuffled = np.flatnonzero(evidence.block >= 0)
    if len(shuffled):
        raise BadInput(
            f"{method} needs to know whose value is whose", where=f"row {shuffled[0]}", fix="use GaussianLikelihood()"
        )
    low, high = evidence.bounds.T
    loose = np.flatnonzero((low != high) & np.isfinite(evidence.bounds).any(axis=1))
    if len(loose):
        raise BadInput(
            f"{method} needs one value a row, here is an interval",
            where=f"row {loose[0]}",
            fix="use GaussianLikelihood()",
        )
    return np.where(low == high, low, np.nan)
