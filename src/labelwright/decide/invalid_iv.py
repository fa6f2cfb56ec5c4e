"""The average effect of a treatment when the instrument may itself move the outcome.

Y outcome, A treatment in {0, 1}, Z instrument in {0, 1}, X measured, U not. Assumed: Z independent of U given X; no
additive A-U, A-Z or Z-U interaction in E[Y | A, Z, X, U], no Z-U interaction in E[A | Z, X, U]; and the treatment's
variance differs between the arms of Z. Then with C_z = cov(A, Y | z, X), V_z = var(A | z, X), D = V_1 − V_0,

    delta(X) = (C_1 − C_0) / D,   psi = E delta(X)
    score    = delta + (2 Z − 1) / (f(Z | X) D) · [(A − p_Z)(Y − delta A − b_Z) − omega]

with p_z = E[A | z, X], b_z = m_z − delta p_z, omega = C_z − delta V_z. psi is the mean score over held-out rows. It is
consistent when any one of {pi, p}, {pi, delta, b}, {delta, omega, p}, {delta, omega, b} is right. With several learners
for a block `selective_learners` chooses.

Means are contrasts: do not use it for a binary Y near 0 or 1.

Source: Sun, Cui, Tchetgen Tchetgen, Selective machine learning of the average treatment effect with an invalid
instrumental variable, JMLR 2022 [P119].
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.data.splits import stratified_folds
from labelwright.decide.contract import Floats
from labelwright.decide.cross_fitting import crossfit
from labelwright.decide.iv_nuisances import (
    EffectLearner,
    IVNuisances,
    LogisticMean,
    MeanLearner,
    PolynomialMean,
    VarianceInteraction,
    away_from_zero,
)
from labelwright.decide.selective_learning import Combine, mixed_minimax, selective_learners
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_generator, as_mask, as_vector, same_length
from labelwright.metrics.intervals import Interval

__all__ = ["InvalidIVATE", "InvalidIVData", "eif_score", "selective_learners", "simulate_invalid_iv"]

LEAST_D, LEAST_PI, INNER_FOLDS = 0.02, 0.02, 2


def eif_score(y: Floats, a: Floats, z: Floats, nuisances: IVNuisances) -> Floats:
    """Return the uncentred efficient influence function of each row, (n,); |D| is held at 0.02, pi in [0.02, 0.98].

    Parameters
    ----------
    y, a, z : float arrays (n,)
    nuisances : IVNuisances

    Source: Sun et al., 2022 [P119].
    """
    arm, row = z.astype(np.int64), np.arange(len(y))
    pi = np.clip(nuisances.pi, LEAST_PI, 1 - LEAST_PI)
    p, b = nuisances.p[row, arm], nuisances.b[row, arm]
    d = away_from_zero(variance_gap(nuisances.p), LEAST_D)
    residual = (a - p) * (y - nuisances.delta * a - b) - nuisances.omega
    return nuisances.delta + (2 * z - 1) / (np.where(z == 1, pi, 1 - pi) * d) * residual


def variance_gap(p: Floats) -> Floats:
    """Return D = V_1 − V_0 from p (n, 2)."""
    variance = p * (1 - p)
    return variance[:, 1] - variance[:, 0]


class InvalidIVATE:
    """Cross-fitted, multiply robust estimate of the average effect, with learners chosen by their stability.

    Parameters
    ----------
    pi, p, m : list of MeanLearner
        Candidates for P(Z = 1 | X), P(A = 1 | Z, X) and E[Y | Z, X]; one of each by default: logistic, logistic, a
        polynomial of degree 2.
    effect : list of EffectLearner
        Candidates for delta and omega; `VarianceInteraction()` by default.
    folds : int, default 5
    combine : callable, default `mixed_minimax`
        How changes of several blocks make one pseudo-risk.
    seed : int, default 0

    Attributes
    ----------
    ate_, se_ : float
    interval_ : Interval
        ate ± 1.96 se.
    chosen_ : tuple of 4 int
        Which candidate of pi, p, m and effect.
    pseudo_risk_ : float array (k_pi, k_p, k_m, k_effect)
    estimates_ : float array of the same shape
        The estimate with each combination.
    least_gap_ : float
        min |D| before it is held at 0.02; near 0 the instrument says nothing.
    trimmed_, sign_changes_ : int
        Rows with |D| < 0.02, and rows where D has the rarer sign: delta is stable only where it has one.

    Source: Sun et al., 2022 [P119].
    """

    def __init__(
        self,
        *,
        pi: Sequence[MeanLearner] | None = None,
        p: Sequence[MeanLearner] | None = None,
        m: Sequence[MeanLearner] | None = None,
        effect: Sequence[EffectLearner] | None = None,
        folds: int = 5,
        combine: Combine = mixed_minimax,
        seed: int = 0,
    ) -> None:
        self.pi: Sequence[MeanLearner] = pi or [LogisticMean()]
        self.p: Sequence[MeanLearner] = p or [LogisticMean()]
        self.m: Sequence[MeanLearner] = m or [PolynomialMean(2)]
        self.effect: Sequence[EffectLearner] = effect or [VarianceInteraction()]
        self.folds, self.combine, self.seed = folds, combine, seed

    def fit(self, y: ArrayLike, a: ArrayLike, z: ArrayLike, X: ArrayLike) -> Self:
        """Estimate the effect of a (n,) on y (n,) with instrument z (n,) and covariates X (n, d), d may be 0.

        Warns where nobody takes the treatment in one arm: then the assumptions leave no room for confounding.
        """
        outcome, features = as_vector("y", y), as_array("X", X, 2)
        treated, arm = as_mask("a", a).astype(np.float64), as_mask("z", z).astype(np.float64)
        n = same_length(y=outcome, a=treated, z=arm, X=features)
        self._check(treated, arm, n)
        fold = stratified_folds(2 * arm.astype(np.int64) + treated.astype(np.int64), self.folds, self.seed)
        shape = (len(self.pi), len(self.p), len(self.m), len(self.effect))
        scores, gaps = np.empty((*shape, n)), np.empty((shape[1], n))
        for s in range(self.folds):
            new = fold == s
            self._score_fold(outcome, treated, arm, features, new, scores, gaps)
        by_fold = np.stack([scores[..., fold == s].mean(axis=-1) for s in range(self.folds)], axis=-1)
        selection = selective_learners(by_fold, self.combine)
        self.chosen_, self.pseudo_risk_ = selection.chosen, selection.pseudo_risk
        self.estimates_ = by_fold.mean(axis=-1)
        self.ate_ = float(self.estimates_[self.chosen_])
        self.se_ = float(scores[self.chosen_].std(ddof=1) / np.sqrt(n))
        self.interval_ = Interval(self.ate_, self.ate_ - 1.96 * self.se_, self.ate_ + 1.96 * self.se_)
        gap = gaps[self.chosen_[1]]
        self.least_gap_, self.trimmed_ = float(np.abs(gap).min()), int((np.abs(gap) < LEAST_D).sum())
        self.sign_changes_ = int(min((gap < 0).sum(), (gap > 0).sum()))
        return self

    def _check(self, a: Floats, z: Floats, n: int) -> None:
        if self.folds < 2:
            raise BadInput(f"folds is {self.folds!r}", fix="give 2 folds or more")
        counts = np.bincount((2 * z + a).astype(np.int64), minlength=4)
        if min(counts[0] + counts[1], counts[2] + counts[3]) < 2 * self.folds:
            raise BadInput(f"an arm of the instrument has fewer than {2 * self.folds} rows", fix="use fewer folds")
        if min(counts[0] + counts[2], counts[1] + counts[3]) == 0:
            raise BadInput("the treatment never changes")
        if counts.min() == 0:
            warnings.warn(
                "in one arm of the instrument the treatment never changes: V and C are 0 there, so the assumptions "
                "imply that nothing is confounded, and the estimate is a conditional covariance ratio in the other arm",
                stacklevel=3,
            )

    def _score_fold(
        self,
        y: Floats,
        a: Floats,
        z: Floats,
        X: Floats,
        new: NDArray[np.bool_],
        scores: Floats,
        gaps: Floats,
    ) -> None:
        """Fill the scores of the held-out rows for every combination of learners."""
        old = ~new
        pis = [np.clip(learner(X[old], z[old], X[new]), LEAST_PI, 1 - LEAST_PI) for learner in self.pi]
        ps = [_by_arm(learner, X, a, z, old, new, self.seed, probability=True) for learner in self.p]
        ms = [_by_arm(learner, X, y, z, old, new, self.seed, probability=False) for learner in self.m]
        arm = z[old].astype(np.int64)
        for j, (p, p_inner) in enumerate(ps):
            gaps[j, new] = variance_gap(p)
            for k, (m, m_inner) in enumerate(ms):
                t, v = (a[old] - p_inner) * (y[old] - m_inner), p_inner * (1 - p_inner)
                for e, learner in enumerate(self.effect):
                    delta, omega = learner(X[old], arm, t, v, X[new])
                    for i, pi in enumerate(pis):
                        nuisances = IVNuisances(pi, p, m - delta[:, None] * p, delta, omega)
                        scores[i, j, k, e, new] = eif_score(y[new], a[new], z[new], nuisances)


def _by_arm(
    learner: MeanLearner,
    X: Floats,
    target: Floats,
    z: Floats,
    old: NDArray[np.bool_],
    new: NDArray[np.bool_],
    seed: int,
    probability: bool,
) -> tuple[Floats, Floats]:
    """E[target | z, X] for held-out rows, (m, 2), and for training rows at their own z, out of inner folds."""
    held_out, inner = np.empty((int(new.sum()), 2)), np.empty(int(old.sum()))
    for arm in (0, 1):
        rows = old & (z == arm)
        held_out[:, arm] = learner(X[rows], target[rows], X[new])
        inner[z[old] == arm] = crossfit([learner], X[rows], target[rows], INNER_FOLDS, seed).predictions[0]
    return (np.clip(held_out, 0, 1), np.clip(inner, 0, 1)) if probability else (held_out, inner)


@dataclass(frozen=True)
class InvalidIVData:
    """Outcome, treatment, instrument (n,) and covariates (n, 2); `effect` is the true average effect."""

    y: Floats
    a: NDArray[np.int64]
    z: NDArray[np.int64]
    X: Floats
    effect: float


def simulate_invalid_iv(n: int, seed: int | np.random.Generator) -> InvalidIVData:
    """Draw n rows in which the instrument moves the outcome directly and U confounds; the average effect is 1.

    Examples
    --------
    >>> data = simulate_invalid_iv(1000, seed=0)
    >>> data.X.shape, data.effect
    ((1000, 2), 1.0)

    Source: the conditions (i) to (iv) of Sun et al., 2022 [P119]; the numbers are ours.
    """
    rng = as_generator(seed)
    u, X = rng.uniform(-1, 1, n), rng.uniform(-1, 1, (n, 2))
    z = rng.random(n) < 1 / (1 + np.exp(-0.3 * X[:, 0]))
    take = np.where(z, 0.5 + 0.1 * X[:, 0], 0.15 + 0.05 * X[:, 1]) + 0.1 * u
    a = rng.random(n) < take
    noise = rng.normal(0, 0.5, n)
    y = (1 + 0.5 * X[:, 0]) * a + (0.8 + 0.3 * X[:, 1]) * z + X[:, 0] + X[:, 1] + 1.5 * u + noise
    return InvalidIVData(y, a.astype(np.int64), z.astype(np.int64), X, 1.0)
