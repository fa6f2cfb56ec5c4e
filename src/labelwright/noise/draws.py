"""Fast exact draws that the simulators share: one class a row, and a Bernoulli coin for every cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_share


def draw_by_row(table: NDArray[np.float64], row: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw one column for each entry of `row` from the distribution table[row]; int64 (n,).

    Parameters
    ----------
    table : float64 array (R, M)
        Each row sums to 1. A column of probability 0 is never drawn.
    row : int array (n,)
        In 0 .. R − 1.

    The rows' cumulative sums, shifted by the row number, form one sorted list, so that one binary search serves all.
    """
    n_columns = table.shape[1]
    last = n_columns - 1 - np.argmax(table[:, ::-1] > 0, axis=1)
    cumulative = np.minimum(np.cumsum(table, axis=1), 1.0)
    cumulative[np.arange(n_columns) >= last[:, None]] = 1.0
    ladder = (cumulative + np.arange(len(table))[:, None]).ravel()
    found = np.searchsorted(ladder, rng.random(len(row)) + row, side="right") - row * n_columns
    return np.minimum(found, last[row]).astype(np.int64)


def draw_each(probs: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw one column from each row of probs (n, M), rows summing to 1; int64 (n,). No column of probability 0."""
    cumulative = np.cumsum(probs, axis=1)
    level = rng.random(len(probs)) * cumulative[:, -1]
    return np.minimum((cumulative <= level[:, None]).sum(axis=1), _last_positive(probs)).astype(np.int64)


def coins(n: int, rate: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the positions, rising, where n independent coins of probability `rate` fall heads.

    The gaps between heads are geometric, so the cost grows with the number of heads, not with n.
    """
    if not 0 <= rate <= 1:
        raise BadInput(f"rate is {rate!r}", fix="give a rate in [0, 1]")
    if rate == 0 or n == 0:
        return np.empty(0, dtype=np.int64)
    if rate > 0.2:
        return np.flatnonzero(rng.random(n) < rate)
    found: list[NDArray[np.int64]] = []
    at = -1
    while at < n:
        expected = (n - at) * rate
        gaps = np.minimum(rng.geometric(rate, size=int(expected + 6 * np.sqrt(expected) + 16)), n + 1)
        positions = at + np.cumsum(gaps)
        found.append(positions[positions < n])
        at = int(positions[-1])
    return np.concatenate(found).astype(np.int64)


def struck(n: int, rate: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which of n parts (boxes, spans) an annotator spoils, each with probability `rate`; bool (n,)."""
    hit = np.zeros(n, dtype=bool)
    hit[coins(n, as_share("rate", rate), rng)] = True
    return hit


def other_classes(
    classes: NDArray[np.int32], n_classes: int, rate: float, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Give parts another class with probability `rate`, drawn uniformly from the others; parts of no class stay.

    Returns
    -------
    classes : int32 array (n,)
    hit : bool array (n,)
        Which have changed.
    """
    if n_classes < 2:
        raise BadInput("there is one class only", fix="give parts of two classes or more")
    hit = struck(len(classes), rate, rng) & (classes >= 0)
    step = rng.integers(1, n_classes, len(classes))
    return np.where(hit, (classes + step) % n_classes, classes).astype(np.int32), hit


def _last_positive(probs: NDArray[np.float64]) -> NDArray[np.int64]:
    return probs.shape[1] - 1 - np.argmax(probs[:, ::-1] > 0, axis=1)
