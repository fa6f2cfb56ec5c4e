"""One fold of a cross-validation: fit a copy of the estimator on the other folds, ask it about the rows left out.

It runs in a process of its own, so everything here is found by name and holds no state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput

Predict = Callable[[Any, Any, NDArray, Any], NDArray]  # estimator, X to fit, its targets, X to predict


def one_fold(
    X: Any, targets: NDArray, fold: NDArray[np.int64], f: int, estimator: Any, predict: Predict, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the predictions for fold f and for the unlabelled rows, from a model fitted on the other folds."""
    from threadpoolctl import threadpool_limits

    train, test, others = np.flatnonzero((fold >= 0) & (fold != f)), np.flatnonzero(fold == f), np.flatnonzero(fold < 0)
    with threadpool_limits(1):
        asked = np.concatenate([test, others])
        said = predict(_seeded(estimator, seed), _take(X, train), targets[train], _take(X, asked))
    return said[: len(test)], said[len(test) :]


def _seeded(estimator: Any, seed: int) -> Any:
    """Return an unfitted copy with every open random state set from the seed."""
    from sklearn.base import clone

    try:
        model = clone(estimator)
    except TypeError:
        raise BadInput(
            f"{type(estimator).__name__} is not a scikit-learn estimator", fix="pass one with fit and predict"
        ) from None
    open_states = {
        name: seed
        for name, value in model.get_params().items()
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    }
    return model.set_params(**open_states) if open_states else model


class ClassProbs:
    """Fit a classifier and return its probabilities in columns 0 to K - 1."""

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes

    def __call__(self, model: Any, X: Any, labels: NDArray, asked: Any) -> NDArray[np.float64]:
        n = asked.shape[0] if hasattr(asked, "shape") else len(asked)
        out = np.zeros((n, self.n_classes))
        present = np.unique(labels)
        if len(present) == 1:
            out[:, present[0]] = 1.0
            return out
        if not hasattr(model, "predict_proba"):
            raise BadInput(
                f"{type(model).__name__} gives no probabilities",
                fix="wrap it in sklearn.calibration.CalibratedClassifierCV",
            )
        model.fit(X, labels)
        if n:
            out[:, np.asarray(model.classes_, dtype=np.int64)] = model.predict_proba(asked)
        total = out.sum(axis=1, keepdims=True)
        if not (np.isfinite(out).all() and (out >= 0).all() and (total > 0).all()):
            raise BadInput(f"{type(model).__name__} predicted probabilities that are negative, NaN or all zero")
        return out / total


def tag_probs(model: Any, X: Any, tags: NDArray, asked: Any) -> NDArray[np.float64]:
    said = model.fit(X, tags).predict_proba(asked)
    if isinstance(said, list):
        columns = [np.asarray(p) for p in said]
        said = np.column_stack(
            [p[:, 1] if p.shape[1] == 2 else np.full(len(p), tags[0, t]) for t, p in enumerate(columns)]
        )
    return np.asarray(said, dtype=np.float64)


def value(model: Any, X: Any, values: NDArray, asked: Any) -> NDArray[np.float64]:
    return np.asarray(model.fit(X, values).predict(asked), dtype=np.float64).reshape(-1)


def _take(X: Any, rows: NDArray) -> Any:
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    return [X[i] for i in rows.tolist()] if isinstance(X, list | tuple) else X[rows]
