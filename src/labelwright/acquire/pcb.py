"""Pseudo-class balance: batches that even out the classes, for tuning the prompts of an image-text model.

Active learning on a pretrained model tends to ask about a few classes only. Any acquisition first names candidates,
a tenth of all rows; from these the batch is filled class by class: the class with fewest labels so far takes a random
candidate that the model holds to be of it.

    counts = labels per class;   repeat:  c = argmin counts;  take x with argmax p(x) = c, counts[c] += 1

Source: Bang, Ahn, Lee, Active prompt learning in vision language models, CVPR 2024 [P142].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.acquire.contract import Acquisition, Floats, Pool, Rows, Seed, Selection, checked_budget
from labelwright.acquire.rounds import Fit, Oracle, Rounds, Score, run_rounds
from labelwright.acquire.uncertainty import Entropy
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_generator


class PseudoClassBalance:
    """Fills a batch class by class from the candidates of another acquisition. [P142]

    Parameters
    ----------
    base : Acquisition, optional
        Names the candidates; `Entropy` by default, `BADGE` and `KCenterGreedy` are the paper's others.
    gamma : float, default 0.1
        Candidates as a share of all rows, in (0, 1].
    skip_empty : bool, default False
        A class without candidates is passed over. By default, as in the authors' code, a random candidate is taken in
        its place and counts for no class, so one class that is never predicted leaves the rest of the batch to chance.

    Notes
    -----
    Needs `pred_probs`; the pool's labels say what is there already. A row's score falls with the order in which it was
    taken.

    On digits with classes of 100 down to 10 rows, 60 labels, twenty seeds: it beats random rows by 5 points, as its
    base does; the labels are more even than the base's (standard deviation over classes 3.7 to 4.3 of entropy and 3.1
    to 3.7 of BADGE).

    Examples
    --------
    >>> probs = np.repeat([[0.6, 0.4], [0.4, 0.6]], [8, 2], axis=0)
    >>> chosen = PseudoClassBalance(gamma=1.0).select(Pool(pred_probs=probs), 4, rng=0)
    >>> np.bincount(probs[chosen.rows].argmax(axis=1))
    array([2, 2])

    Source: [P142].
    """

    def __init__(self, base: Acquisition[Pool] | None = None, *, gamma: float = 0.1, skip_empty: bool = False) -> None:
        if not 0 < gamma <= 1:
            raise BadInput(f"gamma is {gamma}", fix="choose a share in (0, 1]")
        self.base, self.gamma, self.skip_empty = base or Entropy(), gamma, skip_empty

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the rows in the order in which they were taken."""
        generator = as_generator(rng)
        probs = pool.need("pred_probs", self)
        size = checked_budget(budget, len(pool.open_rows))
        if not size:
            return Selection(pool.open_rows, np.empty(0))
        wanted = max(round(self.gamma * pool.n_rows), size)
        candidates = generator.permutation(self.base.select(pool, wanted, generator).rows)
        k = probs.shape[1]
        counts = np.bincount(pool.labels[pool.labels >= 0], minlength=k).astype(np.int64)
        taken = balanced_draw(probs[candidates].argmax(axis=1), counts, size, skip_empty=self.skip_empty)
        return Selection(candidates[taken], np.arange(size, 0, -1, dtype=np.float64))


def balanced_draw(pseudo: Rows, counts: Rows, size: int, *, skip_empty: bool = False) -> Rows:
    """Return positions among candidates, in the order of the draw: the smallest class first, ties to the lowest number.

    Parameters
    ----------
    pseudo : int (c,)
        Predicted class of each candidate; the candidates stand in random order.
    counts : int (K,)
        Labels of each class so far.
    size : int
        At most c.
    skip_empty : bool

    Examples
    --------
    >>> balanced_draw(np.array([0, 0, 1, 0]), np.array([0, 1]), 3)
    array([0, 1, 2])
    """
    queues = [np.flatnonzero(pseudo == c).tolist()[::-1] for c in range(len(counts))]
    left = list(range(len(pseudo)))[::-1]
    free = np.ones(len(pseudo), dtype=np.bool_)
    have = np.asarray(counts, dtype=np.float64).copy()
    taken = np.empty(min(size, len(pseudo)), dtype=np.int64)
    for i in range(len(taken)):
        c = int(have.argmin())
        while skip_empty and not _next(queues[c], free):
            have[c] = np.inf
            c = int(have.argmin())
        if _next(queues[c], free):
            taken[i] = queues[c].pop()
            have[c] += 1
        else:
            _next(left, free)
            taken[i] = left.pop()
        free[taken[i]] = False
    return taken


def _next(queue: list[int], free: NDArray[np.bool_]) -> bool:
    """Drop what was taken from the end of a queue; say whether anything is left."""
    while queue and not free[queue[-1]]:
        queue.pop()
    return bool(queue)


def active_prompt_rounds(
    X: ArrayLike,
    oracle: Oracle,
    fit: Fit,
    acquisition: Acquisition[Pool],
    score: Score,
    *,
    n_classes: int,
    rounds: int = 8,
    rng: Seed,
) -> Rounds:
    """Tune prompts in rounds of K labels, from K random rows on; each round starts its prompts anew.

    Parameters
    ----------
    X : float array (n, d)
        Image embeddings of the pool.
    oracle, fit, acquisition, score, n_classes
        As for `run_rounds`; `fit` makes a fresh learner, such as ``lambda X, y: PromptLearner(...).fit(X, y)``.
    rounds : int, default 8
        The first one included.
    rng : int or numpy.random.Generator

    Source: [P142].
    """
    generator = as_generator(rng)
    n = len(np.asarray(X))
    if rounds < 1 or n < n_classes:
        raise BadInput(f"{rounds} rounds on {n} rows of {n_classes} classes", fix="give at least a row a class")
    start = generator.choice(n, n_classes, replace=False)
    return run_rounds(
        X, oracle, fit, acquisition, score, start=start, rounds=rounds - 1, per_round=n_classes, n_classes=n_classes,
        rng=generator,
    )  # fmt: skip


def description_ensemble(images: ArrayLike, descriptions: Sequence[ArrayLike], scale: float = 100.0) -> Floats:
    """Return logits (n, K) as the mean over each class's descriptions of scale · cosine ("average similarity").

    Parameters
    ----------
    images : float array (n, d)
    descriptions : sequence of float array (D_c, d)
        Embeddings of the texts that describe each class.
    scale : float, default 100.0

    Examples
    --------
    >>> description_ensemble([[1.0, 0.0]], [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0]]], scale=1.0)
    array([[0.5, 0. ]])

    Source: [P142].
    """
    unit = _unit(as_array("images", images, 2))
    texts = [_unit(as_array("descriptions", own, 2)) for own in descriptions]
    return scale * np.stack([(unit @ own.T).mean(axis=1) for own in texts], axis=1)


def average_description(descriptions: Sequence[ArrayLike]) -> Floats:
    """Return one unit embedding a class, (K, d): the mean of its descriptions' embeddings ("average embedding").

    Source: [P142].
    """
    return _unit(np.stack([as_array("descriptions", own, 2).mean(axis=0) for own in descriptions]))


def _unit(rows: NDArray[Any]) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float64)
