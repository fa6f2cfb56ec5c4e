"""What deciders offer, and what they ask of the data that they are fitted on.

A decider stands behind any model: it sees predicted probabilities and true labels of rows that the model was not
trained on (calibration rows), and no features.
"""

from __future__ import annotations

from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_labels, as_mask, as_probs, same_length

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@runtime_checkable
class Decider(Protocol):
    """Something fitted on the predicted probabilities (n, K) and true labels of calibration rows."""

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn from calibration rows; returns itself."""
        ...


@runtime_checkable
class Calibrator(Decider, Protocol):
    """A decider that mends probabilities."""

    def calibrate(self, pred_probs: ArrayLike) -> Floats:
        """Return probabilities (m, K) that mean what they say."""
        ...


@runtime_checkable
class SetPredictor(Decider, Protocol):
    """A decider that answers with a set of labels a row."""

    def predict_set(self, pred_probs: ArrayLike) -> Bools:
        """Return which labels are in the set of each row, bool (m, K)."""
        ...


@runtime_checkable
class Abstainer(Decider, Protocol):
    """A decider that declines to answer some rows."""

    def abstain(self, pred_probs: ArrayLike) -> Bools:
        """Return which rows are left to a person, bool (m,)."""
        ...


@runtime_checkable
class OnlineDecider(Decider, Protocol):
    """A decider that keeps learning while true labels come in."""

    def partial_fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Add calibration rows."""
        ...


def known_rows(pred_probs: ArrayLike, y: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """Return probabilities (n, K) and classes (n,) of the rows whose label is known (not -1)."""
    probs = as_probs("pred_probs", pred_probs)
    labels = as_labels("y", y, probs.shape[1])
    same_length(pred_probs=probs, y=labels)
    known = labels >= 0
    if not known.any():
        raise BadInput("there is no calibration row with a known label", fix="give rows that the model has not seen")
    return (probs, labels) if known.all() else (probs[known], labels[known])


def label_probs(name: str, values: ArrayLike, n_labels: int | None = None) -> Floats:
    """Return one probability a label as float64 (n, K): in [0, 1], rows need not sum to 1."""
    probs = np.asarray(values)
    sound = probs.dtype == np.float64 and probs.ndim == 2 and probs.size and probs.min() >= 0 and probs.max() <= 1
    if not sound:  # NaN fails the comparison as well
        probs = as_array(name, values, 2)
    if not probs.shape[1]:
        raise BadInput(f"{name} has no columns", fix="give one column a label")
    if not sound and probs.size and not (probs.min() >= 0 and probs.max() <= 1):
        row = int(np.argwhere((probs < 0) | (probs > 1))[0][0])
        raise BadInput(f"{name} holds a number outside [0, 1]", where=f"row {row}", fix="apply the sigmoid to logits")
    if n_labels is not None and probs.shape[1] != n_labels:
        raise BadInput(f"{name} has {probs.shape[1]} columns but there are {n_labels} labels")
    return probs


def tag_matrix(name: str, values: ArrayLike, probs: Floats) -> Bools:
    """Return several labels a row as bool (n, K), of the shape of `probs`."""
    tags = as_mask(name, values, 2)
    if tags.shape != probs.shape:
        raise BadInput(f"{name} has shape {tags.shape} but the probabilities have {probs.shape}")
    return tags


def same_width(pred_probs: ArrayLike, n_classes: int) -> Floats:
    """Return probabilities (m, K), refused where K is not the number of classes that was fitted."""
    probs = as_probs("pred_probs", pred_probs)
    if probs.shape[1] != n_classes:
        raise BadInput(f"pred_probs has {probs.shape[1]} columns but {n_classes} classes were fitted")
    return probs


def group_codes(groups: ArrayLike) -> tuple[list[Any], NDArray[np.int64]]:
    """Return the names of the groups, sorted, and the number of each row's group, int (n,)."""
    values = np.asarray(groups)
    if values.ndim != 1:
        raise BadInput(f"groups has {values.ndim} dimensions", fix="give one group a row")
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise BadInput("groups holds NaN", where=f"row {int(np.argmax(np.isnan(values)))}", fix="name that group")
    try:
        names, codes = np.unique(values, return_inverse=True)
    except TypeError:
        raise BadInput("groups mixes kinds of values", fix="give all of them as text, or all as numbers") from None
    return names.tolist(), codes.astype(np.int64)


def fitted(decider: Any, attribute: str) -> None:
    """Refuse use before `fit`."""
    if not hasattr(decider, attribute):
        raise BadInput(f"this {type(decider).__name__} is not fitted yet", fix="call fit(pred_probs, y) first")


def as_rate(name: str, value: float) -> float:
    """Return an error rate in (0, 1) as float; the ends promise nothing or everything."""
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "iuf" or not 0 < float(number) < 1:
        raise BadInput(f"{name} is {value!r}", fix=f"give {name} between 0 and 1, such as 0.1")
    return float(number)
