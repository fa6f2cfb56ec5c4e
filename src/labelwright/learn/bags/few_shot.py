"""How good frozen features are when only a few labels of each class are known.

A task draws `n_way` classes, `n_shot` labelled rows and `n_query` rows to be judged of each; a classifier is fitted on
the former. The score is the mean of the macro-F1 over many tasks with a Student t interval.

Source: the protocol of Zhang et al., ICLR 2024 [P029].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics import macro_f1
from labelwright.metrics.checks import as_codes


@dataclass(frozen=True, eq=False)
class FewShotScore:
    """Mean macro-F1 in [0, 1] with its 95 % interval, and the score of each task (tasks,)."""

    mean: float
    low: float
    high: float
    per_task: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FewShotEvaluator:
    """Judge features by few-shot classification. [P029]

    Parameters
    ----------
    n_way, n_shot, n_query : int, default 5, 5, 15
        Classes a task, labelled rows a class, judged rows a class.
    n_tasks : int, default 1000
    classifier : scikit-learn classifier, optional
        Cloned for each task; logistic regression by default. `RidgeClassifier()` and `NearestCentroid()` are faster.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1, 2], 30)
    >>> score = FewShotEvaluator(n_way=3, n_tasks=5).evaluate(rng.normal(size=(90, 4)) + 9 * y[:, None], y, seed=0)
    >>> score.mean > 0.95
    True
    """

    n_way: int = 5
    n_shot: int = 5
    n_query: int = 15
    n_tasks: int = 1000
    classifier: Any = field(default=None)

    def __post_init__(self) -> None:
        if min(self.n_shot, self.n_query, self.n_tasks) < 1 or self.n_way < 2:
            raise BadInput("a task needs two classes or more, and one row or more of each kind")

    def evaluate(self, features: ArrayLike, labels: ArrayLike, seed: int) -> FewShotScore:
        """Return the score of features (n, d) with fine labels int (n,), -1 = unknown."""
        X, y = np.asarray(features, dtype=np.float64), as_codes("labels", labels)
        if X.ndim != 2 or len(X) != len(y) or not np.isfinite(X).all():
            raise BadInput(f"features {X.shape} do not fit {len(y)} labels, or are not finite", fix="pass (n, d)")
        rows = [np.flatnonzero(y == c) for c in np.unique(y[y >= 0])]
        rows = [own for own in rows if len(own) >= self.n_shot + self.n_query]
        if len(rows) < self.n_way:
            raise BadInput(
                f"{len(rows)} classes have {self.n_shot + self.n_query} rows or more, a task needs {self.n_way}",
                fix="choose a smaller n_way, n_shot or n_query",
            )
        rng = np.random.default_rng(seed)
        scores = np.array([self._task(X, rows, rng) for _ in range(self.n_tasks)])
        return _with_interval(scores)

    def _task(self, X: NDArray[np.float64], rows: list[NDArray[np.int64]], rng: np.random.Generator) -> float:
        from sklearn.base import clone
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(max_iter=1000) if self.classifier is None else clone(self.classifier)
        size = self.n_shot + self.n_query
        chosen = [rng.choice(rows[c], size, replace=False) for c in rng.choice(len(rows), self.n_way, replace=False)]
        support = np.concatenate([own[: self.n_shot] for own in chosen])
        query = np.concatenate([own[self.n_shot :] for own in chosen])
        model.fit(X[support], np.repeat(np.arange(self.n_way), self.n_shot))
        truth = np.repeat(np.arange(self.n_way), self.n_query)
        return macro_f1(truth, model.predict(X[query]), self.n_way)


def _with_interval(scores: NDArray[np.float64]) -> FewShotScore:
    from scipy.special import stdtrit

    n, mean = len(scores), float(scores.mean())
    half = float(stdtrit(n - 1, 0.975) * scores.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return FewShotScore(mean, mean - half, mean + half, scores)


def excess_risk_slope(sizes: ArrayLike, risk: ArrayLike, floor: float = 0.0) -> float:
    """Return the slope of log(risk − floor) against log(size): how fast the risk falls with more sets or labels.

    −1 is the fast rate that the theory gives where the coarse labels follow from what the fine head needs, −1/2 the
    usual one.

    Parameters
    ----------
    sizes, risk : float array (r,)
        At least two different sizes, > 0.
    floor : float, default 0.0
        The risk that remains with endless data, below every measured risk.

    Examples
    --------
    >>> round(excess_risk_slope([10, 100, 1000], [0.3, 0.2 + 0.01, 0.201], floor=0.2), 3)
    -1.0
    """
    m, excess = np.asarray(sizes, dtype=np.float64), np.asarray(risk, dtype=np.float64) - floor
    if m.shape != excess.shape or m.ndim != 1 or len(np.unique(m)) < 2 or not ((m > 0).all() and (excess > 0).all()):
        raise BadInput("sizes and risks are not two or more positive pairs above the floor", fix="measure more sizes")
    return float(np.polyfit(np.log(m), np.log(excess), 1)[0])
