"""ActiveLab: label a new row, or ask again about an old one, whichever tells more.

Votes and a classifier are merged as in CROWDLAB: source j counts w_j, the classifier w_M, and row i has a consensus of
quality Q_i, the merged probability of its consensus class. One vote to come, of a source of mean weight w̄ that knows
nothing yet, is added as a guess:

    S_i = [ (w_M + Σ_{j voted on i} w_j) Q_i + w̄ / K ] / ( w_M + Σ_{j voted on i} w_j + w̄ )        row with votes
    S_u = [ w_M max_k p_uk + w̄ / K ] / ( w_M + w̄ )                                                row without

The two are comparable, and a low S is worth a label. The score is 1 − S. Where every row has one vote nothing can be
told of the sources: all weights are 1, and Q_i is the classifier's probability of that vote.

Source: Goh and Mueller, ActiveLab: active learning with re-labeling by multiple annotators, 2023 [P068].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.acquire.contract import Floats, Pool, Rows, ScoredAcquisition
from labelwright.consensus.classifier_votes import VoteShares, mixed_posterior, vote_shares
from labelwright.consensus.table import VoteTable, summed
from labelwright.errors import BadInput
from labelwright.evidence import Votes
from labelwright.metrics.checks import as_array, as_probs, as_vector

COARSE = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 3.0, 5.0, 8.0)  # temperatures that are tried first
FINE = 4  # steps from the best one to each neighbour
TINY = 1e-30


@dataclass(frozen=True, eq=False)
class VoteQuality:
    """What is known of each row, and what a row would gain.

    Parameters
    ----------
    consensus : int64 (n,)
        Of rows with votes; the most probable class elsewhere.
    quality : float64 (n,)
        Q, the probability that the consensus is right.
    score : float64 (n,)
        1 − S, in [0, 1]: high = ask first.
    posterior : float64 (n, K)
    shares : VoteShares
        What sources and classifiers count for.
    temperature : float64 (P,)
        By which each classifier's probabilities were scaled.
    """

    consensus: Rows
    quality: Floats
    score: Floats
    posterior: Floats
    shares: VoteShares
    temperature: Floats


def activelab_scores(votes: Votes, pred_probs: ArrayLike, *, temperature: float | None = None) -> Floats:
    """Return what one more label of each row is worth, float64 (n,) in [0, 1]: high = ask first.

    Parameters
    ----------
    votes : Votes
        Class votes on the n rows; rows without a vote are unlabelled.
    pred_probs : float array (n, K)
        P(class | x) from a model that did not see the row; with probabilities of the training rows the ranking turns
        round.
    temperature : float, optional
        By which the probabilities are scaled, above 0; fitted to the votes by default. Not used where every row has one
        vote.

    Raises
    ------
    BadInput
        Shapes do not fit, or no probability.

    Notes
    -----
    The paper's score is 1 − this one. Ties of the majority go to the class that the classifier prefers, then the rarer
    class, then the class of the sources that agree most with clear majorities, then the first. When the
    reference code fits the temperature it counts the votes of rows that lack a class under the wrong classes, and so
    smooths too much; with the same temperature the scores are the same.

    Examples
    --------
    >>> votes = Votes.from_matrix([[0], [1], [-1]], n_classes=2)
    >>> activelab_scores(votes, [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]]).round(4)
    array([0.2333, 0.7667, 0.45  ])

    Source: [P068].
    """
    heat = None if temperature is None else [temperature]
    return vote_quality(votes, as_array("pred_probs", pred_probs, 2)[None], heat).score


def activelab_scores_ensemble(votes: Votes, draws: ArrayLike, *, temperature: ArrayLike | None = None) -> Floats:
    """Return what one more label of each row is worth, as `activelab_scores`, with P classifiers, (P, n, K). [P068].

    Each classifier has a temperature and a weight of its own. A row without votes takes the class that most classifiers
    predict, and the mean of their probabilities for it.

    Examples
    --------
    >>> votes = Votes.from_matrix([[-1]], n_classes=2)
    >>> activelab_scores_ensemble(votes, [[[0.6, 0.4]], [[0.9, 0.1]]]).round(4)
    array([0.3333])
    """
    return vote_quality(votes, as_array("draws", draws, 3), temperature).score


def vote_quality(votes: Votes, draws: Floats, temperature: ArrayLike | None = None) -> VoteQuality:
    """Return consensus, quality and score of every row for classifiers (P, n, K), at one temperature each. [P068]."""
    table = VoteTable.of(votes)
    if draws.shape[1:] != (table.n_rows, table.n_classes) or not len(draws):
        raise BadInput(
            f"the probabilities have shape {draws.shape}, the votes {table.n_rows} rows and {table.n_classes} classes",
            fix="pass one row a row of the votes and one column a class",
        )
    for probs in draws:
        as_probs("pred_probs", probs)
    counts = table.class_weights()
    n_votes = np.diff(table.offsets)
    voted = n_votes > 0
    if not (n_votes > 1).any():
        return _one_vote_each(table, draws, counts, voted)
    if temperature is None:
        heat = np.array([fit_temperature_to_votes(counts[voted], probs[voted]) for probs in draws])
    else:
        heat = np.broadcast_to(as_vector("temperature", np.atleast_1d(temperature)), len(draws))
        if (heat <= 0).any():
            raise BadInput(f"the temperature is {float(heat.min())}", fix="give one above 0")
    draws = np.stack([_scaled(probs, t) for probs, t in zip(draws, heat, strict=True)])
    consensus = majority(table, counts, draws.mean(axis=0))
    first = mixed_posterior(table, draws, vote_shares(table, counts, consensus, draws))
    best = first >= first.max(axis=1, keepdims=True)
    consensus = np.where(voted & (best.sum(axis=1) == 1), first.argmax(axis=1), consensus)
    shares = vote_shares(table, counts, consensus, draws)
    posterior = mixed_posterior(table, draws, shares)
    return _scored(table, draws, consensus, posterior, shares, heat)


def _one_vote_each(table: VoteTable, draws: Floats, counts: Floats, voted: NDArray[np.bool_]) -> VoteQuality:
    """All weights are 1; the classifier alone says how good a single vote is."""
    mean = draws.mean(axis=0)
    consensus = np.where(voted, counts.argmax(axis=1), mean.argmax(axis=1))
    ones = VoteShares(1.0, np.ones(table.n_sources), np.ones(table.n_sources), np.ones(len(draws)))
    return _scored(table, draws, consensus, mean, ones, np.ones(len(draws)))


def _scored(
    table: VoteTable, draws: Floats, consensus: Rows, posterior: Floats, shares: VoteShares, heat: Floats
) -> VoteQuality:
    k, rows, voted = table.n_classes, np.arange(table.n_rows), table.covered()
    spoke = np.bincount(table.source, minlength=table.n_sources) > 0
    to_come = float(shares.sources[spoke].mean()) if spoke.any() else 1.0
    favourite = _vote_of_classifiers(draws)
    consensus = np.where(voted, consensus, favourite)
    expected = np.tensordot(shares.classifiers, draws, axes=1) / shares.classifiers.sum()
    posterior = np.where(voted[:, None], posterior, expected)
    quality = posterior[rows, consensus]
    weight = shares.classifiers.sum() + summed(table.row(), table.weight * shares.sources[table.source], table.n_rows)
    safe = (weight * quality + to_come / k) / (weight + to_come)
    return VoteQuality(consensus, quality, 1 - safe, posterior, shares, heat)


def _vote_of_classifiers(draws: Floats) -> Rows:
    """Return the class that most classifiers predict, int64 (n,); ties by their mean probability."""
    mean = draws.mean(axis=0)
    if len(draws) == 1:
        return np.asarray(mean.argmax(axis=1))
    counts = (draws.argmax(axis=2)[..., None] == np.arange(draws.shape[2])).sum(axis=0)
    tied = counts == counts.max(axis=1, keepdims=True)
    return np.asarray(np.where(tied, mean, -1.0).argmax(axis=1))


def majority(table: VoteTable, counts: Floats, pred_probs: Floats) -> Rows:
    """Return the class with most votes, int64 (n,); see `activelab_scores` for ties."""
    tied = counts == counts.max(axis=1, keepdims=True)
    clear = tied.sum(axis=1) == 1
    agreed = _agreement_with_majority(table, counts, clear)
    backing = summed(table.row() * table.n_classes + table.value, agreed[table.source], counts.size)
    number = summed(table.row() * table.n_classes + table.value, np.ones(len(table.source)), counts.size)
    skill = (backing / np.maximum(number, 1)).reshape(counts.shape)
    for preference in (pred_probs, np.broadcast_to(-counts.sum(axis=0), counts.shape), skill):
        among = np.where(tied, preference, -np.inf)
        tied = among == among.max(axis=1, keepdims=True)
    return np.asarray(tied.argmax(axis=1))


def _agreement_with_majority(table: VoteTable, counts: Floats, clear: NDArray[np.bool_]) -> Floats:
    """Return how often each source agrees with a clear majority, (m,); the mean of the others where it never could."""
    row = table.row()
    counted = clear[row].astype(np.float64)
    same = summed(table.source, counted * (counts.argmax(axis=1)[row] == table.value), table.n_sources)
    judged = summed(table.source, counted, table.n_sources)
    share = same / np.maximum(judged, 1)
    return np.where(judged > 0, share, share[judged > 0].mean() if (judged > 0).any() else 0.5)


def fit_temperature_to_votes(counts: Floats, pred_probs: Floats) -> float:
    """Return the temperature at which the probabilities (n, K) fit the shares of votes `counts` (n, K) best.

    The cross-entropy of the shares is looked up on a coarse grid, then on a fine one around its best point.
    """
    shares = counts / counts.sum(axis=1, keepdims=True)
    log_p = np.log(np.maximum(pred_probs, TINY))
    log_p = log_p - log_p.max(axis=1, keepdims=True)
    fit = (shares * log_p).sum()

    def cross_entropy(t: float) -> float:
        return float(np.log(np.exp(log_p / t).sum(axis=1)).sum() - fit / t)

    best = int(np.argmin([cross_entropy(t) for t in COARSE]))
    grid = [COARSE[best]]
    if best > 0:
        grid = [*np.linspace(COARSE[best - 1], COARSE[best], FINE, endpoint=False), *grid]
    if best < len(COARSE) - 1:
        grid = [*grid, *np.linspace(COARSE[best], COARSE[best + 1], FINE + 1)[1:]]
    return float(grid[int(np.argmin([cross_entropy(t) for t in grid]))])


def _scaled(pred_probs: Floats, temperature: float) -> Floats:
    log_p = np.log(np.maximum(pred_probs, TINY)) / temperature
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


class ActiveLab(ScoredAcquisition):
    """Asks about the rows where one more label is worth most, labelled or not.

    Let `Pool.candidates` hold labelled rows too, and they are asked about again where that is worth more. Labels
    without votes count as the single vote of one source. After a batch, collect one label a row, merge, and fit the
    model anew.

    Examples
    --------
    >>> votes = Votes.from_matrix([[0], [1], [-1]], n_classes=2)
    >>> pool = Pool(pred_probs=[[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]], votes=votes, candidates=[True, True, True])
    >>> ActiveLab().select(pool, 2, rng=0).rows
    array([1, 2])

    Source: Goh and Mueller, 2023 [P068].
    """

    def scores(self, pool: Pool) -> Floats:
        """Return 1 − S of each row, (n,)."""
        return self.quality(pool).score

    def quality(self, pool: Pool) -> VoteQuality:
        """Return consensus, quality and score of each row."""
        probs = pool.need("pred_probs", self)
        draws = probs[None] if pool.draws is None else pool.draws
        votes = pool.votes
        if votes is None:
            votes = Votes.from_matrix(pool.labels[:, None].astype(np.int32), n_classes=probs.shape[1])
        return vote_quality(votes, draws)
