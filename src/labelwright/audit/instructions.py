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

from labelwright.audit.judge import unit_rows
from labelwright.errors import BadInput, quoted
from labelwright.metrics.checks import as_labels

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
ALIKE = 0.95
Floats = NDArray[np.float64]


class RetrievalIndex:
    """How alike every item is to candidate examples and to texts, computed once.

    Parameters
    ----------
    items : float (n, d) or (n, p, d)
        Vectors of the items, or of p patches of each.
    texts : float (q, d), optional
        Vectors of the texts, in the same space. Without them only examples count (w = 1).
    centre : bool, default True
        Take the mean off items and texts, each apart: encoders keep pictures and texts in different corners.

    Examples
    --------
    >>> index = RetrievalIndex([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.1]], centre=False)
    >>> index.pair_scores([1], [0], 0.0).argmax(axis=1)
    array([0])
    """

    def __init__(self, items: ArrayLike, texts: ArrayLike | None = None, *, centre: bool = True) -> None:
        vectors = np.asarray(items, dtype=np.float64)
        if vectors.ndim not in (2, 3) or not np.isfinite(vectors).all():
            raise BadInput(f"items have shape {vectors.shape}", fix="give finite vectors (n, d) or patches (n, p, d)")
        width = vectors.shape[-1]
        words = np.empty((0, width)) if texts is None else np.asarray(texts, dtype=np.float64)
        if words.ndim != 2 or words.shape[1] != width:
            raise BadInput(f"texts have shape {words.shape}, items {vectors.shape}", fix="embed both in one space")
        flat = vectors.reshape(-1, width)
        self._middle = flat.mean(axis=0) if centre and len(flat) else np.zeros(width)
        self._words_middle = words.mean(axis=0) if centre and len(words) > 1 else np.zeros(width)
        self._patches = unit_rows(flat - self._middle).reshape(*vectors.shape[:-1], width)
        whole = vectors if vectors.ndim == 2 else vectors.mean(axis=1)
        self._items = unit_rows(whole - self._middle)
        self._texts = unit_rows(words - self._words_middle)
        self.n_texts = len(words)

    def __len__(self) -> int:
        return len(self._items)

    def vectors(self, rows: ArrayLike) -> Floats:
        """Return the items' own vectors (mean of their patches), centred, of length 1, float64 (len(rows), d)."""
        return np.asarray(self._items[np.asarray(rows, dtype=np.int64)])

    def like_item(self, rows: ArrayLike) -> Floats:
        """Return the cosine of every item (its best patch) with the items `rows`, float64 (len(rows), n)."""
        return self._against(self._items[np.asarray(rows, dtype=np.int64)])

    def like_text(self, texts: ArrayLike) -> Floats:
        """Return the cosine of every item (its best patch) with the texts, float64 (len(texts), n)."""
        return self._against(self._texts[np.asarray(texts, dtype=np.int64)])

    def pair_scores(self, rows: ArrayLike, texts: ArrayLike, w: float) -> Floats:
        """Return w · cos(x, item) + (1 − w) · cos(x, text) of every item x for pairs, float64 (pairs, n)."""
        at, words = np.asarray(rows, dtype=np.int64), np.asarray(texts, dtype=np.int64)
        shown = w * self.like_item(at) if w > 0 else np.zeros((len(at), len(self)))
        return shown if w == 1 else shown + (1 - w) * self.like_text(words)

    def _against(self, queries: Floats) -> Floats:
        if self._patches.ndim == 2:
            return np.asarray(queries @ self._patches.T)
        return np.asarray(np.einsum("qd,npd->qnp", queries, self._patches).max(axis=2))


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


def truncated_average_precision(is_positive: ArrayLike, scores: ArrayLike, depth: int = 1000) -> Floats:
    """Return the average precision over the `depth` highest-scored items of each row of scores, float64 (m,).

    Σ over hits among them of precision at the hit, divided by min(positives, depth); ties go to the earlier item. NaN
    when nothing is positive.

    Examples
    --------
    >>> truncated_average_precision([1, 0, 1], [[0.9, 0.8, 0.7]], depth=2)
    array([0.5])
    """
    positive = np.asarray(is_positive, dtype=bool)
    table = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    if table.shape[1] != len(positive):
        raise BadInput(f"there are {table.shape[1]} scores for {len(positive)} items")
    cut, total = min(depth, len(positive)), int(positive.sum())
    if not total:
        return np.full(len(table), np.nan)
    hits = positive[np.argsort(-table, axis=1, kind="stable")[:, :cut]]
    precision = np.cumsum(hits, axis=1) / np.arange(1, cut + 1)
    return np.asarray((precision * hits).sum(axis=1) / min(total, cut))


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


def nearest_of_other_classes(
    index: RetrievalIndex, examples: Sequence[int], labels: ArrayLike, most: int = 3
) -> list[tuple[int, float]]:
    """Return items of other classes that look most like the examples, with the cosine: what the class is mistaken for.

    Parameters
    ----------
    examples : sequence of int
        Rows of one class.
    labels : int (n,)
    """
    y = np.asarray(labels)
    if not len(examples):
        return []
    own = {int(y[row]) for row in examples}
    if len(own) > 1:
        raise BadInput(f"the examples belong to classes {quoted(sorted(own))}", fix="give those of one class")
    near = index.like_item(examples).max(axis=0)
    near[np.isin(y, [*own, -1])] = -np.inf
    order = np.argsort(-near, kind="stable")[:most]
    return [(int(row), float(near[row])) for row in order if np.isfinite(near[row])]


def mean_retrieval_precision(
    scores: Mapping[int, ArrayLike],
    labels: ArrayLike,
    rows: ArrayLike,
    *,
    depth: int = 1000,
    folds: int = 5,
    seed: int = 0,
) -> Floats:
    """Return the mean over classes of the average precision on each of `folds` disjoint parts of rows, (folds,).

    Parameters
    ----------
    scores : mapping of class to float (n,)
        How well each item fits the class.
    labels : int (n,)
    rows : int (m,)
        The held-out items.
    """
    y, at = np.asarray(labels), np.asarray(rows, dtype=np.int64)
    parts = np.array_split(np.random.default_rng(seed).permutation(at), min(folds, max(len(at), 1)))
    table = {k: np.asarray(s, dtype=np.float64) for k, s in scores.items()}
    return np.array(
        [
            np.nanmean([truncated_average_precision(y[part] == k, s[part], depth)[0] for k, s in table.items()])
            for part in parts
            if np.isin(y[part], list(table)).any()
        ]
    )
