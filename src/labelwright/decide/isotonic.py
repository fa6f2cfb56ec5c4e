"""Isotonic calibration: any rising curve from probability to frequency, class against rest, made to sum to 1.

Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, KDD 2002.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from labelwright.decide.contract import Floats, fitted, known_rows, same_width


class IsotonicCalibration:
    """Calibration by one rising step curve a class; it wants a few hundred calibration rows a class.

    Where every curve says 0 the probabilities of the model stand.

    Attributes
    ----------
    curves_ : list of fitted sklearn.isotonic.IsotonicRegression

    Examples
    --------
    >>> probs = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    >>> IsotonicCalibration().fit(probs, [0, 1, 1, 1]).calibrate(probs)[[0, 2]].tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit the curves on calibration rows (n, K) with labels (n,); `groups` is not used."""
        from sklearn.isotonic import IsotonicRegression

        probs, labels = known_rows(pred_probs, y)
        self.curves_ = [
            IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probs[:, k], labels == k)
            for k in range(probs.shape[1])
        ]
        return self

    def calibrate(self, pred_probs: ArrayLike) -> Floats:
        """Return calibrated probabilities (m, K)."""
        fitted(self, "curves_")
        probs = same_width(pred_probs, len(self.curves_))
        raised = np.stack([curve.predict(probs[:, k]) for k, curve in enumerate(self.curves_)], axis=1)
        total = raised.sum(axis=1, keepdims=True)
        return np.where(total > 0, raised / np.where(total > 0, total, 1), probs)
