"""One-to-one matching: classes to clusters, drawn objects to true ones (Hungarian method)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array
from labelwright.metrics.classification import confusion_matrix


@dataclass(frozen=True)
class Matching:
    """The matched pairs (rows[i], columns[i]), int64 (m,), by rising row, and the sum of their scores."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    total: float


def hungarian(score: ArrayLike) -> Matching:
    """Match rows and columns one to one so that the sum of scores is highest; min(a, b) pairs.

    Parameters
    ----------
    score : float array (a, b)
        Finite; negate costs.

    Examples
    --------
    >>> hungarian([[1, 9], [8, 7]]).total
    17.0

    Source: Kuhn, The Hungarian method for the assignment problem, 1955; solved by SciPy.
    """
    from scipy.optimize import linear_sum_assignment

    values = as_array("score", score, 2)
    rows, columns = linear_sum_assignment(values, maximize=True)
    return Matching(rows.astype(np.int64), columns.astype(np.int64), float(values[rows, columns].sum()))


def match_clusters(clusters: ArrayLike, truth: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Return the class of each cluster, int64 (K,), that makes the most rows right; one class a cluster.

    Parameters
    ----------
    clusters, truth : int arrays (n,)
        Numbers in 0 .. K − 1; rows with -1 are left out.
    n_classes : int
        K.

    Examples
    --------
    >>> match_clusters([1, 1, 0], [0, 0, 1], n_classes=2)
    array([1, 0])
    """
    return hungarian(confusion_matrix(clusters, truth, n_classes)).columns


def match_above(score: ArrayLike, threshold: float) -> Matching:
    """Match as `hungarian`, but only pairs whose score (say, IoU) is above `threshold` ≥ 0 may be matched.

    Rows and columns without a partner stay unmatched.

    Examples
    --------
    >>> match_above([[0.9, 0.2], [0.6, 0.4]], threshold=0.5).rows
    array([0])
    """
    if not threshold >= 0:
        raise BadInput(f"threshold is {threshold!r}", fix="give a threshold of 0 or more")
    values = as_array("score", score, 2)
    allowed = values > threshold
    best = hungarian(np.where(allowed, values, 0.0))
    keep = allowed[best.rows, best.columns]
    rows, columns = best.rows[keep], best.columns[keep]
    return Matching(rows, columns, float(values[rows, columns].sum()))
