"""The share of each class: given, from rows of known class, or uniform."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput

Floats = NDArray[np.float64]


def class_balance(given: ArrayLike | None, gold: NDArray[np.int64], n_classes: int, least_gold: int = 30) -> Floats:
    """Return the class shares float64 (K,): `given`, else those of `gold`, else uniform.

    Parameters
    ----------
    given : float array (K,), optional
        Shares, each positive; scaled to sum 1.
    gold : int64 (n,)
        Known classes, -1 = unknown. They count (with one more row a class) when there are at least `least_gold`.
    n_classes : int

    Examples
    --------
    >>> class_balance([3, 1], np.array([-1, -1]), 2)
    array([0.75, 0.25])
    """
    if given is not None:
        return checked_balance(given, n_classes)
    known = gold[gold >= 0]
    if len(known) >= least_gold:
        counts = np.bincount(known, minlength=n_classes) + 1.0
        return counts / counts.sum()
    return np.full(n_classes, 1 / n_classes)


def gold_counts(gold: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return how many rows are known to be of each class, int64 (K,): what adds up over parts."""
    return np.bincount(gold[gold >= 0], minlength=n_classes).astype(np.int64)


def checked_balance(given: ArrayLike, n_classes: int) -> Floats:
    """Return positive class shares that sum to 1, float64 (K,); BadInput otherwise."""
    try:
        shares = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput("the class balance is not made of numbers", fix=f"pass {n_classes} shares") from None
    if shares.shape != (n_classes,) or not np.isfinite(shares).all() or not (shares > 0).all():
        raise BadInput(
            f"the class balance has shape {shares.shape}, or a share is not positive",
            fix=f"pass {n_classes} positive numbers",
        )
    return shares / shares.sum()
