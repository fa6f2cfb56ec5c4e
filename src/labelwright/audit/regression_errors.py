"""Find wrong values: targets that a careless hand explains better than the noise of their region does.

With r_i = y_i − f(x_i), where f was trained without row i, the spread of r usually changes with the prediction. Sort
the rows by prediction and cut them into stretches of equal size; in each, b is the median of r and s the median of
|r − b| (a wild value moves neither), joined by straight lines, s drawn a little towards its overall value. Then
u_i = (r_i − b(f_i)) / s(f_i) is either noise, or y_i is a wrong value: one that has nothing to do with the row, or one
that lies off by any amount:

    p(u_i) = (1 − ε) t(u_i; ν, σ) + ε w_i s(f_i)          t: Student
    w_i = g(y_i) / 2 + c((y_i − e_i) / S) / 2S            g: density of all values, e_i = f_i + b, c: Cauchy, S: their
                                                          spread; its tails are heavier than those of any t
    score_i = (1 − ε) t(u_i; ν, σ) / p(u_i)               probability that value i is right

ε, ν, σ maximise Σ log p(u_i), so heavy tails of the noise itself are not taken for errors. The flagged set is the
largest whose mean score is at most `false_rate`: the expected share of right values in it.

Source: the mixture is that of Efron, Large-Scale Inference, 2010 (local false discovery rate), with the outlier class
of Box and Tiao, A Bayesian approach to some outlier problems, Biometrika 1968.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.scores import Scores
from labelwright.errors import BadInput
from labelwright.metrics.numerals import exact_number, rounded_number

STRETCH = 100  # rows in a stretch: enough for a median, few enough to follow the spread
LEAST_SPREAD = 0.05  # of the overall spread: a stretch of equal values does not make its neighbours suspect
LOCAL = 0.7  # how far the spread follows its stretch: the median of 100 rows is itself uncertain
BINS = 256  # of the density of all values
ANYWHERE = 0.1  # share of that density spread evenly over the range
FREEDOM = (2.0, 3.0, 4.0, 6.0, 10.0, 30.0)  # ν that are tried
OFF = 0.5  # share of the wrong values that are off by some amount
STEPS = 60
SUPPOSED, PRIOR_ROWS = 0.02, 20.0  # share of wrong values supposed beforehand, and the rows that it counts for


@dataclass(frozen=True)
class RegressionErrors:
    """Auditor of real-valued labels.

    Parameters
    ----------
    false_rate : float, default 0.1
        Share of right values among the flagged rows that the fitted mixture expects, in (0, 1). It is a model's rate;
        what it was with errors planted in real tables stands in ``benchmarks/README.md``.

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
        score = probability_right(y, f + center, spread)
        flags = largest_set(score, self.false_rate)
        suggested: list[str | None] = [None] * len(rows)
        reason: list[str | None] = [None] * len(rows)
        for at in np.flatnonzero(flags).tolist():
            expected = float(f[at] + center[at])
            suggested[at] = rounded_number(expected)
            half = rounded_number(spread[at], 3)
            right = f"{score[at]:.2g}" if score[at] >= 0.001 else "below 0.001"
            reason[at] = (
                f"given {exact_number(y[at])}; the model, trained without this row, expects {suggested[at]}, where "
                f"about half of the values lie within {half} of it; it is right with probability {right}"
            )
        given_text = [exact_number(value) for value in y.tolist()]
        return Scores("label", "row", score, flags, rows, given=given_text, suggested=suggested, reason=reason)


def regression_quality_scores(values: ArrayLike, predictions: ArrayLike) -> NDArray[np.float64]:
    """Return the probability that each value is right, shape (n,), NaN where unlabelled; see `RegressionErrors`."""
    given, predicted = _checked(values, predictions)
    known = ~np.isnan(given)
    scores = np.full(len(given), np.nan)
    if known.any():
        y, f = given[known], predicted[known]
        center, spread = local_center_and_spread(y - f, f)
        scores[known] = probability_right(y, f + center, spread)
    return scores


def local_center_and_spread(
    residual: NDArray[np.float64], predicted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the median residual and the median distance from it among rows with similar predictions, each (n,)."""
    n = len(residual)
    order = np.argsort(predicted, kind="stable")
    parts = np.array_split(order, max(1, n // STRETCH))
    at = np.array([np.median(predicted[part]) for part in parts])
    center = np.interp(predicted, at, [np.median(residual[part]) for part in parts])
    off = np.abs(residual - center)
    width = np.interp(predicted, at, [np.median(off[part]) for part in parts])
    overall = float(np.median(off)) or float(off.mean())
    width = np.maximum(width, LEAST_SPREAD * overall)
    return center, width**LOCAL * overall ** (1 - LOCAL)


def probability_right(
    y: NDArray[np.float64], expected: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the posterior probability that each value is right, (n,); 1 where values equal what is expected."""
    if not spread.any():
        return np.ones(len(y))
    u = (y - expected) / spread
    careless = (density(y) * (1 - OFF) + off_by_some(y, expected) * OFF) * spread
    best = max((_fit(u, careless, nu) for nu in FREEDOM), key=lambda fit: fit[0])
    return best[1]


def _fit(u: NDArray[np.float64], careless: NDArray[np.float64], nu: float) -> tuple[float, NDArray[np.float64]]:
    """Fit ε and σ for one ν by EM; return the log posterior and the probability that each value is right."""
    from scipy.special import gammaln

    constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - np.log(nu * np.pi) / 2
    wrong, scale = SUPPOSED, 1.0
    for _ in range(STEPS):
        square = (u / scale) ** 2
        noise = (1 - wrong) * np.exp(constant - np.log(scale) - (nu + 1) / 2 * np.log1p(square / nu))
        total = noise + wrong * careless
        right = noise / np.maximum(total, 1e-300)
        pull = right * (nu + 1) / (nu + square)  # weight of each row in the scale of a Student distribution
        scale = max(float(np.sqrt((pull * u**2).sum() / max(right.sum(), 1.0))), 1e-6)
        wrong = float((len(u) - right.sum() + SUPPOSED * PRIOR_ROWS) / (len(u) + PRIOR_ROWS))
    log_prior = PRIOR_ROWS * (SUPPOSED * np.log(wrong) + (1 - SUPPOSED) * np.log1p(-wrong))
    return float(np.log(np.maximum(total, 1e-300)).sum() + log_prior), np.clip(right, 0.0, 1.0)


def density(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density of all values at each of them: a smoothed histogram and an even share of the range, (n,)."""
    low, high = float(y.min()), float(y.max())
    reach = high - low or max(abs(low), 1.0)
    edges = np.linspace(low - 0.05 * reach, low + 1.05 * reach, BINS + 1)
    cell = edges[1] - edges[0]
    counts = np.histogram(y, edges)[0] / (len(y) * cell)
    width = max(1.06 * float(np.std(y)) * len(y) ** -0.2 / cell, 1.0)
    reach_cells = np.arange(-min(BINS // 2 - 1, int(4 * width)), min(BINS // 2 - 1, int(4 * width)) + 1)
    kernel = np.exp(-((reach_cells / width) ** 2) / 2)
    smooth = np.convolve(counts, kernel / kernel.sum(), mode="same")
    middle = (edges[1:] + edges[:-1]) / 2
    return (1 - ANYWHERE) * np.interp(y, middle, smooth) + ANYWHERE / (BINS * cell)


def off_by_some(y: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density of a value that lies off by a Cauchy amount, as wide as all values are spread, (n,)."""
    scale = 1.4826 * float(np.median(np.abs(y - np.median(y)))) or float(np.std(y)) or 1.0
    return np.asarray(1 / (np.pi * scale * (1 + ((y - expected) / scale) ** 2)))


def largest_set(score: NDArray[np.float64], false_rate: float) -> NDArray[np.bool_]:
    """Flag the largest set of lowest scores whose mean is at most `false_rate`, none of them above one half."""
    ordered = np.sort(score)
    mean = np.cumsum(ordered) / np.arange(1, len(score) + 1)
    inside = np.flatnonzero((mean <= false_rate) & (ordered <= 0.5))
    return score <= ordered[inside[-1]] if len(inside) else np.zeros(len(score), dtype=bool)


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
