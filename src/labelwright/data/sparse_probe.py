"""A linear classifier for sparse features, such as those of tokens: multinomial logistic regression, stopped early.

One pass after the other over the rows in a seeded order, each row moving the weights of its own features by AdaGrad:

    g = (softmax(x W) − e_y) x^T        G ← G + g²        W ← W − rate · g / sqrt(G + eps)

so that rare features move as far as frequent ones. The number of passes is the one with the least log-loss on held-out
stretches of the rows (neighbouring rows, such as tokens of a sentence, stay together), and the logits are divided by
the temperature that is best there.

Source of the step: Duchi, Hazan, Singer, Adaptive Subgradient Methods, JMLR 2011.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

MOST_ROWS = 500_000  # training rows; of more, evenly spaced stretches are used
RATE, EPS = 0.1, 1e-6
MOST_PASSES = 12
_STRETCHES = 50
SMALL = 1e-4  # a slope below this moves nothing: most rows are sure of most classes
_TEMPERATURES = np.exp(np.linspace(-0.5, 1.0, 31))
Weights = tuple[NDArray[np.float32], NDArray[np.float32]]


class SparseProbe(ClassifierMixin, BaseEstimator):
    """Multinomial logistic regression on sparse rows, its passes and temperature chosen inside the training rows.

    Parameters
    ----------
    seed : int
        The order in which rows are seen.

    Attributes
    ----------
    classes_ : array, shape (K,)
    passes_ : int
    temperature_ : float
    coef_ : array of float32, shape (d, K)

    Examples
    --------
    >>> X = sp.csr_matrix([[1.0, 0.0], [0.0, 1.0]] * 10)
    >>> SparseProbe().fit(X, [0, 1] * 10).predict(X[:2])
    array([0, 1])
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Fit on sparse X (n, d) and classes y (n,)."""
        rows, labels = sp.csr_matrix(X, dtype=np.float32), np.asarray(y)
        if rows.shape[0] > MOST_ROWS:
            kept = _stretch(rows.shape[0], 1000) % max(2, -(-rows.shape[0] // MOST_ROWS)) == 0
            rows, labels = rows[np.flatnonzero(kept)], labels[kept]
        self.classes_, target = np.unique(labels, return_inverse=True)
        k, held = len(self.classes_), _stretch(rows.shape[0], _STRETCHES) % 5 == 0
        train, judged = np.flatnonzero(~held), np.flatnonzero(held)
        self.passes_, self.temperature_ = 4, 1.0
        if len(train) and len(judged):
            found = self._choose(rows[train], target[train], rows[judged], target[judged], k)
            self.passes_, self.temperature_ = found
        self.coef_ = np.zeros((rows.shape[1], k), np.float32)
        squares = np.zeros_like(self.coef_)
        for turn in range(self.passes_):
            self._pass(rows, target, (self.coef_, squares), turn)
        return self

    def _choose(
        self, rows: sp.csr_matrix, target: NDArray[np.int64], held: sp.csr_matrix, truth: NDArray[np.int64], k: int
    ) -> tuple[int, float]:
        """Return the passes and the temperature with the least log-loss on held-out rows."""
        weights = np.zeros((rows.shape[1], k), np.float32), np.zeros((rows.shape[1], k), np.float32)
        best = (np.inf, 1, 1.0)
        for turn in range(MOST_PASSES):
            self._pass(rows, target, weights, turn)
            logits = np.asarray(held @ weights[0], dtype=np.float64)
            losses = [_log_loss(logits / t, truth) for t in _TEMPERATURES]
            at = int(np.argmin(losses))
            if losses[at] >= best[0] * 0.999:
                break
            best = losses[at], turn + 1, float(_TEMPERATURES[at])
        return best[1], best[2]

    def _pass(self, rows: sp.csr_matrix, target: NDArray[np.int64], weights: Weights, turn: int) -> None:
        order = np.random.default_rng([self.seed, turn]).permutation(rows.shape[0])
        ends, columns = rows.indptr.astype(np.int64), rows.indices.astype(np.int64)
        _one_pass(order, ends, columns, rows.data, target, *weights, np.float32(RATE), np.float32(EPS))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities, float64 (n, K), rows summing to 1."""
        logits = np.asarray(X @ self.coef_, dtype=np.float64) / self.temperature_
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row."""
        found: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return found


def _stretch(n: int, stretches: int) -> NDArray[np.int64]:
    """Return the stretch of neighbouring rows that each row lies in, int64 (n,)."""
    return np.arange(n) * min(stretches, n) // max(n, 1)


def _log_loss(logits: NDArray[np.float64], target: NDArray[np.int64]) -> float:
    from scipy.special import logsumexp

    return float(np.mean(logsumexp(logits, axis=1) - logits[np.arange(len(target)), target]))


@njit(cache=True, nogil=True)
def _one_pass(
    order: NDArray[Any],
    ends: NDArray[Any],
    columns: NDArray[Any],
    values: NDArray[Any],
    target: NDArray[Any],
    weights: NDArray[Any],
    squares: NDArray[Any],
    rate: Any,
    eps: Any,
) -> None:
    """Move weights (d, K) and their squared slopes (d, K) once for each row of a CSR matrix, in the given order."""
    k = weights.shape[1]
    slope = np.empty(k, np.float32)
    for i in order:
        slope[:] = 0
        for e in range(ends[i], ends[i + 1]):
            for j in range(k):
                slope[j] += weights[columns[e], j] * values[e]
        top = slope.max()
        total = np.float32(0)
        for j in range(k):
            slope[j] = np.exp(slope[j] - top)
            total += slope[j]
        for j in range(k):
            slope[j] /= total
        slope[target[i]] -= np.float32(1)
        for j in range(k):
            if abs(slope[j]) < SMALL:
                continue
            for e in range(ends[i], ends[i + 1]):
                c, g = columns[e], slope[j] * values[e]
                squares[c, j] += g * g
                weights[c, j] -= rate * g / np.sqrt(squares[c, j] + eps)
