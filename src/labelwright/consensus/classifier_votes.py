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

from dataclasses import dataclass

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
        probs, counts = self._probs(table), table.class_weights()
        winner = np.where(gold >= 0, gold, majority_by_classifier(counts, probs))
        self._shares = vote_shares(table, counts, winner, probs[None])
        self.agreement_, self.weights_ = self._shares.agreement, self._shares.sources
        self.classifier_weight_ = float(self._shares.classifiers[0])
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
        probs = self._probs(table)
        mixed = mixed_posterior(table, probs[None], self._shares)
        return np.where(table.covered()[:, None], mixed / mixed.sum(axis=1, keepdims=True), probs)

    def posterior_table(self, table: VoteTable) -> Floats:
        """Return the posterior; the classifier's probabilities where nobody voted."""
        return self._posterior(table)

    def _accuracy(self) -> Floats:
        return self._right


@dataclass(frozen=True)
class VoteShares:
    """What each voice counts for.

    Parameters
    ----------
    likelihood : float
        P, the mean share of a row's votes that equal the consensus.
    agreement, sources : float64 (m,)
        A_j and w_j.
    classifiers : float64 (P,)
        w_M of each classifier.
    """

    likelihood: float
    agreement: Floats
    sources: Floats
    classifiers: Floats


def vote_shares(table: VoteTable, counts: Floats, consensus: NDArray[np.int64], pred_probs: Floats) -> VoteShares:
    """Return what sources and classifiers count for, given a consensus.

    Parameters
    ----------
    table : VoteTable
    counts : float64 (n, K)
        Weight of the votes for each class.
    consensus : int64 (n,)
    pred_probs : float64 (P, n, K)
        Of P classifiers.
    """
    n_votes = counts.sum(axis=1)
    several = n_votes > 1
    share = counts[np.arange(len(counts)), consensus] / np.maximum(n_votes, 1e-300)
    likelihood = float(share[several].mean()) if several.any() else 0.5
    settled = consensus[several]
    commonest = np.bincount(settled, minlength=table.n_classes).argmax()
    base_error = max(float((settled != commonest).mean()) if several.any() else 1.0, LEAST_WEIGHT)
    agreement = agreement_with_others(table, counts)
    errors = np.array([(p[several].argmax(axis=1) != settled).mean() if several.any() else 0.0 for p in pred_probs])
    mean_votes = float(n_votes[n_votes > 0].mean()) if (n_votes > 0).any() else 0.0
    return VoteShares(
        likelihood,
        agreement,
        np.maximum(1 - (1 - agreement) / base_error, LEAST_WEIGHT),
        np.maximum(1 - errors / base_error, LEAST_WEIGHT) * float(np.sqrt(mean_votes)),
    )


def mixed_posterior(table: VoteTable, pred_probs: Floats, shares: VoteShares) -> Floats:
    """q_ik = [ Σ_M w_M p_Mik + Σ_j w_j ((1 − P)/(K − 1) + 1[L_ij = k] (P − (1 − P)/(K − 1))) ] / (Σ_M w_M + Σ_j w_j).

    `pred_probs` float64 (P, n, K); returns (n, K).
    """
    k = table.n_classes
    miss = (1 - shares.likelihood) / max(k - 1, 1)
    weight = table.weight * shares.sources[table.source]
    row = table.row()
    total = summed(row, weight, table.n_rows)[:, None]
    voted = summed(row * k + table.value, weight, table.n_rows * k).reshape(-1, k)
    mixed = np.tensordot(shares.classifiers, pred_probs, axes=1) + total * miss + voted * (shares.likelihood - miss)
    return np.asarray(mixed / (shares.classifiers.sum() + total))


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
