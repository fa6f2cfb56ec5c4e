"""How good candidate sets and what was made of them are, where the truth is known. Rows of truth -1 are left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_labels, as_mask, as_vector, same_length


def candidate_coverage(candidates: ArrayLike, truth: ArrayLike) -> float:
    """Return the share of rows whose set holds the truth, in [0, 1]; NaN without known rows.

    Parameters
    ----------
    candidates : bool array (n, K)
    truth : int array (n,)
        -1 = unknown.

    Examples
    --------
    >>> candidate_coverage([[1, 1], [1, 0]], [1, 1])
    0.5
    """
    sets = as_mask("candidates", candidates, 2)
    return _share_at_truth(sets, truth)


def mean_set_size(candidates: ArrayLike) -> float:
    """Return the mean number of candidates a row; NaN without rows.

    Examples
    --------
    >>> mean_set_size([[1, 1], [1, 0]])
    1.5
    """
    sets = as_mask("candidates", candidates, 2)
    return float(sets.sum(axis=1).mean()) if len(sets) else float("nan")


def disambiguation_accuracy(weights: ArrayLike, truth: ArrayLike, rows: ArrayLike | None = None) -> float:
    """Return the share of rows to whose true class the weights give most, in [0, 1]; NaN without known rows.

    Parameters
    ----------
    weights : float array (n, K)
        Of several largest weights in a row the first counts.
    truth : int array (n,)
    rows : bool array (n,) or int array, optional
        Only these rows.
    """
    table = as_array("weights", weights, 2)
    y = as_labels("truth", truth, table.shape[1])
    same_length(weights=table, truth=y)
    chosen = np.arange(len(y)) if rows is None else np.arange(len(y))[np.asarray(rows)]
    chosen = chosen[y[chosen] >= 0]
    return float((table[chosen].argmax(axis=1) == y[chosen]).mean()) if len(chosen) else float("nan")


def propensity_error(estimated: ArrayLike, true: ArrayLike) -> float:
    """Return the mean absolute error of estimated propensities, both (n,) in [0, 1]; NaN without rows."""
    e, wanted = as_vector("estimated", estimated), as_vector("true", true)
    same_length(estimated=e, true=wanted)
    for name, values in (("estimated", e), ("true", wanted)):
        if ((values < 0) | (values > 1)).any():
            raise BadInput(f"{name} propensities lie outside [0, 1]")
    return float(np.abs(e - wanted).mean()) if len(e) else float("nan")


def _share_at_truth(sets: NDArray[np.bool_], truth: ArrayLike) -> float:
    y = as_labels("truth", truth, sets.shape[1])
    same_length(candidates=sets, truth=y)
    known = np.flatnonzero(y >= 0)
    return float(sets[known, y[known]].mean()) if len(known) else float("nan")
