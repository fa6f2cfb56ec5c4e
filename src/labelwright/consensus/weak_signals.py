"""Weak signals: sources that say of each class how likely it is, and may be silent about a row.

A signal Q (n, m, K) in [0, 1] holds P(class | source) for n rows and m sources, NaN where a source is silent. Its
expected error on class k under labels y is

    e_mk = mean over the rows that it speaks of:  (1 − y_k) Q_mk + y_k (1 − Q_mk)

Source: You, Arachie, Huang, Weakly supervised label learning flows, Neural Networks 2025 [P088].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence import Votes

Floats = NDArray[np.float64]


def checked_signals(signals: ArrayLike | Votes) -> Floats:
    """Return signals as float64 (n, m, K), NaN where a source is silent; votes say 1 for one class, 0 for the others.

    Raises
    ------
    BadInput
        For another shape, a value outside [0, 1], or a source that is silent about part of the classes of a row.
    """
    if isinstance(signals, Votes):
        return signals_from_votes(signals)
    given = np.asarray(signals, dtype=np.float64)
    if given.ndim != 3 or 0 in given.shape or given.shape[2] < 2:
        raise BadInput(
            f"weak signals have shape {given.shape}", fix="pass (rows, sources, classes) with at least two classes"
        )
    silent = np.isnan(given)
    if (silent.any(axis=2) != silent.all(axis=2)).any():
        raise BadInput("a source is silent about part of the classes of a row", fix="give all classes or NaN for all")
    if not ((given >= 0) & (given <= 1) | silent).all():
        raise BadInput("a weak signal is outside [0, 1]", fix="pass probabilities, NaN where a source is silent")
    return given


def signals_from_votes(votes: Votes) -> Floats:
    """Return votes as weak signals (n, m, K): 1 for the class voted for, NaN in all classes without a vote.

    Examples
    --------
    >>> signals_from_votes(Votes.from_matrix([[1, -1]], n_classes=2))
    array([[[ 0.,  1.],
            [nan, nan]]])
    """
    table = votes.to_matrix()
    signals = (table[:, :, None] == np.arange(votes.n_classes or 0)).astype(np.float64)
    signals[table < 0] = np.nan
    return signals


def weak_signal_error(labels: ArrayLike, signals: ArrayLike | Votes) -> Floats:
    """Return the expected error e (m, K) of each source on each class under labels; 0 for a source that never speaks.

    With the labels of some known rows, or with a label model's probabilities, this makes the bounds that
    `LabelLearningFlow` takes.

    Parameters
    ----------
    labels : int array (n,) or float array (n, K)
        Known classes, or P(class).
    signals : float array (n, m, K) or Votes
        In [0, 1], NaN where a source is silent.

    Examples
    --------
    >>> weak_signal_error([0, 1], [[[0.9, 0.1]], [[0.4, 0.6]]])
    array([[0.25, 0.25]])

    Source: [P088].
    """
    q = checked_signals(signals)
    n, _, k = q.shape
    y = np.asarray(labels)
    if y.shape == (n,) and y.dtype.kind in "iu" and ((y >= 0) & (y < k)).all():
        y = np.eye(k)[y]
    if y.shape != (n, k) or not np.isfinite(y).all():
        raise BadInput(
            f"labels of shape {np.shape(labels)} do not fit {n} rows and {k} classes", fix="pass classes or (n, K)"
        )
    spoken = ~np.isnan(q)
    each = np.where(spoken, (1 - y)[:, None] * q + y[:, None] * (1 - q), 0.0)
    return each.sum(axis=0) / np.maximum(spoken.sum(axis=0), 1)
