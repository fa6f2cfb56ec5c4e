"""Confident learning one class at a time: each class is a binary problem with probabilities [1 − p, p] [P042, P071]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_learning import calibrate_confident_joint, compute_confident_joint
from labelwright.audit.confident_rows import confident_rows
from labelwright.audit.multilabel_tags import as_tags
from labelwright.audit.probabilities import as_probabilities, value_dtype
from labelwright.errors import BadInput


def binary_problems(tags: Any, pred_probs: ArrayLike) -> Iterator[tuple[NDArray[np.int64], NDArray, NDArray]]:
    """Yield, for each class, the rows whose tag is known, their tags 0/1, and probabilities [1 − p, p]."""
    probs = as_probabilities(pred_probs)
    given = as_tags(tags, probs.shape[1], len(probs))
    for k in range(probs.shape[1]):
        column = given[:, k]
        rows = np.flatnonzero(column >= 0)
        p = np.asarray(probs[rows, k], dtype=value_dtype(probs))
        pair = np.empty((len(rows), 2), dtype=p.dtype)
        pair[:, 0], pair[:, 1] = 1 - p, p
        yield rows, column[rows], pair


def multilabel_thresholds(tags: Any, pred_probs: ArrayLike) -> NDArray[np.floating]:
    """Return the confident thresholds of "has it not" and "has it" for each class, shape (K, 2)."""
    return np.stack([confident_rows(tag, pair).thresholds for _, tag, pair in binary_problems(tags, pred_probs)])


def multilabel_confident_joint(
    tags: Any,
    pred_probs: ArrayLike,
    *,
    thresholds: ArrayLike | None = None,
    calibrate: bool = True,
    indices: bool = False,
) -> Any:
    """Return the confident joint of each class, int64 (K, 2, 2); with `indices` also the rows off each diagonal."""
    joints, off_diagonals = [], []
    for rows, tag, pair in binary_problems(tags, pred_probs):
        joint, off = compute_confident_joint(
            tag, pair, thresholds=thresholds, calibrate=calibrate, return_indices_of_off_diagonals=True
        )
        joints.append(joint)
        off_diagonals.append(rows[off])
    stacked = np.stack(joints)
    return (stacked, off_diagonals) if indices else stacked


def calibrate_multilabel(confident_joint: ArrayLike, tags: Any) -> NDArray[np.int64]:
    """Scale the joint of each class to its counts of 0 and 1, int64 (K, 2, 2)."""
    joints = np.asarray(confident_joint)
    if joints.ndim != 3 or joints.shape[1:] != (2, 2):
        raise BadInput(f"confident_joint has shape {joints.shape}, not (K, 2, 2)", fix="give one 2x2 table a class")
    given = as_tags(tags, len(joints))
    return np.stack(
        [calibrate_confident_joint(joint, column[column >= 0]) for joint, column in zip(joints, given.T, strict=True)]
    )
