"""Default estimators for out-of-fold predictions: linear, fast, and calibrated by their own choice of penalty.

Multinomial (and, for tags, binary) logistic regression with an L2 penalty `lam`:

    min over W, b of   mean_i loss(x_i W + b, y_i) + lam/2 · |W|²

on features centred and scaled as a whole to a mean squared length of d. The penalty is the candidate with the least
log-loss on a held-out fifth of (at most `_CHOOSING` of) the training rows, going from strong to weak and stopping
when the log-loss rises.

Solver: SciPy's L-BFGS on the principal axes of X. Row j of W is written as ``u_j / sqrt(c s_j² + lam)`` with s_j² the
variance along axis j and c the mean curvature of the loss, which makes all directions about equally curved, so that
20 to 40 passes suffice and each candidate starts where the last one ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

Rows = NDArray[np.float32]
Loss = Callable[[Rows, Any], tuple[float, Rows]]  # logits (overwritten), targets -> mean loss, its slope

PENALTIES = tuple(10.0**-e for e in np.arange(0.0, 5.0, 0.5))
_PASSES = 40
_TOLERANCE = 5e-5
_MOST_AXES = 3_000  # beyond so many features and rows the leading half of these stand for all
_CHOOSING, _CHOOSING_WORK = 12_500, 6e8  # rows that choose the penalty: so many, or rows · d · K up to this


@dataclass(frozen=True)
class _Axes:
    """Centre, overall scale and principal axes of the training rows."""

    mean: NDArray[np.float64]
    basis: NDArray[np.float64]  # (d, r), scale included
    variance: NDArray[np.float64]  # (r,)

    @classmethod
    def of(cls, X: Rows) -> _Axes:
        mean = X.mean(axis=0, dtype=np.float64)
        centred = X - mean.astype(np.float32)
        n, d = X.shape
        if min(n, d) > _MOST_AXES:
            from sklearn.utils.extmath import randomized_svd

            _, root, rows = randomized_svd(centred, _MOST_AXES // 2, n_iter=2, random_state=0)
            value, vector = (root**2 / n).astype(np.float64), rows.T.astype(np.float64)
        elif d > n:  # the Gram matrix of the rows is smaller than the covariance and has the same roots
            value, vector = np.linalg.eigh((centred @ centred.T).astype(np.float64) / n)
            vector = centred.T.astype(np.float64) @ vector / np.sqrt(np.maximum(value, 1e-300) * n)
        else:
            value, vector = np.linalg.eigh((centred.T @ centred).astype(np.float64) / n)
        keep = value > max(value.max(initial=0.0) * 1e-7, 1e-30)
        scale = np.sqrt(X.shape[1] / value[keep].sum()) if keep.any() else 1.0
        return cls(mean, vector[:, keep] * scale, value[keep] * scale**2)

    def project(self, X: Rows) -> Rows:
        return (X - self.mean.astype(np.float32)) @ self.basis.astype(np.float32)


def _softmax_loss(logits: Rows, target: Any) -> tuple[float, Rows]:
    """Mean cross-entropy and its gradient in the logits (in place). `target` int (n,)."""
    n = len(logits)
    at = np.arange(n)
    logits -= logits.max(axis=1, keepdims=True)
    picked = logits[at, target].astype(np.float64)
    np.exp(logits, out=logits)
    total = logits.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(total[:, 0].astype(np.float64)) - picked))
    logits /= total
    logits[at, target] -= 1
    logits /= n
    return loss, logits


def _sigmoid_loss(logits: Rows, target: Any) -> tuple[float, Rows]:
    """Mean binary cross-entropy, summed over columns, and its gradient. `target` int8 (n, K), -1 = not counted."""
    sign = (2 * target - 1).astype(np.float32)
    weight = (target >= 0).astype(np.float32)
    weight /= np.maximum(weight.sum(axis=0), 1)
    margin = sign * logits
    small = np.exp(-np.abs(margin))
    loss = float(np.sum((np.log1p(small) - np.minimum(margin, 0)) * weight, dtype=np.float64))
    slope = np.where(margin >= 0, small, np.float32(1)) / (1 + small)
    slope *= -sign * weight
    return loss, slope


@dataclass
class _Problem:
    """A penalised fit on the principal axes, moved from penalty to penalty, each from where the last one ended."""

    rows: Rows  # (n, r), projected
    target: NDArray
    loss: Loss
    variance: NDArray[np.float64]  # (r,)
    curvature: float
    weights: NDArray[np.float64]  # (r, K)
    bias: NDArray[np.float64]  # (K,)

    def solve(self, lam: float) -> None:
        """Move weights and bias to the minimum for this penalty."""
        from scipy.optimize import minimize

        scale = 1 / np.sqrt(self.curvature * self.variance + lam)[:, None]
        bias_scale = 1 / np.sqrt(self.curvature)
        r, k = self.weights.shape

        def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights, bias = flat[: r * k].reshape(r, k) * scale, flat[r * k :] * bias_scale
            logits = self.rows @ weights.astype(np.float32)
            logits += bias.astype(np.float32)
            value, slope = self.loss(logits, self.target)
            gradient = (self.rows.T @ slope).astype(np.float64) + lam * weights
            value += lam / 2 * float((weights**2).sum())
            slope_bias = slope.sum(axis=0, dtype=np.float64)
            return value, np.concatenate([(gradient * scale).ravel(), slope_bias * bias_scale])

        start = np.concatenate([(self.weights / scale).ravel(), self.bias / bias_scale])
        options = {"maxiter": _PASSES, "gtol": 1e-6, "ftol": _TOLERANCE, "maxcor": 10}
        found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
        self.weights, self.bias = found[: r * k].reshape(r, k) * scale, found[r * k :] * bias_scale

    def held_out_loss(self, rows: Rows, target: NDArray) -> float:
        """Return the loss on other rows (projected)."""
        return self.loss(rows @ self.weights.astype(np.float32) + self.bias.astype(np.float32), target)[0]


def _fit(
    X: Rows, target: NDArray, strata: NDArray[np.int64], n_outputs: int, loss: Loss, curvature: float, seed: int
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Choose the penalty on a part of the rows, fit on all; return it, coefficients (d, K) and intercepts (K,)."""
    axes = _Axes.of(X)
    rows = axes.project(X)
    shape = len(axes.variance), n_outputs
    problem = _Problem(rows, target, loss, axes.variance, curvature, np.zeros(shape), np.zeros(n_outputs))
    train, held = _parts(strata, max(_CHOOSING, int(_CHOOSING_WORK / max(shape[0] * shape[1], 1))), seed)
    lam = 1.0
    if len(held):
        problem.rows, problem.target = rows[train], target[train]
        lam = _best_penalty(problem, rows[held], target[held])
        problem.rows, problem.target = rows, target
    problem.solve(lam)
    coefficients = axes.basis @ problem.weights
    return lam, coefficients, problem.bias - axes.mean @ coefficients


def _best_penalty(problem: _Problem, rows: Rows, target: NDArray) -> float:
    """Return the penalty with the least held-out loss and leave its solution in the problem."""
    best, least = PENALTIES[0], np.inf
    kept = problem.weights, problem.bias
    for lam in PENALTIES:
        problem.solve(lam)
        now = problem.held_out_loss(rows, target)
        if now < least:
            best, least, kept = lam, now, (problem.weights, problem.bias)
        elif now > least * 1.005:
            break
    problem.weights, problem.bias = kept
    return best


def _parts(strata: NDArray[np.int64], most: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows to fit and rows to judge candidates by, four to one, about `most` at the most, by strata.

    A stratum of one row is not judged; with fewer than five rows nothing is.
    """
    from labelwright.data.splits import stratified_folds

    n = len(strata)
    parts = max(5, -(-5 * n // most))
    fold = stratified_folds(strata, parts, seed)
    lonely = np.bincount(strata)[strata] < 2
    train = np.flatnonzero(lonely | ((fold >= 1) & (fold <= 4)))
    held = np.flatnonzero(~lonely & (fold == 0))
    return train, held if n >= 5 and len(train) >= 2 else held[:0]


class LinearProbe(ClassifierMixin, BaseEstimator):
    """Multinomial logistic regression whose penalty is chosen by held-out log-loss inside the training rows.

    Parameters
    ----------
    seed : int
        Decides which fifth is held out to choose the penalty.

    Attributes
    ----------
    classes_ : array, shape (K,)
    penalty_ : float
    coef_ : array of float64, shape (d, K)
    intercept_ : array of float64, shape (K,)

    Examples
    --------
    >>> probe = LinearProbe().fit([[0.0], [0.2], [0.8], [1.0]] * 5, [0, 0, 1, 1] * 5)
    >>> probe.predict([[0.1], [0.9]])
    array([0, 1])
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on X (n, d) and classes y (n,)."""
        rows = np.ascontiguousarray(X, dtype=np.float32)
        self.classes_, target = np.unique(np.asarray(y), return_inverse=True)
        k = len(self.classes_)
        curvature = (1 - 1 / k) / k if k > 1 else 1.0
        fitted = _fit(rows, target, target, k, _softmax_loss, curvature, self.seed)
        self.penalty_, self.coef_, self.intercept_ = fitted
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return logits, float64 (n, K)."""
        return np.asarray(X, dtype=np.float64) @ self.coef_ + self.intercept_

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return probabilities, float64 (n, K), rows summing to 1."""
        logits = self.decision_function(X)
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the most probable class of each row."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]


class TagProbe(BaseEstimator):
    """One logistic regression a tag, all at once, with one penalty; unknown tags (-1) count for nothing.

    Parameters
    ----------
    seed : int

    Examples
    --------
    >>> TagProbe().fit([[0.0], [1.0]] * 9, [[0, 1], [1, 1]] * 9).predict_proba([[1.0]]).round(0)
    array([[1., 1.]])
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: ArrayLike, tags: ArrayLike) -> Self:
        """Fit on X (n, d) and tags (n, K) of 1, 0 and -1."""
        rows, target = np.ascontiguousarray(X, dtype=np.float32), np.asarray(tags, dtype=np.int8)
        strata = np.zeros(len(rows), np.int64)
        fitted = _fit(rows, target, strata, target.shape[1], _sigmoid_loss, 0.1, self.seed)
        self.penalty_, self.coef_, self.intercept_ = fitted
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each tag, float64 (n, K)."""
        logits = np.asarray(X, dtype=np.float64) @ self.coef_ + self.intercept_
        return 1 / (1 + np.exp(-np.clip(logits, -500, 500)))


class RidgeProbe(RegressorMixin, BaseEstimator):
    """Ridge regression whose penalty has the least leave-one-out error on the training rows (closed form).

    Examples
    --------
    >>> RidgeProbe().fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]).predict([[4.0]]).round(1)
    array([4.])
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on X (n, d) and values y (n,)."""
        rows, values = np.ascontiguousarray(X, dtype=np.float32), np.asarray(y, dtype=np.float64)
        axes = _Axes.of(rows)
        Z = axes.project(rows).astype(np.float64)
        gap = values - values.mean()
        moment = Z.T @ gap
        best = np.inf
        self.penalty_, chosen = 1.0, np.zeros(len(moment))
        for lam in np.logspace(-6, 4, 21):
            shrink = 1 / (len(Z) * (axes.variance + lam))
            weights = moment * shrink
            leverage = (Z**2) @ shrink + 1 / len(Z)
            error = float(np.mean(((gap - Z @ weights) / np.maximum(1 - leverage, 1e-6)) ** 2))
            if error < best:
                best, self.penalty_, chosen = error, float(lam), weights
        self.coef_ = axes.basis @ chosen
        self.intercept_ = float(values.mean() - axes.mean @ self.coef_)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return predictions, float64 (n,)."""
        return np.asarray(X, dtype=np.float64) @ self.coef_ + self.intercept_
