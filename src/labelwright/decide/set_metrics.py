"""How good prediction sets are: coverage with its interval, size, and coverage where sets are small or large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_labels, as_mask, same_length
from labelwright.metrics.intervals import Interval, clopper_pearson


@dataclass(frozen=True)
class SetQuality:
    """Coverage (with its 95 % Clopper-Pearson interval), mean and median size, shares of empty and single sets."""

    coverage: Interval
    mean_size: float
    median_size: float
    empty: float
    single: float


def set_quality(sets: ArrayLike, y: ArrayLike) -> SetQuality:
    """Measure sets of classes on labelled rows; rows labelled -1 are left out.

    Parameters
    ----------
    sets : bool array (n, K)
    y : int array (n,)

    Examples
    --------
    >>> quality = set_quality([[1, 0], [1, 1]], [0, 1])
    >>> quality.coverage.estimate, quality.mean_size
    (1.0, 1.5)
    """
    chosen, labels = _known(sets, y)
    n, size = len(labels), chosen.sum(axis=1)
    hits = int(chosen[np.arange(n), labels].sum())
    low, high = clopper_pearson(hits, n)
    return SetQuality(
        Interval(hits / n, float(low), float(high)),
        float(size.mean()),
        float(np.median(size)),
        float((size == 0).mean()),
        float((size == 1).mean()),
    )


def size_stratified_coverage(sets: ArrayLike, y: ArrayLike) -> dict[int, Interval]:
    """Return the coverage of the sets of each size: one that is far below the rest shows where doubt is not told.

    Examples
    --------
    >>> {size: coverage.estimate for size, coverage in size_stratified_coverage([[1, 0], [1, 1]], [1, 1]).items()}
    {1: 0.0, 2: 1.0}
    """
    chosen, labels = _known(sets, y)
    hit, size = chosen[np.arange(len(labels)), labels], chosen.sum(axis=1)
    result = {}
    for value in np.unique(size).tolist():
        rows = size == value
        low, high = clopper_pearson(int(hit[rows].sum()), int(rows.sum()))
        result[int(value)] = Interval(float(hit[rows].mean()), float(low), float(high))
    return result


def _known(sets: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    chosen = as_mask("sets", sets, 2)
    labels = as_labels("y", y, chosen.shape[1])
    same_length(sets=chosen, y=labels)
    known = labels >= 0
    if not known.any():
        raise BadInput("there is no row with a known label")
    return chosen[known], labels[known]
