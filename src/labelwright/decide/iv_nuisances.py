"""Learners for what the effect under an invalid instrument rests on: propensities, means, effect and confounding.

A mean learner is a callable (X, y, X_new) -> prediction. An effect learner sees T = (A − p_Z)(Y − m_Z) and
V = p_Z (1 − p_Z) and returns delta(X) and omega(X), for which E[T | Z, X] = delta(X) · V_Z(X) + omega(X).

Source: Sun, Cui, Tchetgen Tchetgen, Selective machine learning of the average treatment effect with an invalid
instrumental variable, JMLR 2022 [P119].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelwright.decide.contract import Floats

Ints = NDArray[np.int64]


class MeanLearner(Protocol):
    """Predicts a mean or a probability."""

    def __call__(self, X: Floats, y: Floats, X_new: Floats) -> Floats:
        """Learn from X (n, d) and y (n,), predict (m,)."""
        ...


class EffectLearner(Protocol):
    """Predicts delta(X) and omega(X)."""

    def __call__(self, X: Floats, z: Ints, t: Floats, v: Floats, X_new: Floats) -> tuple[Floats, Floats]:
        """Learn from X (n, d), z, T and V (n,), predict delta (m,) and omega (m,)."""
        ...


class ConstantMean:
    """The mean, whatever X is."""

    def __call__(self, X: Floats, y: Floats, X_new: Floats) -> Floats:
        """Return the mean of y, (m,)."""
        return np.full(len(X_new), y.mean())


@dataclass(frozen=True)
class PolynomialMean:
    """Ridge regression on a polynomial of X.

    Parameters
    ----------
    degree : int, default 1
        1 or 2 (squares and products).
    ridge : float, default 1e-6
        Penalty for a row.
    """

    degree: int = 1
    ridge: float = 1e-6

    def __call__(self, X: Floats, y: Floats, X_new: Floats) -> Floats:
        """Return the fitted polynomial at X_new, (m,)."""
        coefficients = _ridge(basis(X, self.degree), y, self.ridge)
        return basis(X_new, self.degree) @ coefficients


@dataclass(frozen=True)
class LogisticMean:
    """Logistic regression on a polynomial of X; the share where y has one value only."""

    degree: int = 1

    def __call__(self, X: Floats, y: Floats, X_new: Floats) -> Floats:
        """Return P(y = 1), (m,)."""
        from sklearn.linear_model import LogisticRegression

        if np.ptp(y) == 0:
            return np.full(len(X_new), y[0])
        columns = basis(X, self.degree)[:, 1:]
        if not columns.shape[1]:
            return np.full(len(X_new), y.mean())
        model = LogisticRegression(C=1e4, max_iter=1000).fit(columns, y)
        return np.asarray(model.predict_proba(basis(X_new, self.degree)[:, 1:])[:, 1])


@dataclass(frozen=True)
class BoostedMean:
    """Gradient-boosted trees (histograms); for probabilities the squared loss, held in [0, 1] by the caller."""

    trees: int = 100
    learning_rate: float = 0.05
    seed: int = 0

    def __call__(self, X: Floats, y: Floats, X_new: Floats) -> Floats:
        """Return the prediction of the trees, (m,)."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        model: Any = HistGradientBoostingRegressor(
            max_iter=self.trees, learning_rate=self.learning_rate, max_leaf_nodes=8, random_state=self.seed
        )
        return np.asarray(model.fit(X, y).predict(X_new))


@dataclass(frozen=True)
class VarianceInteraction:
    """Regress T on [phi(X), V · phi(X)]: the coefficients of V · phi give delta, those of phi give omega.

    Parameters
    ----------
    degree : int, default 1
        Of phi; 0 makes both constant.
    ridge : float, default 1e-6
        Penalty for a row.
    """

    degree: int = 1
    ridge: float = 1e-6

    def __call__(self, X: Floats, z: Ints, t: Floats, v: Floats, X_new: Floats) -> tuple[Floats, Floats]:
        """Return delta and omega at X_new, (m,) each."""
        phi = basis(X, self.degree)
        coefficients = _ridge(np.hstack([phi, v[:, None] * phi]), t, self.ridge)
        new, width = basis(X_new, self.degree), phi.shape[1]
        return new @ coefficients[width:], new @ coefficients[:width]


@dataclass(frozen=True)
class WithinArmRatio:
    """Learn C_z(X) from T and V_z(X) from V within each arm z, then delta = (C_1 − C_0) / (V_1 − V_0).

    Parameters
    ----------
    learner : MeanLearner
    least : float, default 0.02
        Smallest |V_1 − V_0|; below it the sign is kept.
    """

    learner: MeanLearner
    least: float = 0.02

    def __call__(self, X: Floats, z: Ints, t: Floats, v: Floats, X_new: Floats) -> tuple[Floats, Floats]:
        """Return delta and omega at X_new, (m,) each."""
        (c0, v0), (c1, v1) = (
            (self.learner(X[z == arm], t[z == arm], X_new), self.learner(X[z == arm], v[z == arm], X_new))
            for arm in (0, 1)
        )
        delta = (c1 - c0) / away_from_zero(v1 - v0, self.least)
        return delta, (c0 - delta * v0 + c1 - delta * v1) / 2


@dataclass(frozen=True)
class IVNuisances:
    """Held-out nuisances of n rows: pi (n,), p and b (n, 2) by arm z, delta and omega (n,)."""

    pi: Floats
    p: Floats
    b: Floats
    delta: Floats
    omega: Floats


def basis(X: Floats, degree: int) -> Floats:
    """Return 1, and from degree 1 on the columns of X, and for degree 2 their squares and products."""
    columns = [np.ones((len(X), 1))]
    if degree >= 1:
        columns.append(X)
    if degree >= 2:
        i, j = np.triu_indices(X.shape[1])
        columns.append(X[:, i] * X[:, j])
    return np.hstack(columns)


def away_from_zero(values: Floats, least: float) -> Floats:
    """Return values with |value| at least `least`, signs kept."""
    return np.where(np.abs(values) < least, np.where(values < 0, -least, least), values)


def _ridge(columns: Floats, y: Floats, ridge: float) -> Floats:
    """Least squares on columns scaled to unit size, with a penalty of `ridge` a row."""
    size = np.sqrt((columns**2).mean(axis=0))
    scaled = columns / np.where(size > 0, size, 1)
    gram = scaled.T @ scaled + ridge * len(y) * np.eye(scaled.shape[1])
    return np.linalg.solve(gram, scaled.T @ y) / np.where(size > 0, size, 1)
