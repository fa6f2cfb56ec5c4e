"""How strongly two columns go together, with a permutation p-value, and the control of false discoveries.

    number, number     Pearson r,  statistic r²
    group, number      correlation ratio η² = between-group / total sum of squares
    group, group       Cramér's V, bias-corrected (Bergsma 2013), statistic χ²

The p-value permutes the second column. Few permutations cannot show a p-value below 1 / (B + 1), too coarse for many
pairs at once, so that a gamma tail with the permutations' mean and variance is used where fewer than ten of them reach
the observed statistic (all three are sums of squares, which the gamma fits well).

Sources: [P022] for the choice of measures; Benjamini and Hochberg, JRSS B 57 (1995), for the discoveries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.nutrition.table import Column

_ENOUGH = 10
_SMALLEST_P = 1e-12  # further out nobody knows the tail


@dataclass(frozen=True)
class Association:
    """Strength in [-1, 1] (r) or [0, 1], permutation p-value, rows where both cells are filled."""

    measure: str
    strength: float
    p_value: float
    n: int


def associate(a: Column, b: Column, permutations: NDArray[np.intp]) -> Association | None:
    """Measure one pair; None when fewer than 10 rows hold both or one side does not vary there.

    `permutations` is int (B, n), each row a permutation of the rows of both columns.
    """
    both = ~(a.missing | b.missing)
    if int(both.sum()) < 10:
        return None
    if a.numbers is not None and b.codes is not None:
        a, b = b, a
    x, y = _values(a)[both], _values(b)[both]
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    orders = _within(permutations, both)
    if a.codes is None:
        measure, strength, observed, drawn = _pearson(x, y, orders)
    elif b.codes is None:
        measure, strength, observed, drawn = _correlation_ratio(x.astype(np.int64), y, orders)
    else:
        measure, strength, observed, drawn = _cramer(x.astype(np.int64), y.astype(np.int64), orders)
    return Association(measure, strength, _p_value(observed, drawn), len(x))


def _values(column: Column) -> NDArray:
    if column.codes is not None:
        return column.binned()
    assert column.numbers is not None
    return column.numbers


def _within(permutations: NDArray[np.intp], kept: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Turn permutations of all rows into permutations of the kept ones (the order among kept rows stays uniform)."""
    if kept.all():
        return permutations
    place = np.cumsum(kept) - 1
    return place[permutations[kept[permutations]]].reshape(len(permutations), -1)


def _pearson(x: NDArray, y: NDArray, orders: NDArray[np.intp]) -> tuple[str, float, float, NDArray[np.float64]]:
    u, v = _unit(x), _unit(y)
    r = float(np.clip(u @ v, -1, 1))
    return "Pearson r", r, r * r, (v[orders] @ u) ** 2


def _unit(x: NDArray) -> NDArray[np.float64]:
    scale = np.abs(x).max()
    centred = x / scale - (x / scale).mean()
    return centred / max(float(np.linalg.norm(centred)), 1e-300)


def _correlation_ratio(
    groups: NDArray[np.int64], y: NDArray, orders: NDArray[np.intp]
) -> tuple[str, float, float, NDArray[np.float64]]:
    v = _unit(y)
    _, groups = np.unique(groups, return_inverse=True)
    counts = np.bincount(groups)
    order = np.argsort(groups, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])

    def between(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return (np.add.reduceat(values[..., order], starts, axis=-1) ** 2 / counts).sum(axis=-1)

    observed = float(between(v))
    return "correlation ratio", float(np.sqrt(min(observed, 1.0))), observed, between(v[orders])


def _cramer(
    x: NDArray[np.int64], y: NDArray[np.int64], orders: NDArray[np.intp]
) -> tuple[str, float, float, NDArray[np.float64]]:
    _, x = np.unique(x, return_inverse=True)
    _, y = np.unique(y, return_inverse=True)
    rows, columns, n = int(x.max()) + 1, int(y.max()) + 1, len(x)
    expected = np.outer(np.bincount(x), np.bincount(y)).ravel() / n
    cells = rows * columns

    def chi_square(values: NDArray[np.int64]) -> NDArray[np.float64]:
        shift = np.arange(len(values))[:, None] * cells
        counts = np.bincount((x * columns + values + shift).ravel(), minlength=len(values) * cells)
        return ((counts.reshape(len(values), cells) - expected) ** 2 / expected).sum(axis=1)

    observed = float(chi_square(y[None])[0])
    phi = max(0.0, observed / n - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    strength = float(np.sqrt(phi / least)) if least > 0 else 0.0
    return "Cramér's V", min(strength, 1.0), observed, chi_square(y[orders])


def _p_value(observed: float, drawn: NDArray[np.float64]) -> float:
    from scipy.stats import gamma

    reached = int(np.count_nonzero(drawn >= observed - 1e-12 * max(abs(observed), 1e-300)))
    counted = (1 + reached) / (1 + len(drawn))
    mean, variance = float(drawn.mean()), float(drawn.var())
    if reached >= _ENOUGH or variance <= 0 or mean <= 0:
        return counted
    tail = float(gamma.sf(observed, mean**2 / variance, scale=variance / mean))
    return min(counted, max(tail, _SMALLEST_P))


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return q-values: the false discovery rate at which each p-value would still count. Shape (m,) -> (m,).

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.04, 0.04])
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    raw = p_values[order] * m / np.arange(1, m + 1)
    q = np.empty(m)
    q[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return q
