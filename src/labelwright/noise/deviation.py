"""How much the predictions on training rows tell of the noise in their labels, and what memorization that allows.

With D = (prediction − truth) mod K and N = (given − truth) mod K over a random training row and corruption, Train(η)
the accuracy of a fit on corrupted labels over all training rows and NTrain(η) that over rows whose label was changed,

    |Train(η) − NTrain(η)| ≤ √(I(D; N) / (2 η')),      η' = P(N ≠ 0),

by Pinsker's inequality and data processing, and by Theorem II also ≤ √(I(D; N) / 2) / η. I is in nats.

Source: Bansal, Kaplun, Barak, For self-supervised learning, Rationality implies generalization, provably, ICLR 2021
[P084].
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_labels, as_share


@dataclass(frozen=True)
class Information:
    """Estimates of how much the predictions tell of the noise, in nats.

    Parameters
    ----------
    pooled : float
        I(D; N), plugged in over all rows and repeats.
    corrected : float
        The same less the bias of finite samples (Miller and Madow), at least 0.
    binary : float
        I(1[D = 0]; 1[N = 0]): lower, and enough for the tight bound.
    by_row : float
        I computed row by row over the repeats, averaged; of few repeats it is far too high.
    n : int
        Pairs that they rest on.

    Notes
    -----
    `n · pooled` is the deviation complexity of the classifier, `n · by_row` is of the type of prediction complexity.
    """

    pooled: float
    corrected: float
    binary: float
    by_row: float
    n: int


def deviation_complexity(predicted: ArrayLike, truth: ArrayLike, given: ArrayLike, n_classes: int) -> Information:
    """Return how much predictions on training rows tell of the noise in their labels.

    Parameters
    ----------
    predicted, given : int arrays (R, n)
        Predictions and corrupted labels of R repeats.
    truth : int array (n,)
    n_classes : int

    Examples
    --------
    >>> deviation_complexity([[0, 0, 1, 1]], [0, 0, 1, 1], [[0, 1, 1, 0]], 2).pooled  # predictions ignore the noise
    0.0
    >>> round(deviation_complexity([[0, 1, 1, 0]], [0, 0, 1, 1], [[0, 1, 1, 0]], 2).pooled, 4)  # they repeat it: log 2
    0.6931

    Source: Bansal, Kaplun, Barak, ICLR 2021 [P084]. The released code measures in bits, which makes the bound 20 %
    wider than Pinsker's inequality asks for; here it is nats.
    """
    y = as_labels("truth", truth, n_classes)
    p, g = (np.atleast_2d(np.asarray(a)) for a in (predicted, given))
    if p.shape != g.shape or p.ndim != 2 or p.shape[1] != len(y) or not p.size:
        raise BadInput(f"predicted has shape {p.shape}, given {g.shape}, truth {y.shape}", fix="give (R, n) and (n,)")
    off, noise = (p - y) % n_classes, (g - y) % n_classes
    joint = np.zeros((n_classes, n_classes))
    np.add.at(joint, (off.ravel(), noise.ravel()), 1.0)
    right = np.array([[joint[0, 0], joint[0, 1:].sum()], [joint[1:, 0].sum(), joint[1:, 1:].sum()]])
    cells = [np.count_nonzero(a) for a in (joint, joint.sum(axis=1), joint.sum(axis=0))]
    pooled = float(_information(joint))
    bias = (cells[0] - cells[1] - cells[2] + 1) / (2 * p.size)
    rows = np.zeros((len(y), n_classes, n_classes))
    np.add.at(rows, (np.arange(len(y))[None, :], off, noise), 1.0)
    return Information(
        pooled, max(float(pooled - bias), 0.0), float(_information(right)), float(_information(rows).mean()), p.size
    )


def memorization_bound(information: float, rate: float) -> float:
    """Return the bound of Theorem II on the memorization gap, √(I / 2) / η; more than 1 says nothing.

    Parameters
    ----------
    information : float, at least 0
        In nats.
    rate : float in (0, 1]
        Share of corrupted labels.

    Source: Bansal, Kaplun, Barak, ICLR 2021 [P084].
    """
    _checked(information, rate)
    return sqrt(information / 2) / rate


def tight_memorization_bound(information: float, changed: float) -> float:
    """Return √(I / (2 η')), which Pinsker's inequality and data processing give directly; η' = P(label changed)."""
    _checked(information, changed)
    return sqrt(information / (2 * changed))


def _information(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mutual information of tables of counts (..., a, b), in nats, (...)."""
    p = joint / joint.sum(axis=(-2, -1), keepdims=True)
    expected = p.sum(axis=-1, keepdims=True) * p.sum(axis=-2, keepdims=True)
    logs = np.log(np.divide(p, expected, out=np.ones_like(p), where=p > 0))
    return np.maximum((p * logs).sum(axis=(-2, -1)), 0.0)


def _checked(information: float, rate: float) -> None:
    if not information >= 0 or not as_share("rate", rate) > 0:
        raise BadInput(f"information is {information} and rate {rate}", fix="give information ≥ 0 and a rate in (0, 1]")
