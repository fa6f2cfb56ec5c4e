"""Selective classification with a guarantee: answer only where the error among answers stays under a target.

Rows are answered from the most confident down. For coverages 1/m, 2/m, ..., 1 of the calibration rows let k_j be the
errors among the n_j rows with confidence ≥ θ_j. The largest coverage is taken at which the exact (Clopper-Pearson)
upper bound of the error at level 1 − δ/m is at most r; m bounds hold together with probability 1 − δ:

    P(error among answers ≤ r) ≥ 1 − δ

Source: Geifman and El-Yaniv, Selective classification for deep neural networks, NeurIPS 2017.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from labelwright.decide.contract import Bools, as_rate, fitted, known_rows, same_width
from labelwright.errors import BadInput
from labelwright.metrics.calibration import confidence_and_correct


class SelectiveRisk:
    """Abstains so that the error among answered rows is at most `risk`, with probability 1 − `delta`.

    Parameters
    ----------
    risk : float, default 0.05
        Largest error among answered rows, in (0, 1).
    delta : float, default 0.1
        Chance that the promise fails, over the draw of calibration rows.
    steps : int, default 10
        m: coverages that are tried. Each costs a little of `delta`.

    Attributes
    ----------
    threshold_ : float
        Rows with lower confidence are left to a person; infinite where nothing can be promised.
    coverage_ : float
        Share of calibration rows answered.

    Examples
    --------
    >>> probs = np.repeat([[0.99, 0.01], [0.6, 0.4]], 200, axis=0)
    >>> selective = SelectiveRisk(risk=0.05).fit(probs, [0] * 200 + [0, 1] * 100)
    >>> selective.abstain([[0.99, 0.01], [0.6, 0.4]])
    array([False,  True])
    """

    def __init__(self, risk: float = 0.05, delta: float = 0.1, steps: int = 10) -> None:
        self.risk, self.delta = as_rate("risk", risk), as_rate("delta", delta)
        if steps < 1:
            raise BadInput(f"steps is {steps!r}", fix="try at least one threshold")
        self.steps = steps

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Choose the threshold on calibration rows (n, K) with labels (n,); `groups` is not used."""
        probs, labels = known_rows(pred_probs, y)
        confidence, correct = confidence_and_correct(probs, labels)
        self.n_classes_ = probs.shape[1]
        levels = np.quantile(confidence, 1 - np.arange(1, self.steps + 1) / self.steps, method="lower")
        ordered = np.argsort(-confidence, kind="stable")
        errors = np.r_[0, np.cumsum(~correct[ordered])]
        answered = np.searchsorted(-confidence[ordered], -levels, side="right")
        kept = np.flatnonzero(_upper_bound(errors[answered], answered, self.delta / self.steps) <= self.risk)
        self.threshold_ = float(levels[kept[-1]]) if len(kept) else float("inf")
        self.coverage_ = float(answered[kept[-1]] / len(labels)) if len(kept) else 0.0
        return self

    def abstain(self, pred_probs: ArrayLike) -> Bools:
        """Return which rows are left to a person, bool (m,)."""
        fitted(self, "threshold_")
        return same_width(pred_probs, self.n_classes_).max(axis=1) < self.threshold_


def _upper_bound(errors: np.ndarray, rows: np.ndarray, delta: float) -> np.ndarray:
    """Return the p with P(X ≤ errors) = delta, X ~ Binomial(rows, p): one-sided Clopper-Pearson."""
    return np.where(errors < rows, betaincinv(errors + 1, np.maximum(rows - errors, 1), 1 - delta), 1.0)
