"""Activations of infinitely wide networks, seen through their duals, and what becomes of them with depth.

The dual of an activation φ is f(ξ) = E[φ(u) φ(v)] for standard normal u, v with correlation ξ, scaled to f(1) = 1. With
the Hermite coefficients a_k of φ it is Σ_k a_k² ξ^k. Let A = f'(0) and B = f'(1). An infinitely deep network is

    1-nearest neighbour          if f(0) = 0 and A = 0,
    a majority vote              if f(0) > 0,
    a singular-kernel smoother   if f(0) = 0 and A > 0:  K(x, x') ~ ‖x − x'‖^(−α),  α = −2 log A / log B,

and it is optimal (Bayes-consistent) on a sphere of dimension d when α = d.

Source: Radhakrishnan, Belkin, Uhler, Wide and Deep Neural Networks Achieve Optimality for Classification, PNAS 2023
[P145].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cosh, exp, factorial, log, pi, sinh, sqrt
from typing import Literal

import numpy as np
from numpy.polynomial import hermite_e
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_vector

Floats = NDArray[np.float64]
Kind = Literal["nearest neighbour", "majority vote", "singular kernel"]
ZERO = 1e-20  # of squared coefficients; the quadrature errs by less
NODES = 300  # of the quadrature


@dataclass(frozen=True, eq=False)
class Dual:
    """The dual of an activation as a power series.

    Parameters
    ----------
    coefficients : float array (m,)
        Of ξ^0, ξ^1, …; at least 0; scaled to sum 1.

    Examples
    --------
    >>> Dual([0, 1, 0, 1]).value(0.5)  # (ξ + ξ³) / 2
    array(0.3125)
    """

    coefficients: Floats

    def __post_init__(self) -> None:
        series = np.array(as_vector("coefficients", self.coefficients))
        if not len(series) or (series < -1e-9).any() or series.sum() <= 0:
            raise BadInput("a dual has coefficients of 0 or more, not all 0", fix="they are squares")
        series = np.maximum(series, 0) / np.maximum(series, 0).sum()
        series.setflags(write=False)
        object.__setattr__(self, "coefficients", series)

    def value(self, x: ArrayLike) -> Floats:
        """Return f(x)."""
        return np.asarray(polyval(np.asarray(x, dtype=np.float64), self.coefficients))

    def slope(self, x: ArrayLike) -> Floats:
        """Return f'(x)."""
        powers = np.arange(1, len(self.coefficients)) * self.coefficients[1:]
        return np.asarray(polyval(np.asarray(x, dtype=np.float64), powers)) if len(powers) else np.zeros(np.shape(x))

    def activation(self, x: ArrayLike) -> Floats:
        """Return φ(x) = Σ_k √c_k h_k(x) with normalised Hermite polynomials h_k: an activation with this dual."""
        scale = np.array([sqrt(c / factorial(k)) for k, c in enumerate(self.coefficients.tolist())])
        return np.asarray(hermite_e.hermeval(np.asarray(x, dtype=np.float64), scale))


class ReluDual(Dual):
    """The dual of the rectifier, (√(1 − ξ²) + (π − arccos ξ) ξ) / π; its series is kept to ξ^40."""

    def __init__(self) -> None:
        super().__init__(dual_activation(lambda x: np.maximum(x, 0), 40).coefficients)

    def value(self, x: ArrayLike) -> Floats:
        """Return f(x)."""
        c = np.clip(np.asarray(x, dtype=np.float64), -1, 1)
        return np.asarray((np.sqrt(1 - c**2) + (pi - np.arccos(c)) * c) / pi)

    def slope(self, x: ArrayLike) -> Floats:
        """Return f'(x)."""
        return np.asarray((pi - np.arccos(np.clip(np.asarray(x, dtype=np.float64), -1, 1))) / pi)


@dataclass(frozen=True, eq=False)
class SineDual(Dual):
    """sinh(a ξ) / sinh(a), the dual of φ(x) = sin(√a x) · √(eᵃ / sinh a)."""

    a: float = 1.0

    def activation(self, x: ArrayLike) -> Floats:
        """Return φ(x)."""
        return np.sin(sqrt(self.a) * np.asarray(x, dtype=np.float64)) * sqrt(exp(self.a) / sinh(self.a))


def sine_dual(a: float) -> SineDual:
    """Return the dual of the sine activation; A = a / sinh a, B = a coth a, a in (0, 100]."""
    if not 0 < a <= 100:
        raise BadInput(f"a is {a}", fix="give a number in (0, 100]")
    terms, k = [], 0
    while k < 20 + 4 * a:
        terms += [0.0, exp((2 * k + 1) * log(a) - _log_factorial(2 * k + 1) - log(sinh(a)))]
        k += 1
    return SineDual(np.array(terms), a)


def dual_activation(activation: Callable[[Floats], Floats], degree: int = 40) -> Dual:
    """Return the dual of any activation, from its Hermite coefficients up to `degree`, by quadrature.

    Parameters
    ----------
    activation : callable
        Elementwise on float64 arrays. Kinks make the series converge slowly, and f'(1) too low.
    degree : int in 1 … 100, default 40

    Examples
    --------
    >>> dual_activation(lambda x: x**3 - 3 * x, degree=4).coefficients.round(12).tolist()
    [0.0, 0.0, 0.0, 1.0, 0.0]

    Source: Daniely, Frostig, Singer, Toward deeper understanding of neural networks, NeurIPS 2016; [P145].
    """
    if not 1 <= degree <= 100:
        raise BadInput(f"degree is {degree}", fix="use 1 to 100")
    nodes, weights = _quadrature()
    values = np.asarray(activation(nodes), dtype=np.float64)
    if values.shape != nodes.shape or not np.isfinite(values[np.abs(nodes) < 8]).all():
        raise BadInput("the activation does not map numbers to finite numbers")
    values = np.where(np.isfinite(values), values, 0.0)
    polynomial, before, squares = np.ones_like(nodes), np.zeros_like(nodes), []
    for k in range(degree + 1):
        squares.append(float((weights * values * polynomial).sum()) ** 2)
        # h_{k+1} = (x h_k − √k h_{k−1}) / √(k + 1)
        polynomial, before = (nodes * polynomial - sqrt(k) * before) / sqrt(k + 1), polynomial
    total = sum(squares)
    return Dual(np.array([s if s > 1e-24 * total else 0.0 for s in squares]))


@dataclass(frozen=True)
class Regime:
    """What an infinitely deep network with an activation becomes.

    Parameters
    ----------
    kind : "nearest neighbour", "majority vote" or "singular kernel"
    at_zero, slope_at_zero, slope_at_one : float
        f(0), A and B.
    alpha : float
        Exponent of the singular kernel; NaN for the other kinds. Optimal on a sphere of that dimension.
    """

    kind: Kind
    at_zero: float
    slope_at_zero: float
    slope_at_one: float
    alpha: float


def activation_regime(dual: Dual) -> Regime:
    """Say what a network with this activation becomes when it is infinitely wide and deep.

    Examples
    --------
    >>> activation_regime(Dual([0, 1, 0, 1])).alpha
    2.0
    >>> activation_regime(ReluDual()).kind
    'majority vote'

    Source: Radhakrishnan, Belkin, Uhler, PNAS 2023 [P145].
    """
    at_zero, a, b = (float(v) for v in (dual.value(0.0), dual.slope(0.0), dual.slope(1.0)))
    if at_zero > ZERO:
        return Regime("majority vote", at_zero, a, b, float("nan"))
    if a <= ZERO:
        return Regime("nearest neighbour", at_zero, a, b, float("nan"))
    if a >= 1 - 1e-9:
        raise BadInput("a linear activation leaves the cosines as they are at any depth", fix="choose another")
    return Regime("singular kernel", at_zero, a, b, -2 * log(a) / log(b))


def design_activation(dimension: float) -> Dual:
    """Return the dual of an activation whose infinitely deep network is optimal on a sphere of this dimension.

    The sine family above dimension 1.05, mixtures of ξ and ξ^7 up to it.

    Parameters
    ----------
    dimension : float in [0.5, 40]
        Data of d + 1 columns scaled to length 1 lie on a sphere of dimension d; their intrinsic dimension may be lower.

    Examples
    --------
    >>> round(activation_regime(design_activation(4)).alpha, 9)
    4.0

    Source: Radhakrishnan, Belkin, Uhler, PNAS 2023 [P145].
    """
    if not 0.5 <= dimension <= 40:
        raise BadInput(f"dimension is {dimension}", fix="give 0.5 to 40")
    if dimension > 1.05:
        return sine_dual(brentq(lambda a: _sine_alpha(a) - dimension, 0.05, 100, xtol=1e-13))
    weight = brentq(lambda w: -2 * log(w) / log(w + 7 * (1 - w)) - dimension, 1e-6, 1 - 1e-6, xtol=1e-15)
    return Dual(np.array([0, weight, 0, 0, 0, 0, 0, 1 - weight]))


def _sine_alpha(a: float) -> float:
    return -2 * log(a / sinh(a)) / log(a * cosh(a) / sinh(a))


def _log_factorial(k: int) -> float:
    return float(np.log(np.arange(1, k + 1)).sum())


def _quadrature() -> tuple[Floats, Floats]:
    """Return nodes and weights of Gauss and Hermite for the standard normal distribution."""
    nodes, weights = hermite_e.hermegauss(NODES)
    keep = weights > 0
    return nodes[keep], weights[keep] / weights.sum()
