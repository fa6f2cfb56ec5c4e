"""Temperature scaling: one number that makes a model's confidence match its accuracy.

    q = softmax(log p / T),  T minimises the log loss of the calibration rows

The most probable class never changes.

Source: Guo et al., On calibration of modern neural networks, ICML 2017.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from labelwright.decide.contract import Floats, fitted, known_rows, same_width
from labelwright.metrics.calibration import apply_temperature, fit_temperature

TINY = 1e-12  # a probability of 0 has no logarithm


class TemperatureScaling:
    """Calibration by one temperature.

    Attributes
    ----------
    temperature_ : float
        Above 1 where the model is over-confident.

    Examples
    --------
    >>> probs = np.array([[0.99, 0.01]] * 4)
    >>> round(float(TemperatureScaling().fit(probs, [0, 0, 0, 1]).calibrate(probs)[0, 0]), 6)
    0.75
    """

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Find the temperature on calibration rows (n, K) with labels (n,); `groups` is not used."""
        probs, labels = known_rows(pred_probs, y)
        self.n_classes_ = probs.shape[1]
        self.temperature_ = fit_temperature(log_probs(probs), labels)
        return self

    def calibrate(self, pred_probs: ArrayLike) -> Floats:
        """Return calibrated probabilities (m, K)."""
        fitted(self, "temperature_")
        return apply_temperature(log_probs(same_width(pred_probs, self.n_classes_)), self.temperature_)


def log_probs(probs: Floats) -> Floats:
    """Return log p with p at least 1e-12."""
    return np.log(np.maximum(probs, TINY))
