"""Errors of predicted numbers, in total and by how many training labels lie near.

Source: measures of imbalanced regression as Yang et al. (ICML 2021) and ConR report them [P153].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_vector, same_length


@dataclass(frozen=True)
class RegressionErrors:
    """Errors of `n` rows, in the unit of the numbers; NaN without rows.

    `mae` is the mean absolute error, `rmse` the root mean square, `gm` the geometric mean of absolute errors, which is
    0 as soon as one prediction is exact.
    """

    mae: float
    rmse: float
    gm: float
    n: int


@dataclass(frozen=True)
class ShotErrors:
    """Errors on rows whose number has many, medium and few training labels near, and on all rows."""

    many: RegressionErrors
    medium: RegressionErrors
    few: RegressionErrors
    total: RegressionErrors


def regression_errors(truth: ArrayLike, predicted: ArrayLike) -> RegressionErrors:
    """Return mean absolute, root mean square and geometric mean error.

    Parameters
    ----------
    truth, predicted : float array (n,)

    Examples
    --------
    >>> regression_errors([0.0, 0.0], [1.0, 4.0]).gm
    2.0

    Source: [P153].
    """
    y, f = as_vector("truth", truth), as_vector("predicted", predicted)
    same_length(truth=y, predicted=f)
    return _errors(np.abs(f - y))


def shot_regression_errors(
    truth: ArrayLike,
    predicted: ArrayLike,
    training_values: ArrayLike,
    *,
    bin_width: float = 1.0,
    many: int = 100,
    few: int = 20,
) -> ShotErrors:
    """Return errors by the training labels in the bin of each row's true number: at least `many`, between, below `few`.

    Parameters
    ----------
    truth, predicted : float array (n,)
    training_values : float array (m,)
        Labels that were trained on.
    bin_width : float > 0, default 1
        Bins are [k · width, (k + 1) · width), in the unit of the numbers: years, for ages.
    many, few : int, default 100 and 20

    Examples
    --------
    >>> errors = shot_regression_errors([1.0, 9.0], [2.0, 4.0], [1.0] * 100 + [9.0])
    >>> errors.many.mae, errors.medium.n, errors.few.mae
    (1.0, 0, 5.0)

    Source: [P153].
    """
    y, f = as_vector("truth", truth), as_vector("predicted", predicted)
    trained = as_vector("training_values", training_values)
    same_length(truth=y, predicted=f)
    if not (bin_width > 0 and np.isfinite(bin_width)) or not 0 < few <= many:
        raise BadInput(f"bin_width={bin_width}, few={few}, many={many}", fix="choose a width above 0 and few <= many")
    bins, counts = np.unique(np.floor(trained / bin_width), return_counts=True)
    own = np.floor(y / bin_width)
    at = np.minimum(np.searchsorted(bins, own), max(len(bins) - 1, 0))
    near = np.where(bins[at] == own, counts[at], 0) if len(bins) else np.zeros(len(y), dtype=np.int64)
    gaps = np.abs(f - y)
    groups = (near >= many, (near < many) & (near >= few), near < few)
    top, middle, bottom = (_errors(gaps[group]) for group in groups)
    return ShotErrors(top, middle, bottom, total=_errors(gaps))


def _errors(gaps: NDArray[np.float64]) -> RegressionErrors:
    if not len(gaps):
        return RegressionErrors(float("nan"), float("nan"), float("nan"), 0)
    with np.errstate(divide="ignore"):
        gm = float(np.exp(np.log(gaps).mean()))
    return RegressionErrors(float(gaps.mean()), float(np.sqrt((gaps**2).mean())), gm, len(gaps))
