"""What a proof claims, and whether the measured figures bear it out.

A proof measures a mapping of named figures once a seed. A claim reads those mappings and returns a `Verdict`: does the
claim hold, with the means, the spread and, for comparisons, the paired interval that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from labelwright.catalogue.verdict import Figures, Interval, Verdict, mean_interval, summarize, unpaired_interval
from labelwright.errors import BadInput, LabelwrightError, did_you_mean, quoted


class DataMissing(LabelwrightError):
    """A data set that a proof needs is not on this machine: the proof is skipped, not failed."""


@runtime_checkable
class Claim(Protocol):
    """What every claim offers: the number of seeds it asks for, its words, and `judge`."""

    @property
    def seeds(self) -> int:
        """How many seeds the claim asks for."""
        ...

    @property
    def text(self) -> str:
        """The claim in words."""
        ...

    def judge(self, per_seed: Sequence[Figures]) -> Verdict:
        """Hold the figures of all seeds against the claim."""
        ...


def _figure(per_seed: Sequence[Figures], name: str) -> list[float]:
    try:
        return [float(figures[name]) for figures in per_seed]
    except KeyError as error:
        raise BadInput(f"the proof does not measure {quoted(name)}", fix=did_you_mean(name, per_seed[0])) from error


def _verdict(
    claim: Claim, per_seed: Sequence[Figures], holds: bool, reason: str, interval: Interval | None = None
) -> Verdict:
    means, spread = summarize(per_seed)
    plain = tuple({name: float(value) for name, value in figures.items()} for figures in per_seed)
    return Verdict(claim.text, bool(holds), reason, means, spread, plain, interval)


def _ends(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.estimate:+.4g} (one seed, no interval)"
    return f"{interval.estimate:+.4g} (95 % interval {interval.low:+.4g} to {interval.high:+.4g})"


@dataclass(frozen=True)
class Beats:
    """The method is better than the baseline by at least `by`, and the interval of the difference excludes zero.

    Parameters
    ----------
    baseline : str
        Name of the baseline for people.
    by : float, default 0.0
        Smallest mean difference that counts, in the metric's unit, >= 0.
    seeds : int, default 5
    paired : bool, default True
        Whether the method and the baseline of one seed share data and split (differences are taken seed by seed).
    metric : str, default "score"
        What is compared, for people.
    method_figure, baseline_figure : str
        Names of the figures that `run` returns.
    lower_is_better : bool, default False

    Examples
    --------
    >>> runs = [{"method": 0.81, "baseline": 0.75}, {"method": 0.82, "baseline": 0.77}]
    >>> Beats("cross-entropy", by=0.02, seeds=2).judge(runs).reason
    'difference +0.055 (95 % interval -0.008531 to +0.1185), asked +0.02'
    """

    baseline: str
    by: float = 0.0
    seeds: int = 5
    paired: bool = True
    metric: str = "score"
    method_figure: str = "method"
    baseline_figure: str = "baseline"
    lower_is_better: bool = False

    @property
    def text(self) -> str:
        """The claim in words."""
        word = "lower" if self.lower_is_better else "higher"
        return f"{self.metric}: {self.method_figure} is {word} than {self.baseline} by at least {self.by:g}"

    def judge(self, per_seed: Sequence[Figures]) -> Verdict:
        """Hold when the mean difference is at least `by` and the lower end of its interval is above zero."""
        interval = _difference(self, per_seed)
        clear = interval.estimate > 0 and (interval.low is None or interval.low > 0)
        holds = clear and interval.estimate >= self.by
        return _verdict(self, per_seed, holds, f"difference {_ends(interval)}, asked +{self.by:g}", interval)


@dataclass(frozen=True)
class NotWorse:
    """The method is not worse than the baseline by more than `within`: the interval's lower end is above -within.

    Parameters are those of `Beats`, with `within` >= 0 in the place of `by`.
    """

    baseline: str
    within: float = 0.0
    seeds: int = 5
    paired: bool = True
    metric: str = "score"
    method_figure: str = "method"
    baseline_figure: str = "baseline"
    lower_is_better: bool = False

    @property
    def text(self) -> str:
        """The claim in words."""
        return f"{self.metric}: {self.method_figure} is not worse than {self.baseline} by more than {self.within:g}"

    def judge(self, per_seed: Sequence[Figures]) -> Verdict:
        """Hold when the lower end of the interval (with one seed: the difference) is at least ``-within``."""
        interval = _difference(self, per_seed)
        worst = interval.estimate if interval.low is None else interval.low
        return _verdict(
            self, per_seed, worst >= -self.within, f"difference {_ends(interval)}, allowed -{self.within:g}", interval
        )


def _difference(claim: Beats | NotWorse, per_seed: Sequence[Figures]) -> Interval:
    sign = -1.0 if claim.lower_is_better else 1.0
    method = [sign * value for value in _figure(per_seed, claim.method_figure)]
    baseline = [sign * value for value in _figure(per_seed, claim.baseline_figure)]
    if claim.paired:
        return mean_interval([a - b for a, b in zip(method, baseline, strict=True)])
    return unpaired_interval(method, baseline)


@dataclass(frozen=True)
class AtLeast:
    """A figure's mean is at least `value`; with `every_seed`, it is so for each seed.

    Examples
    --------
    >>> AtLeast("recall", 0.9, seeds=1).judge([{"recall": 0.93}]).holds
    True
    """

    figure: str
    value: float
    seeds: int = 5
    every_seed: bool = False
    statement: str = ""

    @property
    def text(self) -> str:
        """The claim in words."""
        return self.statement or f"{self.figure} is at least {self.value:g}{_each(self.every_seed)}"

    def judge(self, per_seed: Sequence[Figures]) -> Verdict:
        """Compare the mean, or the smallest seed, with `value`."""
        values = _figure(per_seed, self.figure)
        decisive = min(values) if self.every_seed else float(np.mean(values))
        return _verdict(
            self, per_seed, decisive >= self.value, f"{self.figure} {decisive:.4g}, asked at least {self.value:g}"
        )


@dataclass(frozen=True)
class AtMost:
    """A figure's mean is at most `value`; with `every_seed`, it is so for each seed."""

    figure: str
    value: float
    seeds: int = 5
    every_seed: bool = False
    statement: str = ""

    @property
    def text(self) -> str:
        """The claim in words."""
        return self.statement or f"{self.figure} is at most {self.value:g}{_each(self.every_seed)}"

    def judge(self, per_seed: Sequence[Figures]) -> Verdict:
        """Compare the mean, or the largest seed, with `value`."""
        values = _figure(per_seed, self.figure)
        decisive = max(values) if self.every_seed else float(np.mean(values))
        return _verdict(
            self, per_seed, decisive <= self.value, f"{self.figure} {decisive:.4g}, asked at most {self.value:g}"
        )


def _each(every_seed: bool) -> str:
    return " for every seed" if every_seed else " on average"


@dataclass(frozen=True)
class Holds:
    """A statement that is true or false a seed: each named figure is 1.0 where it is true, and must be so everywhere.

    Other figures that `run` returns are kept beside the verdict and decide nothing.

    Examples
    --------
    >>> Holds("The audit fires the planted alerts", ("age_alert",), seeds=1).judge([{"age_alert": 1.0}]).holds
    True
    """

    statement: str
    figures: tuple[str, ...] = ("holds",)
    seeds: int = 1

    @property
    def text(self) -> str:
        """The claim in words."""
        return self.statement

    def judge(self, per_seed: Sequence[Figures]) -> Verdict:
        """Hold when every named figure is 1.0 in every seed."""
        if not self.figures:
            raise BadInput("Holds names no figure", fix='write figures=("name",)')
        failed = [name for name in self.figures if any(value != 1.0 for value in _figure(per_seed, name))]
        reason = f"not true in every seed: {', '.join(failed)}" if failed else f"true in all {len(per_seed)} seeds"
        return _verdict(self, per_seed, not failed, reason)


class All:
    """Several claims over the same figures: holds when each of them does.

    Examples
    --------
    >>> both = All(AtLeast("recall", 0.9, seeds=2), AtMost("false_alarms", 3, seeds=2))
    >>> both.judge([{"recall": 0.95, "false_alarms": 2}, {"recall": 0.91, "false_alarms": 1}]).holds
    True
    """

    def __init__(self, *claims: Claim, statement: str = "") -> None:
        if not claims:
            raise BadInput("All needs at least one claim")
        self.claims, self.statement = claims, statement
        self.seeds = max(claim.seeds for claim in claims)

    @property
    def text(self) -> str:
        """The claim in words."""
        return self.statement or "; ".join(claim.text for claim in self.claims)

    def judge(self, per_seed: Sequence[Figures]) -> Verdict:
        """Judge every part; the reason names the parts that fail."""
        parts = tuple(claim.judge(per_seed) for claim in self.claims)
        failed = [part for part in parts if not part.holds]
        reason = "; ".join(f"{part.claim}: {part.reason}" for part in (failed or parts))
        means, spread = summarize(per_seed)
        plain = parts[0].per_seed
        return Verdict(self.text, not failed, reason, means, spread, plain, None, parts)
