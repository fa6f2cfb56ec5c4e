"""How far each source is from the truth, from how far sources are from each other.

Additive triplets take E d(a, b) = E d(a, y) + E d(b, y), so that

    E d(a, y) = (d_ab + d_ac − d_bc) / 2          (exact for squared Euclidean distance, independent zero-mean errors)

and for values z whose errors multiply (signs of pairs, centred numbers)

    |E z_a z_y| = sqrt( E[z_a z_b] E[z_a z_c] · E[z_y²] / E[z_b z_c] )

each the median over all pairs (b, c).

Source: Shin et al., Universalizing weak supervision, ICLR 2022 [P066].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SMALLEST = 1e-3


def triplet_distances(mean_distance: ArrayLike) -> Floats:
    """Return E d(a, y) of each source, float64 (m,), from mean distances between sources (m, m).

    The median over pairs (b, c) of (d_ab + d_ac − d_bc)/2, at least 1e-3.

    Examples
    --------
    >>> own = np.array([1.0, 2.0, 3.0, 4.0])
    >>> triplet_distances(own[:, None] + own)
    array([1., 2., 3., 4.])

    Source: [P066].
    """
    d = _square(mean_distance)
    return np.array(
        [max(float(np.median((d[a, b] + d[a, c] - d[b, c]) / 2)), SMALLEST) for a, b, c in _triples(len(d))]
    )


def triplet_signs(second_moment: ArrayLike, variance: float = 1.0) -> Floats:
    """Return |E z_a z_y| of each source, float64 (m,), from second moments E[z_a z_b] (m, m) and E[z_y²].

    The median over pairs (b, c) with |E z_b z_c| > 1e-6; 0 where there is none. The sign is "better than random".

    Examples
    --------
    >>> a = np.array([0.9, 0.5, 0.7])
    >>> triplet_signs(np.outer(a, a))
    array([0.9, 0.5, 0.7])

    Source: [P066].
    """
    moment = np.abs(_square(second_moment))
    found = np.zeros(len(moment))
    for a, b, c in _triples(len(moment)):
        usable = moment[b, c] > 1e-6
        if usable.any():
            ratio = moment[a, b[usable]] * moment[a, c[usable]] * variance / moment[b[usable], c[usable]]
            found[a] = float(np.median(np.sqrt(ratio)))
    return found


def _square(values: ArrayLike) -> Floats:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not np.isfinite(table).all():
        raise BadInput(f"the table of pairs has shape {table.shape} or holds NaN", fix="pass a finite table (m, m)")
    if len(table) < 3:
        raise BadInput(f"there are {len(table)} sources", fix="triplets need three")
    return table


def _triples(m: int) -> list[tuple[int, Ints, Ints]]:
    first, second = np.triu_indices(m - 1, 1)
    groups = []
    for a in range(m):
        others = np.delete(np.arange(m), a)
        groups.append((a, others[first], others[second]))
    return groups


def falling_root(expected: Callable[[float], float], observed: float, low: float = 0.01, high: float = 10.0) -> float:
    """Return θ in [low, high] where the falling function `expected` equals `observed`, by bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        if expected(middle) > observed:
            low = middle
        else:
            high = middle
    return (low + high) / 2
