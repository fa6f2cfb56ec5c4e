"""Which rows to ask about when some classes have no name yet, and which output of a network is which class.

Sampling: only rows that the model holds to be of a new class are asked about, the same number for each of its new
outputs; in the first rounds the surest of them, later the least sure. Mapping: a running average of the network and the
labelled rows alone decide which output stands for which named class, so that the names stay put between rounds.

Source: Ma, Zhu, Zhong, Zhang, Liu, Active generalized category discovery, CVPR 2024 [P180].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from labelwright.acquire.contract import Pool, Rows, Seed, Selection, checked_budget
from labelwright.acquire.uncertainty import margin_score
from labelwright.errors import BadInput
from labelwright.metrics.matching import match_clusters


class AdaptiveNovelSampling:
    """Asks about rows of new classes, evenly over the outputs: sure ones first, unsure ones later. [P180]

    Parameters
    ----------
    n_old : int
        Outputs 0 .. n_old − 1 are the named classes, at least 1; those after them are new.
    round_index : int, default 0
        Rounds done so far.
    adaptive_round : int, default 2
        From this round on, the first being round 1, the least sure rows come first.

    Notes
    -----
    Needs `pred_probs`. Where too few rows are held to be new, the others with the lowest highest probability follow. A
    row's score falls with its place.

    Examples
    --------
    >>> probs = [[0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.0, 0.1, 0.9]]
    >>> [AdaptiveNovelSampling(1, r).select(Pool(pred_probs=probs), 2, rng=0).rows.tolist() for r in (0, 1)]
    [[1, 3], [2, 3]]

    Source: [P180].
    """

    def __init__(self, n_old: int, round_index: int = 0, *, adaptive_round: int = 2) -> None:
        if n_old < 1 or round_index < 0:
            raise BadInput(f"{n_old} named classes, round {round_index}", fix="at least 1, and rounds from 0")
        self.n_old, self.round_index, self.adaptive_round = n_old, round_index, adaptive_round

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the rows, output by output, then the rest; there is no chance in it but for ties."""
        rows = np.random.default_rng(rng).permutation(pool.open_rows)
        probs = pool.need("pred_probs", self)[rows]
        size = checked_budget(budget, len(rows))
        n_new = probs.shape[1] - self.n_old
        if n_new < 1:
            raise BadInput(f"{probs.shape[1]} outputs leave none for new classes", fix="give the model more outputs")
        unsure, held = margin_score(probs), probs.argmax(axis=1)
        later = self.round_index + 1 >= self.adaptive_round
        order = np.argsort(-unsure if later else unsure, kind="stable")
        new = order[held[order] >= self.n_old]
        each = size // n_new
        first = [new[held[new] == c][:each] for c in range(self.n_old, probs.shape[1])]
        taken = np.concatenate(first)
        rest = new[~np.isin(new, taken)]
        old = np.flatnonzero(held < self.n_old)
        old = old[np.argsort(probs[old].max(axis=1), kind="stable")]
        chosen = np.concatenate([taken, rest, old])[:size]
        return Selection(rows[chosen], np.arange(len(chosen), 0, -1, dtype=np.float64))


class StableLabelMapping:
    """Which output of a network stands for which named class, from labelled rows. [P180]

    Parameters
    ----------
    n_classes : int
        Outputs, and classes, K.

    Attributes
    ----------
    output_of : int64 (K,)
        The output of each class. Classes without a labelled row get what is left over.

    Examples
    --------
    >>> StableLabelMapping(3).fit([2, 2, 0], [0, 0, 1]).output_of
    array([2, 0, 1])

    Source: [P180].
    """

    output_of: Rows

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes

    def fit(self, outputs: ArrayLike, targets: ArrayLike) -> StableLabelMapping:
        """Match outputs, int (n,) of the averaged network, with the classes of the same labelled rows, int (n,)."""
        self.output_of = np.argsort(match_clusters(outputs, targets, self.n_classes))
        return self

    def __call__(self, targets: ArrayLike) -> Rows:
        """Return the output of each class named, int64 (n,)."""
        return np.asarray(self.output_of[np.asarray(targets)])


@dataclass(frozen=True)
class Novelty:
    """What the answers told about new classes.

    Parameters
    ----------
    ratio : float
        Share of the answers that name a new class.
    coverage : float
        Share of the new classes that were named at least once.
    entropy : float
        Entropy of the new classes named, divided by log of their number: 1 = evenly, 0 = one alone.
    """

    ratio: float
    coverage: float
    entropy: float


def novelty_metrics(answers: ArrayLike, n_old: int, n_new: int) -> Novelty:
    """Return how much of the new classes some answers show; classes from `n_old` on are new.

    Examples
    --------
    >>> novelty_metrics([0, 2, 3], n_old=2, n_new=2).coverage
    1.0
    """
    named = np.asarray(answers, dtype=np.int64)
    counts = np.bincount(named[named >= n_old] - n_old, minlength=n_new)[:n_new]
    total = counts.sum()
    if not len(named) or not total:
        return Novelty(0.0, 0.0, 0.0)
    spread = float(entr(counts / total).sum() / np.log(n_new)) if n_new > 1 else 1.0
    return Novelty(float(total / len(named)), float((counts > 0).mean()), spread)


@dataclass(frozen=True)
class DiscoveryAccuracy:
    """Accuracy over all rows, those of old classes and those of new ones, under one matching of outputs and classes."""

    all: float
    old: float
    new: float


def clustering_accuracy(outputs: ArrayLike, truth: ArrayLike, n_old: int, n_classes: int) -> DiscoveryAccuracy:
    """Return the accuracy of outputs int (n,) after one Hungarian match over all classes.

    Examples
    --------
    >>> clustering_accuracy([0, 0, 2, 2], [0, 0, 1, 2], n_old=1, n_classes=3)
    DiscoveryAccuracy(all=0.75, old=1.0, new=0.5)
    """
    found, y = np.asarray(outputs), np.asarray(truth)
    right: NDArray[np.bool_] = match_clusters(found, y, n_classes)[found] == y
    old = y < n_old
    share = [float(right[part].mean()) if part.any() else float("nan") for part in (old >= 0, old, ~old)]
    return DiscoveryAccuracy(*share)
