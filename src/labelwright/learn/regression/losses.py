"""Losses of a residual with their slopes; at a kink the slope is 0.

Each function takes the prediction f and the label y (arrays of shapes that broadcast) and returns the loss
of each entry and its derivative in f. Units: those of y for `absolute` and `pinball`, squared for the others.

Source: block of the regression cards [P057].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput

Floats = NDArray[np.float64]
Loss = Callable[[ArrayLike, ArrayLike], tuple[Floats, Floats]]


def _residual(f: ArrayLike, y: ArrayLike) -> Floats:
    return np.asarray(f, dtype=np.float64) - np.asarray(y, dtype=np.float64)


def squared(f: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return (f − y)² and its slope 2 (f − y).

    Examples
    --------
    >>> squared([3.0], [1.0])
    (array([4.]), array([4.]))
    """
    r = _residual(f, y)
    return r**2, 2 * r


def absolute(f: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return |f − y| and its slope sign(f − y)."""
    r = _residual(f, y)
    return np.abs(r), np.sign(r)


def huber(f: ArrayLike, y: ArrayLike, delta: float = 1.0) -> tuple[Floats, Floats]:
    """Return r²/2 where |r| <= delta, else delta (|r| − delta/2), for r = f − y, and its slope. `delta` > 0.

    Examples
    --------
    >>> huber([0.5, 3.0], [0.0, 0.0])
    (array([0.125, 2.5  ]), array([0.5, 1. ]))

    Source: Huber, Robust estimation of a location parameter, 1964.
    """
    if not delta > 0:
        raise BadInput(f"delta is {delta}", fix="choose a number above 0, in the unit of the labels")
    r = _residual(f, y)
    clipped = np.clip(r, -delta, delta)
    return clipped * (r - clipped / 2), clipped


def pinball(f: ArrayLike, y: ArrayLike, tau: float) -> tuple[Floats, Floats]:
    """Return the quantile loss, tau (y − f) above f and (1 − tau) (f − y) below, and its slope. `tau` in [0, 1].

    The constant that minimises its mean is the tau-quantile of y.

    Examples
    --------
    >>> pinball([0.0, 0.0], [1.0, -1.0], tau=0.9)[0].round(2)
    array([0.9, 0.1])

    Source: Koenker and Bassett, Regression quantiles, 1978.
    """
    if not 0 <= tau <= 1:
        raise BadInput(f"tau is {tau}", fix="choose a quantile in [0, 1]")
    r = _residual(f, y)
    return np.maximum(-tau * r, (1 - tau) * r), np.where(r > 0, 1 - tau, np.where(r < 0, -tau, 0.0))
