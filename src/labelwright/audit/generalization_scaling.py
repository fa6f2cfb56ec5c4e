"""The law L = O(K_L · max(1, K_F) · n^(−1/d)) of the test loss, fitted to trained models.

n is the number of training rows, d the intrinsic dimension and K_F the label sharpness (see `intrinsic`).

Source: Konz, Mazurowski, The Effect of Intrinsic Dataset Properties on Generalization, ICLR 2024 [P001].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_vector, same_length

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GeneralizationScaling:
    """log loss = intercept + size_slope · log(n) / d + sharpness_slope · log K_F, fitted by least squares.

    The law says −1 and, where K_F > 1, 1. `r2` is the share of the variance of log loss that is explained.
    """

    intercept: float
    size_slope: float
    sharpness_slope: float
    r2: float

    def predict(self, n: ArrayLike, dimension: ArrayLike, sharpness: ArrayLike) -> Floats:
        """Return the loss at n training rows of a data set with this dimension and sharpness."""
        size = np.log(np.asarray(n, dtype=np.float64)) / np.asarray(dimension, dtype=np.float64)
        return np.exp(self.intercept + self.size_slope * size + self.sharpness_slope * np.log(sharpness))


def fit_generalization_scaling(
    loss: ArrayLike, n: ArrayLike, dimension: ArrayLike, sharpness: ArrayLike
) -> GeneralizationScaling:
    """Fit how the test loss falls with the number of rows and grows with dimension and sharpness.

    Parameters
    ----------
    loss, n, dimension, sharpness : float arrays (m,)
        Test loss, training rows, intrinsic dimension and label sharpness of m trained models, over data sets and
        sizes; all above 0.

    Examples
    --------
    >>> n = np.array([100.0, 1000.0, 100.0, 1000.0])
    >>> loss = 3 * np.array([1, 1, 2, 2]) * n ** (-1 / np.array([4, 4, 8, 8]))
    >>> fit_generalization_scaling(loss, n, [4, 4, 8, 8], [1, 1, 2, 2]).size_slope.__round__(6)
    -1.0

    Source: Konz, Mazurowski, ICLR 2024 [P001].
    """
    columns = {"loss": loss, "n": n, "dimension": dimension, "sharpness": sharpness}
    values = {name: as_vector(name, column) for name, column in columns.items()}
    m = same_length(**values)
    for name, column in values.items():
        if (column <= 0).any():
            raise BadInput(f"{name} must be above 0", where=f"entry {int((column <= 0).argmax())}")
    if m < 3:
        raise BadInput(f"{m} models cannot fit three numbers", fix="give three or more")
    design = np.column_stack([np.ones(m), np.log(values["n"]) / values["dimension"], np.log(values["sharpness"])])
    target = np.log(values["loss"])
    weights, *_ = np.linalg.lstsq(design, target, rcond=None)
    rest, total = target - design @ weights, target - target.mean()
    explained = 1 - float(rest @ rest) / float(total @ total) if float(total @ total) > 0 else float("nan")
    intercept, size_slope, sharpness_slope = (float(w) for w in weights)
    return GeneralizationScaling(intercept, size_slope, sharpness_slope, explained)
