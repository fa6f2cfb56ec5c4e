"""How well scores of many tags put the right ones first, and how well yes-or-no answers hit them.

`truth` is bool (n, K), `scores` float (n, K), high = on. Classes without a positive row have no average precision and
are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_mask, same_length
from labelwright.metrics.ranking import average_precision


def class_average_precision(truth: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """Return the average precision of each class, float64 (K,); NaN for a class without a positive row."""
    on, values = _tables(truth, scores)
    return np.array([average_precision(on[:, k], values[:, k]) for k in range(on.shape[1])])


def mean_average_precision(truth: ArrayLike, scores: ArrayLike, classes: ArrayLike | None = None) -> float:
    """Return the mean average precision over the classes that have a positive row, in [0, 1].

    Parameters
    ----------
    truth : bool array (n, K)
    scores : float array (n, K)
        High = on; each class may have a scale of its own.
    classes : int array, optional
        Only these classes.

    Returns
    -------
    float
        NaN when none of the classes has a positive row.

    Examples
    --------
    >>> mean_average_precision([[1, 0], [0, 0]], [[0.9, 0.3], [0.2, 0.1]])
    1.0
    """
    each = class_average_precision(truth, scores)
    chosen = each if classes is None else each[np.asarray(classes, dtype=np.int64)]
    defined = chosen[~np.isnan(chosen)]
    return float(defined.mean()) if len(defined) else float("nan")


@dataclass(frozen=True)
class ShotAveragePrecision:
    """Mean average precision by how many training rows a class has; NaN where no class falls into a group."""

    many: float
    medium: float
    few: float
    total: float


def shot_average_precision(
    truth: ArrayLike, scores: ArrayLike, counts: ArrayLike, many: int = 100, few: int = 20
) -> ShotAveragePrecision:
    """Return the mean average precision of classes with many (≥ `many`), medium and few (< `few`) training rows.

    Parameters
    ----------
    truth : bool array (n, K)
    scores : float array (n, K)
    counts : int array (K,)
        Training rows that have each class.
    many, few : int, default 100 and 20

    Examples
    --------
    >>> shot_average_precision([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.3]], counts=[500, 3]).few
    1.0
    """
    size = as_array("counts", counts, 1)
    on, values = _tables(truth, scores)
    if len(size) != on.shape[1] or not 0 < few <= many:
        raise BadInput(f"{len(size)} counts for {on.shape[1]} classes, few={few}, many={many}", fix="one count a class")
    groups = (size >= many, (size < many) & (size >= few), size < few)
    top, middle, bottom = (mean_average_precision(on, values, np.flatnonzero(group)) for group in groups)
    return ShotAveragePrecision(top, middle, bottom, total=mean_average_precision(on, values))


@dataclass(frozen=True)
class TagF1:
    """`overall` counts all cells together, `per_class` is 2PR/(P + R) of the classes' mean precision and recall."""

    overall: float
    per_class: float


def tag_f1(truth: ArrayLike, predicted: ArrayLike) -> TagF1:
    """Return overall F1 (OF1) and F1 of the mean class precision and recall (CF1), both in [0, 1].

    A class that is never predicted has precision 0; classes without a positive row are left out of CF1. NaN where
    nothing is true.

    Parameters
    ----------
    truth, predicted : bool array (n, K)

    Examples
    --------
    >>> tag_f1([[1, 0], [1, 1]], [[1, 0], [0, 1]]).overall
    0.8
    """
    on, said = as_mask("truth", truth, 2), as_mask("predicted", predicted, 2)
    if on.shape != said.shape:
        raise BadInput(f"truth is {on.shape}, predicted is {said.shape}")
    hits, true, claimed = (on & said).sum(axis=0), on.sum(axis=0), said.sum(axis=0)
    there = true > 0
    if not there.any():
        return TagF1(float("nan"), float("nan"))
    precision = (hits[there] / np.maximum(claimed[there], 1)).mean()
    recall = (hits[there] / true[there]).mean()
    total = precision + recall
    return TagF1(
        overall=float(2 * hits.sum() / (true.sum() + claimed.sum())),
        per_class=float(2 * precision * recall / total) if total else 0.0,
    )


def best_threshold_f1(truth: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """Return the best overall F1 over one threshold for all cells, and that threshold ("score ≥ threshold").

    NaN twice when nothing is true.

    Examples
    --------
    >>> best_threshold_f1([[1, 0], [1, 1]], [[0.4, 0.1], [0.3, 0.2]])
    (1.0, 0.2)
    """
    on, values = _tables(truth, scores)
    if not on.any():
        return float("nan"), float("nan")
    order = np.argsort(-values, axis=None, kind="stable")
    ranked = values.ravel()[order]
    last = np.append(np.diff(ranked) != 0, True)
    hits, taken = np.cumsum(on.ravel()[order])[last], np.flatnonzero(last) + 1
    f1 = 2 * hits / (taken + np.count_nonzero(on))
    best = int(np.argmax(f1))
    return float(f1[best]), float(ranked[last][best])


def _tables(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    on, values = as_mask("truth", truth, 2), as_array("scores", scores, 2)
    same_length(truth=on, scores=values)
    if on.shape != values.shape:
        raise BadInput(f"truth is {on.shape}, scores are {values.shape}", fix="one score a cell")
    return on, values
