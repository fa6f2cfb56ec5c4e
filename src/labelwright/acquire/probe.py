"""The linear model that rounds of labelling fit again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.acquire.contract import Floats, Rows
from labelwright.data.probes import LinearProbe


class FittedProbe:
    """A linear probe whose columns are all classes, seen or not.

    Parameters
    ----------
    X : float array (n, d)
    labels : int64 (n,)
        Of one class or more; with one it is all that is predicted.
    n_classes, seed : int
    """

    def __init__(self, X: NDArray[Any], labels: Rows, n_classes: int, seed: int = 0) -> None:
        self.n_classes, self.seen = n_classes, np.unique(labels)
        self.model = LinearProbe(seed).fit(X, labels) if len(self.seen) > 1 else None

    def predict_proba(self, X: NDArray[Any]) -> Floats:
        """Return P(class | x), float64 (n, K); 0 for classes that were not seen."""
        probs = np.zeros((len(X), self.n_classes))
        probs[:, self.seen] = 1.0 if self.model is None else self.model.predict_proba(X)
        return probs


def fit_probe(n_classes: int, seed: int = 0) -> Callable[[NDArray[Any], Rows], FittedProbe]:
    """Return the fit of a linear probe, features (n, d) and labels (n,) → model, as `run_rounds` takes it.

    Examples
    --------
    >>> fit_probe(3)(np.array([[0.0], [1.0]] * 5), np.array([0, 1] * 5)).predict_proba(np.array([[1.0]])).argmax()
    np.int64(1)
    """
    return lambda X, y: FittedProbe(X, y, n_classes, seed)
