"""The data set as a whole: which classes are given wrongly, which are taken for each other, what share is sound.

Source: Northcutt, Jiang, Chuang, Confident Learning, JAIR 2021 [P042].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_learning import estimate_joint, num_label_issues
from labelwright.errors import BadInput
from labelwright.metrics.report import ReportTable


@dataclass(frozen=True)
class DatasetHealth:
    """A summary of the labels.

    Parameters
    ----------
    overall_label_health_score : float
        Share of rows without a label issue, in [0, 1].
    joint : float64, shape (K, K), rows = given, columns = truth
    classes_by_label_quality, overlapping_classes : ReportTable
        Worst first.
    """

    overall_label_health_score: float
    joint: NDArray[np.float64]
    classes_by_label_quality: ReportTable
    overlapping_classes: ReportTable


def health_summary(
    labels: ArrayLike, pred_probs: ArrayLike, *, class_names: Sequence[str] | None = None, asymmetric: bool = False
) -> DatasetHealth:
    """Return the health of the labels, classes worst first, and pairs of classes by overlap.

    Parameters
    ----------
    labels : int, shape (n,), in [0, K)
    pred_probs : float, shape (n, K)
        Out of sample.
    class_names : sequence of str, length K, optional
    asymmetric : bool
        List (given, truth) pairs in place of unordered ones.
    """
    joint = estimate_joint(labels, pred_probs)
    n = len(np.asarray(labels))
    return DatasetHealth(
        overall_label_health_score(labels, pred_probs),
        joint,
        rank_classes_by_label_quality(joint=joint, num_examples=n, class_names=class_names),
        find_overlapping_classes(joint=joint, num_examples=n, class_names=class_names, asymmetric=asymmetric),
    )


def overall_label_health_score(labels: ArrayLike, pred_probs: ArrayLike) -> float:
    """Return the share of rows that confident learning does not count as issues, in [0, 1].

    Examples
    --------
    >>> overall_label_health_score([0, 0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    0.75
    """
    n = len(np.asarray(labels))
    if n == 0:
        raise BadInput("there are no labels", fix="give at least one row")
    return 1 - num_label_issues(labels, pred_probs) / n


def rank_classes_by_label_quality(
    labels: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    *,
    class_names: Sequence[str] | None = None,
    num_examples: int | None = None,
    joint: NDArray[np.float64] | None = None,
    confident_joint: ArrayLike | None = None,
) -> ReportTable:
    """Return one line a class, the noisiest given class first.

    Columns: class, its number, label issues (rows given it wrongly), inverse label issues (rows of it given another
    label), both as rates, and the label quality score (1 − the first rate).

    Parameters
    ----------
    labels : int, shape (n,), in [0, K)
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample.
        Both may be left out where the joint is known.
    class_names : sequence of str, length K, optional
    num_examples : int, optional
        n, where labels are left out.
    joint, confident_joint : shape (K, K), optional
        Shares of given label (rows) and truth, or counts of them, in place of an estimate from `labels`.

    Examples
    --------
    >>> joint = np.array([[0.5, 0.1], [0.0, 0.4]])
    >>> rank_classes_by_label_quality(joint=joint, num_examples=10, class_names=["cat", "dog"]).rows[0][:3]
    ('cat', 0, 1)
    """
    table, n = _joint(labels, pred_probs, joint, confident_joint, num_examples)
    right = table.diagonal()
    given_wrong, true_wrong = table.sum(axis=1) - right, table.sum(axis=0) - right
    given_rate = given_wrong / np.maximum(table.sum(axis=1), 1e-6)
    true_rate = true_wrong / np.maximum(table.sum(axis=0), 1e-6)
    names = _names(class_names, len(table))
    rows = [
        (
            names[k],
            int(k),
            round(float(given_wrong[k] * n)),
            round(float(true_wrong[k] * n)),
            float(given_rate[k]),
            float(true_rate[k]),
            float(1 - given_rate[k]),
        )
        for k in np.argsort(1 - given_rate, kind="stable")
    ]
    header = (
        "class",
        "number",
        "label issues",
        "inverse label issues",
        "label noise",
        "inverse label noise",
        "quality",
    )
    return ReportTable("Classes by label quality", header, tuple(rows))


def find_overlapping_classes(
    labels: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    *,
    asymmetric: bool = False,
    class_names: Sequence[str] | None = None,
    num_examples: int | None = None,
    joint: NDArray[np.float64] | None = None,
    confident_joint: ArrayLike | None = None,
) -> ReportTable:
    """Return pairs of classes by the share of rows that is one and labelled the other, largest first.

    Columns: class a, class b, their numbers, rows, share. With `asymmetric`, a is the given class and b the truth.

    Parameters
    ----------
    labels : int, shape (n,), in [0, K)
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample.
        Both may be left out where the joint is known.
    class_names : sequence of str, length K, optional
    num_examples : int, optional
        n, where labels are left out.
    joint, confident_joint : shape (K, K), optional
        Shares of given label (rows) and truth, or counts of them, in place of an estimate from `labels`.

    Examples
    --------
    >>> joint = np.array([[0.5, 0.1], [0.0, 0.4]])
    >>> find_overlapping_classes(joint=joint, num_examples=10, class_names=["cat", "dog"]).rows
    (('cat', 'dog', 0, 1, 1, 0.1),)
    """
    table, n = _joint(labels, pred_probs, joint, confident_joint, num_examples)
    k = len(table)
    if asymmetric:
        a, b = np.nonzero(~np.eye(k, dtype=bool))
        share = table[a, b]
    else:
        a, b = np.triu_indices(k, 1)
        share = table[a, b] + table[b, a]
    names = _names(class_names, k)
    rows = [
        (names[a[t]], names[b[t]], int(a[t]), int(b[t]), round(float(share[t] * n)), float(share[t]))
        for t in np.argsort(-share, kind="stable")
    ]
    return ReportTable(
        "Overlapping classes", ("class a", "class b", "number a", "number b", "rows", "share"), tuple(rows)
    )


def _joint(
    labels: ArrayLike | None,
    pred_probs: ArrayLike | None,
    joint: NDArray[np.float64] | None,
    confident_joint: ArrayLike | None,
    num_examples: int | None,
) -> tuple[NDArray[np.float64], int]:
    if joint is None:
        if labels is None:
            raise BadInput("neither labels nor joint is given", fix="give labels and pred_probs, or joint")
        joint = estimate_joint(labels, pred_probs, confident_joint=confident_joint)
    if num_examples is None:
        if labels is None:
            raise BadInput("num_examples is missing", fix="give num_examples with joint")
        num_examples = len(np.asarray(labels))
    return np.asarray(joint, dtype=np.float64), num_examples


def _names(class_names: Sequence[str] | None, k: int) -> list[str]:
    names = [str(j) for j in range(k)] if class_names is None else [str(name) for name in class_names]
    if len(names) != k:
        raise BadInput(f"{len(names)} class names for {k} classes", fix="name each class once, in order")
    return names
