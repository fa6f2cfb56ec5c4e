"""Counting right and wrong class labels. Rows whose truth or prediction is unknown (-1) are left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_codes, as_labels, same_length

MOST_CLASSES = 30_000


def confusion_matrix(truth: ArrayLike, predicted: ArrayLike, n_classes: int | None = None) -> NDArray[np.int64]:
    """Return counts (K, K): rows = truth, columns = predicted (or observed).

    Parameters
    ----------
    truth, predicted : int arrays (n,)
        Class numbers, -1 = unknown.
    n_classes : int, optional
        K; by default the highest class that occurs, plus one.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1, -1], [0, 1, 1, 0])
    array([[1, 1],
           [0, 1]])
    """
    true, guess = as_codes("truth", truth), as_codes("predicted", predicted)
    same_length(truth=true, predicted=guess)
    k = int(max(true.max(initial=-1), guess.max(initial=-1)) + 1) if n_classes is None else int(n_classes)
    if k > MOST_CLASSES:
        raise BadInput(f"a table of {k} classes is too large", fix="number the classes from 0 without gaps")
    true, guess = as_labels("truth", true, k), as_labels("predicted", guess, k)
    known = (true >= 0) & (guess >= 0)
    return np.bincount(true[known] * k + guess[known], minlength=k * k).reshape(k, k).astype(np.int64)


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Return the share of known rows where both agree, in [0, 1]; NaN when there are none.

    Examples
    --------
    >>> accuracy([0, 1, 1, -1], [0, 1, 0, 0])
    0.6666666666666666
    """
    true, guess = as_codes("truth", truth), as_codes("predicted", predicted)
    same_length(truth=true, predicted=guess)
    known = (true >= 0) & (guess >= 0)
    n = int(np.count_nonzero(known))
    return int(np.count_nonzero((true == guess) & known)) / n if n else float("nan")


def class_recall(confusion: NDArray) -> NDArray[np.float64]:
    """Return the recall of each class (K,) from a confusion matrix; NaN for a class without rows."""
    return _ratio(np.diag(confusion), confusion.sum(axis=1))


def class_precision(confusion: NDArray) -> NDArray[np.float64]:
    """Return the precision of each class (K,) from a confusion matrix; NaN for a class never predicted."""
    return _ratio(np.diag(confusion), confusion.sum(axis=0))


def class_f1(confusion: NDArray) -> NDArray[np.float64]:
    """Return the F1 of each class (K,) from a confusion matrix; NaN for a class neither true nor predicted."""
    return _ratio(2 * np.diag(confusion), confusion.sum(axis=1) + confusion.sum(axis=0))


def class_iou(confusion: NDArray) -> NDArray[np.float64]:
    """Return rows right / rows true or predicted of each class (K,), the IoU of label maps; NaN for an absent class."""
    hits = np.diag(confusion)
    return _ratio(hits, confusion.sum(axis=1) + confusion.sum(axis=0) - hits)


def balanced_accuracy(truth: ArrayLike, predicted: ArrayLike, n_classes: int | None = None) -> float:
    """Return the mean recall over the classes that occur in the truth, in [0, 1]; NaN when there are none.

    Examples
    --------
    >>> balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """
    return _mean(class_recall(confusion_matrix(truth, predicted, n_classes)))


def macro_f1(truth: ArrayLike, predicted: ArrayLike, n_classes: int | None = None) -> float:
    """Return the mean F1 over the classes that are true or predicted somewhere, in [0, 1]; NaN when there are none.

    Examples
    --------
    >>> macro_f1([0, 1], [0, 1])
    1.0
    """
    return _mean(class_f1(confusion_matrix(truth, predicted, n_classes)))


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _mean(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
