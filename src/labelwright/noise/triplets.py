"""The transition matrix from three or more noisy labels an item, without any true label.

Sources: Liu, Cheng, Zhang, Identifiability of Label Noise Transition Matrix, ICML 2023 [P125]; Zhu, Song, Liu,
Clusterability as an Alternative to Anchor Points When Learning with Noisy Labels, ICML 2021.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence import Votes
from labelwright.metrics.checks import as_codes, as_share
from labelwright.noise.consensus_matching import Solution, match_consensus, solve
from labelwright.noise.identifiability import Identifiability, check_identifiable
from labelwright.noise.label_moments import LabelMoments, model_moments
from labelwright.noise.record import Seed, start
from labelwright.noise.transition import TransitionMatrix

Floats = NDArray[np.float64]
REFINE = 200  # steps of each bootstrap draw, which starts at the estimate


@dataclass(frozen=True, eq=False)
class TransitionEstimate:
    """Noise and class shares that explain how labels of the same item agree.

    Parameters
    ----------
    transition : TransitionMatrix
        Rows = truth, columns = observed. Names of the classes come from supposing that labels are right more often
        than not.
    prior : float64 (K,)
        Shares of the true classes.
    misfit : float in [0, 1]
        Half the sum of |observed − explained| frequencies of label triples. Clearly above sampling error when labels
        depend on each other given the class: hard items, copied labels, neighbours of other classes.
    eigenvalue_gap : float in [0, 1]
        Smallest gap between two eigenvalues over their range; near 0 two classes can hardly be told apart.
    identifiability : Identifiability
        Of the estimate, with three labels an item.
    n : int
        Items that the estimate rests on.
    low, high : float64 (K, K) or None
        Bootstrap interval of each entry, when asked for.
    """

    transition: TransitionMatrix
    prior: Floats
    misfit: float
    eigenvalue_gap: float
    identifiability: Identifiability
    n: int
    low: Floats | None = None
    high: Floats | None = None

    @property
    def noise_rate(self) -> float:
        """Return the estimated share of wrong labels."""
        return self.transition.noise_rate(self.prior)


def transition_from_triplets(
    labels: Votes | ArrayLike,
    n_classes: int | None = None,
    *,
    seed: Seed = 0,
    steps: int = 1500,
    learning_rate: float = 0.1,
    n_bootstrap: int = 0,
    level: float = 0.95,
) -> TransitionEstimate:
    """Estimate T and π from three independent noisy labels an item.

    Parameters
    ----------
    labels : int array (n, 3), or Votes
        Three labels of each item, -1 = unknown (the item is left out); or votes, of which items with at least three
        from different sources count. The labels must be independent given the true class and share one T; otherwise
        the estimate is of their average and `misfit` is large.
    n_classes : int, optional
        K, from 2 to 200; for votes theirs.
    seed : int or numpy.random.Generator, default 0
    steps : int, default 1500
    learning_rate : float, default 0.1
        Of the matching step; the spectral solution and a diagonal matrix are its two starts.
    n_bootstrap : int, default 0
        Draws for the interval of each entry; 0 for none.
    level : float, default 0.95

    Raises
    ------
    BadInput
        When no item has three known labels, or the labels are no class numbers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = TransitionMatrix([[0.8, 0.2], [0.3, 0.7]])
    >>> truth = rng.integers(0, 2, 20_000)
    >>> found = transition_from_triplets(np.stack([noise.apply(truth, rng) for _ in range(3)], axis=1), n_classes=2)
    >>> bool(np.abs(found.transition.matrix - noise.matrix).max() < 0.03)
    True

    Source: Liu, Cheng, Zhang, ICML 2023 [P125].
    """
    if isinstance(labels, Votes):
        if n_classes is not None and n_classes != labels.n_classes:
            raise BadInput(f"n_classes is {n_classes} but the votes have {labels.n_classes} classes")
        moments = LabelMoments.from_votes(labels)
    else:
        if n_classes is None:
            raise BadInput("the number of classes is missing", fix="pass n_classes")
        moments = LabelMoments.from_triples(labels, n_classes)
    return estimate_from_moments(
        moments, seed=seed, steps=steps, learning_rate=learning_rate, n_bootstrap=n_bootstrap, level=level
    )


def estimate_from_moments(
    moments: LabelMoments,
    *,
    seed: Seed = 0,
    steps: int = 1500,
    learning_rate: float = 0.1,
    n_bootstrap: int = 0,
    level: float = 0.95,
) -> TransitionEstimate:
    """Estimate T and π from counted moments; parameters as in `transition_from_triplets`."""
    if steps < 0 or not learning_rate > 0 or n_bootstrap < 0 or not 0 < as_share("level", level) < 1:
        raise BadInput("steps and n_bootstrap are at least 0, learning_rate above 0, level between 0 and 1")
    rng, _ = start(seed, "transition_from_triplets")
    found = solve(moments, rng, steps, learning_rate)
    estimate = as_estimate(moments, found)
    if not n_bootstrap:
        return estimate
    drawn = _bootstrap(moments, found, rng, n_bootstrap, learning_rate)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return replace(estimate, low=low, high=high)


def as_estimate(moments: LabelMoments, found: Solution) -> TransitionEstimate:
    """Return a solution with what is known of its quality."""
    explained = model_moments(found.transition, found.prior)[2]
    return TransitionEstimate(
        transition=TransitionMatrix(found.transition),
        prior=found.prior,
        misfit=float(np.abs(explained - moments.third).sum() / 2),
        eigenvalue_gap=found.gap,
        identifiability=check_identifiable(found.transition, labels_per_item=3),
        n=moments.n,
    )


def transitions_by_stratum(
    labels: ArrayLike, strata: ArrayLike, n_classes: int, *, seed: int = 0, steps: int = 1500
) -> dict[Hashable, TransitionEstimate]:
    """Estimate T apart in each stratum of items, such as easy and hard ones, or what each group of annotators saw.

    Where T differs between items, labels depend on each other given the class, and one fit for all of them is biased.

    Parameters
    ----------
    labels : int array (n, 3)
    strata : array (n,)
        Any values; a stratum without an item of three known labels is left out.
    n_classes, seed, steps
        As in `transition_from_triplets`.

    Source: trap of the averaged T in Liu, Cheng, Zhang, ICML 2023 [P125].
    """
    table, which = np.asarray(labels), np.asarray(strata)
    if table.ndim != 2 or which.shape != table.shape[:1]:
        raise BadInput(f"strata has shape {which.shape}, labels {table.shape}", fix="give one stratum an item")
    known = (as_codes("labels", table.ravel()).reshape(table.shape) >= 0).all(axis=1)
    return {
        value: transition_from_triplets(table[known & (which == value)], n_classes, seed=seed, steps=steps)
        for value in np.unique(which[known]).tolist()
    }


def _bootstrap(
    moments: LabelMoments, found: Solution, rng: np.random.Generator, draws: int, learning_rate: float
) -> Floats:
    """Return T of `draws` samples of as many triples, (draws, K, K), each matched from the estimate on."""
    k, cells = moments.n_classes, np.maximum(moments.third, 0).ravel()
    results = np.empty((draws, k, k))
    for i in range(draws):
        sample = rng.multinomial(moments.n, cells / cells.sum()).reshape(k, k, k)
        drawn = LabelMoments.from_joint(sample / moments.n, moments.n)
        begin = replace(found, loss=np.inf)
        results[i] = match_consensus(drawn, begin, REFINE, learning_rate / 5).transition
    return results
