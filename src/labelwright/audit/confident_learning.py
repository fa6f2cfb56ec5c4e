"""Confident learning: count how often each class is given for each other class, from out-of-sample probabilities.

With labels y_i (given) and probabilities p_ij from a model that was not trained on row i:

    t_j     = mean of p_ij over the rows with y_i = j               how sure the model is of class j, on average
    B_i     = {j : p_ij >= t_j}                                     the classes that row i is confidently in
    C[y, j] = number of rows given y whose confident class is j     one class a row, none when B_i is empty
    Q       = C, each row scaled to the number of rows given that class, divided by n

Rows of C and Q are the given label, columns the estimated truth (the field's drop-in order; everywhere else in
labelwright rows are the truth). When B_i has several classes, ``rule="reference"`` takes the most probable of all
classes, as the authors' code does, and ``rule="paper"`` the most probable inside B_i, as the paper says.

Source: Northcutt, Jiang, Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 2021 [P042].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_rows import Rule, confident_rows
from labelwright.audit.joint_counts import JointCounts
from labelwright.audit.probabilities import as_labels
from labelwright.errors import BadInput


def get_confident_thresholds(labels: ArrayLike, pred_probs: ArrayLike, multi_label: bool = False) -> NDArray:
    """Return the mean probability of each class over the rows given that class, shape (K,), 2 for an empty class.

    Examples
    --------
    >>> get_confident_thresholds([0, 1, 1], [[0.5, 0.5], [0.25, 0.75], [0.5, 0.5]])
    array([0.5  , 0.625])
    """
    if multi_label:
        from labelwright.audit.multilabel_joint import multilabel_thresholds

        return multilabel_thresholds(labels, pred_probs)
    return confident_rows(labels, pred_probs).thresholds


confident_thresholds = get_confident_thresholds


def compute_confident_joint(
    labels: ArrayLike | Sequence[Sequence[int]],
    pred_probs: ArrayLike,
    *,
    thresholds: ArrayLike | None = None,
    calibrate: bool = True,
    multi_label: bool = False,
    return_indices_of_off_diagonals: bool = False,
    rule: Rule = "reference",
) -> Any:
    """Count the rows confidently in each pair (given label, estimated truth).

    Parameters
    ----------
    labels : int, shape (n,), in [0, K)
        For `multi_label`, one list of class numbers a row, or a 0/1 matrix (n, K).
    pred_probs : float32 or float64, shape (n, K), in [0, 1]
        Out of sample: from a model that was not trained on the row.
    thresholds : float, shape (K,), optional
        None takes the mean probability of each class over its own rows.
    calibrate : bool
        Scale each row of counts to the number of rows given that class, in whole numbers.
    return_indices_of_off_diagonals : bool
        Also return the rows counted off the diagonal.
    rule : {"reference", "paper"}
        Which class wins among several confident ones: the most probable of all, or of the confident ones.

    Returns
    -------
    int64, shape (K, K), rows = given label, columns = estimated truth; (K, 2, 2) for `multi_label`.

    Examples
    --------
    >>> compute_confident_joint([0, 0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    array([[1, 1],
           [0, 2]])
    """
    if multi_label:
        from labelwright.audit.multilabel_joint import multilabel_confident_joint

        return multilabel_confident_joint(
            labels, pred_probs, thresholds=thresholds, calibrate=calibrate, indices=return_indices_of_off_diagonals
        )
    rows = confident_rows(labels, pred_probs, thresholds=thresholds, rule=rule)
    counts = rows.counts.calibrated(rows.label_counts) if calibrate else rows.counts
    joint = counts.dense()
    return (joint, np.flatnonzero(rows.off_diagonal)) if return_indices_of_off_diagonals else joint


def calibrate_confident_joint(
    confident_joint: ArrayLike, labels: ArrayLike | Sequence[Sequence[int]], *, multi_label: bool = False
) -> NDArray[np.int64]:
    """Scale each row of a confident joint to the number of rows given that class, in whole numbers; sums to n."""
    joint = np.asarray(confident_joint)
    if multi_label:
        from labelwright.audit.multilabel_joint import calibrate_multilabel

        return calibrate_multilabel(joint, labels)
    counts = JointCounts.of_dense(joint)
    label_counts = np.bincount(as_labels(labels, counts.n_classes), minlength=counts.n_classes)
    return counts.calibrated(label_counts, given_first=not joint.flags.f_contiguous).dense()


def estimate_joint(
    labels: ArrayLike | Sequence[Sequence[int]],
    pred_probs: ArrayLike | None = None,
    *,
    confident_joint: ArrayLike | None = None,
    multi_label: bool = False,
) -> NDArray[np.float64]:
    """Estimate the joint distribution of given label (rows) and truth (columns), float64 (K, K), sum 1.

    Examples
    --------
    >>> estimate_joint([0, 0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    array([[0.25, 0.25],
           [0.  , 0.5 ]])
    """
    if confident_joint is not None:
        counts = calibrate_confident_joint(confident_joint, labels, multi_label=multi_label)
    elif pred_probs is not None:
        counts = compute_confident_joint(labels, pred_probs, multi_label=multi_label)
    else:
        raise BadInput("neither pred_probs nor confident_joint is given", fix="give one of them")
    total = counts.sum(axis=(1, 2), keepdims=True) if multi_label else counts.sum()
    return counts / np.maximum(total, np.finfo(np.float64).tiny)


def num_label_issues(
    labels: ArrayLike | Sequence[Sequence[int]],
    pred_probs: ArrayLike,
    *,
    confident_joint: ArrayLike | None = None,
    estimation_method: str = "off_diagonal",
    multi_label: bool = False,
) -> int:
    """Estimate how many labels are wrong.

    Parameters
    ----------
    estimation_method : {"off_diagonal", "off_diagonal_calibrated", "off_diagonal_custom"}
        Rows counted off the diagonal that the model does not give their label; the off-diagonal mass of the calibrated
        joint; or that of the `confident_joint` given.

    Examples
    --------
    >>> num_label_issues([0, 0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    1
    """
    if multi_label:
        from labelwright.audit.multilabel_errors import multilabel_find_label_issues

        flags = multilabel_find_label_issues(labels, pred_probs, filter_by="confident_learning")
        return int(np.count_nonzero(flags))
    if estimation_method == "off_diagonal":
        rows = confident_rows(labels, pred_probs)
        return int(np.count_nonzero(rows.off_diagonal & ~rows.agrees))
    if estimation_method == "off_diagonal_calibrated":
        joint = estimate_joint(labels, pred_probs)
    elif estimation_method == "off_diagonal_custom":
        if confident_joint is None:
            raise BadInput("estimation_method 'off_diagonal_custom' needs confident_joint", fix="give confident_joint")
        joint = estimate_joint(labels, pred_probs, confident_joint=confident_joint)
    else:
        raise BadInput(
            f"estimation_method is {estimation_method!r}",
            fix="use 'off_diagonal', 'off_diagonal_calibrated' or 'off_diagonal_custom'",
        )
    return int(np.rint((1.0 - joint.trace()) * len(np.asarray(labels))))
