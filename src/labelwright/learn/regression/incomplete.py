"""Regression on labels of which some are too low, because part of the signal was missed (U2 regression).

y' = f*(x) + e_s + e_a: e_s is symmetric noise, e_a = 0 for the share rho of complete observations and e_a <= 0 for the
others, whichever they are. Labels above the fit are trusted; those below are a mixture and serve as inputs without a
label. Take a loss whose slope below the fit (y < f) does not depend on y: there L' = g = 1. Then, as long as incomplete
labels stay below f, the gradient of the clean risk in f is estimated by

    (1/(rho N)) sum_{i: y'_i >= f_i} [ L'(f_i, y'_i) − g ]  +  (1/N) sum_i g

and its surrogate, the mask held fixed, is  (1/(rho N)) sum_up [ L(f_i, y'_i) − f_i ] + (1/N) sum_i f_i.
With the absolute loss this is 2/rho times the slope of the pinball loss at the quantile 1 − rho/2.

With a network: `U2Objective`.

Source: Katsuki, Osogami, Regression with Sensor Data Containing Incomplete Observations, ICML 2023 [P057].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from labelwright.errors import BadInput
from labelwright.evidence.arrays import namespace

Floats = NDArray[np.float64]

SHARES = (0.3, 1.0)  # where a share of complete observations is looked for
HALF_NORMAL = np.pi / 2  # E r² / (E r)² of the upper half of a normal distribution
HALVINGS = 8


@dataclass(frozen=True)
class UpperLoss:
    """A loss above the fit, as functions of prediction and label (NumPy or torch): value and slope in f."""

    value: Callable[[Any, Any], Any]
    slope: Callable[[Any, Any], Any]


ABSOLUTE = UpperLoss(lambda f, y: y - f, lambda f, y: 0 * f - 1)
SQUARED = UpperLoss(lambda f, y: (f - y) ** 2, lambda f, y: 2 * (f - y))


def u2_loss(f: Any, y: Any, rho: float, upper: UpperLoss = ABSOLUTE, weight: Any = None) -> Any:
    """Return the surrogate whose gradient is that of `u2_gradient`; use it in any loop.

    Parameters
    ----------
    f, y : arrays (n,), NumPy or torch
        Predictions and labels. In torch gradients flow through f; which labels are above f is held fixed.
    rho : float in (0, 1]
        Share of complete observations.
    upper : UpperLoss, default ABSOLUTE
        The loss above the fit: `ABSOLUTE` aims at the median of the complete labels. `SQUARED` counts large
        residuals above more; below, the slope is 1 still, so scale the labels.
    weight : array (n,), optional
        Multiplies each row's part; at least 0, of mean 1.

    Returns
    -------
    Scalar. It is not bounded below on a single batch: use batches of 64 rows or more.

    Examples
    --------
    >>> float(u2_loss(np.array([1.0, 1.0]), np.array([3.0, 0.0]), rho=0.5))
    2.0

    Source: [P057].
    """
    xp, n = namespace(f), _checked(f, y, rho)
    above = xp.where(y >= f, upper.value(f, y) - f, 0 * f)
    each = above / rho + f
    return (each if weight is None else weight * each).sum() / n


def u2_gradient(f: Any, y: Any, rho: float, upper: UpperLoss = ABSOLUTE) -> Any:
    """Return the estimated gradient of the clean risk in each prediction, (n,); arguments as in `u2_loss`.

    Examples
    --------
    >>> u2_gradient(np.array([1.0, 1.0]), np.array([3.0, 0.0]), rho=0.5)
    array([-1.5,  0.5])

    Source: [P057].
    """
    xp, n = namespace(f), _checked(f, y, rho)
    return (xp.where(y >= f, upper.slope(f, y) - 1, 0 * f) / rho + 1) / n


def _checked(f: Any, y: Any, rho: float) -> int:
    if not 0 < rho <= 1:
        raise BadInput(f"rho is {rho}", fix="give the share of complete observations, in (0, 1]")
    if f.ndim != 1 or tuple(f.shape) != tuple(y.shape) or not len(f):
        raise BadInput(f"predictions are {tuple(f.shape)} and labels {tuple(y.shape)}", fix="give one of each a row")
    return len(f)


class U2Regressor(RegressorMixin, BaseEstimator):
    """Linear regression on labels of which some are too low.

    Parameters
    ----------
    rho : float in (0, 1], optional
        Share of complete observations; 1 is ordinary regression with the loss chosen. None estimates it: the share
        for which the residuals above the fit look like half a normal distribution (mean square over squared mean
        pi/2), which rests on normal noise.
    upper : UpperLoss, optional
        Loss above the fit; None is `ABSOLUTE`.
    n_steps : int, default 2000
        Full-batch Adam steps on standardised data, with a step that falls to zero; the last half is averaged.
    step : float > 0, default 0.05
        First step, in standard deviations.

    Attributes
    ----------
    coef_ : float64 (d,)
    intercept_ : float
    rho_ : float, given or estimated

    Notes
    -----
    The risk estimate cannot choose rho: its minimum over f falls as rho rises, so it always prefers 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2000, 1)); y = X[:, 0] + 10 + rng.normal(size=2000)
    >>> y -= (rng.random(2000) < 0.5) * rng.exponential(5, size=2000)
    >>> abs(U2Regressor(0.5).fit(X, y).intercept_ - 10) < 0.2
    True

    Source: [P057].
    """

    def __init__(
        self, rho: float | None = None, *, upper: UpperLoss | None = None, n_steps: int = 2000, step: float = 0.05
    ) -> None:
        self.rho = rho
        self.upper = upper
        self.n_steps = n_steps
        self.step = step

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on X (n, d) and labels y (n,), of which some may be too low."""
        rows, labels = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        centre, scale = rows.mean(axis=0), rows.std(axis=0)
        scale[scale <= 1e-12 * np.maximum(np.abs(centre), 1)] = np.inf  # a constant column gets weight 0
        middle, unit = labels.mean(), labels.std() or 1.0
        design = np.column_stack([(rows - centre) / scale, np.ones(len(rows))])
        target = (labels - middle) / unit
        start = np.linalg.lstsq(design, target, rcond=None)[0]

        def fitted(rho: float) -> Floats:
            return self._descend(design, target, start, rho)

        self.rho_ = _matching_share(design, target, fitted) if self.rho is None else float(self.rho)
        weights = fitted(self.rho_)
        self.coef_ = unit * weights[:-1] / scale
        self.intercept_ = float(middle + unit * weights[-1] - centre @ self.coef_)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return what a complete label would be, float64 (n,), in the unit of the labels."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray(rows @ self.coef_ + self.intercept_)

    def _descend(self, design: Floats, target: Floats, start: Floats, rho: float) -> Floats:
        """Return weights after Adam with a linearly falling step, mean of the last half."""
        upper = ABSOLUTE if self.upper is None else self.upper
        weights, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
        total, half = np.zeros_like(start), self.n_steps // 2
        for t in range(1, self.n_steps + 1):
            slope = design.T @ u2_gradient(design @ weights, target, rho, upper)
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
            size = self.step * (1 - (t - 1) / self.n_steps)
            weights = weights - size * first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
            if t > half:
                total += weights
        return total / max(self.n_steps - half, 1)


def _matching_share(design: Floats, target: Floats, fitted: Callable[[float], Floats]) -> float:
    """Return the share rho for which residuals above the fit are half a normal distribution, by halving.

    The lower the fit stands, the further it cuts into the body of the noise and the smaller E r² / (E r)²; fits rise as
    rho falls, so the ratio falls as rho rises.
    """
    low, high = SHARES
    for _ in range(HALVINGS):
        rho = (low + high) / 2
        above = target - design @ fitted(rho)
        above = above[above > 0]
        if len(above) < 2 or (above**2).mean() > HALF_NORMAL * above.mean() ** 2:
            low = rho
        else:
            high = rho
    return (low + high) / 2
