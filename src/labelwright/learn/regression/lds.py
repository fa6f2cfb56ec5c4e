"""Label distribution smoothing: weights for rare numbers, from a histogram that borrows from its neighbours.

A number is rare when few labels lie near it, not when none is equal to it. So the histogram of the labels is smoothed
by a Gaussian kernel k, and a row weighs by what it has there:

    p̃(b) = Σ_b' k(b, b') p(b')^power,    w_i = 1 / p̃(bin of y_i),  brought to mean 1

Source: Yang, Zha, Chen, Wang, Katabi, Delving into Deep Imbalanced Regression, ICML 2021; used with ConR [P153].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_vector

BINS = 50  # where no width is given
MOST_BINS = 1_000_000


def lds_weights(
    values: ArrayLike, *, bin_width: float | None = None, power: float = 0.5, sigma: float = 2.0, radius: int = 2
) -> NDArray[np.float64]:
    """Return a weight for each row, float64 (n,), > 0 with mean 1, larger where labels are rare.

    Parameters
    ----------
    values : float array (n,)
        Labels, in any unit.
    bin_width : float > 0, optional
        Width of a bin of the histogram, in that unit; a fiftieth of the labels' range by default.
    power : float, default 0.5
        1 is the inverse frequency, 0.5 the inverse of its root, 0 the same weight for all.
    sigma : float >= 0, default 2
        Standard deviation of the kernel, in bins; 0 does not smooth.
    radius : int >= 0, default 2
        Bins to each side that the kernel reaches: 5 bins in all, as in the paper.

    Raises
    ------
    BadInput
        When there are no values, one is no finite number, or a setting is out of range.

    Examples
    --------
    >>> lds_weights([1.0, 1.0, 1.0, 5.0], bin_width=1.0, power=1.0, sigma=0.0).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]

    Source: Yang et al. 2021 [P153].
    """
    y = as_vector("values", values)
    if not len(y):
        raise BadInput("there are no values", fix="give one label a row")
    if power < 0 or sigma < 0 or radius < 0 or not (bin_width is None or bin_width > 0):
        raise BadInput(
            f"power {power}, sigma {sigma}, radius {radius}, bin_width {bin_width}", fix="choose numbers of at least 0"
        )
    width = bin_width or float(np.ptp(y)) / BINS or 1.0
    if not np.ptp(y) / width < MOST_BINS:
        raise BadInput(f"bins of {width:g} are more than {MOST_BINS} over the labels' range", fix="widen bin_width")
    bins = np.floor((y - y.min()) / width).astype(np.int64)
    frequency = np.bincount(bins).astype(np.float64)
    frequency = np.where(frequency > 0, frequency**power, 0.0)
    if sigma > 0 and radius > 0:
        frequency = gaussian_filter1d(frequency, sigma, mode="constant", radius=radius)
    weight: NDArray[np.float64] = 1 / frequency[bins]
    return weight / weight.mean()
