"""The verdict on a claim: means and spread over the seeds, and the interval that decides.

Intervals are Student's t over the seeds: the seeds are few and their differences roughly symmetric.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelwright.errors import BadInput, quoted

Figures = Mapping[str, float]
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its 95 % interval; the ends are None when one seed leaves nothing to say."""

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Verdict:
    """What came of a claim.

    Parameters
    ----------
    claim : str
        The claim in words.
    holds : bool
    reason : str
        The numbers that decide, in one line.
    means, spread : dict of str to float
        Mean and sample standard deviation of every figure over the seeds (spread 0 for a single seed).
    interval : Interval or None
        For comparisons: the mean difference (paired where the claim is) with its 95 % interval.
    per_seed : tuple of dicts
        The figures as measured, one mapping a seed.
    parts : tuple of Verdict
        Verdicts of the parts of an `All`.
    """

    claim: str
    holds: bool
    reason: str
    means: Mapping[str, float]
    spread: Mapping[str, float]
    per_seed: tuple[Mapping[str, float], ...]
    interval: Interval | None = None
    parts: tuple[Verdict, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts and scalars; parts leave out the figures, which the whole has."""
        plain = asdict(self)
        plain["parts"] = [
            {
                "claim": part.claim,
                "holds": part.holds,
                "reason": part.reason,
                "interval": part.interval and asdict(part.interval),
            }
            for part in self.parts
        ]
        return plain


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Return the mean of `values` with its Student t interval.

    Examples
    --------
    >>> mean_interval([1.0, 1.0, 1.0])
    Interval(estimate=1.0, low=1.0, high=1.0)
    """
    from scipy.special import stdtrit  # the quantile of Student's t; scipy.stats takes a second to load

    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if array.size < 2:
        return Interval(mean, None, None)
    half = float(stdtrit(array.size - 1, 0.5 + level / 2) * array.std(ddof=1) / math.sqrt(array.size))
    return Interval(mean, mean - half, mean + half)


def unpaired_interval(a: Sequence[float], b: Sequence[float], level: float = LEVEL) -> Interval:
    """Return the difference of two means with Welch's interval."""
    from scipy.special import stdtrit

    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    difference = float(x.mean() - y.mean())
    if min(x.size, y.size) < 2:
        return Interval(difference, None, None)
    u, v = x.var(ddof=1) / x.size, y.var(ddof=1) / y.size
    if u + v == 0:
        return Interval(difference, difference, difference)
    freedom = (u + v) ** 2 / (u**2 / (x.size - 1) + v**2 / (y.size - 1))  # Welch and Satterthwaite
    half = float(stdtrit(freedom, 0.5 + level / 2) * math.sqrt(u + v))
    return Interval(difference, difference - half, difference + half)


def summarize(per_seed: Sequence[Figures]) -> tuple[dict[str, float], dict[str, float]]:
    """Return mean and sample standard deviation of every figure; a figure missing from a seed is refused."""
    if not per_seed:
        raise BadInput("no seed was measured", fix="ask for at least one seed")
    names = list(per_seed[0])
    for figures in per_seed:
        if set(figures) != set(names):
            raise BadInput(f"the seeds measured different figures: {sorted(set(figures) ^ set(names))}")
    columns = {name: np.asarray([figures[name] for figures in per_seed], dtype=np.float64) for name in names}
    bad = [name for name, column in columns.items() if not np.isfinite(column).all()]
    if bad:
        raise BadInput(f"figure {quoted(bad[0])} is not finite in every seed")
    spread = {name: float(column.std(ddof=1)) if column.size > 1 else 0.0 for name, column in columns.items()}
    return {name: float(column.mean()) for name, column in columns.items()}, spread
