"""The driver of every iteration: climbs an objective that never falls, stops when it stands still, tries again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

P = TypeVar("P")
Step = Callable[[P], tuple[P, float]]

# Sums of many logarithms are exact to about this share of their size.
ROUNDING = 1e-10
LOG_FLOOR = -700.0
SMALLEST = float(np.exp(LOG_FLOOR))  # probability of what is impossible: it can be undone


@dataclass(frozen=True)
class Climb(Generic[P]):
    """Where an iteration arrived.

    Parameters
    ----------
    parameters : P
        The parameters whose objective is ``objective[-1]``.
    objective : tuple of float
        The objective of each iterate, in order; it never falls.
    converged : bool
        Whether the last change was at most the tolerance.
    """

    parameters: P
    objective: tuple[float, ...]
    converged: bool


def climb(step: Step[P], start: P, max_iter: int, tol: float) -> Climb[P]:
    """Iterate ``parameters → step(parameters)`` until the objective changes by at most `tol`, in absolute value.

    Parameters
    ----------
    step : callable
        Takes parameters, returns better ones and the objective of those that it was given.
    start : P
    max_iter : int
        Most steps that are taken.
    tol : float
        Absolute change of the objective at which to stop.

    Notes
    -----
    A step that would lower the objective beyond rounding, or make it NaN, is not taken.

    Examples
    --------
    >>> climb(lambda x: ((x + 2) / 2, -(x - 2.0) ** 2), 0.0, max_iter=50, tol=1e-6).converged
    True
    """
    parameters, kept = start, start
    objective: list[float] = []
    for _ in range(max_iter + 1):
        better, reached = step(parameters)
        if not np.isfinite(reached):
            break
        if objective and reached < objective[-1] - ROUNDING * (1 + abs(objective[-1])):
            break
        still = bool(objective) and abs(reached - objective[-1]) <= tol
        objective.append(max(reached, objective[-1]) if objective else reached)
        kept = parameters
        if still:
            return Climb(kept, tuple(objective), True)
        parameters = better
    return Climb(kept, tuple(objective), False)


def best_climb(step: Step[P], starts: Iterable[P], max_iter: int, tol: float) -> Climb[P]:
    """Climb from each start and return the highest end; the earliest among equals."""
    climbs = [climb(step, start, max_iter, tol) for start in starts]
    return max(climbs, key=lambda one: one.objective[-1] if one.objective else -np.inf)


def safe_log(values: np.ndarray) -> np.ndarray:
    """Return logarithms of non-negative numbers, -700 instead of minus infinity: an impossible vote can be undone."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(values), LOG_FLOOR)
