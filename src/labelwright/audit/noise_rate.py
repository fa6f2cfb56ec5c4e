"""How many labels are wrong, and which classes are taken for which: a model's estimate with its interval.

The confident joint is counted over rows, so its uncertainty is that of counting: a bootstrap over rows is a multinomial
draw over the cells of the joint (and, for each class, the rows that were not counted). The interval says how far the
estimate would move with other rows of the same kind. It does not say how good the model is: a weak model confuses
classes that people do not, and then the whole interval lies too high.

Source: Northcutt, Jiang, Chuang, Confident Learning, JAIR 2021 [P042].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_learning import confident_rows
from labelwright.errors import BadInput


@dataclass(frozen=True)
class NoiseEstimate:
    """A model's estimate of the label noise.

    Parameters
    ----------
    joint : float64, shape (K, K)
        Share of rows for each pair; rows = truth, columns = given label; sums to 1.
    transition_matrix : float64, shape (K, K)
        Probability of each given label (columns) for each truth (rows); rows sum to 1.
    noise_rate : float
        Share of rows whose given label differs from the truth, in [0, 1].
    low, high : float
        Bootstrap interval of the noise rate.
    level : float
        Of the interval.
    source : str
        ``"model estimate"``: no person has checked it.
    """

    joint: NDArray[np.float64]
    transition_matrix: NDArray[np.float64]
    noise_rate: float
    low: float
    high: float
    level: float = 0.95
    source: str = "model estimate"


def estimate_noise(
    labels: ArrayLike, pred_probs: ArrayLike, *, seed: int = 0, n_bootstrap: int = 200, level: float = 0.95
) -> NoiseEstimate:
    """Estimate the share of wrong labels, which classes are given for which, and a bootstrap interval.

    Parameters
    ----------
    labels : int, shape (n,)
        Given labels in [0, K); rows with -1 (unlabelled) are left out.
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample.
    seed : int
        Of the bootstrap.
    n_bootstrap : int
        Draws, at least 1.
    level : float
        Of the interval, in (0, 1).

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]]
    >>> estimate_noise([0, 0, 1, 1], probs).noise_rate
    0.25
    """
    given, probs = np.asarray(labels), np.asarray(pred_probs)
    if not (0 < level < 1 and n_bootstrap >= 1):
        raise BadInput(f"level is {level} and n_bootstrap {n_bootstrap}", fix="use 0 < level < 1 and n_bootstrap >= 1")
    if given.ndim == 1 and (given == -1).any():
        given, probs = given[given != -1], probs[given != -1]
    rows = confident_rows(given, probs)
    joint = _scaled_joint(rows.counts.dense(), rows.label_counts)
    rates = _bootstrap(rows.counts.diagonal, rows.counts.row_sums, rows.label_counts, seed, n_bootstrap)
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2]) if len(given) else (0.0, 1.0)
    rate = float(max(0.0, joint.sum() - joint.trace()))
    return NoiseEstimate(joint, _by_row(joint), rate, min(float(low), rate), max(float(high), rate), level)


def _scaled_joint(counts: NDArray, label_counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Scale counts (given, truth) to the size of each given class; return shares (truth, given)."""
    per_given = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return np.ascontiguousarray((per_given * (label_counts / max(label_counts.sum(), 1))[:, None]).T)


def _by_row(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row divided by its sum; a class that is never the truth keeps its label."""
    total = joint.sum(axis=1, keepdims=True)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), np.eye(len(joint)))


def _bootstrap(
    kept: NDArray, counted: NDArray, label_counts: NDArray[np.int64], seed: int, draws: int
) -> NDArray[np.float64]:
    """Draw noise rates: for each class only its kept, moved and uncounted rows matter."""
    n = int(label_counts.sum())
    if n == 0:
        return np.zeros(draws)
    cells = np.stack([kept, counted - kept, np.maximum(label_counts - counted, 0)]).astype(np.float64)
    drawn = np.random.default_rng(seed).multinomial(n, (cells / cells.sum()).ravel(), size=draws)
    same, moved, rest = drawn.reshape(draws, 3, -1).transpose(1, 0, 2)
    share = moved / np.maximum(same + moved, 1)
    return ((same + moved + rest) * share).sum(axis=1) / n
