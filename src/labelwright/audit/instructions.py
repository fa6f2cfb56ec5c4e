"""Labelling instructions from labelled data: a few pairs of an example and a text that together find a class.

For a class, a pair (v, t) of an example item and a text scores every item x, and a set of pairs by its best one:

    s(x; v, t) = w · cos(x, v) + (1 − w) · cos(x, t)          S(x) = max over the pairs of s(x; v, t)

Pairs are added greedily: each step takes the pair whose addition raises the average precision over the k items of the
highest score most, until no pair gains `least_gain` or there are `budget` pairs. Candidates are medoids of clusters of
the class and random members, with every text. Nothing is trained; an item with patches scores by its best patch.

Source: Chang et al., Thinking Like an Annotator: Generation of Dataset Labeling Instructions, 2023 [P092].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.retrieval import RetrievalIndex, truncated_average_precision
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_labels

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
ALIKE = 0.95
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class InstructionSet:
    """The instructions of one class: pairs (item, text) that find it.

    Parameters
    ----------
    pairs : tuple of (int, int)
        Rows of items and numbers of texts; -1 where a pair has no text.
    w : float
        Weight of the examples against the texts, in [0, 1].
    average_precision : float
        On the rows that they were chosen from.
    """

    pairs: tuple[tuple[int, int], ...]
    w: float
    average_precision: float

    def scores(self, index: RetrievalIndex) -> Floats:
        """Return S(x) of every item of an index over the same items and texts, float64 (n,)."""
        rows, texts = zip(*self.pairs, strict=True)
        return np.asarray(index.pair_scores(rows, texts, self.w).max(axis=0))


class LabelingInstructionGenerator:
    """Chooses, for each class, the pairs of example and text that find it best among labelled items.

    Parameters
    ----------
    budget : int, default 5
        Pairs a class.
    clusters : int, default 20
        Medoids of k-means within the class that stand for election.
    random_members : int, default 10
        Further members drawn at random.
    depth : int, default 1000
        Items that count, from the highest score on; cut to what there is.
    least_gain : float, default 1e-3
        Average precision that a further pair must add.
    seed : int, default 0

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = np.eye(2)[y] + rng.normal(0, 0.1, (60, 2))
    >>> sets = LabelingInstructionGenerator(budget=2).generate(RetrievalIndex(X), y)
    >>> [len(sets[k].pairs) for k in (0, 1)], sets[0].average_precision
    ([1, 1], 1.0)
    """

    def __init__(
        self,
        budget: int = 5,
        clusters: int = 20,
        random_members: int = 10,
        depth: int = 1000,
        least_gain: float = 1e-3,
        seed: int = 0,
    ) -> None:
        if min(budget, clusters, depth) < 1 or random_members < 0:
            raise BadInput("budget, clusters and depth must be at least 1, random_members at least 0")
        self.budget, self.clusters, self.random_members = budget, clusters, random_members
        self.depth, self.least_gain, self.seed = depth, least_gain, seed

    def generate(
        self,
        index: RetrievalIndex,
        labels: ArrayLike,
        texts_of: Mapping[int, Sequence[int]] | None = None,
        rows: ArrayLike | None = None,
        exclude: ArrayLike | None = None,
    ) -> dict[int, InstructionSet]:
        """Return the instructions of every class that has a candidate.

        Parameters
        ----------
        index : RetrievalIndex
        labels : int (n,), -1 = unlabelled
        texts_of : mapping of class to text numbers, optional
            Which texts stand for election for a class.
        rows : int (m,), optional
            The rows to choose from and to score on; never those that the result is tested on. All by default.
        exclude : bool (n,), optional
            Rows that may not be examples, such as suspected label errors.
        """
        y = as_labels("labels", labels, int(np.max(labels, initial=0)) + 1)
        if len(y) != len(index):
            raise BadInput(f"there are {len(y)} labels for {len(index)} items")
        at = np.arange(len(y)) if rows is None else np.asarray(rows, dtype=np.int64)
        barred = np.zeros(len(y), bool) if exclude is None else np.asarray(exclude, dtype=bool)
        found = {}
        for k in np.unique(y[at][y[at] >= 0]).tolist():
            members = at[(y[at] == k) & ~barred[at]]
            texts = list((texts_of or {}).get(k, ()))
            if len(members):
                found[k] = self._choose(index, y[at] == k, at, self._candidates(index, members, k), texts)
        return found

    def _candidates(self, index: RetrievalIndex, members: NDArray[np.int64], k: int) -> NDArray[np.int64]:
        """Return medoids of clusters of the members and further members at random."""
        rng = np.random.default_rng([self.seed, k])
        drawn = rng.choice(members, min(self.random_members, len(members)), replace=False)
        central = members[medoids(index.vectors(members), self.clusters, self.seed)]
        return np.unique(np.concatenate([central, drawn]))

    def _choose(
        self,
        index: RetrievalIndex,
        is_class: NDArray[np.bool_],
        at: NDArray[np.int64],
        candidates: NDArray[np.int64],
        texts: list[int],
    ) -> InstructionSet:
        """Run the greedy choice for each weight and keep the best."""
        shown = index.like_item(candidates)[:, at]
        said = index.like_text(texts)[:, at] if texts else np.zeros((1, len(at)))
        alike = index.vectors(candidates) @ index.vectors(candidates).T
        best: InstructionSet | None = None
        for w in WEIGHTS if texts else (1.0,):
            scores = (w * shown[:, None, :] + (1 - w) * said[None, :, :]).reshape(-1, len(at))
            chosen, reached = self._greedy(scores, is_class, alike, max(len(texts), 1))
            if best is None or reached > best.average_precision + 1e-12:
                pairs = tuple(
                    (int(candidates[i // max(len(texts), 1)]), texts[i % len(texts)] if texts else -1) for i in chosen
                )
                best = InstructionSet(pairs, w, reached)
        assert best is not None
        return best

    def _greedy(
        self, scores: Floats, is_class: NDArray[np.bool_], alike: Floats, n_texts: int
    ) -> tuple[list[int], float]:
        """Return the chosen candidates (rows of `scores`) and the average precision that they reach."""
        chosen: list[int] = []
        reached, current = 0.0, np.full(scores.shape[1], -np.inf)
        allowed = np.ones(len(scores), bool)
        while len(chosen) < self.budget and allowed.any():
            gained = np.full(len(scores), -1.0)
            gained[allowed] = truncated_average_precision(is_class, np.maximum(scores[allowed], current), self.depth)
            best = int(gained.argmax())
            if chosen and gained[best] < reached + self.least_gain:
                break
            chosen.append(best)
            reached, current = float(gained[best]), np.maximum(current, scores[best])
            # An example that looks like a chosen one teaches nothing; it may come again with another text.
            near = alike[best // n_texts] > ALIKE
            near[best // n_texts] = False
            allowed &= ~np.repeat(near, n_texts)
            allowed[best] = False
        return chosen, reached


def medoids(points: ArrayLike, clusters: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the rows nearest to the centres of k-means clusters, ascending, int64 (≤ clusters,)."""
    from sklearn.cluster import KMeans

    rows = np.asarray(points, dtype=np.float64)
    k = min(clusters, len(np.unique(rows, axis=0)))
    if k < 1:
        return np.empty(0, np.int64)
    centres = KMeans(k, n_init=1, random_state=seed, max_iter=50).fit(rows).cluster_centers_
    far = (rows**2).sum(axis=1)[None, :] - 2 * centres @ rows.T
    return np.unique(far.argmin(axis=1)).astype(np.int64)
