"""What the remaining mistakes of a model are: scored against every acceptable label, sorted by kind and by weight.

Multi-label accuracy leaves out problematic rows, counts a prediction as right when it is acceptable or unclear, and is
averaged over the original classes:

    accuracy = mean over classes k of   #{i : y_i = k, prediction_i in valid_i ∪ unclear_i} / #{i : y_i = k}

A first pass gives each remaining mistake a kind, the first that fits; a panel then decides:

    fine-grained       label and prediction share a parent, or are confused more often than 95 % of the pairs
      ... out of vocabulary   and the row lies farther from both classes than 95 % of their members do
    spurious           the predicted class fits the background better than the object, or the prediction stays when the
                       object is hidden
    non-prototypical   the row lies farther from its 10 nearest neighbours of its class than 95 % of that class

It weighs a mistake by how many people made it too: nobody: major; fewer than one in five: minor; else borderline.

On CIFAR-10 with the votes of CIFAR-10H and models of 57 % accuracy the major slice is harder for a model that did not
help to choose it (94 % against 86 % errors), but people support only 2.8 % of the mistakes, 3.8 times as often as
random wrong classes where five times was claimed: weak models err where no person would.

Source: Vasudevan et al., When does dough become a bagel? Analyzing the remaining mistakes on ImageNet, NeurIPS 2022
[P023].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.judge import unit_rows
from labelwright.audit.multilabel_targets import MultiLabelTargets
from labelwright.data.neighbors import nearest_neighbors
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.metrics.checks import as_array, as_labels
from labelwright.metrics.classification import confusion_matrix

FAR, CONFUSED, NEIGHBORS = 0.95, 0.95, 10
KINDS = ("fine-grained", "fine-grained, out of vocabulary", "spurious", "non-prototypical", "uncategorised")
Severity = Literal["major", "minor", "borderline", "not judged"]
Decision = Literal["correct", "unclear", "mistake", "problematic"]
Floats = NDArray[np.float64]


def multilabel_accuracy(predicted: ArrayLike, targets: MultiLabelTargets) -> float:
    """Return the share of acceptable predictions, averaged over the original classes; NaN without a scored row.

    With the given label as the only right one this is balanced accuracy.

    Examples
    --------
    >>> multilabel_accuracy([0, 0, 1], MultiLabelTargets.single([0, 1, 1], 2))
    0.75
    """
    scored = ~targets.problematic & (targets.original >= 0)
    right, classes = targets.accepts(predicted)[scored], targets.original[scored]
    rows = np.bincount(classes, minlength=targets.n_classes)
    hits = np.bincount(classes, weights=right, minlength=targets.n_classes)
    return float((hits[rows > 0] / rows[rows > 0]).mean()) if rows.any() else float("nan")


def mistakes_of(predicted: ArrayLike, targets: MultiLabelTargets) -> NDArray[np.int64]:
    """Return the rows that are scored, predicted, and predicted wrongly."""
    scored = ~targets.problematic & (targets.original >= 0) & (np.asarray(predicted) >= 0)
    return np.flatnonzero(scored & ~targets.accepts(predicted))


@dataclass(frozen=True)
class MistakeContext:
    """What the first pass knows of the rows; what is None is not asked about.

    Parameters
    ----------
    embeddings : float (n, d)
        Of the rows (of the object, where `backgrounds` are given).
    parents : sequence of str, length K, optional
        The coarse class of each class.
    backgrounds : float (n, d), optional
        Embeddings of the rows' backgrounds.
    hidden : int (n,), optional
        What the model predicts when the object is hidden.
    """

    embeddings: ArrayLike
    parents: Sequence[str] | None = None
    backgrounds: ArrayLike | None = None
    hidden: ArrayLike | None = None


def categorize_mistakes(
    rows: ArrayLike, predicted: ArrayLike, targets: MultiLabelTargets, context: MistakeContext
) -> list[str]:
    """Return the kind of each mistake, one of `KINDS`, in the order of `rows`.

    Parameters
    ----------
    rows : int (m,)
        The mistakes.
    predicted : int (n,)
        Of all rows: how often pairs of classes are confused is read from them.
    """
    at = np.asarray(rows, dtype=np.int64)
    guess = as_labels("predicted", predicted, targets.n_classes)
    labels, k = targets.original, targets.n_classes
    points = unit_rows(as_array("embeddings", context.embeddings, 2))
    if len(points) != len(labels):
        raise BadInput(f"there are {len(points)} embeddings for {len(labels)} rows")
    if not len(at):
        return []
    centroids = _centroids(points, labels, k)
    fine = _confused(labels, guess, k)[labels[at], guess[at]]
    if context.parents is not None:
        groups = np.unique(np.asarray(context.parents, dtype=str), return_inverse=True)[1]
        if len(groups) != k:
            raise BadInput(f"there are {len(groups)} parents for {k} classes")
        fine = fine | (groups[labels[at]] == groups[guess[at]])
    near = np.einsum("ij,ij->i", points, centroids[np.maximum(labels, 0)])
    floor = np.array([np.quantile(near[labels == c], 1 - FAR) if (labels == c).any() else -np.inf for c in range(k)])
    own, other = (np.einsum("ij,ij->i", points[at], centroids[c]) for c in (labels[at], guess[at]))
    outside = (own < floor[labels[at]]) & (other < floor[guess[at]])
    spurious = _spurious(at, guess, points, centroids, context)
    odd = _sparse(points, labels, k)[at]
    return [
        KINDS[int(o)] if f else KINDS[2] if s else KINDS[3] if far else KINDS[4]
        for f, o, s, far in zip(fine, outside, spurious, odd, strict=True)
    ]


def severities(rows: ArrayLike, predicted: ArrayLike, votes: ArrayLike | None, minor: float = 0.2) -> list[Severity]:
    """Return how bad each mistake is, by the share of people who gave the predicted class.

    Parameters
    ----------
    rows : int (m,)
    predicted : int (n,)
    votes : float (n, K), optional
        How many people chose each class; without them nothing is judged.

    Examples
    --------
    >>> severities([0, 1], [1, 1], [[10, 0], [7, 3]])
    ['major', 'borderline']
    """
    at, guess = np.asarray(rows, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if votes is None:
        return ["not judged"] * len(at)
    counts = as_array("votes", votes, 2)[at]
    total = counts.sum(axis=1)
    share = np.divide(counts[np.arange(len(at)), guess[at]], total, out=np.full(len(at), np.nan), where=total > 0)
    return [
        "not judged" if np.isnan(s) else "major" if s == 0 else "minor" if s < minor else "borderline" for s in share
    ]


def major_error_slice(
    major: ArrayLike, others: Mapping[str, ArrayLike], targets: MultiLabelTargets, most: float = 0.5
) -> NDArray[np.int64]:
    """Return the rows to watch: major mistakes of a reference model that more than `most` of other models share.

    The reference model scores 0 here by construction. The slice tracks progress; choose no model by it.

    Parameters
    ----------
    major : int (m,)
        Rows with a major mistake of the reference model.
    others : mapping of model name to int (n,)
        Without any, every major mistake is in.
    """
    rows = np.asarray(major, dtype=np.int64)
    if not others or not len(rows):
        return rows
    missed = np.stack([~targets.accepts(guess)[rows] for guess in others.values()])
    return rows[missed.mean(axis=0) > most]


class MistakeReview:
    """What a panel decided about mistakes: (row, predicted class) with a decision, and a severity for real ones.

    Parameters
    ----------
    rows, predicted : int (m,)
    decisions : sequence of {"correct", "unclear", "mistake", "problematic"}, length m
    severity : sequence of str, length m, optional
        "major", "minor" or "borderline" for mistakes, empty elsewhere.

    Examples
    --------
    >>> review = MistakeReview([0], [1], ["correct"])
    >>> review.update(MultiLabelTargets.single([0], 2)).valid
    array([[ True,  True]])
    """

    def __init__(
        self, rows: ArrayLike, predicted: ArrayLike, decisions: Sequence[str], severity: Sequence[str] | None = None
    ) -> None:
        self.rows, self.predicted = (np.asarray(a, dtype=np.int64).reshape(-1) for a in (rows, predicted))
        self.decisions = tuple(decisions)
        self.severity = tuple(severity or [""] * len(self.decisions))
        if not len(self.rows) == len(self.predicted) == len(self.decisions) == len(self.severity):
            raise BadInput("the review has columns of different lengths")
        known = ("correct", "unclear", "mistake", "problematic")
        for decision in self.decisions:
            if decision not in known:
                raise BadInput(f"{quoted(decision)} is no decision of a review", fix=did_you_mean(decision, known))

    def __len__(self) -> int:
        return len(self.rows)

    def update(self, targets: MultiLabelTargets) -> MultiLabelTargets:
        """Return the targets after the review: correct predictions become right, problematic rows are left out."""
        for name in ("correct", "unclear"):
            at = [i for i, decision in enumerate(self.decisions) if decision == name]
            targets = targets.with_labels(self.rows[at], self.predicted[at], unclear=name == "unclear")
        return targets.without_rows(self.rows[[d == "problematic" for d in self.decisions]])


def _centroids(points: Floats, labels: NDArray[np.int64], k: int) -> Floats:
    total = np.zeros((k, points.shape[1]))
    known = labels >= 0
    np.add.at(total, labels[known], points[known])
    return unit_rows(total)


def _confused(labels: NDArray[np.int64], guess: NDArray[np.int64], k: int) -> NDArray[np.bool_]:
    """Return the pairs of classes that are confused more often than 95 % of pairs, bool (K, K); at least once."""
    known = (labels >= 0) & (guess >= 0)
    counts = confusion_matrix(labels[known], guess[known], k)
    rows = np.bincount(labels[known], minlength=k)
    rate = (counts + counts.T) / np.maximum(rows[:, None] + rows[None, :], 1)
    upper = rate[np.triu_indices(k, 1)]
    often = (rate > np.quantile(upper, CONFUSED)) if len(upper) else np.zeros((k, k), bool)
    np.fill_diagonal(often, False)
    return np.asarray(often)


def _spurious(
    at: NDArray[np.int64], guess: NDArray[np.int64], points: Floats, centroids: Floats, context: MistakeContext
) -> NDArray[np.bool_]:
    found = np.zeros(len(at), bool)
    if context.backgrounds is not None:
        behind = unit_rows(as_array("backgrounds", context.backgrounds, 2))[at]
        centre = centroids[guess[at]]
        found |= np.einsum("ij,ij->i", behind, centre) > np.einsum("ij,ij->i", points[at], centre)
    if context.hidden is not None:
        found |= np.asarray(context.hidden, dtype=np.int64)[at] == guess[at]
    return found


def _sparse(points: Floats, labels: NDArray[np.int64], k: int) -> NDArray[np.bool_]:
    """Return the rows that lie farther from their nearest rows of the same class than 95 % of that class."""
    odd = np.zeros(len(labels), bool)
    for c in range(k):
        rows = np.flatnonzero(labels == c)
        if len(rows) > 2:
            distance = nearest_neighbors(points[rows], NEIGHBORS).distances.mean(axis=1)
            odd[rows] = distance > np.quantile(distance, FAR)
    return odd
