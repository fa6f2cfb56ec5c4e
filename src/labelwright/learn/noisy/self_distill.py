"""Self-distillation under label noise: how far a student should imitate a teacher trained on the same noisy labels.

Linear case: y = X th* + noise of variance g2; a ridge teacher th_T; a student trained by the same ridge on the target
xi X th_T + (1 − xi) y. In the right singular basis of X, with s_j² the eigenvalues of X^T X,

    c_j = s_j²/(s_j² + lam),  b_j = 1 − c_j,        th_S,j = th_T,j (1 − xi b_j)
    E(xi) = sum_j (c_j (1 − xi b_j) − 1)² th*_j² + g2 c_j² (1 − xi b_j)² / s_j²
    xi*   = sum_j c_j b_j (g2 − lam th*_j²)/(s_j² + lam)  /  sum_j c_j² b_j² (th*_j² + g2/s_j²)

As g2 grows, xi* -> sum_j s_j²/(s_j²+lam)³ / sum_j lam s_j²/(s_j²+lam)⁴ > 1: the student is pushed away from the labels.

Classification: a softmax teacher, then a student of the same kind with loss  xi CE(p_T, p_S) + (1 − xi) CE(y~, p_S).

Source: Das, Sanghavi, Understanding Self-Distillation in the Presence of Label Noise, ICML 2023 [P082].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from labelwright.errors import BadInput
from labelwright.learn.noisy.linear_softmax import SoftmaxModel, softmax_regression
from labelwright.metrics.checks import as_array, as_generator, as_vector

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RidgeDistillation:
    """Coefficients of teacher and student, float64 (d,) each."""

    teacher: Floats
    student: Floats


def ridge_self_distillation(X: ArrayLike, y: ArrayLike, lam: float, xi: float) -> RidgeDistillation:
    """Fit a ridge teacher to y, then a student by the same ridge to xi times its predictions plus 1 − xi times y.

    Parameters
    ----------
    X : float array (n, d)
        Without intercept: centre X and y first.
    y : float array (n,)
    lam : float > 0
        Weight of |th|² beside the summed squared error.
    xi : float
        Imitation weight; 0 gives the teacher again, 1 repeated ridge, above 1 moves away from the labels.

    Examples
    --------
    >>> found = ridge_self_distillation([[1.0], [1.0]], [2.0, 4.0], lam=1.0, xi=1.0)
    >>> found.teacher.round(3), found.student.round(3)
    (array([2.]), array([1.333]))

    Source: [P082].
    """
    rows, labels = _linear(X, y, lam)
    gram = rows.T @ rows + lam * np.eye(rows.shape[1])

    def ridge(target: Floats) -> Floats:
        return np.asarray(np.linalg.solve(gram, rows.T @ target), dtype=np.float64)

    teacher = ridge(labels)
    return RidgeDistillation(teacher, ridge(xi * (rows @ teacher) + (1 - xi) * labels))


def student_error(X: ArrayLike, theta: ArrayLike, noise_variance: float, lam: float, xi: float) -> float:
    """Return E |th_S − th*|² over the noise for a ridge student with imitation weight xi, the E(xi) above.

    Arguments as in `optimal_imitation_weight`, with `xi` any number.
    """
    s2, squares, outside = _spectrum(X, theta, lam)
    c = s2 / (s2 + lam)
    kept = c * (1 - xi * (1 - c))
    return float(((kept - 1) ** 2 * squares + noise_variance * kept**2 / s2).sum() + outside)


def optimal_imitation_weight(X: ArrayLike, theta: ArrayLike, noise_variance: float, lam: float) -> float:
    """Return the imitation weight xi* with the least expected squared error of the student's coefficients.

    Parameters
    ----------
    X : float array (n, d)
    theta : float array (d,)
        The true coefficients th*.
    noise_variance : float >= 0
        Of the labels; infinity gives the limit, which is above 1.
    lam : float > 0
        The ridge of teacher and student.

    Returns
    -------
    float
        Above 1 under strong noise; it can be negative when the noise is tiny.

    Examples
    --------
    >>> round(optimal_imitation_weight([[1.0], [1.0]], [1.0], np.inf, lam=1.0), 9)
    3.0

    Source: [P082].
    """
    s2, squares, _ = _spectrum(X, theta, lam)
    if np.isinf(noise_variance):
        return float((s2 / (s2 + lam) ** 3).sum() / (lam * s2 / (s2 + lam) ** 4).sum())
    if not noise_variance >= 0:
        raise BadInput(f"noise_variance is {noise_variance}", fix="give a number of 0 or more")
    return _weight(s2, squares, noise_variance, lam)


def _weight(s2: Floats, squares: Floats, g2: float, lam: float) -> float:
    c = s2 / (s2 + lam)
    b = 1 - c
    gain = c * b * (g2 - lam * squares) / (s2 + lam)
    curvature = (c * b) ** 2 * (squares + g2 / s2)
    if not curvature.sum() > 0:
        raise BadInput("neither signal nor noise: every imitation weight is as good")
    return float(gain.sum() / curvature.sum())


def plug_in_imitation_weight(X: ArrayLike, y: ArrayLike, lam: float, *, seed: int | np.random.Generator) -> float:
    """Estimate xi* from the data alone: th*_j² by two ridge fits on halves of the rows, g2 by the residuals of one on
    the other.

    The product of two independent estimates of th*_j does not count their noise as signal. `lam` is that of teacher
    and student. At least four rows.

    Source: [P082], plug-in step.
    """
    rows, labels = _linear(X, y, lam)
    n = len(rows)
    if n < 4:
        raise BadInput(f"there are {n} rows", fix="at least four are needed")
    order = as_generator(seed).permutation(n)
    halves = order[: n // 2], order[n // 2 :]
    fits = [ridge_self_distillation(rows[h], labels[h], lam / 2, 0.0).teacher for h in halves]
    s2, basis = _eigen(rows)
    squares = np.maximum((basis.T @ fits[0]) * (basis.T @ fits[1]), 0.0)
    left = [labels[h] - rows[h] @ fit for h, fit in zip(halves, fits[::-1], strict=True)]
    return _weight(s2, squares, float(np.mean(np.concatenate(left) ** 2)), lam)


def _linear(X: ArrayLike, y: ArrayLike, lam: float) -> tuple[Floats, Floats]:
    rows, labels = as_array("X", X, 2), as_vector("y", y)
    if len(rows) != len(labels) or not rows.size:
        raise BadInput(f"X has {len(rows)} rows but y has {len(labels)}", fix="give one label a row, at least one")
    if not lam > 0:
        raise BadInput(f"lam is {lam}", fix="choose a number above 0")
    return rows, labels


def _eigen(rows: Floats) -> tuple[Floats, Floats]:
    """Return the eigenvalues of X^T X above rounding (r,) and their vectors (d, r)."""
    _, s, vt = np.linalg.svd(rows, full_matrices=False)
    keep = s > s.max(initial=0.0) * max(rows.shape) * np.finfo(float).eps
    return s[keep] ** 2, vt[keep].T


def _spectrum(X: ArrayLike, theta: ArrayLike, lam: float) -> tuple[Floats, Floats, float]:
    """Return s_j², th*_j² (r,) and the part of |th*|² that X does not see."""
    coefficients = as_vector("theta", theta)
    rows, _ = _linear(X, np.zeros(len(np.asarray(X))), lam)
    if rows.shape[1] != len(coefficients):
        raise BadInput(f"X has {rows.shape[1]} columns but theta has {len(coefficients)} entries")
    s2, basis = _eigen(rows)
    if not len(s2):
        raise BadInput("X is zero everywhere")
    squares = (basis.T @ coefficients) ** 2
    return s2, squares, max(float(coefficients @ coefficients - squares.sum()), 0.0)


class SelfDistillation(ClassifierMixin, BaseEstimator):
    """Softmax regression trained twice: on the labels, then on a blend of its own predictions and the labels.

    Parameters
    ----------
    xi : float, default 1.2
        Imitation weight. 1: predictions alone; above 1: away from the labels, for noise of 30 % and more. Choose it
        on held-out rows (`GridSearchCV`).
    l2 : float > 0, default 5e-4
        Weight of |W|²/2 beside the mean loss, in teacher and student.
    clip_targets : bool, default False
        Cut negative targets (xi above 1) to 0 and renormalise. Needed for models without a penalty.

    Attributes
    ----------
    classes_ : array (K,)
    coef_, intercept_ : float64 (K, d) and (K,), of the student
    teacher_ : SoftmaxModel

    Notes
    -----
    Features are used as they are; the gain rests on a penalty that is too weak for the noise. On digits with 50 % wrong
    labels, 1000 rows and l2 = 1e-4, accuracy goes from 0.781 (teacher) to 0.880 (xi = 1) and 0.905 (xi = 1.5); with l2
    chosen on held-out noisy labels teacher (0.917) and student (0.912) are alike.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 20)); truth = (X[:, 0] > 0).astype(int)
    >>> y = np.where(rng.random(300) < 0.3, 1 - truth, truth)
    >>> model = SelfDistillation(xi=1.5).fit(X, y)
    >>> bool((model.predict(X) == truth).mean() >= (model.teacher_.predict_proba(X).argmax(1) == truth).mean())
    True

    Source: [P082].
    """

    def __init__(self, xi: float = 1.2, *, l2: float = 5e-4, clip_targets: bool = False) -> None:
        self.xi = xi
        self.l2 = l2
        self.clip_targets = clip_targets

    def fit(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Fit teacher and student on X (n, d) and labels y (n,), with optional weights (n,) of 0 or more."""
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise BadInput(f"there is only one class, {self.classes_[0]!r}", fix="give labels of two classes or more")
        weight = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        given = np.eye(len(self.classes_))[codes]
        self.teacher_: SoftmaxModel = softmax_regression(rows, given, self.l2, sample_weight=weight)
        targets = distillation_targets(self.teacher_.predict_proba(rows), given, self.xi)
        if self.clip_targets:
            targets = np.maximum(targets, 0)
            targets /= targets.sum(axis=1, keepdims=True)
        student = softmax_regression(rows, targets, self.l2, sample_weight=weight)
        self.coef_, self.intercept_ = student.coef.T, student.intercept
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return the student's logits, float64 (n, K); for two classes the log-odds of the second, (n,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the student's probabilities, float64 (n, K)."""
        logits = self._logits(X)
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the student's most probable class of each row."""
        best = self._logits(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _logits(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray(rows @ self.coef_.T + self.intercept_)


def distillation_targets(teacher_probs: Floats, given: Floats, xi: float) -> Floats:
    """Return xi p_T + (1 − xi) y~, shape (n, K); rows sum to 1, entries are negative where xi > 1 asks for it."""
    return xi * teacher_probs + (1 - xi) * given
