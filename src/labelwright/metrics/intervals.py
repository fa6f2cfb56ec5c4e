"""How sure a number is: intervals for shares, the bootstrap, and tests for paired answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, betaincinv, ndtri

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator, as_mask, same_length

Statistic = Callable[..., float]


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it.

    Parameters
    ----------
    estimate, low, high : float
        NaN where the statistic is undefined.
    level : float
        Nominal coverage, in (0, 1).

    Examples
    --------
    >>> 0.0 in Interval(estimate=0.2, low=0.1, high=0.3)
    False
    """

    estimate: float
    low: float
    high: float
    level: float = 0.95

    def __contains__(self, value: float) -> bool:
        return bool(self.low <= value <= self.high)


@overload
def clopper_pearson(k: float, n: float, level: float = 0.95) -> tuple[float, float]: ...
@overload
def clopper_pearson(k: NDArray, n: NDArray | float, level: float = 0.95) -> tuple[NDArray, NDArray]: ...


def clopper_pearson(k: Any, n: Any, level: float = 0.95) -> tuple[Any, Any]:
    """Return the exact interval of a binomial share; coverage is never below `level`.

    low is the p with P(X ≥ k) = α/2, high the p with P(X ≤ k) = α/2, X ~ Binomial(n, p), α = 1 − level.

    Parameters
    ----------
    k, n : int or int arrays of one shape
        Successes and trials, 0 ≤ k ≤ n. n = 0 gives (0, 1).
    level : float, default 0.95

    Examples
    --------
    >>> low, high = clopper_pearson(0, 10)
    >>> low, round(high, 4)
    (0.0, 0.3085)

    Source: Clopper and Pearson, The use of confidence or fiducial limits, Biometrika 1934.
    """
    k, n, alpha = _successes(k, n, level)
    with np.errstate(all="ignore"):
        low = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, alpha / 2), 0.0)
        high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), 1 - alpha / 2), 1.0)
    return _plain(low), _plain(high)


@overload
def wilson(k: float, n: float, level: float = 0.95) -> tuple[float, float]: ...
@overload
def wilson(k: NDArray, n: NDArray | float, level: float = 0.95) -> tuple[NDArray, NDArray]: ...


def wilson(k: Any, n: Any, level: float = 0.95) -> tuple[Any, Any]:
    """Return Wilson's score interval of a binomial share: shorter than `clopper_pearson`, coverage about `level`.

    Its ends are the p with |k/n − p| = z √(p(1−p)/n). Shapes and the case n = 0 as in `clopper_pearson`.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(5, 10)]
    [0.2366, 0.7634]

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927.
    """
    k, n, alpha = _successes(k, n, level)
    z2 = ndtri(1 - alpha / 2) ** 2
    trials = np.maximum(n, 1)
    centre = (k + z2 / 2) / (trials + z2)
    half = np.sqrt(z2) / (trials + z2) * np.sqrt(k * (trials - k) / trials + z2 / 4)
    low = np.where((n == 0) | (k == 0), 0.0, centre - half)
    high = np.where((n == 0) | (k == n), 1.0, centre + half)
    return _plain(low), _plain(high)


def bootstrap(
    statistic: Statistic,
    arrays: Sequence[ArrayLike],
    seed: int | np.random.Generator,
    n: int = 1000,
    level: float = 0.95,
    groups: ArrayLike | None = None,
) -> Interval:
    """Return a statistic with its percentile bootstrap interval over rows, or over whole groups of rows.

    Parameters
    ----------
    statistic : callable
        Takes the arrays, resampled alike along their first axis, and returns a float. Resamples where it is NaN
        (say, AUROC when one class is missing) are left out.
    arrays : sequence of arrays with the same number of rows
    seed : int or numpy.random.Generator
    n : int, default 1000
        Resamples.
    level : float, default 0.95
    groups : array (rows,), optional
        Rows with the same value are drawn together (bags, annotators, documents).

    Examples
    --------
    >>> bootstrap(np.mean, [[2.0, 2.0, 2.0]], seed=0)
    Interval(estimate=2.0, low=2.0, high=2.0, level=0.95)

    Source: Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 1979.
    """
    data = [np.asarray(array) for array in arrays]
    if not data:
        raise BadInput("the bootstrap has no arrays to resample")
    rows = same_length(**{f"array {i}": array for i, array in enumerate(data)})
    _check_level(level)
    if rows == 0:
        raise BadInput("the bootstrap has no rows to resample")
    if n < 1:
        raise BadInput(f"{n} resamples make no interval", fix="give n of 1 or more, 1000 say")
    draw = _row_draw(rows) if groups is None else _group_draw(np.asarray(groups), rows)
    rng = as_generator(seed)
    resampled = np.empty(n)
    for i in range(n):
        index = draw(rng)
        resampled[i] = statistic(*(array[index] for array in data))
    return percentile_interval(statistic(*data), resampled, level)


def paired_bootstrap(
    statistic_a: Statistic,
    statistic_b: Statistic,
    arrays: Sequence[ArrayLike],
    seed: int | np.random.Generator,
    n: int = 1000,
    level: float = 0.95,
    groups: ArrayLike | None = None,
) -> Interval:
    """Return statistic_a − statistic_b with its bootstrap interval; both see the same resampled rows.

    Parameters as in `bootstrap`. Two methods differ at this level when 0 is not in the interval.

    Examples
    --------
    >>> paired_bootstrap(np.mean, np.mean, [[0.0, 1.0, 1.0]], seed=0)
    Interval(estimate=0.0, low=0.0, high=0.0, level=0.95)
    """
    return bootstrap(lambda *rows: statistic_a(*rows) - statistic_b(*rows), arrays, seed, n, level, groups)


def percentile_interval(estimate: float, resampled: NDArray[np.float64], level: float = 0.95) -> Interval:
    """Return the interval between the outer quantiles of resampled statistics; NaN entries are left out.

    Examples
    --------
    >>> percentile_interval(0.5, np.array([0.0, 1.0]), level=0.5)
    Interval(estimate=0.5, low=0.25, high=0.75, level=0.5)
    """
    _check_level(level)
    defined = resampled[~np.isnan(resampled)]
    if not len(defined):
        return Interval(float(estimate), float("nan"), float("nan"), level)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(estimate), float(low), float(high), level)


@dataclass(frozen=True)
class McNemar:
    """How often only one of two methods is right, and the exact two-sided p-value of no difference."""

    only_a: int
    only_b: int
    p_value: float


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> McNemar:
    """Test whether two methods, judged on the same rows, are right equally often (exact binomial test).

    Parameters
    ----------
    correct_a, correct_b : bool arrays (n,)

    Examples
    --------
    >>> mcnemar([1, 1, 1, 0], [0, 0, 1, 0])
    McNemar(only_a=2, only_b=0, p_value=0.5)

    Source: McNemar, Note on the sampling error of the difference between correlated proportions, 1947 [P016].
    """
    a, b = as_mask("correct_a", correct_a), as_mask("correct_b", correct_b)
    same_length(correct_a=a, correct_b=b)
    only_a, only_b = int(np.count_nonzero(a & ~b)), int(np.count_nonzero(b & ~a))
    p_value = min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))
    return McNemar(only_a, only_b, p_value)


def _successes(k: Any, n: Any, level: float) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    _check_level(level)
    successes, trials = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if not ((successes >= 0) & (successes <= trials)).all():
        raise BadInput("a share needs 0 <= successes <= trials")
    return successes, trials, 1 - level


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise BadInput(f"level is {level!r}", fix="give a level between 0 and 1, such as 0.95")


def _plain(values: NDArray) -> Any:
    return float(values) if values.ndim == 0 else values


def _row_draw(rows: int) -> Callable[[np.random.Generator], NDArray[np.int64]]:
    return lambda rng: rng.integers(0, rows, size=rows)


def _group_draw(groups: NDArray, rows: int) -> Callable[[np.random.Generator], NDArray[np.int64]]:
    if groups.shape != (rows,):
        raise BadInput(f"groups has shape {groups.shape} but there are {rows} rows")
    _, codes = np.unique(groups, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes

    def draw(rng: np.random.Generator) -> NDArray[np.int64]:
        chosen = rng.integers(0, len(sizes), size=len(sizes))
        lengths = sizes[chosen]
        ends = np.cumsum(lengths)
        within = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
        return order[np.repeat(starts[chosen], lengths) + within]

    return draw
