"""A trained classifier beside the votes: its probabilities count as one more source, weighted by how good it seems.

With P the mean share of a row's votes that equal the majority, A_j the agreement of source j with the others, e the
error of always saying the commonest class, and err_M the classifier's disagreement with the majority (rows with two
votes or more):

    w_j = max(1 − (1 − A_j)/e, 1e-6),      w_M = max(1 − err_M/e, 1e-6) · sqrt(mean number of votes)
    q_ik = [ w_M p_M(k | x_i) + Σ_j w_j (P if L_ij = k else (1 − P)/(K − 1)) ] / (w_M + Σ_j w_j)

Source: Goh, Tkachenko, Mueller, CROWDLAB: supervised learning to infer consensus labels and quality scores for data
with multiple annotators, 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.base import LabelModel, most_probable
from labelwright.consensus.table import VoteTable, summed
from labelwright.errors import BadInput

Floats = NDArray[np.float64]
LEAST_WEIGHT = 1e-6


class CROWDLAB(LabelModel):
    """Votes and the out-of-fold probabilities of a classifier, averaged with weights.

    Parameters
    ----------
    pred_probs : float array (n, K)
        P(class | x) of the rows that are voted on, in their order; rows sum to 1. From a model that did not see them.

    Attributes
    ----------
    weights_ : float64 (m,)
    classifier_weight_ : float
    agreement_ : float64 (m,)
        Share of other votes on the same rows that a source agrees with.

    Notes
    -----
    Ties of the majority are broken by `pred_probs`; rows without votes get the classifier's probabilities.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 1], [1, 1], [0, 0], [1, 1]], n_classes=2)
    >>> CROWDLAB([[0.9, 0.1], [0.2, 0.8], [0.8, 0.2], [0.3, 0.7]]).fit(votes).predict_proba(votes)[0].argmax()
    np.int64(0)

    Source: Goh et al., CROWDLAB, 2022.
    """

    weights_: Floats
    agreement_: Floats
    classifier_weight_: float

    def __init__(self, pred_probs: ArrayLike) -> None:
        self.pred_probs = pred_probs

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        probs, k = self._probs(table), table.n_classes
        counts = table.class_weights()
        n_votes = counts.sum(axis=1)
        winner = majority_by_classifier(counts, probs)
        winner = np.where(gold >= 0, gold, winner)
        several = n_votes > 1
        share = counts[np.arange(len(counts)), winner] / np.maximum(n_votes, 1e-300)
        self._likelihood = float(share[several].mean()) if several.any() else 0.5
        commonest = np.bincount(winner[several], minlength=k).argmax()
        base_error = max(float((winner[several] != commonest).mean()) if several.any() else 1.0, LEAST_WEIGHT)
        self.agreement_ = agreement_with_others(table, counts)
        self.weights_ = np.maximum(1 - (1 - self.agreement_) / base_error, LEAST_WEIGHT)
        error = float((probs[several].argmax(axis=1) != winner[several]).mean()) if several.any() else 0.0
        mean_votes = float(n_votes[n_votes > 0].mean()) if (n_votes > 0).any() else 0.0
        self.classifier_weight_ = max(1 - error / base_error, LEAST_WEIGHT) * float(np.sqrt(mean_votes))
        q = self._posterior(table)
        self.class_balance_ = q.mean(axis=0)
        right = summed(table.source, table.weight * q[table.row(), table.value], table.n_sources)
        self._right = right / np.maximum(self.said_.sum(axis=1), 1e-300)

    def _probs(self, table: VoteTable) -> Floats:
        probs = np.asarray(self.pred_probs, dtype=np.float64)
        if probs.shape != (table.n_rows, table.n_classes):
            raise BadInput(
                f"pred_probs has shape {probs.shape}, the votes {table.n_rows} rows and {table.n_classes} classes",
                fix="pass one row a task and one column a class, in the same order",
            )
        if not np.isfinite(probs).all() or (probs < 0).any() or np.abs(probs.sum(axis=1) - 1).max(initial=0) > 1e-3:
            raise BadInput("pred_probs is NaN, negative or does not sum to 1", fix="pass probabilities")
        return probs

    def _posterior(self, table: VoteTable) -> Floats:
        """q_ik = [ w_M p_ik + Σ_j w_j ((1 − P)/(K − 1) + 1[L_ij = k] (P − (1 − P)/(K − 1))) ] / (w_M + Σ_j w_j)."""
        probs, k = self._probs(table), table.n_classes
        hit = self._likelihood
        miss = (1 - hit) / max(k - 1, 1)
        weight = table.weight * self.weights_[table.source]
        row = table.row()
        total = summed(row, weight, table.n_rows)[:, None]
        voted = summed(row * k + table.value, weight, table.n_rows * k).reshape(-1, k)
        mixed = self.classifier_weight_ * probs + total * miss + voted * (hit - miss)
        mixed = mixed / (self.classifier_weight_ + total)
        return np.where(table.covered()[:, None], mixed / mixed.sum(axis=1, keepdims=True), probs)

    def posterior_table(self, table: VoteTable) -> Floats:
        """Return the posterior; the classifier's probabilities where nobody voted."""
        return self._posterior(table)

    def _accuracy(self) -> Floats:
        return self._right


def majority_by_classifier(counts: Floats, pred_probs: Floats) -> NDArray[np.int64]:
    """Return the class with most votes, int64 (n,); ties go to the one that the classifier finds likeliest."""
    tied = counts >= counts.max(axis=1, keepdims=True) * (1 - 1e-12)
    return most_probable(np.where(tied, pred_probs + 1e-12, 0.0))


def agreement_with_others(table: VoteTable, counts: Floats) -> Floats:
    """Return the share of other votes on the same rows that each source agrees with, (m,); the mean where none is.

    `counts` (n, K) is the weight of the votes for each class.
    """
    row = table.row()
    same = summed(table.source, table.weight * (counts[row, table.value] - table.weight), table.n_sources)
    others = summed(table.source, table.weight * (counts.sum(axis=1)[row] - table.weight), table.n_sources)
    known = others > 1e-12
    share = same / np.where(known, others, 1)
    return np.where(known, share, share[known].mean() if known.any() else 0.5)
