"""The round loop: fit, predict on the pool, choose, ask, and again; and the learning curve that comes of it.

Every round fits a new model from nothing, so that curves of different acquisitions differ by their rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.acquire.contract import Acquisition, Floats, Pool, Seed
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_codes, as_generator, as_labels

Labels = NDArray[np.int64]
Oracle = Callable[[Labels], ArrayLike]  # rows -> their labels
Score = Callable[[Any], float]  # fitted model -> what is drawn against cost


class Classifier(Protocol):
    """A fitted model: probabilities (n, K), or (S, n, K) from a committee whose mean is its opinion."""

    def predict_proba(self, X: Any) -> Any:
        """Return P(class | x)."""
        ...


Fit = Callable[[NDArray[Any], Labels], Classifier]


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """A score against the labels that it took.

    Parameters
    ----------
    cost : float64 (R + 1,)
        Labels bought so far, the start included; rising.
    score : float64 (R + 1,)

    Examples
    --------
    >>> curve = LearningCurve(np.array([10.0, 20.0, 30.0]), np.array([0.6, 0.8, 0.9]))
    >>> round(curve.area, 3), round(curve.cost_to_reach(0.7), 6)
    (0.775, 15.0)
    """

    cost: Floats
    score: Floats

    @property
    def area(self) -> float:
        """Mean score over the range of cost (the area under the curve by its width)."""
        if len(self.cost) < 2:
            return float(self.score.mean())
        width = np.diff(self.cost)
        return float((width * (self.score[1:] + self.score[:-1]) / 2).sum() / width.sum())

    def cost_to_reach(self, target: float) -> float:
        """Return the cost at which the score first reaches `target`, read off straight lines; NaN if it never does."""
        there = np.flatnonzero(self.score >= target)
        if not len(there):
            return float("nan")
        j = int(there[0])
        if j == 0:
            return float(self.cost[0])
        share = (target - self.score[j - 1]) / (self.score[j] - self.score[j - 1])
        return float(self.cost[j - 1] + share * (self.cost[j] - self.cost[j - 1]))


@dataclass(frozen=True, eq=False)
class Rounds:
    """What a run of the loop leaves: its curve, and the rows in the order in which they were bought, int64."""

    curve: LearningCurve
    rows: Labels


def run_rounds(
    X: ArrayLike,
    oracle: Oracle,
    fit: Fit,
    acquisition: Acquisition[Pool],
    score: Score,
    *,
    start: ArrayLike,
    rounds: int,
    per_round: int,
    n_classes: int,
    rng: Seed,
) -> Rounds:
    """Buy labels in rounds and measure a new model after each.

    Parameters
    ----------
    X : float array (n, d)
        Features of the pool.
    oracle : callable
        Rows, int64 (b,) → their labels, int (b,). It is asked about each row once.
    fit : callable
        Features and labels of what was bought → a model with ``predict_proba``; its columns are the `n_classes`
        classes. A model that returns (S, n, K) is a committee.
    acquisition : Acquisition
    score : callable
        Model → its score on data apart.
    start : int array
        Rows that are labelled first.
    rounds, per_round : int
    n_classes : int
    rng : int or numpy.random.Generator

    Raises
    ------
    BadInput
        Nothing to start from, or labels out of range.
    """
    generator = as_generator(rng)
    rows = as_codes("start", start)
    if not len(rows):
        raise BadInput("no row is labelled to start from", fix="name some rows as start")
    features = np.asarray(X)
    labels = np.full(len(features), -1, np.int64)
    labels[rows] = as_labels("the oracle's labels", oracle(rows), n_classes)
    costs, scores = [float(len(rows))], []
    for left in range(rounds, -1, -1):
        model = fit(features[rows], labels[rows])
        scores.append(float(score(model)))
        if not left or (labels >= 0).all():
            break
        chosen = acquisition.select(_pool(model, features, labels), per_round, generator).rows
        labels[chosen] = as_labels("the oracle's labels", oracle(chosen), n_classes)
        rows = np.concatenate([rows, chosen])
        costs.append(float(len(rows)))
    return Rounds(LearningCurve(np.array(costs), np.array(scores)), rows)


def _pool(model: Classifier, X: NDArray[Any], labels: Labels) -> Pool:
    probs = np.asarray(model.predict_proba(X))
    if probs.ndim == 3:
        return Pool(draws=probs, features=X, labels=labels)
    return Pool(pred_probs=probs, features=X, labels=labels)


@dataclass(frozen=True, eq=False)
class CurveBand:
    """The mean of several curves over the same costs, with its 95 % band (Student t over the curves).

    Parameters
    ----------
    cost, mean, low, high : float64 (R + 1,)
        One curve has no band: `low` and `high` are NaN.
    curves : tuple of LearningCurve
    """

    cost: Floats
    mean: Floats
    low: Floats
    high: Floats
    curves: tuple[LearningCurve, ...]

    @classmethod
    def of(cls, curves: Sequence[LearningCurve]) -> CurveBand:
        """Return the band of curves; BadInput when their costs differ."""
        from scipy.special import stdtrit

        if not curves or any(not np.array_equal(curve.cost, curves[0].cost) for curve in curves):
            raise BadInput("the curves do not have the same costs", fix="give curves of the same rounds")
        scores = np.stack([curve.score for curve in curves])
        mean, n = scores.mean(axis=0), len(curves)
        half = np.full(len(mean), np.nan)
        if n > 1:
            half = stdtrit(n - 1, 0.975) * scores.std(axis=0, ddof=1) / np.sqrt(n)
        return cls(curves[0].cost, mean, mean - half, mean + half, tuple(curves))

    def share_of_labels(self, other: CurveBand, start: float | None = None) -> float:
        """Return the share of the labels of `other` at its end that this one needs to reach the score it has there.

        Counted on the mean curves and from nothing; with `start`, from that many labels. NaN where the score is never
        reached.
        """
        needed = LearningCurve(self.cost, self.mean).cost_to_reach(float(other.mean[-1]))
        spent = LearningCurve(other.cost, other.mean).cost_to_reach(float(other.mean[-1]))
        base = 0.0 if start is None else start
        return float("nan") if np.isnan(needed) else (needed - base) / (spent - base)
