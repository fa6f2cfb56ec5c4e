"""Accuracy on items that have several right answers, and what a drop on a new test set is made of.

An item has k_i valid labels Y_i. Top-1 asks for the given label, ReaL for any valid one, variable top-k for all: with
S_i the k_i highest-scored classes, hit_i = |S_i ∩ Y_i| / k_i. ASMA is the unweighted mean over k of the mean hit of the
items with k valid labels, so that the mix of single- and multi-label items does not count.

Source: Anzaku, Wang, Van Messem, De Neve, Re-assessing ImageNet: How aligned is its single-label assumption with its
multi-label nature?, arXiv 2412.18409 [P011]; ReaL: Beyer et al., Are we done with ImageNet?, 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_learning import confident_thresholds
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_codes, as_labels, as_mask, as_share, same_length

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]


def top1_accuracy(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the share of items whose highest-scored class is the given label; rows with -1 are left out.

    Parameters
    ----------
    scores : float array (n, K)
        Probabilities or logits; the first of equal scores counts.
    labels : int array (n,)

    Examples
    --------
    >>> top1_accuracy([[0.9, 0.1], [0.6, 0.4]], [0, 1])
    0.5

    Source: [P011].
    """
    s = as_array("scores", scores, 2)
    y = as_labels("labels", labels, s.shape[1])
    same_length(scores=s, labels=y)
    known = y >= 0
    return _mean((s.argmax(axis=1) == y)[known])


def real_accuracy(scores: ArrayLike, valid: ArrayLike) -> float:
    """Return the share of items whose highest-scored class is a valid label; items without one are left out.

    Parameters
    ----------
    scores : float array (n, K)
    valid : bool array (n, K)
        Labels that are right for each item.

    Examples
    --------
    >>> real_accuracy([[0.9, 0.1], [0.6, 0.4]], [[1, 0], [1, 1]])
    1.0

    Source: Beyer et al. 2020; [P011].
    """
    s, sets = _inputs(scores, valid)
    return _mean(sets[np.arange(len(s)), s.argmax(axis=1)])


@dataclass(frozen=True, eq=False)
class TopK:
    """Variable top-k, item by item.

    Parameters
    ----------
    rows : int64 (m,)
        Items with at least one valid label.
    size : int64 (m,)
        k_i, how many valid labels they have.
    hit : float64 (m,)
        Share of the valid labels among the k_i highest-scored classes.
    exact : bool (m,)
        Whether these are just the valid labels.
    tie_rate : float
        Share of items where the k_i-th and the next score are equal: their order is by class number.
    """

    rows: Codes
    size: Codes
    hit: Floats
    exact: Mask
    tie_rate: float

    @property
    def accuracy(self) -> float:
        """Return the mean hit."""
        return _mean(self.hit)


def variable_topk_accuracy(scores: ArrayLike, valid: ArrayLike) -> TopK:
    """Compare the k_i highest-scored classes of each item with its k_i valid labels.

    Parameters
    ----------
    scores : float array (n, K)
        Equal scores are taken in the order of the classes.
    valid : bool array (n, K)

    Examples
    --------
    >>> variable_topk_accuracy([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]], [[1, 0, 1], [0, 1, 0]]).accuracy
    0.75

    Source: arXiv 2412.18409 [P011].
    """
    s, sets = as_array("scores", scores, 2), as_mask("valid", valid, 2)
    _same_shape(s, sets)
    rows = np.flatnonzero(sets.any(axis=1))
    s, sets = s[rows], sets[rows]
    size = sets.sum(axis=1)
    order = np.argsort(-s, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(s.shape[1]), s.shape), axis=1)
    hits = ((place < size[:, None]) & sets).sum(axis=1)
    ranked = np.take_along_axis(s, order, axis=1)
    at, inner = np.arange(len(rows)), size < s.shape[1]
    following = ranked[at, np.minimum(size, s.shape[1] - 1)]
    tied = inner & (ranked[at, size - 1] == following)
    return TopK(rows, size.astype(np.int64), hits / size, hits == size, _mean(tied))


@dataclass(frozen=True)
class Asma:
    """ASMA by hits and by exact matches, and the groups it averages: (k, items, mean hit, exact share)."""

    hits: float
    exact: float
    groups: tuple[tuple[int, int, float, float], ...]


def asma(scores: ArrayLike, valid: ArrayLike, *, sizes: Sequence[int] | None = None, least: int = 1) -> Asma:
    """Return the aggregate subgroup model accuracy: the mean over k of the accuracy on items with k valid labels.

    Parameters
    ----------
    scores : float array (n, K)
    valid : bool array (n, K)
    sizes : sequence of int, optional
        The numbers of valid labels to average over; pass those that two test sets share when comparing them. All that
        occur by default.
    least : int, default 1
        Groups of fewer items are left out.

    Raises
    ------
    BadInput
        When a size of `sizes` does not occur.

    Notes
    -----
    The text of the paper leaves open whether hits or exact matches are averaged; both are returned.

    Examples
    --------
    >>> asma([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]], [[1, 0, 0], [1, 0, 1]]).hits
    0.75

    Source: arXiv 2412.18409 [P011].
    """
    found = variable_topk_accuracy(scores, valid)
    groups = tuple(
        (k, int(n), float(found.hit[found.size == k].mean()), float(found.exact[found.size == k].mean()))
        for k, n in zip(*(a.tolist() for a in np.unique(found.size, return_counts=True)), strict=True)
        if n >= least and (sizes is None or k in sizes)
    )
    absent = set(sizes or ()) - {group[0] for group in groups}
    if absent:
        raise BadInput(f"no group of {least} or more items has {min(absent)} valid labels", fix="leave that size out")
    return Asma(_mean(np.array([g[2] for g in groups])), _mean(np.array([g[3] for g in groups])), groups)


@dataclass(frozen=True)
class ShiftDecomposition:
    """A difference in accuracy between two test sets: total = mix + within.

    Parameters
    ----------
    total : float
        Accuracy on the first set less that on the second.
    mix : float
        What comes of another mix of items with one, two, ... valid labels.
    within : float
        What comes of another accuracy on items with as many valid labels.
    groups : tuple of (k, share first, share second, accuracy first, accuracy second)
    """

    total: float
    mix: float
    within: float
    groups: tuple[tuple[int, float, float, float, float], ...]

    @property
    def mix_share(self) -> float:
        """Return mix / total; NaN without a difference."""
        return self.mix / self.total if self.total else float("nan")


def shift_decomposition(
    correct: ArrayLike, size: ArrayLike, other_correct: ArrayLike, other_size: ArrayLike
) -> ShiftDecomposition:
    """Split the difference in accuracy between two test sets by the number of valid labels.

    mix = Σ_k (p_k − q_k)(A_k + B_k) / 2 and within = Σ_k (p_k + q_k)/2 · (A_k − B_k), with p, q the shares of items
    with k valid labels and A, B the accuracies on them. A group that one set lacks differs by its mix alone.

    Parameters
    ----------
    correct, other_correct : float or bool arrays (n,), (m,)
        Whether, or how far, each item of the sets was answered rightly.
    size, other_size : int arrays (n,), (m,)
        Numbers of valid labels.

    Examples
    --------
    >>> shift_decomposition([1, 1, 0, 0], [1, 1, 2, 2], [1, 0, 0, 0], [1, 2, 2, 2]).mix
    0.25

    Source: arXiv 2412.18409 [P011]; Kitagawa, Components of a difference between two rates, JASA 1955.
    """
    a, b = (
        as_array(name, np.asarray(v, dtype=np.float64), 1)
        for name, v in zip(("correct", "other_correct"), (correct, other_correct), strict=True)
    )
    k, m = as_codes("size", size), as_codes("other_size", other_size)
    same_length(correct=a, size=k)
    same_length(other_correct=b, other_size=m)
    if not len(a) or not len(b):
        raise BadInput("a test set has no items")
    groups, mix, within = [], 0.0, 0.0
    for value in np.unique(np.concatenate([k, m])).tolist():
        p, q = float((k == value).mean()), float((m == value).mean())
        first = float(a[k == value].mean()) if p else float(b[m == value].mean())
        second = float(b[m == value].mean()) if q else first
        mix += (p - q) * (first + second) / 2
        within += (p + q) / 2 * (first - second)
        groups.append((value, p, q, first, second))
    return ShiftDecomposition(float(a.mean() - b.mean()), mix, within, tuple(groups))


def valid_from_shares(shares: ArrayLike, least: float = 0.2) -> Mask:
    """Return which labels are right for each item: those with at least `least` of the votes, bool (n, K).

    Parameters
    ----------
    shares : float array (n, K)
        Shares of votes; a row of NaN has no valid label.
    least : float, default 0.2

    Notes
    -----
    The given label is valid only where people say so; `MultiLabelTargets.from_votes` keeps it in any case.

    Source: ours, for sets without multi-label annotation [P011].
    """
    table = np.asarray(shares, dtype=np.float64)
    if table.ndim != 2:
        raise BadInput(f"shares has {table.ndim} dimensions, 2 expected")
    return np.nan_to_num(table, nan=-1.0) >= max(as_share("least", least), 1e-12)


def propose_valid(labels: ArrayLike, pred_probs: ArrayLike) -> Mask:
    """Return candidate label sets from out-of-sample probabilities, for people to confirm, bool (n, K).

    The given label, and each class k with p_ik ≥ t_k, the mean probability of k over items given it.

    Source: [P011], with the thresholds of Northcutt, Jiang, Chuang, JAIR 2021.
    """
    y, probs = as_codes("labels", labels), np.asarray(pred_probs, dtype=np.float64)
    sets = probs >= np.asarray(confident_thresholds(y, probs), dtype=np.float64)
    known = np.flatnonzero(y >= 0)
    sets[known, y[known]] = True
    return sets


def _inputs(scores: ArrayLike, valid: ArrayLike) -> tuple[Floats, Mask]:
    s, sets = as_array("scores", scores, 2), as_mask("valid", valid, 2)
    _same_shape(s, sets)
    kept = sets.any(axis=1)
    return s[kept], sets[kept]


def _same_shape(s: Floats, sets: Mask) -> None:
    if s.shape != sets.shape:
        raise BadInput(f"scores has shape {s.shape} but valid {sets.shape}")


def _mean(values: NDArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
