"""Cross-fitting: nuisance predictions of a row come from models that did not see it, for many learners at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.data.splits import stratified_folds
from labelwright.decide.contract import Floats
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, same_length

FitPredict = Callable[[Floats, Floats, Floats], Floats]  # X and y to learn from, X to predict


@dataclass(frozen=True)
class CrossFit:
    """Out-of-fold predictions (learners, n) and the fold of each row, int (n,)."""

    predictions: Floats
    fold: NDArray[np.int64]


def crossfit(
    learners: Sequence[FitPredict],
    X: ArrayLike,
    y: ArrayLike,
    folds: int = 5,
    seed: int = 0,
    strata: ArrayLike | None = None,
) -> CrossFit:
    """Return out-of-fold predictions of every learner.

    Parameters
    ----------
    learners : list of callables (X_train, y_train, X_new) -> prediction (m,)
    X : float array (n, d)
    y : float array (n,)
    folds : int, default 5
        At least 2.
    seed : int, default 0
    strata : int array (n,), optional
        Classes that every fold gets its share of.

    Examples
    --------
    >>> mean = lambda X, y, new: np.full(len(new), y.mean())
    >>> crossfit([mean], np.zeros((4, 1)), [0.0, 0.0, 1.0, 1.0], folds=2, strata=[0, 0, 1, 1]).predictions
    array([[0.5, 0.5, 0.5, 0.5]])
    """
    features, target = as_array("X", X, 2), as_array("y", y, 1)
    n = same_length(X=features, y=target)
    if not 2 <= folds <= n:
        raise BadInput(f"there are {n} rows for {folds} folds", fix="give 2 folds or more, and a row for each")
    fold = stratified_folds(np.zeros(n, np.int64) if strata is None else np.asarray(strata), folds, seed)
    out = np.empty((len(learners), n))
    for k in range(folds):
        held_out = fold == k
        for j, learner in enumerate(learners):
            out[j, held_out] = learner(features[~held_out], target[~held_out], features[held_out])
    return CrossFit(out, fold)
