"""Regression when outcomes were attached to the wrong rows: find the permutation and the model together.

Y = (y_1, ..., y_n) were dealt to other rows; row i of Y belongs to row pi(i) of X. With a canonical link (cumulant psi,
linear predictor l_k = x_k B) the log-likelihood is, up to a part of Y alone,

    L(B, pi) = sum_i <y_i, l_pi(i)>  −  sum_k sum_j psi(l_kj)

- Permutation step: only the first sum depends on pi. It is a linear assignment with gain Y (X B)^T. Known pairs are
  fixed. Where responses are missing, row i gains sum over its observed j of y_ij l_kj − psi(l_kj).
- Parameter step: m generalised linear models on aligned data (IRLS, ridge).

The two-step estimate fits the data as given (or the known pairs), assigns once and fits once. The maximum-likelihood
estimate goes on until the permutation repeats. Neither step lowers the penalised likelihood.

Source: Fang, Li, Regression with Label Permutation in Generalized Linear Model, ICML 2023, arXiv 2206.11775 [P058].
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from labelwright.errors import BadInput
from labelwright.learn.regression.alignment import Alignment, alternate, recover_permutation
from labelwright.learn.regression.glm import GAUSSIAN, Family

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

RIDGE, ROUNDS = 1e-3, 20

__all__ = ["PermutedGLM", "recover_permutation", "two_step_estimate"]


def two_step_estimate(
    X: ArrayLike, Y: ArrayLike, family: Family = GAUSSIAN, *, ridge: float = RIDGE, known: ArrayLike | None = None
) -> tuple[Floats, Codes]:
    """Return coefficients and permutation after one assignment and one refit: cheap, for moderate shuffling.

    Parameters
    ----------
    X : float array (n, p)
        With a column of ones where an intercept is wanted.
    Y : float array (n, m)
        NaN where a response is missing.
    family : Family, default GAUSSIAN
    ridge : float > 0, default 1e-3
    known : int array (n,), optional
        Row of X of each row of Y, -1 where unknown. The first fit uses these pairs alone when they are more than p.

    Returns
    -------
    B : float64 array (p, m)
    permutation : int64 array (n,)
        Row i of Y belongs to row ``permutation[i]`` of X.

    Source: [P058].
    """
    alignment = Alignment(X, Y, family, ridge, known)
    B = alignment.first_fit()
    permutation = alignment.assign(B)
    return alignment.fit(permutation, B), permutation


class PermutedGLM(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Generalised linear model for outcomes of which some were attached to the wrong rows.

    Parameters
    ----------
    family : Family, optional
        None is Gaussian; else `GAUSSIAN`, `POISSON` or `BERNOULLI` of `labelwright.learn.regression`.
    ridge : float > 0, default 1e-3
        Weight of |B|²/2.
    fit_intercept : bool, default True
        An intercept is the same for all rows and does not help to match them. It bears no ridge.
    max_rounds : int, default 20
        Rounds of assignment and refit. One round is the two-step estimate.
    n_starts : int, default 1
        Beyond the first start (the data as given, or the known pairs) start from fits to random subsets of half of
        the rows and keep the likeliest end: for large shares of shuffled rows.
    seed : int, default 0
        Of the further starts.

    Attributes
    ----------
    coef_, intercept_ : float64 (m, d) and (m,); (d,) and scalar for a single outcome
    permutation_ : int64 (n,); row i of Y belongs to row ``permutation_[i]`` of X
    log_likelihood_ : float64 (2 rounds,), penalised, after each assignment and each fit; it never falls
    moved_share_ : float, share of rows that were moved
    mismatch_score_ : float64 (n,), gain in log-likelihood of each row of Y by its move; 0 where it stayed
    separation_ : float64 (n,), evidence <mu_i − mu_k, l_i − l_k> that tells row i from the row k most like it, in
        units of the noise (mu = mean response); a row is told from n others where this is above about 4 log n
    recoverable_share_ : float, share of the rows for which it is
    n_rounds_ : int
    converged_ : bool, whether the permutation repeated

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, B = rng.normal(size=(60, 3)), rng.normal(size=(3, 8))
    >>> Y = X @ B + 0.1 * rng.normal(size=(60, 8)); Y[:20] = Y[:20][::-1]
    >>> PermutedGLM().fit(X, Y).permutation_[:3]
    array([19, 18, 17])

    Notes
    -----
    Only where outcomes tell rows apart is anything recovered: look at `recoverable_share_`. Near 0 the fit can be worse
    than that of the data as given. With few binary outcomes the alternation makes the aligned data separable: raise
    `ridge`, or stop after one round (`max_rounds=1`).

    Source: [P058].
    """

    def __init__(
        self,
        family: Family | None = None,
        *,
        ridge: float = RIDGE,
        fit_intercept: bool = True,
        max_rounds: int = ROUNDS,
        n_starts: int = 1,
        seed: int = 0,
    ) -> None:
        self.family = family
        self.ridge = ridge
        self.fit_intercept = fit_intercept
        self.max_rounds = max_rounds
        self.n_starts = n_starts
        self.seed = seed

    def fit(self, X: ArrayLike, Y: ArrayLike, *, known: ArrayLike | None = None) -> Self:
        """Fit the model and the permutation.

        Parameters
        ----------
        X : float array (n, d)
        Y : float array (n, m) or (n,)
            NaN where a response is missing. Several outcomes a row are what makes rows recognisable.
        known : int array (n,), optional
            Row of X of each row of Y, -1 where that is unknown.
        """
        rows = validate_data(self, X, dtype=np.float64)
        if Y is None:
            raise BadInput("PermutedGLM requires y to be passed, but the target y is None")
        responses = check_array(Y, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan", input_name="y")
        self._single = responses.ndim == 1
        responses = responses[:, None] if self._single else responses
        design = np.column_stack([rows, np.ones(len(rows))]) if self.fit_intercept else rows
        ridge = np.append(np.full(rows.shape[1], self.ridge), np.zeros(int(self.fit_intercept)))
        alignment = Alignment(design, responses, self._family, ridge, known)
        ends = [alternate(alignment, start, self.max_rounds) for start in self._starts(alignment)]
        B, self.permutation_, trace, self.converged_ = max(ends, key=lambda end: end[2][-1])
        self.log_likelihood_, self.n_rounds_ = np.array(trace), len(trace) // 2
        self._describe(alignment, B)
        d = self.n_features_in_
        coef, intercept = B[:d].T, B[d] if self.fit_intercept else np.zeros(B.shape[1])
        self.coef_: Floats = coef[0] if self._single else coef
        self.intercept_: Floats = intercept[0] if self._single else intercept
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return the mean response of each row, float64 (n, m), or (n,) for a single outcome."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return self._family.mean(np.asarray(rows @ self.coef_.T + self.intercept_))

    @property
    def _family(self) -> Family:
        return GAUSSIAN if self.family is None else self.family

    def _starts(self, alignment: Alignment) -> list[Floats]:
        rng = np.random.default_rng(self.seed)
        n = len(alignment.Y)
        halves = [np.sort(rng.permutation(n)[: max(n // 2, 1)]) for _ in range(self.n_starts - 1)]
        return [alignment.first_fit(), *(alignment.fit_rows(rows) for rows in halves)]

    def _describe(self, alignment: Alignment, B: Floats) -> None:
        """Keep what can be said of the match: who moved, what each move gains, how far rows are told apart."""
        n = len(alignment.Y)
        linear = alignment.X @ B
        here, there = alignment.row_values(linear), alignment.row_values(linear[self.permutation_])
        self.mismatch_score_ = there - here
        self.moved_share_ = float((self.permutation_ != np.arange(n)).mean())
        noise = alignment.dispersion(linear[self.permutation_])
        self.separation_ = _separation(self._family.mean(linear), linear) / noise
        self.recoverable_share_ = float((self.separation_ > 4 * np.log(n)).mean()) if n > 1 else 1.0


def _separation(mean: Floats, linear: Floats) -> Floats:
    """Return min over k != i of <mu_i − mu_k, l_i − l_k>, (n,); infinity for a single row."""
    own = (mean * linear).sum(axis=1)
    cross = mean @ linear.T
    gap = own[:, None] + own[None, :] - cross - cross.T
    np.fill_diagonal(gap, np.inf)
    return np.asarray(gap.min(axis=1))
