"""Default estimators for out-of-fold predictions: linear, fast, and calibrated by their own choice of penalty.

Multinomial (and, for tags, binary) logistic regression with an L2 penalty `lam`:

    min over W, b of   mean_i loss(x_i W + b, y_i) + lam/2 · |W|²

on features centred and scaled as a whole to a mean squared length of d. The penalty is the candidate with the least
log-loss on a held-out fifth of the training rows, going from strong to weak and stopping when the log-loss rises.

Solver: SciPy's L-BFGS on the principal axes of X. Row j of W is written as ``u_j / sqrt(c s_j² + lam)`` with s_j² the
variance along axis j and c the mean curvature of the loss, which makes all directions about equally curved, so that
20 to 40 passes suffice and each candidate starts where the last one ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

Rows = NDArray[np.float32]

PENALTIES = tuple(10.0**-e for e in np.arange(0.0, 5.0, 0.5))
_PASSES = 40
_TOLERANCE = 1e-5


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
        covariance = (centred.T @ centred).astype(np.float64) / len(X)
        value, vector = np.linalg.eigh(covariance)
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
    known = target >= 0
    sign = np.where(target == 1, np.float32(1), np.float32(-1))
    per_column = np.maximum(known.sum(axis=0), 1).astype(np.float32)
    margin = sign * logits
    loss = float((np.logaddexp(0, -margin) * known / per_column).sum(dtype=np.float64))
    slope = -sign / (1 + np.exp(np.clip(margin, -80, 80)))
    return loss, (slope * known / per_column).astype(np.float32)


class _Path:
    """The solutions of one training set along falling penalties, each started from the one before."""

    def __init__(self, X: Rows, target: NDArray, n_outputs: int, loss: Any, curvature: float) -> None:
        self.axes = _Axes.of(X)
        self.rows, self.target, self.loss, self.curvature = self.axes.project(X), target, loss, curvature
        self.weights = np.zeros((len(self.axes.variance), n_outputs))
        self.bias = np.zeros(n_outputs)

    def solve(self, lam: float) -> None:
        """Move weights and bias to the minimum for this penalty."""
        from scipy.optimize import minimize

        scale = 1 / np.sqrt(self.curvature * self.axes.variance + lam)[:, None]
        bias_scale = 1 / np.sqrt(self.curvature)
        r, k = self.weights.shape

        def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights, bias = flat[: r * k].reshape(r, k) * scale, flat[r * k :] * bias_scale
            logits = self.rows @ weights.astype(np.float32)
            logits += bias.astype(np.float32)
            loss, slope = self.loss(logits, self.target)
            gradient = (self.rows.T @ slope).astype(np.float64) + lam * weights
            slope_bias = slope.sum(axis=0, dtype=np.float64)
            value = loss + lam / 2 * float((weights**2).sum())
            return value, np.concatenate([(gradient * scale).ravel(), slope_bias * bias_scale])

        start = np.concatenate([(self.weights / scale).ravel(), self.bias / bias_scale])
        options = {"maxiter": _PASSES, "gtol": 1e-6, "ftol": _TOLERANCE, "maxcor": 10}
        found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
        self.weights, self.bias = found[: r * k].reshape(r, k) * scale, found[r * k :] * bias_scale

    def logits(self, X: Rows) -> Rows:
        return self.axes.project(X) @ self.weights.astype(np.float32) + self.bias.astype(np.float32)


def _best_penalty(
    X: Rows, target: NDArray, held: NDArray[np.bool_], n_outputs: int, loss: Any, curvature: float
) -> tuple[float, _Path]:
    """Return the penalty with the least held-out loss, and the path that has just solved beyond it."""
    path = _Path(X[~held], target[~held], n_outputs, loss, curvature)
    best, best_loss = PENALTIES[0], np.inf
    for lam in PENALTIES:
        path.solve(lam)
        now = loss(path.logits(X[held]), target[held])[0]
        if now < best_loss:
            best, best_loss = lam, now
        elif now > best_loss * 1.005:
            break
    return best, path


def _held_out_fifth(n: int, strata: NDArray[np.int64] | None, seed: int) -> NDArray[np.bool_]:
    """Choose about a fifth of the rows, spread evenly over the strata; a stratum with one row stays in."""
    from labelwright.data.splits import stratified_folds

    if strata is None:
        strata = np.zeros(n, np.int64)
    held = stratified_folds(strata, 5, seed) == 0
    return held & (np.bincount(strata)[strata] > 1)


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
        held = _held_out_fifth(len(rows), target, self.seed)
        if held.any() and k > 1:
            self.penalty_, _ = _best_penalty(rows, target, held, k, _softmax_loss, curvature)
        else:
            self.penalty_ = 1.0
        path = _Path(rows, target, k, _softmax_loss, curvature)
        path.solve(self.penalty_)
        _keep(self, path)
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
        k = target.shape[1]
        self.penalty_ = 1.0
        held = _held_out_fifth(len(rows), None, self.seed)
        if held.any() and not held.all():
            self.penalty_, _ = _best_penalty(rows, target, held, k, _sigmoid_loss, 0.1)
        path = _Path(rows, target, k, _sigmoid_loss, 0.1)
        path.solve(self.penalty_)
        _keep(self, path)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each tag, float64 (n, K)."""
        logits = np.asarray(X, dtype=np.float64) @ self.coef_ + self.intercept_
        return 1 / (1 + np.exp(-np.clip(logits, -500, 500)))


def _keep(probe: Any, path: _Path) -> None:
    """Write the solution in terms of the raw features."""
    probe.coef_ = path.axes.basis @ path.weights
    probe.intercept_ = path.bias - path.axes.mean @ probe.coef_


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
