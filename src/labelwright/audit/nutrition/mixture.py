"""A mixture of row types over numbers and groups together: full Gaussian × smoothed categoricals, by EM, K by BIC.

    p(row) = Σ_k π_k · N(numbers; μ_k, Σ_k) · Π_j θ_kj(group_j)

Source: [P022], module 6 (the prototype used a probabilistic program; this is its finite mixture).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RIDGE = 1e-6
_STEPS, _TOLERANCE = 60, 1e-4


@dataclass(frozen=True)
class Mixture:
    """A fitted mixture; `means` (K, d) and `factors` (K, d, d, Cholesky) are on the scale of the data's units."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    factors: NDArray[np.float64]
    tables: tuple[NDArray[np.float64], ...]
    log_likelihood: float
    bic: float

    def draw(self, n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Draw rows: numbers (n, d) and group codes (n, m)."""
        which = rng.choice(len(self.weights), n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        numbers = self.means[which] + np.einsum("nij,nj->ni", self.factors[which], noise)
        groups = np.zeros((n, len(self.tables)), dtype=np.int32)
        for j, table in enumerate(self.tables):
            below = np.cumsum(table, axis=1)[which]
            groups[:, j] = np.minimum((rng.random(n)[:, None] > below).sum(axis=1), table.shape[1] - 1)
        return numbers, groups


def fit_mixture(
    numbers: NDArray[np.float64], groups: NDArray[np.int32], sizes: tuple[int, ...], most: int, seed: int
) -> Mixture:
    """Fit K = 1 .. `most` parts and keep the best by BIC, stopping after two K in a row that are no better.

    Parameters
    ----------
    numbers : array of float64, shape (n, d)
        No NaN.
    groups : array of int32, shape (n, m)
        Codes from 0, each column j below ``sizes[j]``.
    """
    centre, scale = numbers.mean(axis=0), numbers.std(axis=0)
    scale[scale == 0] = 1.0
    best: Mixture | None = None
    worse = 0
    for k in range(1, most + 1):
        found = _fit((numbers - centre) / scale, groups, sizes, k, np.random.default_rng([seed, k]))
        if best is None or found.bic < best.bic:
            best, worse = found, 0
        else:
            worse += 1
        if worse == 2 or len(numbers) < 20 * (k + 1):
            break
    assert best is not None
    return Mixture(
        best.weights,
        best.means * scale + centre,
        best.factors * scale[None, :, None],
        best.tables,
        best.log_likelihood,
        best.bic,
    )


def _fit(
    x: NDArray[np.float64], groups: NDArray[np.int32], sizes: tuple[int, ...], k: int, rng: np.random.Generator
) -> Mixture:
    n, d = x.shape
    onehots = [np.eye(size)[groups[:, j]] for j, size in enumerate(sizes)]
    resp = _start(x, k, rng)
    last, weights = -np.inf, np.full(k, 1.0 / k)
    for _ in range(_STEPS if k > 1 else 1):
        mass = resp.sum(axis=0) + 1e-9
        weights = mass / mass.sum()
        means = resp.T @ x / mass[:, None]
        factors = np.stack([_factor(x, resp[:, i], means[i], mass[i], k) for i in range(k)])
        tables = [_table(resp.T @ onehot, k) for onehot in onehots]
        log_joint = np.log(weights) + _log_density(x, groups, means, factors, tables)
        top = log_joint.max(axis=1, keepdims=True)
        log_rows = top[:, 0] + np.log(np.exp(log_joint - top).sum(axis=1))
        total = float(log_rows.sum())
        resp = np.exp(log_joint - log_rows[:, None])
        if total - last < _TOLERANCE * n:
            break
        last = total
    free = k - 1 + k * (d + d * (d + 1) // 2 + sum(size - 1 for size in sizes))
    return Mixture(weights, means, factors, tuple(tables), total, free * np.log(n) - 2 * total)


def _start(x: NDArray[np.float64], k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Give each row to the nearest of k seeds that were drawn far apart (k-means++); at random without numbers."""
    n, d = x.shape
    if d == 0 or k == 1:
        return rng.dirichlet(np.ones(k), n) if k > 1 else np.ones((n, 1))
    seeds = [int(rng.integers(n))]
    distance = ((x - x[seeds[0]]) ** 2).sum(axis=1)
    for _ in range(k - 1):
        total = distance.sum()
        seeds.append(int(rng.choice(n, p=distance / total)) if total > 0 else int(rng.integers(n)))
        distance = np.minimum(distance, ((x - x[seeds[-1]]) ** 2).sum(axis=1))
    nearest = ((x[:, None, :] - x[seeds][None]) ** 2).sum(axis=2).argmin(axis=1)
    return 0.9 * np.eye(k)[nearest] + 0.1 / k


def _factor(x: NDArray, resp: NDArray, mean: NDArray, mass: float, k: int) -> NDArray[np.float64]:
    centred = x - mean
    covariance = (resp[:, None] * centred).T @ centred / mass
    ridge = _RIDGE if k == 1 else 1e-3  # a part of equal rows must not become infinitely dense
    return np.linalg.cholesky(covariance + ridge * np.eye(len(mean))) if len(mean) else np.zeros((0, 0))


def _table(counts: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    smooth = 0.5 if k > 1 else 1e-9
    return (counts + smooth) / (counts + smooth).sum(axis=1, keepdims=True)


def _log_density(
    x: NDArray, groups: NDArray, means: NDArray, factors: NDArray, tables: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    n, d = x.shape
    out = np.zeros((n, len(means)))
    for i, (mean, factor) in enumerate(zip(means, factors, strict=True)):
        if d:
            whitened = (x - mean) @ np.linalg.inv(factor).T
            out[:, i] = -0.5 * (whitened**2).sum(axis=1) - np.log(np.diag(factor)).sum() - 0.5 * d * np.log(2 * np.pi)
    for j, table in enumerate(tables):
        out += np.log(table[:, groups[:, j]]).T
    return out
