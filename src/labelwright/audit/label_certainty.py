"""How unsure people are of labels, whether models err where people do, and refusing the rows that people are unsure of.

Label uncertainty of a row with label y and shares H of people's votes, in [0, 2]:

    LU(x) = 1 − (H[x, y] − max_{k ≠ y} H[x, k])

0: certain and right; 1: even; 2: people agree on another class.

Source: Zhang, Evans, Understanding Intrinsic Robustness Using Label Uncertainty, ICLR 2022 [P103].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.calibration import coverage_at_risk, risk_coverage_curve
from labelwright.metrics.checks import as_generator, as_labels, as_mask, as_share, as_vector, same_length
from labelwright.metrics.intervals import Interval, percentile_interval

Floats = NDArray[np.float64]
Norm = Literal["l2", "linf"]
MOST_ROWS = 10_000  # of one half: 800 MB of distances
SLACK = 0.05  # more rows than asked are covered in training, because some are lost on the other half


def label_uncertainty(shares: ArrayLike, labels: ArrayLike) -> Floats:
    """Return how unsure people are of each label, float64 (n,) in [0, 2]; NaN without votes or label.

    Parameters
    ----------
    shares : float array (n, K)
        Share of people's votes that each class got; rows sum to 1, or are NaN.
    labels : int array (n,)
        Assigned labels, -1 = none.

    Examples
    --------
    >>> label_uncertainty([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], [0, 0, 0])
    array([0., 1., 2.])

    Source: Zhang, Evans, ICLR 2022 [P103].
    """
    table = np.asarray(shares, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise BadInput(f"shares has shape {table.shape}", fix="give one column a class, two or more")
    y = as_labels("labels", labels, table.shape[1])
    same_length(shares=table, labels=y)
    known = (y >= 0) & ~np.isnan(table).any(axis=1)
    told = table[known]
    if (told < 0).any() or (np.abs(told.sum(axis=1) - 1) > 1e-3).any():
        raise BadInput("shares holds rows that do not sum to 1", fix="divide counts by the votes of their row")
    own = told[np.arange(len(told)), y[known]]
    told = told.copy()
    told[np.arange(len(told)), y[known]] = -np.inf
    result = np.full(len(y), np.nan)
    result[known] = 1 - (own - told.max(axis=1))
    return result


@dataclass(frozen=True)
class ErrorUncertainty:
    """Mean label uncertainty of a model's errors, of all rows, and of random sets as large as the errors.

    `random` is the mean over all rows with the interval of the means of random sets.
    """

    errors: float
    all: float
    random: Interval
    n_errors: int

    @property
    def ratio(self) -> float:
        """Return how many times the errors are as uncertain as all rows."""
        return self.errors / self.all if self.all > 0 else float("nan")


def error_region_uncertainty(
    uncertainty: ArrayLike, is_error: ArrayLike, seed: int | np.random.Generator, draws: int = 1000, level: float = 0.95
) -> ErrorUncertainty:
    """Compare the uncertainty of a model's errors with that of random rows.

    Parameters
    ----------
    uncertainty : float array (n,)
        NaN rows are left out.
    is_error : bool array (n,)
        Where the model's prediction is not the label.
    seed : int or numpy.random.Generator
    draws : int, default 1000
        Random sets of as many rows.
    level : float, default 0.95

    Examples
    --------
    >>> error_region_uncertainty([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 0], seed=0).ratio
    2.0

    Source: Zhang, Evans, ICLR 2022 [P103].
    """
    lu, wrong = np.asarray(uncertainty, dtype=np.float64), as_mask("is_error", is_error)
    same_length(uncertainty=lu, is_error=wrong)
    known = ~np.isnan(lu)
    lu, wrong = lu[known], wrong[known]
    m = int(wrong.sum())
    if not len(lu) or not m:
        nothing = Interval(float("nan"), float("nan"), float("nan"), level)
        return ErrorUncertainty(float("nan"), float(lu.mean()) if len(lu) else float("nan"), nothing, m)
    rng = as_generator(seed)
    means = np.array([rng.choice(lu, m, replace=False).mean() for _ in range(draws)])
    return ErrorUncertainty(
        float(lu[wrong].mean()), float(lu.mean()), percentile_interval(float(lu.mean()), means, level), m
    )


class UncertaintyAbstainer:
    """Refuses rows whose label people are too unsure of.

    Parameters
    ----------
    threshold : float
        Rows with a label uncertainty above it are refused, in [0, 2].

    Source: Zhang, Evans, ICLR 2022 [P103].
    """

    def __init__(self, threshold: float) -> None:
        if not 0 <= threshold <= 2:
            raise BadInput(f"threshold is {threshold}", fix="give a label uncertainty in [0, 2]")
        self.threshold = float(threshold)

    @classmethod
    def for_accuracy(cls, uncertainty: ArrayLike, correct: ArrayLike, accuracy: float) -> UncertaintyAbstainer:
        """Return the abstainer that answers most rows while this share of the answers is right.

        Parameters
        ----------
        uncertainty : float array (n,)
        correct : bool array (n,)
            Whether the answer was right, or stayed right under attack.
        accuracy : float in [0, 1]
        """
        lu, right = as_vector("uncertainty", uncertainty), as_mask("correct", correct)
        same_length(uncertainty=lu, correct=right)
        share = coverage_at_risk(-lu, ~right, 1 - as_share("accuracy", accuracy))
        if not share > 0:
            raise BadInput(f"no part of the rows reaches an accuracy of {accuracy:g}", fix="ask for less")
        return cls(float(np.sort(lu)[round(share * len(lu)) - 1]))

    def abstains(self, uncertainty: ArrayLike) -> NDArray[np.bool_]:
        """Tell which rows are refused, bool (n,); a row of unknown uncertainty is."""
        lu = np.asarray(uncertainty, dtype=np.float64)
        return ~(lu <= self.threshold)

    def score(self, uncertainty: ArrayLike, correct: ArrayLike) -> tuple[float, float]:
        """Return the share of rows that are answered and the share of the answers that is right."""
        right = as_mask("correct", correct)
        answered = ~self.abstains(uncertainty)
        same_length(uncertainty=answered, correct=right)
        return float(answered.mean()), float(right[answered].mean()) if answered.any() else float("nan")

    @staticmethod
    def curve(uncertainty: ArrayLike, correct: ArrayLike) -> tuple[Floats, Floats]:
        """Return coverage and accuracy, rising in coverage, as the surest rows are answered first."""
        lu, right = as_vector("uncertainty", uncertainty), as_mask("correct", correct)
        coverage, risk = risk_coverage_curve(-lu, ~right)
        return coverage, 1 - risk
