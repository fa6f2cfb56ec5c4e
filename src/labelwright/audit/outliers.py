"""Rows that lie far from all others.

Let d_i be the mean distance of row i to its k nearest neighbours and r_i = d_i / median of d over these neighbours.
With spreads(v)_i = (v_i − median v) / (90 % quantile − median of v), a row is an issue when it is

    far from all       spreads(log d)_i ≥ factor  and  r_i ≥ min_ratio, or
    far for its place  spreads(log r)_i ≥ factor,  r_i ≥ 2 min_ratio  and  d_i ≥ median d

Spreads adapt to how distances vary in this data; the ratio spares sparse regions whose rows are all far apart. The
score is 1 / (1 + spreads / factor), so that rows are ordered by distance; an issue has a score of 0.5 or less, and
what the ratio spares one just above. In the spirit of local density ratios
(Breunig et al., LOF, SIGMOD 2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.inputs import NeighborTable, neighbor_arrays, probabilities, reasons_at
from labelwright.audit.scores import Scores

# Below these the spread of log distances (entropies) is taken as noise of the measurement.
_LEAST_LOG_SPREAD = 0.05
_LEAST_ENTROPY_SPREAD = 0.05
# Evidence against a row that lies far out among rows that all do.
_SPARED = 0.99


@dataclass(frozen=True)
class Outliers:
    """Find rows unlike all others from the distances to their nearest neighbours.

    Parameters
    ----------
    k : int, default 10
        Neighbours that count; fewer where the table holds fewer.
    factor : float, default 3.5
        How many spreads (median to 90 % quantile) above the median an outlier lies, > 0.
    min_ratio : float, default 1.3
        How many times farther than its neighbours' own distances, > 1.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> near = SimpleNamespace(indices=np.arange(30)[:, None] ^ 1, distances=np.ones((30, 1)))
    >>> near.distances[7], near.indices[6] = 9.0, 5
    >>> np.flatnonzero(Outliers().score(near).is_issue)
    array([7])
    """

    k: int = 10
    factor: float = 3.5
    min_ratio: float = 1.3

    def score(self, neighbors: NeighborTable, *, pred_probs: ArrayLike | None = None) -> Scores:
        """Return one entry a row.

        Parameters
        ----------
        neighbors : NeighborTable
            Nearest other rows, (n, k).
        pred_probs : array of float64, shape (n, K), optional
            Out-of-sample probabilities. They never decide what is an outlier; the reason tells when the model too
            is unsure of the row.
        """
        indices, distances, valid = neighbor_arrays(neighbors)
        n = len(indices)
        if n == 0 or not valid.any():
            return Scores("outlier", "row", np.ones(n), np.zeros(n, dtype=bool), rows=np.arange(n))
        mean = _mean_distance(distances[:, : self.k], valid[:, : self.k])
        typical = float(np.median(mean[mean > 0])) if (mean > 0).any() else 0.0
        if typical == 0.0:
            return Scores("outlier", "row", np.ones(n), np.zeros(n, dtype=bool), rows=np.arange(n))
        local = _local_distance(mean, indices[:, : self.k], valid[:, : self.k], floor=0.05 * typical)
        evidence = self._evidence(mean, local, typical)
        is_issue = evidence >= 1
        found = np.flatnonzero(is_issue)
        unsure = np.zeros(n) if pred_probs is None else normalized_entropy(pred_probs, n)
        reasons = [_reason(mean[row], typical, unsure[row]) for row in found]
        return Scores(
            "outlier",
            "row",
            1 / (1 + np.maximum(evidence, 0)),
            is_issue,
            rows=np.arange(n),
            reason=reasons_at(found, reasons, n),
        )

    def _evidence(self, mean: NDArray[np.float64], local: NDArray[np.float64], typical: float) -> NDArray[np.float64]:
        """Return how far each row lies out: 1 at the limit of an issue."""
        log_d = np.log(np.maximum(mean, 1e-9 * typical))
        log_r = log_d - np.log(local)
        far = _spreads_above(log_d, mean > 0, _LEAST_LOG_SPREAD) / self.factor
        far = np.where(log_r >= np.log(self.min_ratio), far, np.minimum(far, _SPARED))
        out_of_place = _spreads_above(log_r, mean > 0, _LEAST_LOG_SPREAD) / self.factor
        stands_out = (out_of_place >= 1) & (log_r >= np.log(2 * self.min_ratio)) & (mean >= typical)
        return np.where(stands_out, np.maximum(far, out_of_place), far)


@dataclass(frozen=True)
class UncertainRows:
    """Find outliers from predicted probabilities alone: rows of which the model knows nothing, unlike the others.

    Parameters
    ----------
    factor : float, default 3.5
        How many spreads (median to 90 % quantile) of the normalised entropy above its median, > 0.

    Examples
    --------
    >>> p = np.array([[0.99, 0.01]] * 30 + [[0.5, 0.5]])
    >>> UncertainRows().score(p).n_issues
    1
    """

    factor: float = 3.5

    def score(self, pred_probs: ArrayLike) -> Scores:
        """Return one entry a row; score = 1 / (1 + spreads above the median / factor). Shape (n, K), K >= 2."""
        n = len(np.asarray(pred_probs))
        if n == 0:
            return Scores.none("outlier", "row")
        entropy = normalized_entropy(pred_probs, n)
        evidence = _spreads_above(entropy, np.ones(n, dtype=bool), _LEAST_ENTROPY_SPREAD) / self.factor
        is_issue = evidence >= 1
        found = np.flatnonzero(is_issue)
        top = np.asarray(pred_probs)[found].max(axis=1) if len(found) else np.empty(0)
        reasons = [f"the model cannot tell what this is: its best class has probability {p:.2f}" for p in top]
        return Scores(
            "outlier",
            "row",
            1 / (1 + np.maximum(evidence, 0)),
            is_issue,
            rows=np.arange(n),
            reason=reasons_at(found, reasons, n),
        )


def normalized_entropy(pred_probs: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return the entropy of each row of (n, K) probabilities over log K, in [0, 1]."""
    p = np.asarray(pred_probs)
    p = np.clip(probabilities(p, n, p.shape[1] if p.ndim == 2 else 0), 0.0, 1.0)
    if p.shape[1] < 2:
        return np.zeros(n)
    log_p = np.log(np.where(p > 0, p, 1.0))
    return np.clip(-(p * log_p).sum(axis=1) / np.log(p.shape[1]), 0.0, 1.0)


def _mean_distance(distances: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    counts = valid.sum(axis=1)
    return np.where(valid, distances, 0.0).sum(axis=1) / np.maximum(counts, 1)


def _local_distance(
    mean: NDArray[np.float64], indices: NDArray[np.int64], valid: NDArray[np.bool_], floor: float
) -> NDArray[np.float64]:
    """Median of the neighbours' own mean distances; exact twins have none, so a floor keeps the ratio finite."""
    around = np.where(valid, mean[np.maximum(indices, 0)], np.nan)
    around[~valid.any(axis=1), 0] = floor
    local: NDArray[np.float64] = np.nanmedian(around, axis=1)
    return np.maximum(local, floor)


def _spreads_above(values: NDArray[np.float64], counted: NDArray[np.bool_], least_spread: float) -> NDArray[np.float64]:
    middle, high = np.quantile(values[counted], [0.5, 0.9])
    return (values - middle) / max(high - middle, least_spread)


def _reason(mean: float, typical: float, entropy: float) -> str:
    text = f"{mean / typical:.1f} times as far from its nearest rows as a typical row is"
    return f"{text}, and the model is unsure of it" if entropy > 0.7 else text
