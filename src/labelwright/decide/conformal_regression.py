"""Intervals for numbers that hold the truth with probability at least 1 − alpha, behind any regression model.

    split           prediction ± q,                      q = the conformal threshold of |y − prediction|
    scaled          prediction ± q · difficulty,         q of |y − prediction| / difficulty
    quantile (CQR)  [low − q, high + q],                 q of max(low − y, y − high)
    cross (CV+)     from out-of-fold residuals, no row is set aside; promised is 1 − 2 alpha, seen is about 1 − alpha

Source: Lei et al., JASA 2018 (split); Romano et al., Conformalized quantile regression, NeurIPS 2019; Barber et al.,
Predictive inference with the jackknife+, 2021 (CV+).
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from labelwright.decide.conformal import conformal_threshold, threshold_rank
from labelwright.decide.contract import Floats, as_rate, fitted
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_vector, same_length

_BLOCK = 4_000_000  # scores held at a time


class SplitConformalRegression:
    """Prediction ± one width, or ± a width times how hard each row is.

    Parameters
    ----------
    alpha : float, default 0.1

    Attributes
    ----------
    half_width_ : float
        q; infinite where the rows are too few for alpha.

    Examples
    --------
    >>> SplitConformalRegression(alpha=0.2).fit([0.0] * 4, [1.0, -2.0, 3.0, 0.5]).predict_interval([10.0])
    array([[ 7., 13.]])
    """

    def __init__(self, alpha: float = 0.1) -> None:
        self.alpha = as_rate("alpha", alpha)

    def fit(self, predictions: ArrayLike, y: ArrayLike, difficulty: ArrayLike | None = None) -> Self:
        """Measure residuals of calibration rows: predictions (n,), truth (n,), difficulty (n,) above 0."""
        guess, truth = as_vector("predictions", predictions), as_vector("y", y)
        same_length(predictions=guess, y=truth)
        self.scaled_ = difficulty is not None
        self.half_width_ = conformal_threshold(np.abs(truth - guess) / _difficulty(difficulty, guess), self.alpha)
        return self

    def predict_interval(self, predictions: ArrayLike, difficulty: ArrayLike | None = None) -> Floats:
        """Return the ends of each interval, (m, 2)."""
        fitted(self, "half_width_")
        if (difficulty is not None) != self.scaled_:
            raise BadInput("difficulty must be given to both fit and predict_interval, or to neither")
        guess = as_vector("predictions", predictions)
        half = self.half_width_ * _difficulty(difficulty, guess)
        return np.stack([guess - half, guess + half], axis=1)


class ConformalizedQuantileRegression:
    """Widens (or narrows) predicted quantiles until they hold the truth as often as promised.

    Parameters
    ----------
    alpha : float, default 0.1

    Attributes
    ----------
    widening_ : float
        q; below 0 where the quantiles were too wide.

    Examples
    --------
    >>> cqr = ConformalizedQuantileRegression(alpha=0.25).fit([[0.0, 1.0]] * 3, [0.5, 1.5, 3.0])
    >>> cqr.predict_interval([[0.0, 1.0]])
    array([[-2.,  3.]])
    """

    def __init__(self, alpha: float = 0.1) -> None:
        self.alpha = as_rate("alpha", alpha)

    def fit(self, quantiles: ArrayLike, y: ArrayLike) -> Self:
        """Measure how far the truth (n,) lies outside the predicted quantiles (n, 2) of calibration rows."""
        ends, truth = as_array("quantiles", quantiles, 2), as_vector("y", y)
        _two(ends)
        same_length(quantiles=ends, y=truth)
        self.widening_ = conformal_threshold(np.maximum(ends[:, 0] - truth, truth - ends[:, 1]), self.alpha)
        return self

    def predict_interval(self, quantiles: ArrayLike) -> Floats:
        """Return the ends of each interval, (m, 2); an interval that would end before it starts is its middle."""
        fitted(self, "widening_")
        ends = as_array("quantiles", quantiles, 2)
        _two(ends)
        low, high = ends[:, 0] - self.widening_, ends[:, 1] + self.widening_
        middle = (low + high) / 2 if np.isfinite(self.widening_) else low
        crossed = low > high
        return np.stack([np.where(crossed, middle, low), np.where(crossed, middle, high)], axis=1)


class CrossConformalRegression:
    """CV+: every row both trains and calibrates; intervals from out-of-fold residuals.

    With predictions of the new row by the model of each fold, the interval runs from the ⌊alpha (n + 1)⌋-th smallest of
    prediction_fold(i) − residual_i to the ⌈(1 − alpha)(n + 1)⌉-th smallest of prediction_fold(i) + residual_i.

    Parameters
    ----------
    alpha : float, default 0.1

    Examples
    --------
    >>> cross = CrossConformalRegression(alpha=0.2).fit([0.0] * 4, [1.0, -2.0, 3.0, 0.5], fold=[0, 0, 1, 1])
    >>> cross.predict_interval([[10.0], [10.0]])
    array([[ 7., 13.]])
    """

    def __init__(self, alpha: float = 0.1) -> None:
        self.alpha = as_rate("alpha", alpha)

    def fit(self, out_of_fold: ArrayLike, y: ArrayLike, fold: ArrayLike) -> Self:
        """Take out-of-fold predictions (n,), the truth (n,) and the fold of each row (n,), numbered from 0."""
        guess, truth = as_vector("out_of_fold", out_of_fold), as_vector("y", y)
        folds = np.asarray(fold)
        same_length(out_of_fold=guess, y=truth, fold=folds)
        if folds.dtype.kind not in "iu" or not len(folds) or folds.min() < 0:
            raise BadInput("fold must number the folds from 0", fix="give the fold of each row")
        self.fold_, self.residual_ = folds.astype(np.int64), np.abs(truth - guess)
        return self

    def predict_interval(self, fold_predictions: ArrayLike) -> Floats:
        """Return the ends of each interval, (m, 2), from the predictions of every fold's model, (folds, m)."""
        fitted(self, "residual_")
        guess = as_array("fold_predictions", fold_predictions, 2)
        if len(guess) <= self.fold_.max():
            raise BadInput(f"there are predictions of {len(guess)} models for {self.fold_.max() + 1} folds")
        ends = np.empty((guess.shape[1], 2))
        for start in range(0, len(ends), step := max(_BLOCK // max(len(self.fold_), 1), 1)):
            near = guess[self.fold_, start : start + step].T
            ends[start : start + step, 0] = -_row_thresholds(self.residual_ - near, self.alpha)
            ends[start : start + step, 1] = _row_thresholds(self.residual_ + near, self.alpha)
        return ends


def _row_thresholds(scores: Floats, alpha: float) -> Floats:
    """`conformal_threshold` of each row of (m, n), (m,)."""
    n = scores.shape[1]
    k = threshold_rank(n, alpha)
    return np.partition(scores, n - k, axis=1)[:, n - k] if k else np.full(len(scores), np.inf)


def _difficulty(difficulty: ArrayLike | None, guess: Floats) -> Floats:
    if difficulty is None:
        return np.ones_like(guess)
    hard = as_vector("difficulty", difficulty)
    same_length(predictions=guess, difficulty=hard)
    if hard.size and hard.min() <= 0:
        raise BadInput("difficulty must be above 0")
    return hard


def _two(ends: Floats) -> None:
    if ends.shape[1] != 2:
        raise BadInput(f"quantiles has {ends.shape[1]} columns", fix="give the lower and the upper one")
    if (ends[:, 0] > ends[:, 1]).any():
        row = int(np.argmax(ends[:, 0] > ends[:, 1]))
        raise BadInput("the lower quantile is above the upper one", where=f"row {row}", fix="sort each pair")
