"""What data selection will do to the test error when there are many features: the limit N/p → δ, x ~ N(0, I).

Split the coefficients into a_0 along the truth θ_0, a_s along what the surrogate has besides, and a_⊥ elsewhere. With
standard normal G_0, G_s, G_⊥ and t = a_0 G_0 + a_s G_s + a_⊥ G_⊥ they solve

    min_a max_{μ ≥ 0}  λ/2 |a|² − μ a_⊥²/(2 δ) + E[ min_v  S ℓ(v, Y) + μ/2 (t − v)² ]

where S is 0 for a row that is not taken, else 1 (plain) or 1/π (unbiased). At the saddle, with v the minimiser,

    λ a_0 + E[μ (t − v) G_0] = 0        λ a_⊥ − μ a_⊥/δ + E[μ (t − v) G_⊥] = 0
    λ a_s + E[μ (t − v) G_s] = 0        E[(t − v)²] = a_⊥²/δ

Source: Kolossov, Montanari and Tandon, ICLR 2024 [P098].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from labelwright.acquire.contract import Floats
from labelwright.errors import BadInput

NODES = 24


@dataclass(frozen=True)
class AsymptoticFit:
    """The limit of a fit: test error (0-1), and the parts of its coefficients."""

    error: float
    along_truth: float
    along_surrogate: float
    elsewhere: float


def asymptotic_test_error(
    *, norm: float, delta: float, lam: float, fraction: float, alpha: float, surrogate: tuple[float, float],
    label_probability: Callable[[Floats], Floats], reweight: bool = False,
) -> AsymptoticFit:  # fmt: skip
    """Return the limiting test error of a ridge-logistic fit on rows that a surrogate chose.

    Parameters
    ----------
    norm : float
        |θ_0|, above 0.
    delta : float
        N/p of all rows, above 0.
    lam : float
        λ, above 0, scaled as in `fit_selected`.
    fraction, alpha : float
        γ and α of `SurrogateSubsampler`.
    surrogate : pair of float
        The surrogate's coefficient along θ_0/|θ_0| and the length of the rest.
    label_probability : callable
        Score x'θ_0 → P(y = 1 | x).
    reweight : bool, default False
        The unbiased fit (w = 1/π).

    Raises
    ------
    BadInput
        A number is out of range, or the saddle is not found.

    Examples
    --------
    >>> fit = asymptotic_test_error(norm=5.0, delta=30.0, lam=0.01, fraction=0.5, alpha=0.0, surrogate=(1.0, 1.0),
    ...                             label_probability=expit)
    >>> 0.1 < fit.error < 0.2
    True

    Source: [P098].
    """
    from scipy.optimize import root

    if min(norm, delta, lam, fraction) <= 0 or fraction > 1:
        raise BadInput("norm, delta, lam and fraction must be above 0, and fraction at most 1")
    grid = _Grid.of(NODES)
    chance = _chances(surrogate[0] * grid.g0 + surrogate[1] * grid.gs, grid.weight, fraction, alpha)
    positive = np.asarray(label_probability(norm * grid.g0), dtype=np.float64)
    cells = [(chance * positive, 1.0), (chance * (1 - positive), -1.0)]
    size = 1 / np.maximum(chance, 1e-12) if reweight else np.ones_like(chance)

    def slopes(point: Floats) -> Floats:
        a0, a_s, across, mu = point[0], point[1], np.exp(point[2]), np.exp(point[3])
        t = a0 * grid.g0 + a_s * grid.gs + across * grid.gp
        moved, squared = np.zeros_like(t), np.zeros_like(t)
        for share, sign in cells:
            gap = t - _proximal(t, sign, size / mu)
            moved, squared = moved + share * gap, squared + share * gap**2
        mean = [float((grid.weight * moved * g).sum()) for g in (grid.g0, grid.gs, grid.gp)]
        return np.array([
            lam * a0 + mu * mean[0],
            lam * a_s + mu * mean[1],
            lam - mu / delta + mu * mean[2] / across,  # divided by a_⊥, so that a_⊥ = 0 is no solution
            float((grid.weight * squared).sum()) / across**2 - 1 / delta,
        ])  # fmt: skip

    for a, curvature in ((1.0, 0.15), (2.0, 0.05), (0.3, 0.25), (4.0, 0.01)):  # μ is near δ (λ + mean curvature)
        start = np.array([a, 0.0, np.log(a / 2), np.log(delta * (lam + fraction * curvature))])
        found = root(slopes, start, tol=1e-10)
        if found.success and np.abs(found.fun).max() < 1e-6:
            break
    else:
        raise BadInput("the saddle was not found", fix="raise lam, or move the other numbers away from their ends")
    a0, a_s, across = float(found.x[0]), float(found.x[1]), float(np.exp(found.x[2]))
    return AsymptoticFit(_error(a0, np.hypot(a_s, across), norm, label_probability), a0, a_s, across)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Nodes of three independent standard normal variables, and their weights, each (NODES³,)."""

    g0: Floats
    gs: Floats
    gp: Floats
    weight: Floats

    @classmethod
    def of(cls, nodes: int) -> _Grid:
        x, w = np.polynomial.hermite_e.hermegauss(nodes)
        w = w / w.sum()
        g0, gs, gp = (g.ravel() for g in np.meshgrid(x, x, x, indexing="ij"))
        return cls(g0, gs, gp, np.einsum("i,j,k->ijk", w, w, w).ravel())


def _chances(score: Floats, weight: Floats, fraction: float, alpha: float) -> Floats:
    """Return π = min(1, c·s) with mean `fraction` under the weights."""
    u = expit(score)
    s = np.maximum(u * (1 - u), 1e-12) ** alpha
    low, high = 0.0, 1 / s.min()
    for _ in range(200):
        c = (low + high) / 2
        low, high = (c, high) if (weight * np.minimum(1, c * s)).sum() < fraction else (low, c)
    return np.minimum(1, high * s)


def _proximal(t: Floats, sign: float, step: Floats) -> Floats:
    """Return argmin_v step · log(1 + exp(−sign v)) + (t − v)²/2, by Newton steps kept inside their bracket."""
    low, high = (t, t + step) if sign > 0 else (t - step, t)
    v = (low + high) / 2
    for _ in range(60):
        p = expit(-sign * v)
        slope = v - t - sign * step * p
        low, high = np.where(slope < 0, v, low), np.where(slope < 0, high, v)
        moved = v - slope / (1 + step * p * (1 - p))
        moved = np.where((moved > low) & (moved < high), moved, (low + high) / 2)
        if np.abs(moved - v).max() < 1e-12:
            return np.asarray(moved)
        v = moved
    return np.asarray(v)


def _error(a0: float, rest: float, norm: float, label_probability: Callable[[Floats], Floats]) -> float:
    """Return P(sign(a_0 G_0 + rest G) ≠ y), on a fine grid of G_0 (the label may jump at 0)."""
    from scipy.special import ndtr

    g = np.linspace(-8, 8, 20_001)
    density = np.exp(-(g**2) / 2)
    positive = np.asarray(label_probability(norm * g), dtype=np.float64)
    above = ndtr(a0 * g / max(rest, 1e-300))
    return float((density * (positive * (1 - above) + (1 - positive) * above)).sum() / density.sum())
