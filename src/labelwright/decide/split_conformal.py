"""Split conformal prediction: sets of classes that hold the true one with probability at least 1 − α.

A score says how strange a class is for a row; calibration rows tell how strange true classes are. Scores:

    LAC     1 − p_k                                             smallest sets on average
    APS     Σ_{j before k} p_j + u · p_k, u ~ U(0, 1)           sets grow with doubt
    RAPS    APS + λ · max(rank_k − k_reg, 0)                    APS without its long tail
    top-k   rank_k

Source: Vovk et al., 2005 [B076]; Sadinle et al., JASA 2019 (LAC); Romano et al., NeurIPS 2020 (APS); Angelopoulos et
al., ICLR 2021 (RAPS).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.decide.conformal import conformal_p_values, conformal_threshold
from labelwright.decide.contract import Bools, Floats, as_rate, fitted, group_codes, known_rows, same_width
from labelwright.errors import BadInput, listed
from labelwright.metrics.checks import as_generator, same_length


class ConformalScore(Protocol):
    """How strange each class is for each row."""

    def __call__(self, probs: Floats, rng: np.random.Generator) -> Floats:
        """Return scores (n, K), high = strange."""
        ...


class LeastAmbiguousScore:
    """1 − p_k: the sets with the smallest mean size among all with the same coverage (LAC, threshold)."""

    def __call__(self, probs: Floats, rng: np.random.Generator) -> Floats:
        """Return scores (n, K)."""
        return 1 - probs


class AdaptiveScore:
    """Probability of all classes above k, plus a random part of its own (APS): harder rows get larger sets.

    Parameters
    ----------
    randomized : bool, default True
        Without the random part sets are larger than needed, and the same whatever the seed.
    """

    def __init__(self, randomized: bool = True) -> None:
        self.randomized = randomized

    def __call__(self, probs: Floats, rng: np.random.Generator) -> Floats:
        """Return scores (n, K)."""
        u = rng.random((len(probs), 1)) if self.randomized else 1.0
        order = np.argsort(-probs, axis=1, kind="stable")
        ordered = np.take_along_axis(probs, order, axis=1)
        scores = np.empty_like(probs)
        np.put_along_axis(scores, order, np.cumsum(ordered, axis=1) - ordered + u * ordered, axis=1)
        return scores


class RegularizedAdaptiveScore(AdaptiveScore):
    """APS plus `lam` for every rank beyond `k_reg` (RAPS).

    Parameters
    ----------
    lam : float, default 0.01
        At least 0.
    k_reg : int, default 5
        Ranks up to this one are free.
    randomized : bool, default True
    """

    def __init__(self, lam: float = 0.01, k_reg: int = 5, randomized: bool = True) -> None:
        super().__init__(randomized)
        if lam < 0:
            raise BadInput(f"lam is {lam!r}", fix="give a penalty of 0 or more")
        self.lam, self.k_reg = lam, k_reg

    def __call__(self, probs: Floats, rng: np.random.Generator) -> Floats:
        """Return scores (n, K)."""
        return super().__call__(probs, rng) + self.lam * np.maximum(_ranks(probs) - self.k_reg, 0)


class TopKScore:
    """The rank of class k, 1 = most probable: every set has the same size."""

    def __call__(self, probs: Floats, rng: np.random.Generator) -> Floats:
        """Return scores (n, K)."""
        return _ranks(probs).astype(np.float64)


def _ranks(probs: Floats) -> NDArray[np.int64]:
    return np.argsort(np.argsort(-probs, axis=1, kind="stable"), axis=1, kind="stable") + 1


class SplitConformal:
    """Sets of classes with marginal coverage: P(y ∈ set) ≥ 1 − alpha over exchangeable rows.

    Parameters
    ----------
    alpha : float, default 0.1
        Error rate in (0, 1).
    score : ConformalScore, optional
        `LeastAmbiguousScore` by default.
    seed : int, default 0
        For scores with a random part; the same rows and seed give the same sets.

    Attributes
    ----------
    calibration_scores_ : float array (n,)
    threshold_ : float

    Examples
    --------
    >>> probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> sets = SplitConformal(alpha=0.2).fit(probs, [0, 1, 1, 1])
    >>> sets.predict_set([[0.95, 0.05], [0.55, 0.45]]).tolist()
    [[True, False], [True, True]]

    Source: Vovk et al., 2005 [B076].
    """

    def __init__(self, alpha: float = 0.1, score: ConformalScore | None = None, seed: int = 0) -> None:
        self.alpha = as_rate("alpha", alpha)
        self.score = score if score is not None else LeastAmbiguousScore()
        self.seed = seed

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Score the true class of every calibration row; rows labelled -1 are left out, `groups` is not used.

        Parameters
        ----------
        pred_probs : float array (n, K)
            Of rows that the model was not trained on.
        y : int array (n,)
        """
        probs, labels = known_rows(pred_probs, y)
        scores = self.score(probs, as_generator(self.seed))
        self.n_classes_ = probs.shape[1]
        self.calibration_scores_ = scores[np.arange(len(labels)), labels]
        self.threshold_ = conformal_threshold(self.calibration_scores_, self.alpha)
        return self

    def predict_set(self, pred_probs: ArrayLike) -> Bools:
        """Return which classes are in the set of each row, bool (m, K); a set may be empty."""
        return self._scores(pred_probs) <= self.threshold_

    def p_values(self, pred_probs: ArrayLike) -> Floats:
        """Return the conformal p-value of every class, (m, K): the sets at any other alpha are ``p > alpha``."""
        return conformal_p_values(self.calibration_scores_, self._scores(pred_probs))

    def _scores(self, pred_probs: ArrayLike) -> Floats:
        fitted(self, "threshold_")
        return self.score(same_width(pred_probs, self.n_classes_), np.random.default_rng([self.seed, 1]))


class ClassConditionalConformal(SplitConformal):
    """Sets that hold the truth with probability ≥ 1 − alpha within every class, rare ones too (label-conditional).

    Parameters as in `SplitConformal`. A class with fewer than ⌈1/α⌉ − 1 calibration rows stands in every set.

    Attributes
    ----------
    thresholds_ : float array (K,)
    """

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Score the true class of every calibration row, class by class."""
        probs, labels = known_rows(pred_probs, y)
        super().fit(probs, labels)
        self.labels_ = labels
        self.thresholds_ = np.array([self._threshold(labels == k) for k in range(self.n_classes_)])
        return self

    def _threshold(self, rows: Bools) -> float:
        return conformal_threshold(self.calibration_scores_[rows], self.alpha) if rows.any() else float("inf")

    def predict_set(self, pred_probs: ArrayLike) -> Bools:
        """Return which classes are in the set of each row, bool (m, K)."""
        return self._scores(pred_probs) <= self.thresholds_

    def p_values(self, pred_probs: ArrayLike) -> Floats:
        """Return the p-value of class k among calibration rows of class k, (m, K); 1 for a class without rows."""
        scores = self._scores(pred_probs)
        p = np.ones_like(scores)
        for k in np.unique(self.labels_):
            p[:, k] = conformal_p_values(self.calibration_scores_[self.labels_ == k], scores[:, k])
        return p


class GroupConditionalConformal(SplitConformal):
    """Sets that hold the truth with probability ≥ 1 − alpha within every group of rows (Mondrian).

    Parameters as in `SplitConformal`; `fit` and `predict_set` need the group of every row.

    Attributes
    ----------
    thresholds_ : dict of group to float
    """

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Score the true class of every calibration row, group by group.

        Parameters
        ----------
        groups : array (n,)
            The group of each row; any values.
        """
        if groups is None:
            raise BadInput("groups are missing", fix="give the group of every row, or use SplitConformal")
        labels, (names, of_row) = np.asarray(y), group_codes(groups)
        same_length(y=labels, groups=of_row)
        super().fit(pred_probs, y)
        of_row = of_row[labels >= 0]
        self.thresholds_: dict[Hashable, float] = {
            names[code]: conformal_threshold(self.calibration_scores_[of_row == code], self.alpha)
            for code in np.unique(of_row).tolist()
        }
        return self

    def predict_set(self, pred_probs: ArrayLike, groups: ArrayLike | None = None) -> Bools:
        """Return which classes are in the set of each row, bool (m, K); a group never seen is refused."""
        scores = self._scores(pred_probs)
        if groups is None:
            raise BadInput("groups are missing", fix="give the group of every row")
        names, of_row = group_codes(groups)
        same_length(pred_probs=scores, groups=of_row)
        unknown = [group for group in names if group not in self.thresholds_]
        if unknown:
            raise BadInput(
                f"no calibration row has group {listed(unknown)}", fix=f"groups seen: {listed(self.thresholds_)}"
            )
        return scores <= np.array([self.thresholds_[group] for group in names])[of_row][:, None]
