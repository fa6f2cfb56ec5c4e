"""Vector scaling: a scale and a shift a class, for models that are over-confident in some classes only.

    q = softmax(w ⊙ log p + b),  (w, b) minimise the mean log loss + ridge · (‖w − 1‖² + ‖b‖²)

Source: Guo et al., On calibration of modern neural networks, ICML 2017.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax, softmax

from labelwright.decide.contract import Floats, fitted, known_rows, same_width
from labelwright.decide.temperature import log_probs
from labelwright.errors import BadInput


class VectorScaling:
    """Calibration by a scale and a shift a class.

    Parameters
    ----------
    ridge : float, default 1e-3
        Pull towards leaving the probabilities as they are, at least 0; it keeps classes with few rows in place.

    Attributes
    ----------
    scale_, shift_ : float arrays (K,)

    Examples
    --------
    >>> probs = np.array([[0.5, 0.5]] * 10)
    >>> VectorScaling(ridge=0).fit(probs, [0] * 8 + [1] * 2).calibrate(probs)[0].round(4)
    array([0.8, 0.2])
    """

    def __init__(self, ridge: float = 1e-3) -> None:
        if not ridge >= 0:
            raise BadInput(f"ridge is {ridge!r}", fix="give 0 or more")
        self.ridge = ridge

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Find scales and shifts on calibration rows (n, K) with labels (n,); `groups` is not used."""
        from scipy.optimize import minimize

        probs, labels = known_rows(pred_probs, y)
        n, k = probs.shape
        z, target = log_probs(probs), np.eye(k)[labels]
        start = np.r_[np.ones(k), np.zeros(k)]

        def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            logits = theta[:k] * z + theta[k:]
            rest = (softmax(logits, axis=1) - target) / n
            pull = theta - start
            value = -log_softmax(logits, axis=1)[np.arange(n), labels].mean() + self.ridge * pull @ pull
            return float(value), np.r_[(rest * z).sum(axis=0), rest.sum(axis=0)] + 2 * self.ridge * pull

        best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000, "ftol": 1e-12})
        self.scale_, self.shift_ = best.x[:k], best.x[k:]
        return self

    def calibrate(self, pred_probs: ArrayLike) -> Floats:
        """Return calibrated probabilities (m, K)."""
        fitted(self, "scale_")
        return np.asarray(
            softmax(self.scale_ * log_probs(same_width(pred_probs, len(self.scale_))) + self.shift_, axis=1)
        )
