"""Corrupt some training labels, fit, and see what became of them: remembered as given, or answered rightly?

Source: shared block of [P084] and [P149].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_class_count, as_labels, same_length
from labelwright.noise.simulate_labels import NoisyLabels, symmetric_noise

Codes = NDArray[np.int64]
# Takes rows and labels and returns a model with `predict`, or a function from rows to classes.
Fit = Callable[[Any, Codes], Any]
Corrupt = Callable[[Codes, int], NoisyLabels]


@dataclass(frozen=True)
class ProbeAccuracies:
    """Four accuracies of one fit on corrupted labels, in [0, 1]; NaN over no rows.

    Parameters
    ----------
    remembered : float
        Corrupted rows that are predicted as their wrong label.
    recovered : float
        Corrupted rows that are predicted as their true label.
    untouched : float
        Other training rows that are predicted rightly.
    test : float
    """

    remembered: float
    recovered: float
    untouched: float
    test: float

    def training_accuracy(self, changed_share: float) -> float:
        """Return the accuracy by the given, corrupted labels when that share of them was changed."""
        parts = ((changed_share, self.remembered), (1 - changed_share, self.untouched))
        return sum(share * value for share, value in parts if share)


@dataclass(frozen=True, eq=False)
class Probe:
    """One corruption and one fit: the labels, int64 (n,), and what was predicted for training and test rows."""

    truth: Codes
    given: Codes
    predicted: Codes
    test_truth: Codes
    test_predicted: Codes

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Which labels really differ from the truth."""
        return self.given != self.truth

    def accuracies(self) -> ProbeAccuracies:
        """Return the four accuracies."""
        return probe_accuracies(self.predicted, self.truth, self.given, self.test_predicted, self.test_truth)


def probe_accuracies(
    predicted: ArrayLike, truth: ArrayLike, given: ArrayLike, test_predicted: ArrayLike, test_truth: ArrayLike
) -> ProbeAccuracies:
    """Return the four accuracies of a model that learned from `given`; all int arrays, the first three of one length.

    Examples
    --------
    >>> probe_accuracies([0, 1, 1], [0, 0, 1], [0, 1, 1], [1], [1])
    ProbeAccuracies(remembered=1.0, recovered=0.0, untouched=1.0, test=1.0)
    """
    p, y, g = (np.asarray(a) for a in (predicted, truth, given))
    q, z = np.asarray(test_predicted), np.asarray(test_truth)
    same_length(predicted=p, truth=y, given=g)
    same_length(test_predicted=q, test_truth=z)
    changed = g != y
    return ProbeAccuracies(_mean((p == g)[changed]), _mean((p == y)[changed]), _mean((p == y)[~changed]), _mean(q == z))


def corruption_probe(
    fit: Fit,
    X: Any,
    labels: ArrayLike,
    X_test: Any,
    test_labels: ArrayLike,
    n_classes: int,
    rate: float,
    seed: int,
    *,
    corrupt: Corrupt | None = None,
) -> Probe:
    """Fit on labels of which a share was corrupted, and predict the training and the test rows.

    Parameters
    ----------
    fit : callable
        Takes X and labels, returns a model with `predict` or a function from rows to classes.
    X, X_test : whatever `fit` and its model take
    labels, test_labels : int arrays (n,), (m,)
        Clean labels in 0 … K − 1.
    n_classes : int
    rate : float in [0, 1]
        Each label is replaced by one of the other classes with this probability.
    seed : int
    corrupt : callable, optional
        Labels and seed to `NoisyLabels`, in place of even noise of that rate.

    Raises
    ------
    BadInput
        When the model returns something else than one class a row.

    Examples
    --------
    >>> remember = lambda X, y: dict(zip(X, y))
    >>> fit = lambda X, y: lambda rows, table=remember(X, y): np.array([table.get(r, 0) for r in rows])
    >>> corruption_probe(fit, list(range(40)), [0] * 40, [99], [0], 2, rate=0.5, seed=0).accuracies().remembered
    1.0

    Source: shared block of [P084].
    """
    y, z = as_labels("labels", labels, as_class_count(n_classes, 2)), as_labels("test_labels", test_labels, n_classes)
    if (y < 0).any() or (z < 0).any():
        raise BadInput("a label is unknown (-1)", fix="leave such rows out")
    given = (corrupt(y, seed) if corrupt else symmetric_noise(y, rate, n_classes, seed)).labels.astype(np.int64)
    model = fit(X, given)
    return Probe(y, given, answers(model, X, len(y)), z, answers(model, X_test, len(z)))


def answers(model: Any, X: Any, n: int) -> Codes:
    """Return the classes that a fitted model predicts, int64 (n,)."""
    found = np.asarray(getattr(model, "predict", model)(X))
    if found.shape != (n,):
        raise BadInput(f"the model returned shape {found.shape} for {n} rows", fix="return one class a row")
    return found.astype(np.int64)


def _mean(values: NDArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
