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
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_kernels import (
    SLACK,
    classify_rows,
    count_labels,
    most_probable_confident,
    scatter_by_label,
    take_given,
    take_top_other,
)
from labelwright.audit.joint_counts import JointCounts
from labelwright.audit.probabilities import (
    as_labels,
    as_probabilities,
    count_improper,
    for_blocks,
    not_probabilities,
    value_dtype,
)
from labelwright.errors import BadInput

Rule = Literal["reference", "paper"]
NEVER = 2.0  # threshold of a class without rows: no probability reaches it
LEAST_THRESHOLD = 2 * SLACK


@dataclass(frozen=True)
class ConfidentRows:
    """What two looks at the probabilities tell about each row; everything else in confident learning follows.

    Parameters
    ----------
    labels : int32, shape (n,)
    given : float, shape (n,)
        Probability of the given class, in the precision of the probabilities.
    rival : int32, shape (n,)
        The first most probable class that is not the label, -1 where the label alone comes near any threshold.
    rival_probability : float, shape (n,)
        Its probability, -1 where there is no rival.
    counted : int32, shape (n,)
        The class that the row is counted in, -1 when no class is confident.
    thresholds : float, shape (K,)
    label_counts : int64, shape (K,)
        Rows of each given class.
    pred_probs : float, shape (n, K)
        What was read.
    """

    labels: NDArray[np.int32]
    given: NDArray[np.floating]
    rival: NDArray[np.int32]
    rival_probability: NDArray[np.floating]
    counted: NDArray[np.int32]
    thresholds: NDArray[np.floating]
    label_counts: NDArray[np.int64]
    pred_probs: NDArray[Any]

    @property
    def n_classes(self) -> int:
        """Number of classes K."""
        return len(self.thresholds)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Rows label after label, ascending within one, shape (n,)."""
        order = np.empty(len(self.labels), np.int64)
        scatter_by_label(self.labels, np.arange(len(self.labels)), self.start[:-1].copy(), order)
        return order

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """Where each label starts in `order`, shape (K + 1,)."""
        return _starts(self.label_counts)

    def of_class(self, k: int) -> NDArray[np.int64]:
        """Return the rows given class k, ascending."""
        return self.order[self.start[k] : self.start[k + 1]]

    @cached_property
    def normalized_margin(self) -> NDArray[np.floating]:
        """(probability of the label − largest other probability + 1) / 2, shape (n,)."""
        top_other = np.empty_like(self.given)

        def look(start: int, stop: int, block: NDArray[np.floating]) -> int:
            take_top_other(self.labels[start:stop], block, top_other[start:stop])
            return 0

        for_blocks(self.pred_probs, look)
        return np.asarray((self.given - top_other + 1) / 2)

    @property
    def beaten(self) -> NDArray[np.bool_]:
        """Whether another class is more probable than the label."""
        return self.rival_probability > self.given

    @property
    def agrees(self) -> NDArray[np.bool_]:
        """Whether the model's first choice is the given label, near ties to the label."""
        return self._first_choice_is_label(self.given + self.given.dtype.type(SLACK))

    @property
    def predicted(self) -> NDArray[np.int32]:
        """The most probable class of each row, the first of several."""
        return np.where(self._first_choice_is_label(self.given), self.labels, self.rival)

    @property
    def off_diagonal(self) -> NDArray[np.bool_]:
        """Whether a row is counted in a class other than its label."""
        return (self.counted >= 0) & (self.counted != self.labels)

    @property
    def counts(self) -> JointCounts:
        """The confident joint, uncalibrated, with at least one row on every diagonal cell."""
        return JointCounts.of_rows(self.labels, self.counted, self.n_classes).with_diagonal()

    def _first_choice_is_label(self, given: NDArray[np.floating]) -> NDArray[np.bool_]:
        return (given > self.rival_probability) | ((given == self.rival_probability) & (self.labels < self.rival))


def confident_rows(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    thresholds: ArrayLike | None = None,
    rule: Rule = "reference",
    jobs: int | None = None,
) -> ConfidentRows:
    """Read the probabilities in blocks and return what confident learning needs of each row.

    Parameters
    ----------
    labels : int, shape (n,), in [0, K)
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample. May be a memory-mapped array: nothing of its size is copied.
    thresholds : float, shape (K,), optional
        Least probability to count a row in a class; None takes the mean probability of the class's own rows.
    rule : {"reference", "paper"}
        Which class wins among several confident ones.
    jobs : int, optional
        Threads. Never changes the result.
    """
    probs = as_probabilities(pred_probs)
    given_labels = as_labels(labels, probs.shape[1])
    as_probabilities(probs, len(given_labels))
    if rule not in ("reference", "paper"):
        raise BadInput(f"rule is {rule!r}", fix='use "reference" or "paper"')
    n, k = probs.shape
    given, rival_probability = np.empty(n, value_dtype(probs)), np.empty(n, value_dtype(probs))
    counted, rival = np.empty(n, np.int32), np.empty(n, np.int32)

    def look_at_given(start: int, stop: int, block: NDArray[np.floating]) -> int:
        take_given(given_labels[start:stop], block, given[start:stop])
        return 0

    for_blocks(probs, look_at_given, jobs)
    label_counts = count_labels(given_labels, k)
    limits = (
        _thresholds(given_labels, given, label_counts) if thresholds is None else _checked_thresholds(thresholds, k)
    )
    cuts = (limits - SLACK).astype(np.float64)

    def look_at_all(start: int, stop: int, block: NDArray[np.floating]) -> int:
        rows, n_bad = slice(start, stop), count_improper(block)
        if n_bad:
            return n_bad
        classify_rows(given_labels[rows], block, cuts, counted[rows], rival[rows], rival_probability[rows])
        if rule == "paper":
            most_probable_confident(block, cuts, counted[rows])
        return 0

    n_bad = for_blocks(probs, look_at_all, jobs)
    if n_bad:
        raise not_probabilities(probs, n_bad)
    return ConfidentRows(given_labels, given, rival, rival_probability, counted, limits, label_counts, probs)


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _thresholds(
    labels: NDArray[np.int32], given: NDArray[np.floating], counts: NDArray[np.int64]
) -> NDArray[np.floating]:
    """Return the mean of each class's own probabilities, in their precision, NEVER for a class without rows."""
    start, by_class = _starts(counts), np.empty_like(given)
    scatter_by_label(labels, given, start[:-1].copy(), by_class)
    means: list[Any] = [by_class[start[j] : start[j + 1]].mean() if counts[j] else NEVER for j in range(len(counts))]
    mixed = np.array(means)
    return np.maximum(mixed, mixed.dtype.type(LEAST_THRESHOLD))


def _checked_thresholds(thresholds: ArrayLike, n_classes: int) -> NDArray[np.floating]:
    limits = np.asarray(thresholds, dtype=np.float64).reshape(-1)
    if len(limits) != n_classes or np.isnan(limits).any():
        raise BadInput(f"thresholds do not name one number for each of the {n_classes} classes", fix="give K numbers")
    return limits


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
