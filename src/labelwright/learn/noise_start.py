"""Where learnt label noise starts: an estimate from out-of-fold predictions, before a network memorises labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.noise_rate import estimate_noise
from labelwright.data.crossval import out_of_fold_probs

MOST_ROWS = 5_000  # rows that the estimate looks at
LEAST_ROWS = 50
SUPPOSED = 0.1  # share of wrong labels where there are too few rows to tell


def estimated_transition(
    x: NDArray[np.floating], labels: NDArray[np.integer], n_classes: int, seed: int
) -> NDArray[np.float64]:
    """Return a transition matrix (K, K), rows = truth, to start learning from.

    Parameters
    ----------
    x : float array (n, ...)
    labels : int array (n,)
        -1 = unknown.
    n_classes : int
    seed : int

    Notes
    -----
    A linear probe predicts part of the rows out of fold; the truth model of `estimate_noise` reads the noise from
    where it disagrees with the labels. With few rows one label in ten is supposed to be wrong, anyhow.
    """
    even = np.full((n_classes, n_classes), SUPPOSED / max(n_classes - 1, 1))
    np.fill_diagonal(even, 1 - SUPPOSED if n_classes > 1 else 1.0)
    rows = np.flatnonzero(labels >= 0)
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
    counts = np.bincount(labels[rows], minlength=n_classes)
    if n_classes < 2 or len(rows) < LEAST_ROWS or counts.min() < 5:
        return even
    flat = np.asarray(x[rows], dtype=np.float32).reshape(len(rows), -1)
    probs = out_of_fold_probs(flat, labels[rows], n_classes, folds=4, seed=seed)
    found = np.asarray(estimate_noise(labels[rows], probs, seed=seed, n_bootstrap=2).transition_matrix)
    mixed: NDArray[np.float64] = 0.95 * found + 0.05 * even
    return mixed
