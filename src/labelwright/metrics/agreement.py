"""How far people agree beyond chance: kappas for classes, alpha for any scale and any pattern of missing votes.

All of them are 1 − observed disagreement / disagreement expected by chance: 1 = perfect, 0 = chance. They are NaN where
no disagreement can be expected (everybody always says the same) or nothing can be compared.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_codes, as_generator, as_vector, same_length
from labelwright.metrics.classification import confusion_matrix
from labelwright.metrics.intervals import Interval, percentile_interval

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
# Weight of each unit -> (observed, expected) disagreement.
Disagreement = Callable[[Floats], tuple[float, float]]
# Unit of each vote, value of each vote, number of votes of each unit.
Scale = Callable[[Codes, Floats, Codes], Disagreement]


def cohen_kappa(a: ArrayLike, b: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the kappa of two raters who judged the same rows.

    Parameters
    ----------
    a, b : int arrays (n,)
        Class numbers; rows where one is -1 are left out.
    weights : float array (K, K), optional
        Disagreement of each pair of classes, 0 on the diagonal, such as `linear_weights(K)`; by default every
        disagreement weighs 1.

    Examples
    --------
    >>> cohen_kappa([0, 0, 1, 1], [0, 0, 1, 0])
    0.5

    Source: Cohen, Educational and Psychological Measurement 1960; weighted kappa, Psychological Bulletin 1968 [P016].
    """
    if weights is None:
        first, second = as_codes("a", a), as_codes("b", b)
        same_length(a=first, b=second)
        known = np.tile((first >= 0) & (second >= 0), 2)
        _, code = np.unique(np.r_[first, second][known], return_inverse=True)
        n = len(code) // 2
        table = confusion_matrix(code[:n], code[n:]).astype(np.float64)
        w = 1.0 - np.eye(len(table))
    else:
        w = as_array("weights", weights, 2)
        table = confusion_matrix(a, b, len(w)).astype(np.float64)
        if w.shape != table.shape or (w < 0).any() or np.diag(w).any():
            raise BadInput("weights must be a square table of numbers of 0 or more with a diagonal of 0")
    if not table.sum():
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return _beyond_chance(float((w * table).sum()), float((w * expected).sum()))


def linear_weights(n_classes: int) -> Floats:
    """Return |i − j| as (K, K): disagreement of ordered classes that grows with their distance."""
    steps = np.arange(n_classes, dtype=np.float64)
    return np.abs(steps[:, None] - steps)


def quadratic_weights(n_classes: int) -> Floats:
    """Return (i − j)² as (K, K)."""
    return linear_weights(n_classes) ** 2


def fleiss_kappa(counts: ArrayLike) -> float:
    """Return the kappa of many raters from how many of them chose each class.

    Rows with different numbers of votes are allowed: each row's agreement counts alike, rows with fewer than two votes
    are left out. With the same number everywhere this is Fleiss' kappa.

    Parameters
    ----------
    counts : int array (n, K)
        Votes of each row for each class. A bootstrap over rows is ``bootstrap(fleiss_kappa, [counts], seed)``.

    Examples
    --------
    >>> fleiss_kappa([[2, 0], [0, 2]])
    1.0

    Source: Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 1971 [P016].
    """
    table = as_array("counts", counts, 2)
    if (table < 0).any() or (table != np.round(table)).any():
        raise BadInput("counts must be whole numbers of 0 or more")
    table = table[table.sum(axis=1) >= 2]
    if not len(table):
        return float("nan")
    m = table.sum(axis=1)
    agreement = (table * (table - 1)).sum(axis=1) / (m * (m - 1))
    share = table.sum(axis=0) / m.sum()
    return _beyond_chance(1 - float(agreement.mean()), 1 - float((share**2).sum()))


def nominal_scale(unit: Codes, value: Floats, size: Codes) -> Disagreement:
    """Disagreement of names: 1 for two different values, else 0. A scale for `krippendorff_alpha`."""
    _, code = np.unique(value, return_inverse=True)
    n_values = int(code.max(initial=0)) + 1
    cells, n_same = np.unique(unit * n_values + code, return_counts=True)
    same = np.bincount(cells // n_values, weights=n_same**2.0, minlength=len(size))
    within = (size.astype(np.float64) ** 2 - same) / (size - 1)

    def disagreement(weight: Floats) -> tuple[float, float]:
        totals = np.bincount(code, weights=weight[unit])
        n = float(totals.sum())
        return float((weight * within).sum()) / n, (n**2 - float((totals**2).sum())) / (n * (n - 1))

    return disagreement


def interval_scale(unit: Codes, value: Floats, size: Codes) -> Disagreement:
    """Disagreement of numbers: the squared difference. A scale for `krippendorff_alpha`."""
    from_first = value - value[:1]  # exactly 0 when all values are equal
    centred = from_first - from_first.mean()
    first = np.bincount(unit, weights=centred, minlength=len(size))
    second = np.bincount(unit, weights=centred**2, minlength=len(size))
    spread = np.bincount(unit, weights=(centred - (first / size)[unit]) ** 2, minlength=len(size))
    within = size * spread / (size - 1)

    def disagreement(weight: Floats) -> tuple[float, float]:
        n = float((weight * size).sum())
        squares = float((weight * second).sum())
        total = squares - float((weight * first).sum()) ** 2 / n
        if total <= 1e-14 * squares:  # rounding: all values drawn are equal
            return 0.0, 0.0
        return 2 * float((weight * within).sum()) / n, 2 * total / (n - 1)

    return disagreement


def ordinal_scale(unit: Codes, value: Floats, size: Codes) -> Disagreement:
    """Disagreement of ranks: the squared number of votes between two values, each of the two counted half.

    That number is the difference of mid-ranks, so this is `interval_scale` on the mid-ranks. A scale for
    `krippendorff_alpha`.
    """
    _, code = np.unique(value, return_inverse=True)

    def disagreement(weight: Floats) -> tuple[float, float]:
        totals = np.bincount(code, weights=weight[unit])
        return interval_scale(unit, (np.cumsum(totals) - totals / 2)[code], size)(weight)

    return disagreement


def krippendorff_alpha(rows: ArrayLike, values: ArrayLike, scale: Scale = nominal_scale) -> float:
    """Return Krippendorff's alpha of votes; any number of voters a row, missing votes are simply absent.

    Parameters
    ----------
    rows : int array (v,)
        Row that each vote is about. Rows with a single vote say nothing about agreement and are left out.
    values : array (v,)
        Class numbers (-1 = no answer, left out), or numbers (NaN = no answer) for the two other scales.
    scale : `nominal_scale` (default), `ordinal_scale` or `interval_scale`

    Examples
    --------
    >>> krippendorff_alpha([0, 0, 1, 1], [2, 2, 5, 5])
    1.0

    Source: Krippendorff, Content Analysis, 2004, ch. 11 [P016].
    """
    unit, value, size = _comparable(rows, values, scale)
    return _beyond_chance(*scale(unit, value, size)(np.ones(len(size)))) if len(size) else float("nan")


def krippendorff_alpha_interval(
    rows: ArrayLike,
    values: ArrayLike,
    seed: int | np.random.Generator,
    scale: Scale = nominal_scale,
    n: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Return alpha with its percentile bootstrap interval over rows (all votes of a row are drawn together).

    Parameters as in `krippendorff_alpha` and `labelwright.metrics.intervals.bootstrap`.
    """
    rng = as_generator(seed)
    unit, value, size = _comparable(rows, values, scale)
    m = len(size)
    drawn = np.full(n, np.nan)
    if not m:
        return percentile_interval(float("nan"), drawn, level)
    disagreement = scale(unit, value, size)
    for i in range(n):
        weight = np.bincount(rng.integers(0, m, size=m), minlength=m).astype(np.float64)
        drawn[i] = _beyond_chance(*disagreement(weight))
    return percentile_interval(_beyond_chance(*disagreement(np.ones(m))), drawn, level)


def votes_of(ratings: ArrayLike) -> tuple[Codes, Floats]:
    """Return (rows, values) of a rating matrix (n, m), one column a rater, for `krippendorff_alpha`.

    Missing: NaN in a float matrix, negative in an integer matrix.

    Examples
    --------
    >>> votes_of(np.array([[1, 1], [0, -1]]))
    (array([0, 0, 1]), array([1., 1., 0.]))
    """
    matrix = np.asarray(ratings)
    if matrix.ndim != 2 or matrix.dtype.kind not in "iuf":
        raise BadInput("ratings must be a matrix of numbers, one row an item and one column a rater")
    given = ~np.isnan(matrix) if matrix.dtype.kind == "f" else matrix >= 0
    rows, _ = np.nonzero(given)
    return rows.astype(np.int64), matrix[given].astype(np.float64)


def _comparable(rows: ArrayLike, values: ArrayLike, scale: Scale) -> tuple[Codes, Floats, Codes]:
    """Return unit and value of the votes in rows with two votes or more, and the number of votes of each unit."""
    row = as_codes("rows", rows)
    raw = np.asarray(values)
    if scale is nominal_scale:
        codes = as_codes("values", raw)
        value, given = codes.astype(np.float64), codes >= 0
    else:
        given = ~np.isnan(raw) if raw.dtype.kind == "f" else np.ones(len(raw), dtype=bool)
        value = as_vector("values", np.where(given, raw, 0))
    same_length(rows=row, values=value)
    _, unit, size = np.unique(row[given], return_inverse=True, return_counts=True)
    shared = size >= 2
    renumbered = np.cumsum(shared) - 1
    keep = shared[unit]
    return renumbered[unit[keep]].astype(np.int64), value[given][keep], size[shared].astype(np.int64)


def _beyond_chance(observed: float, expected: float) -> float:
    return 1 - observed / expected if expected > 0 else float("nan")
