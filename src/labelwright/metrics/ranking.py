"""How well a score puts the right rows first, and how well a flag finds them; ties are treated exactly.

High score = positive. Label quality scores run the other way (low = suspect): negate them, or use `error_detection`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_mask, as_vector, same_length


def average_precision(is_positive: ArrayLike, score: ArrayLike) -> float:
    """Return Σ_t (recall_t − recall_{t−1}) · precision_t over the distinct scores t, from high to low.

    Rows with equal scores enter together, so the order of the rows does not matter.

    Parameters
    ----------
    is_positive : bool array (n,)
    score : float array (n,)
        High = positive.

    Returns
    -------
    float
        In [0, 1]; NaN when no row is positive.

    Examples
    --------
    >>> average_precision([1, 0, 1], [0.9, 0.8, 0.7])
    0.8333333333333333
    """
    precision, recall, _ = precision_recall_curve(is_positive, score)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision)) if len(recall) else float("nan")


def precision_recall_curve(
    is_positive: ArrayLike, score: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return precision, recall and threshold, each (t,), for "score ≥ threshold", highest threshold first.

    All three are empty when no row is positive.
    """
    found, taken, thresholds = _found_by_threshold(is_positive, score)
    if not len(found) or found[-1] == 0:
        return np.empty(0), np.empty(0), np.empty(0)
    return found / taken, found / found[-1], thresholds


def auroc(is_positive: ArrayLike, score: ArrayLike) -> float:
    """Return the chance that a positive row scores above a negative one; a tie counts one half.

    In [0, 1]; NaN when one of the two kinds is missing. Shapes as in `average_precision`.

    Examples
    --------
    >>> auroc([0, 1, 0, 1], [0.1, 0.1, 0.3, 0.4])
    0.625
    """
    found, taken, _ = _found_by_threshold(is_positive, score)
    if not len(found) or found[-1] in (0, taken[-1]):
        return float("nan")
    positives = np.diff(found, prepend=0)
    wrong = taken - found
    negatives = np.diff(wrong, prepend=0)
    below = wrong[-1] - wrong
    pairs = float(np.sum(positives * (below + negatives / 2)))
    return pairs / (float(found[-1]) * float(wrong[-1]))


def precision_at(is_positive: ArrayLike, score: ArrayLike, k: int) -> float:
    """Return the share of positives among the k highest scores; tied rows at the cut count by their expected share.

    `k` beyond the number of rows means all rows. NaN when there are none.

    Examples
    --------
    >>> precision_at([1, 0, 0], [0.5, 0.5, 0.1], k=1)
    0.5
    """
    found, taken, _ = _found_by_threshold(is_positive, score)
    if k < 1:
        raise BadInput(f"k is {k}", fix="give k of 1 or more")
    if not len(taken):
        return float("nan")
    k = min(int(k), int(taken[-1]))
    return float(np.interp(k, np.r_[0, taken], np.r_[0, found])) / k


def precision_at_truth(is_positive: ArrayLike, score: ArrayLike) -> float:
    """Return `precision_at` for k = the number of positives (there it equals recall); NaN without positives."""
    positives = int(np.count_nonzero(as_mask("is_positive", is_positive)))
    return precision_at(is_positive, score, positives) if positives else float("nan")


def recall_at(is_positive: ArrayLike, score: ArrayLike, k: int) -> float:
    """Return the share of all positives that stand among the k highest scores; ties as in `precision_at`."""
    truth = as_mask("is_positive", is_positive)
    positives = int(np.count_nonzero(truth))
    if not positives:
        return float("nan")
    return precision_at(truth, score, k) * min(k, len(truth)) / positives


def lift_at(is_positive: ArrayLike, score: ArrayLike, k: int) -> float:
    """Return `precision_at` over the share of positives in all rows: how much better than a random pick.

    Examples
    --------
    >>> lift_at([1, 0, 0, 0], [0.9, 0.5, 0.4, 0.1], k=1)
    4.0
    """
    truth = as_mask("is_positive", is_positive)
    base = float(truth.mean()) if len(truth) else 0.0
    return precision_at(truth, score, k) / base if base else float("nan")


@dataclass(frozen=True)
class FlagQuality:
    """How well flags find the truth. Precision is NaN without flags, recall without positives, F1 without either."""

    precision: float
    recall: float
    f1: float
    n_flagged: int
    n_true: int
    n_found: int


def precision_recall_f1(flags: ArrayLike, truth: ArrayLike) -> FlagQuality:
    """Compare a flag mask with the truth, both bool (n,).

    Examples
    --------
    >>> precision_recall_f1([1, 1, 0, 0], [1, 0, 1, 0]).f1
    0.5
    """
    flagged, true = as_mask("flags", flags), as_mask("truth", truth)
    same_length(flags=flagged, truth=true)
    n_flagged, n_true, n_found = (int(np.count_nonzero(m)) for m in (flagged, true, flagged & true))
    nan = float("nan")
    return FlagQuality(
        precision=n_found / n_flagged if n_flagged else nan,
        recall=n_found / n_true if n_true else nan,
        f1=2 * n_found / (n_flagged + n_true) if n_flagged + n_true else nan,
        n_flagged=n_flagged,
        n_true=n_true,
        n_found=n_found,
    )


@dataclass(frozen=True)
class ErrorDetection:
    """How well label quality scores find the truly wrong labels; `flags` is None when no flags were given."""

    average_precision: float
    auroc: float
    precision_at_truth: float
    n_errors: int
    n_rows: int
    flags: FlagQuality | None = None


def error_detection(is_error: ArrayLike, quality: ArrayLike, flags: ArrayLike | None = None) -> ErrorDetection:
    """Judge label quality scores (low = suspect) and, if given, issue flags against the truly wrong labels.

    Parameters
    ----------
    is_error : bool array (n,)
    quality : float array (n,)
    flags : bool array (n,), optional

    Examples
    --------
    >>> error_detection([1, 0, 0], [0.1, 0.8, 0.9]).average_precision
    1.0
    """
    wrong, suspicion = as_mask("is_error", is_error), -as_vector("quality", quality)
    return ErrorDetection(
        average_precision=average_precision(wrong, suspicion),
        auroc=auroc(wrong, suspicion),
        precision_at_truth=precision_at_truth(wrong, suspicion),
        n_errors=int(np.count_nonzero(wrong)),
        n_rows=len(wrong),
        flags=None if flags is None else precision_recall_f1(flags, wrong),
    )


def _found_by_threshold(
    is_positive: ArrayLike, score: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return positives found, rows taken and the threshold at each distinct score, from high to low."""
    truth, values = as_mask("is_positive", is_positive), as_vector("score", score)
    same_length(is_positive=truth, score=values)
    order = np.argsort(-values, kind="stable")
    values = values[order]
    ends = np.flatnonzero(np.append(np.diff(values) != 0, True)) if len(values) else np.empty(0, dtype=np.int64)
    return np.cumsum(truth[order], dtype=np.int64)[ends], ends + 1, values[ends]
