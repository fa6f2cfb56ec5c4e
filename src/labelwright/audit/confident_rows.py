"""What two looks at the probabilities tell about each row: the thresholds, and the class that the row is counted in.

The first look takes the probability of each given label, whose means are the thresholds; the second compares all
probabilities with them. Blocks of rows are read in threads, and each writes only its own rows. [P042]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_kernels import (
    SLACK,
    classify_by_bits,
    classify_by_value,
    count_labels,
    most_probable_confident,
    scatter_by_label,
    take_given,
    take_top_other,
)
from labelwright.audit.joint_counts import JointCounts
from labelwright.audit.probabilities import (
    LARGE_BLOCK,
    as_bits,
    as_labels,
    as_probabilities,
    for_blocks,
    not_probabilities,
    value_dtype,
)
from labelwright.errors import BadInput

Rule = Literal["reference", "paper"]
NEVER = 2.0  # threshold of a class without rows: no probability reaches it
LONG = 8  # classes from which a row is looked at as a whole first
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
        The first most probable class that is not the label, -1 where the label comes first and no other class near any
        threshold.
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
        return by_label(self.labels, np.arange(len(self.labels)), self.n_classes)

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

    for_blocks(probs, look_at_given, jobs, LARGE_BLOCK)
    label_counts = count_labels(given_labels, k)
    limits = (
        _thresholds(given_labels, given, label_counts) if thresholds is None else _checked_thresholds(thresholds, k)
    )
    cuts = (limits - SLACK).astype(np.float64)
    lowest = min(max(float(cuts.min()) - SLACK, 0.0), 1.0)  # a little less: rounded to float32 it must not pass the cut

    def look_at_all(start: int, stop: int, block: NDArray[np.floating]) -> int:
        rows = slice(start, stop)
        out = counted[rows], rival[rows], rival_probability[rows]
        left = np.arange(stop - start)
        if k >= LONG:
            low, one = as_bits(np.array([lowest, 1.0], block.dtype))
            left = left[: classify_by_bits(given_labels[rows], block, as_bits(block), low, one, cuts, *out, left)]
        n_bad = classify_by_value(left, given_labels[rows], block, cuts, *out)
        if rule == "paper" and not n_bad:
            most_probable_confident(block, cuts, counted[rows])
        return n_bad

    n_bad = for_blocks(probs, look_at_all, jobs, LARGE_BLOCK)
    if n_bad:
        raise not_probabilities(probs, n_bad)
    return ConfidentRows(given_labels, given, rival, rival_probability, counted, limits, label_counts, probs)


def by_label(labels: NDArray[np.int32], rows: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return `rows` label after label, in their order within one; labels (n,), rows (m,) -> (m,)."""
    given, ordered = labels[rows], np.empty_like(rows)
    scatter_by_label(given, rows, _starts(count_labels(given, n_classes))[:-1].copy(), ordered)
    return ordered


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
