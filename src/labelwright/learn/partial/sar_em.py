"""The two steps of SAR-EM and the logistic models that they fit [P056]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from labelwright.evidence import Propensity, Tags, posterior
from labelwright.learn.regression.glm import BERNOULLI, irls

Floats = NDArray[np.float64]

WINDOW, SLOPE = 10, 1e-4  # iterations looked back over, and the change an iteration that counts as standing still


@dataclass(frozen=True, eq=False)
class Logistic:
    """P(1 | x) = sigmoid(x b + b0) on some columns of X; `coef` float64 (p + 1,), the intercept last."""

    columns: NDArray[np.int64]
    coef: Floats

    def logits(self, X: Floats) -> Floats:
        """Return the log-odds of each row of X (n, d), (n,)."""
        return np.asarray(X[:, self.columns] @ self.coef[:-1] + self.coef[-1])

    def log_odds_pair(self, X: Floats) -> Floats:
        """Return (log P(0 | x), log P(1 | x)), (n, 2)."""
        logits = self.logits(X)
        return np.asarray(log_expit(np.stack([-logits, logits], axis=1)))

    def probability(self, X: Floats) -> Floats:
        """Return P(1 | x) of each row, (n,)."""
        return np.asarray(np.exp(log_expit(self.logits(X))))


def fit_logistic(
    X: Floats,
    response: Floats,
    weight: Floats,
    l2: float,
    columns: NDArray[np.int64],
    start: Logistic | None = None,
) -> Logistic:
    """Fit mean response sigmoid(x b + b0), weighted, with l2/2 |b|²; the response may lie outside [0, 1]."""
    design = np.column_stack([X[:, columns], np.ones(len(X))])
    ridge = np.append(np.full(len(columns), l2), 0.0)
    begin = None if start is None else start.coef[:, None]
    return Logistic(
        columns, irls(design, response[:, None], BERNOULLI, ridge=ridge, weight=weight, start=begin).coef[:, 0]
    )


@dataclass(frozen=True, eq=False)
class Expected:
    """What one E-step gives: P(positive | s) (n,), and the likelihoods that `SAREM` keeps."""

    positive: Floats
    log_likelihood: float
    expected: float
    objective: float


class SarEM:
    """The two steps of SAR-EM on fixed data."""

    def __init__(
        self, X: Floats, s: Floats, weight: Floats, l2: float, every: NDArray[np.int64], chosen: NDArray[np.int64]
    ) -> None:
        self.X, self.s, self.weight, self.l2, self.every, self.chosen = X, s, weight, l2, every, chosen
        self.tags = Tags.from_dense(s[:, None].astype(np.int8))

    def begin(self) -> tuple[Logistic, Logistic]:
        """Fit s with both kinds of rows weighing alike, then e on rows weighted by that guess of being positive."""
        r = np.average(self.s, weights=self.weight)
        balance = self.s * (1 - r) + (1 - self.s) * r
        f = fit_logistic(self.X, self.s, self.weight * balance, self.l2, self.every)
        guess = self.s + (1 - self.s) * f.probability(self.X)
        return f, fit_logistic(self.X, self.s, self.weight * guess, self.l2, self.chosen)

    def expect(self, f: Logistic, e: Logistic) -> Expected:
        """Return y^ and the likelihoods of (f, e)."""
        log_e = e.log_odds_pair(self.X)
        noise = Propensity(np.maximum(np.exp(log_e[:, 1:]), np.finfo(float).tiny))
        log_f = f.log_odds_pair(self.X)
        found = posterior(log_f[:, None, :], self.tags, noise)
        positive = np.asarray(found.q)[:, 0, 1]
        complete = (1 - positive) * log_f[:, 0] + positive * (
            log_f[:, 1] + np.where(self.s > 0, log_e[:, 1], log_e[:, 0])
        )
        total = self.weight.sum()
        exact = float(self.weight @ np.asarray(found.log_z))
        penalty = self.l2 / 2 * float((f.coef[:-1] ** 2).sum() + (e.coef[:-1] ** 2).sum())
        return Expected(positive, exact / total, float(self.weight @ complete) / total, exact - penalty)

    def maximise(self, positive: Floats, f: Logistic, e: Logistic) -> tuple[Logistic, Logistic]:
        """Fit e to s among the positives and f to y^, each from where it stands."""
        fresh_e = fit_logistic(self.X, self.s, self.weight * positive, self.l2, self.chosen, e)
        return fit_logistic(self.X, positive, self.weight, self.l2, self.every, f), fresh_e


def stands_still(log_likelihood: list[float], history: list[Floats], unlabelled: Floats) -> bool:
    """Tell whether over the last `WINDOW` iterations neither the likelihood nor e on unlabelled rows moves."""
    if len(history) <= WINDOW:
        return False
    gain = log_likelihood[-1] - log_likelihood[-1 - WINDOW]
    slope = np.abs(history[-1] - history[-1 - WINDOW]) / WINDOW
    return gain < SLOPE and float(slope @ unlabelled) < SLOPE * max(float(unlabelled.sum()), np.finfo(float).tiny)
