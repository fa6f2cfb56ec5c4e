"""Items found by examples and texts: cosines between them, and how precisely a ranking finds a class.

Source: Chang et al., Thinking Like an Annotator: Generation of Dataset Labeling Instructions, 2023 [P092].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.judge import unit_rows
from labelwright.errors import BadInput, quoted

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
