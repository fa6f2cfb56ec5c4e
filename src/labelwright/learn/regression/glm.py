"""Generalised linear models with their canonical link, fitted by Newton steps that never lose ground.

With linear predictor u = x b and cumulant psi, column j of the coefficients maximises

    sum_i w_ij (y_ij u_ij − psi(u_ij)) − 1/2 sum_d ridge_d b_dj²

    Gaussian (unit variance)  psi = u²/2          Poisson  psi = exp(u)          Bernoulli  psi = log(1 + e^u)

A Newton step of this objective is the weighted least-squares step of IRLS. A step that does not raise the objective is
halved. The objective is concave for any real y as long as the weights are not negative: a Bernoulli "response" of
1/e > 1 is how a row that counts 1/e times as a one and 1 − 1/e < 0 times as a zero enters.

Source: McCullagh and Nelder, Generalized Linear Models, 1989; block of [P058], used by [P056] too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array

Floats = NDArray[np.float64]

STEPS, HALVINGS = 100, 40
TOLERANCE = 1e-10  # a Newton step promises less than this share of the objective
TINY = 1e-10  # keeps a Hessian of saturated rows invertible


class Family(ABC):
    """An exponential family with its canonical link; u is the linear predictor, any shape.

    Objects without state: `GAUSSIAN`, `POISSON`, `BERNOULLI`.
    """

    @abstractmethod
    def psi(self, u: Floats) -> Floats:
        """Return the cumulant, whose slope is the mean and whose curvature is the variance."""

    @abstractmethod
    def mean(self, u: Floats) -> Floats:
        """Return E[y | u]."""

    @abstractmethod
    def variance(self, u: Floats) -> Floats:
        """Return Var[y | u]."""

    @abstractmethod
    def check(self, y: Floats) -> None:
        """Raise BadInput where y (entries that count) cannot come from the family."""


class _Gaussian(Family):
    def psi(self, u: Floats) -> Floats:
        return u**2 / 2

    def mean(self, u: Floats) -> Floats:
        return u

    def variance(self, u: Floats) -> Floats:
        return np.ones_like(u)

    def check(self, y: Floats) -> None:
        return None


class _Poisson(Family):
    def psi(self, u: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.exp(u)

    mean = psi
    variance = psi

    def check(self, y: Floats) -> None:
        if ((y < 0) | (y != np.round(y))).any():
            raise BadInput("responses of a Poisson family are not counts", fix="give whole numbers of 0 or more")


class _Bernoulli(Family):
    def psi(self, u: Floats) -> Floats:
        return np.logaddexp(0.0, u)

    def mean(self, u: Floats) -> Floats:
        return np.asarray(expit(u), dtype=np.float64)

    def variance(self, u: Floats) -> Floats:
        return np.asarray(expit(u) * expit(-u), dtype=np.float64)

    def check(self, y: Floats) -> None:
        if ((y != 0) & (y != 1)).any():
            raise BadInput("responses of a Bernoulli family are not 0 or 1")


GAUSSIAN = _Gaussian()
POISSON = _Poisson()
BERNOULLI = _Bernoulli()


@dataclass(frozen=True, eq=False)
class GlmFit:
    """What `irls` found.

    Parameters
    ----------
    coef : float64 (p, m)
    objective : float64 (m,)
        Penalised log-likelihood of each column, without the part that depends on y alone.
    steps : int
        Newton steps of the slowest column.
    converged : bool
    """

    coef: Floats
    objective: Floats
    steps: int
    converged: bool


def irls(
    X: ArrayLike,
    Y: ArrayLike,
    family: Family,
    *,
    ridge: float | ArrayLike = 1e-3,
    weight: ArrayLike | None = None,
    start: ArrayLike | None = None,
    max_steps: int = STEPS,
) -> GlmFit:
    """Fit one generalised linear model a column of Y.

    Parameters
    ----------
    X : float array (n, p)
        Design matrix; append a column of ones for an intercept.
    Y : float array (n, m)
    family : Family
        `GAUSSIAN` (unit variance), `POISSON` or `BERNOULLI`.
    ridge : float or array (p,), default 1e-3
        Weight of b²/2 for each coefficient, >= 0; 0 for an intercept.
    weight : float array (n,) or (n, m), optional
        Not negative; 0 leaves an entry out (the entry itself must still be finite).
    start : float array (p, m), optional
        Coefficients to begin with; zeros by default.
    max_steps : int, default 100

    Returns
    -------
    GlmFit
        The objective is never below that of `start`.

    Raises
    ------
    BadInput
        For shapes that do not fit, NaN and negative weights.

    Examples
    --------
    >>> irls([[1.0], [1.0], [1.0], [1.0]], [[1.0], [1.0], [1.0], [0.0]], BERNOULLI, ridge=0.0).coef.round(4)
    array([[1.0986]])

    Source: [P058], block `irls`.
    """
    problem = _problem(X, Y, family, ridge, weight)
    p, m = problem.X.shape[1], problem.Y.shape[1]
    coef = np.zeros((p, m)) if start is None else as_array("start", start, 2).copy()
    if coef.shape != (p, m):
        raise BadInput(f"start has shape {coef.shape}, the fit has ({p}, {m})")
    value = problem.objective(coef)
    for step in range(1, max_steps + 1):
        direction, promise = problem.newton(coef)
        coef, value = problem.climb(coef, value, direction)
        if (promise <= TOLERANCE * (1 + np.abs(value))).all():
            return GlmFit(coef, value, step, True)
    return GlmFit(coef, value, max_steps, False)


@dataclass(frozen=True, eq=False)
class _Problem:
    """The data of `irls`, checked: X (n, p), Y and weight (n, m), ridge (p,)."""

    X: Floats
    Y: Floats
    family: Family
    ridge: Floats
    weight: Floats

    def objective(self, coef: Floats) -> Floats:
        """Return the penalised log-likelihood of each column, (m,); minus infinity where it overflows."""
        u = self.X @ coef
        with np.errstate(invalid="ignore", over="ignore"):
            rows = np.where(self.weight > 0, self.weight * (self.Y * u - self.family.psi(u)), 0.0)
            value = rows.sum(axis=0) - self.ridge @ coef**2 / 2
        return np.asarray(np.where(np.isnan(value), -np.inf, value))

    def newton(self, coef: Floats) -> tuple[Floats, Floats]:
        """Return the Newton step (p, m) and half the gain it promises, (m,)."""
        u = self.X @ coef
        gradient = self.X.T @ (self.weight * (self.Y - self.family.mean(u))) - self.ridge[:, None] * coef
        curvature = self.weight * self.family.variance(u)
        hessian = (self.X.T[None] * curvature.T[:, None, :]) @ self.X  # (m, p, p)
        scale = np.trace(hessian, axis1=1, axis2=2) / len(coef) + 1.0
        hessian += np.eye(len(coef)) * (self.ridge + TINY * scale[:, None])[:, None, :]
        step = np.linalg.solve(hessian, gradient.T[:, :, None])[:, :, 0].T
        return np.asarray(step, dtype=np.float64), np.asarray((gradient * step).sum(axis=0) / 2)

    def climb(self, coef: Floats, value: Floats, direction: Floats) -> tuple[Floats, Floats]:
        """Go along the direction, by half as much as long as that does not raise the objective."""
        size = np.ones(coef.shape[1])
        for _ in range(HALVINGS):
            there: Floats = coef + size * direction
            fresh = self.objective(there)
            short = ~(fresh >= value)
            if not short.any():
                return there, fresh
            size[short] /= 2
        return np.where(short, coef, there), np.where(short, value, fresh)


def _problem(
    X: ArrayLike, Y: ArrayLike, family: Family, ridge: float | ArrayLike, weight: ArrayLike | None
) -> _Problem:
    design, responses = as_array("X", X, 2), as_array("Y", Y, 2)
    if len(design) != len(responses) or not design.size or not responses.size:
        raise BadInput(f"X is {design.shape} and Y is {responses.shape}", fix="give as many rows of each, at least one")
    penalty = np.broadcast_to(np.asarray(ridge, dtype=np.float64), (design.shape[1],))
    if not ((penalty >= 0) & np.isfinite(penalty)).all():
        raise BadInput("ridge is negative or not finite", fix="give numbers of 0 or more")
    share = np.ones(responses.shape)
    if weight is not None:
        given = np.asarray(weight, dtype=np.float64)
        given = given[:, None] if given.ndim == 1 else given
        if given.shape not in (responses.shape, (len(design), 1)) or not ((given >= 0) & np.isfinite(given)).all():
            raise BadInput("the weights are negative, not finite or of another shape", fix="give (n,) or (n, m)")
        share = np.ascontiguousarray(np.broadcast_to(given, responses.shape))
    return _Problem(design, responses, family, penalty, share)
