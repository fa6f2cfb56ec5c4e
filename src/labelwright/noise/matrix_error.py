"""How far an estimated transition matrix is from the true one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array
from labelwright.metrics.matching import hungarian


def transition_error(estimated: ArrayLike, truth: ArrayLike) -> float:
    """Return Σ |T̂ − T| / K, the mean absolute error summed over a row (L1,1), in [0, 2]; often quoted × 100.

    Parameters
    ----------
    estimated, truth : float arrays (K, K) or TransitionMatrix
        Rows = truth, columns = observed.

    Examples
    --------
    >>> transition_error([[0, 1], [1, 0]], [[1, 0], [0, 1]])
    2.0

    Source: shared block of [P125].
    """
    a, b = _pair(estimated, truth)
    return float(np.abs(a - b).sum() / len(a))


@dataclass(frozen=True)
class MatchedError:
    """The error after the best renaming of the true classes; row order[k] of the estimate stands for true class k."""

    error: float
    order: NDArray[np.int64]


def matched_transition_error(estimated: ArrayLike, truth: ArrayLike) -> MatchedError:
    """Return the error when the hidden classes of the estimate are known only up to their names.

    Its rows are reordered by the assignment with the lowest error; the columns, observed classes, have names.

    Examples
    --------
    >>> matched_transition_error([[0, 1], [1, 0]], [[1, 0], [0, 1]])
    MatchedError(error=0.0, order=array([1, 0]))

    Source: shared block of [P125].
    """
    a, b = _pair(estimated, truth)
    cost = np.abs(b[:, None, :] - a[None, :, :]).sum(axis=2)
    order = hungarian(-cost).columns
    return MatchedError(float(np.abs(a[order] - b).sum() / len(a)), order)


def _pair(estimated: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = as_array("estimated", estimated, 2), as_array("truth", truth, 2)
    if a.shape != b.shape or a.shape[0] != a.shape[1] or not len(a):
        raise BadInput(f"the matrices have shapes {a.shape} and {b.shape}", fix="give two of shape (K, K)")
    return a, b
