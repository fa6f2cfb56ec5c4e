"""How quantities move during training: learning rates and the ramps that methods turn their terms up with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from labelwright.nn.batch import Clock


class Schedule(Protocol):
    """A factor for the learning rate at each moment."""

    def __call__(self, clock: Clock, /) -> float:
        """Return the factor, at least 0."""
        ...


@dataclass(frozen=True)
class Constant:
    """Always 1."""

    def __call__(self, clock: Clock, /) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Cosine:
    """From 1 down to `floor` along half a cosine over the whole training, after `warmup` epochs of linear rise.

    `turns` is how much of the half period is gone through: 1 ends at the floor, 7/8 is FixMatch's 7/16 of a period.
    """

    floor: float = 0.0
    warmup: float = 0.0
    turns: float = 1.0

    def __call__(self, clock: Clock, /) -> float:
        """Return the factor in [floor, 1]."""
        if clock.time < self.warmup:
            return (clock.step + 1) / max(1.0, self.warmup * clock.steps_per_epoch)
        done = (clock.time - self.warmup) / max(clock.epochs - self.warmup, 1e-9)
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * self.turns * min(1.0, done)))


@dataclass(frozen=True)
class CosineRestarts:
    """Cosine from 1 to `floor` again and again, every `period` epochs."""

    period: float
    floor: float = 0.0

    def __call__(self, clock: Clock, /) -> float:
        """Return the factor in [floor, 1]."""
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * (clock.time % self.period) / self.period))


@dataclass(frozen=True)
class Steps:
    """Multiplied by `factor` at each of the given epochs."""

    epochs: Sequence[float]
    factor: float = 0.1

    def __call__(self, clock: Clock, /) -> float:
        """Return factor to the power of the epochs passed."""
        return self.factor ** sum(clock.time >= epoch for epoch in self.epochs)


@dataclass(frozen=True)
class Exponential:
    """Multiplied by `factor` every epoch."""

    factor: float = 0.99

    def __call__(self, clock: Clock, /) -> float:
        """Return factor to the power of the epochs done."""
        return self.factor**clock.epoch


def linear_rampup(time: float, length: float, start: float = 0.0) -> float:
    """Return clip((time − start) / length, 0, 1); time in epochs.

    Examples
    --------
    >>> linear_rampup(14, 16, start=10)
    0.25
    """
    if length <= 0:
        return float(time >= start)
    return min(1.0, max(0.0, (time - start) / length))


def sigmoid_rampup(time: float, length: float) -> float:
    """Return exp(−5 (1 − t/L)²) for t < L, then 1; time in epochs.

    Examples
    --------
    >>> sigmoid_rampup(10, 10)
    1.0
    """
    if length <= 0:
        return 1.0
    return math.exp(-5 * (1 - min(1.0, max(0.0, time / length))) ** 2)
