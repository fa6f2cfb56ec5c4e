"""Find wrong values: targets further from an out-of-fold prediction than the noise of their region explains.

With r_i = y_i − f(x_i), where f was trained without row i, the spread of r usually changes with the prediction. Sort
the rows by prediction and cut them into stretches of equal size; in each, b is the median of r and s the median of
|r − b| (a wild value moves neither), joined by straight lines. Then

    z_i     = |r_i − b(f_i)| / s(f_i)                    how far out, in units of the local spread
    score_i = P(|T| ≥ z_i · median|T|),  T ~ Student(ν)  the share of right values that lie as far out

ν is read off the bulk of z (its 80 % quantile over its median, which a few wrong values do not reach), so that data
with heavy tails flags fewer. Rows are flagged by the step-up rule of Benjamini and Hochberg: about `false_rate` of the
flagged rows are right after all.

Sources: Rousseeuw and Croux, Alternatives to the Median Absolute Deviation, JASA 1993; Benjamini and Hochberg,
Controlling the False Discovery Rate, JRSS B 1995.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.scores import Scores
from labelwright.errors import BadInput

STRETCH = 100  # rows in a stretch: enough for a median, few enough to follow the spread
BULK = 0.8  # quantile that says how heavy the tails are
DEGREES = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 30.0)
LEAST_SPREAD = 0.05  # of the overall spread: a stretch of equal values does not make its neighbours suspect


@dataclass(frozen=True)
class RegressionErrors:
    """Auditor of real-valued labels.

    Parameters
    ----------
    false_rate : float, default 0.1
        Expected share of right values among the flagged rows, in (0, 1).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=500)
    >>> values = truth + 0.1 * rng.normal(size=500)
    >>> values[7] += 3
    >>> RegressionErrors().score(values, truth).is_issue.nonzero()[0]
    array([7])
    """

    false_rate: float = 0.1

    def score(self, values: ArrayLike, predictions: ArrayLike) -> Scores:
        """Score each labelled row.

        Parameters
        ----------
        values : float, shape (n,)
            Given values; NaN = unlabelled, left out.
        predictions : float, shape (n,)
            Of a model that was not trained on the row.

        Returns
        -------
        Scores of kind ``"label"``, level ``"row"``: one entry for each row that has a value.
        """
        if not 0 < self.false_rate < 1:
            raise BadInput(f"false_rate is {self.false_rate}, not in (0, 1)", fix="use a share such as 0.1")
        given, predicted = _checked(values, predictions)
        rows = np.flatnonzero(~np.isnan(given))
        if not len(rows):
            return Scores.none("label", "row")
        y, f = given[rows], predicted[rows]
        center, spread = local_center_and_spread(y - f, f)
        score = tail_share(np.abs(y - f - center) / spread)
        flags = step_up(score, self.false_rate)
        expected = f + center
        return Scores(
            kind="label",
            level="row",
            score=score,
            is_issue=flags,
            rows=rows,
            given=[f"{value:.6g}" for value in y],
            suggested=[f"{value:.6g}" if flag else None for value, flag in zip(expected, flags, strict=True)],
            reason=[
                _reason(*entry) if entry[-1] else None for entry in zip(y, expected, spread, score, flags, strict=True)
            ],
        )


def regression_quality_scores(values: ArrayLike, predictions: ArrayLike) -> NDArray[np.float64]:
    """Return the share of right values that would lie as far from their prediction, shape (n,), NaN if unlabelled."""
    given, predicted = _checked(values, predictions)
    known = ~np.isnan(given)
    scores = np.full(len(given), np.nan)
    if known.any():
        residual = given[known] - predicted[known]
        center, spread = local_center_and_spread(residual, predicted[known])
        scores[known] = tail_share(np.abs(residual - center) / spread)
    return scores


def local_center_and_spread(
    residual: NDArray[np.float64], predicted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the median residual and the median distance from it among rows with similar predictions, each (n,)."""
    n = len(residual)
    order = np.argsort(predicted, kind="stable")
    stretches = max(1, n // STRETCH)
    parts = np.array_split(order, stretches)
    at = np.array([np.median(predicted[part]) for part in parts])
    middle = np.array([np.median(residual[part]) for part in parts])
    center = np.interp(predicted, at, middle)
    off = np.abs(residual - center)
    width = np.array([np.median(off[part]) for part in parts])
    overall = float(np.median(off)) or float(off.mean()) or np.finfo(float).tiny
    return center, np.maximum(np.interp(predicted, at, width), LEAST_SPREAD * overall)


def tail_share(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of right values that lie at least z out, z in units of the median distance; (n,) in [0, 1]."""
    from scipy.stats import t as student

    middle = np.median(z)
    ratio = np.quantile(z, BULK) / middle if middle > 0 else np.inf
    freedom = np.array(DEGREES)
    expected = student.ppf((1 + BULK) / 2, freedom) / student.ppf(0.75, freedom)
    nu = freedom[np.argmin(np.abs(expected - ratio))] if len(z) >= STRETCH else 4.0
    return np.clip(2 * student.sf(z * student.ppf(0.75, nu), nu), 0.0, 1.0)


def step_up(share: NDArray[np.float64], false_rate: float) -> NDArray[np.bool_]:
    """Flag the rows below the largest p_(i) ≤ i/n · false_rate: the expected share of false flags is at most that."""
    n = len(share)
    ordered = np.sort(share)
    passed = np.flatnonzero(ordered <= np.arange(1, n + 1) / n * false_rate)
    return share <= ordered[passed[-1]] if len(passed) else np.zeros(n, dtype=bool)


def _checked(values: ArrayLike, predictions: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        given, predicted = np.asarray(values, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput("values or predictions are not numbers", fix="give real numbers, NaN where unlabelled") from None
    if given.ndim != 1 or given.shape != predicted.shape:
        raise BadInput(
            f"values have shape {given.shape} and predictions {predicted.shape}", fix="give one of both for each row"
        )
    wrong = np.isinf(given) | (~np.isnan(given) & ~np.isfinite(predicted))
    if wrong.any():
        raise BadInput(
            "a value is infinite, or its prediction is no finite number",
            where=f"row {int(np.argmax(wrong))}",
            fix="use NaN for unlabelled rows and finite predictions",
        )
    return given, predicted


def _reason(value: float, expected: float, spread: float, share: float, _flag: bool) -> str:
    odds = f"1 in {1 / share:,.0f}" if share > 1e-9 else "fewer than 1 in a billion"
    return (
        f"given {value:.6g}; the model, trained without this row, expects {expected:.6g}, "
        f"where values usually lie within {spread:.3g} of it; {odds} right values lies this far out"
    )
