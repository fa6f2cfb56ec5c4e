"""Which given labels to check again on a small budget, by how far the models' labels are in a tree of labels.

    d(a, b) = depth(a) + depth(b) − 2 depth(lca(a, b))

    distance order    d(given, predicted)                                 of the rows where they differ
    consensus         Σ_r d(given, predicted_r) · 1[predicted_r ≠ given]  over R models

High first finds gross errors, low first confusable siblings. Distances are small whole numbers, so ties decide much of
the ranking: they go to the row whose models are surest of another label, then to the first.

Measured over five seeds (precision at 5 % of the rows, 15 % of labels wrong): consensus order 1.00 on digits against
0.71 for random contradicted rows; on blurred digits 0.78, against 0.92 for rows ordered by the models' confidence
alone; on CIFAR-10N 0.55 against 0.45. Distance finds gross errors; it is no better finder of errors as such.

Source: Parekh, Anand and Awekar, Budget sensitive reannotation of noisy relation classification data using label
hierarchy, 2021 [P175].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.acquire.contract import Floats, Pool, Rows, Seed, Selection, checked_budget
from labelwright.errors import BadInput
from labelwright.evidence.taxonomy import Taxonomy
from labelwright.metrics.checks import as_array, as_codes, as_labels, as_probs, same_length

NONE = "none"  # the usual name of a label outside the tree


def label_tree_distance(labels: Sequence[str], separator: str = ".", outside: Sequence[str] = (NONE,)) -> Floats:
    """Return the edges between each two labels in the tree of their paths, float64 (K, K), in the order of `labels`.

    Parameters
    ----------
    labels : sequence of str
        Paths such as ``"animal.cat"``, unique. A path may end where another goes on.
    separator : str, default "."
    outside : sequence of str
        Labels that belong to no branch: direct children of the root, whatever they contain.

    Examples
    --------
    >>> label_tree_distance(["animal.cat", "animal.dog", "none"])
    array([[0., 2., 3.],
           [2., 0., 3.],
           [3., 3., 0.]])

    Source: [P175].
    """
    names = list(labels)
    if len(set(names)) != len(names):
        raise BadInput("a label stands twice", fix="give each label once")
    inside = [name for name in names if name not in set(outside)]
    tree = Taxonomy.from_paths(inside, separator) if inside else None
    distance = np.zeros((len(names), len(names)))
    depth = np.ones(len(names))
    if tree is not None:
        node = np.array([tree.node(name) if name in set(inside) else -1 for name in names])
        known = node >= 0
        depth[known] = tree.depths[node[known]] + 1.0
        distance[np.ix_(known, known)] = tree.node_distances[np.ix_(node[known], node[known])]
    off = np.array([name in set(outside) for name in names])
    apart = off[:, None] | off[None, :]
    distance[apart] = (depth[:, None] + depth[None, :])[apart]
    np.fill_diagonal(distance, 0.0)
    return distance


class HierarchyReannotation:
    """Asks again about labels that models contradict, farthest in the tree of labels first.

    Parameters
    ----------
    distance : float array (K, K)
        Between labels, such as of `label_tree_distance` or ``Taxonomy.leaf_distances``.
    siblings_first : bool, default False
        Nearest first instead.

    Notes
    -----
    Where `Pool.draws` hold R models, distances are summed over them (consensus); else `Pool.pred_probs` is the one
    model (distance order). Only labelled candidates that some model contradicts are asked about, so fewer than `budget`
    rows may come. Predictions must be out of sample. A row's score is its distance (negative with `siblings_first`)
    plus a share below one edge for how sure the models are.

    Examples
    --------
    >>> far = label_tree_distance(["a.x", "a.y", "b.z"])
    >>> pool = Pool(pred_probs=[[0.1, 0.9, 0.0], [0.1, 0.0, 0.9], [1.0, 0.0, 0.0]], labels=[0, 0, 0],
    ...             candidates=[True, True, True])
    >>> HierarchyReannotation(far).select(pool, 3, rng=0).rows
    array([1, 0])

    Source: Parekh et al., 2021 [P175].
    """

    def __init__(self, distance: ArrayLike, siblings_first: bool = False) -> None:
        self.distance, self.siblings_first = as_array("distance", distance, 2), siblings_first
        if self.distance.shape[0] != self.distance.shape[1] or (self.distance < 0).any():
            raise BadInput(f"distance has shape {self.distance.shape}", fix="give one row and column a label, none < 0")

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the contradicted rows, first things first; there is no chance in it."""
        probs = pool.need("pred_probs", self)
        draws = probs[None] if pool.draws is None else pool.draws
        rows = pool.open_rows[pool.labels[pool.open_rows] >= 0]
        expected = expected_distance(pool.labels[rows], [p[rows] for p in draws], self.distance)
        contradicted = expected > 0
        rows, expected = rows[contradicted], expected[contradicted]
        sure = _confidence_against(pool.labels[rows], [p[rows] for p in draws])
        score = (-expected if self.siblings_first else expected) + 0.999 * sure
        size = checked_budget(budget, len(rows))
        order = np.argsort(-score, kind="stable")[:size]
        return Selection(rows[order], score[order])


def expected_distance(labels: ArrayLike, predictions: Sequence[ArrayLike], distance: ArrayLike) -> Floats:
    """Return Σ_r d(given, predicted_r), float64 (n,); `predictions` are R arrays of probabilities (n, K). [P175]."""
    far = as_array("distance", distance, 2)
    y = as_labels("labels", labels, len(far))
    total = np.zeros(len(y))
    for p in predictions:
        probs = as_probs("predictions", p)
        same_length(labels=y, predictions=probs)
        total += far[y, probs.argmax(axis=1)]
    return total


def _confidence_against(labels: Rows, predictions: Sequence[Floats]) -> Floats:
    """Return the mean probability of the predicted class of the models that contradict the label, (n,) in [0, 1]."""
    total, count = np.zeros(len(labels)), np.zeros(len(labels))
    for p in predictions:
        against = p.argmax(axis=1) != labels
        total += np.where(against, p.max(axis=1, initial=0.0), 0.0)
        count += against
    return total / np.maximum(count, 1)


def novelty_overlap(selected: ArrayLike, reference: ArrayLike) -> float:
    """Return the share of selected rows that the reference did not select, in [0, 1]; NaN when none is selected.

    Examples
    --------
    >>> novelty_overlap([1, 2, 3, 4], [4, 9])
    0.75

    Source: [P175].
    """
    mine: NDArray[np.int64] = np.unique(as_codes("selected", selected))
    theirs = np.unique(as_codes("reference", reference))
    return float(1 - np.isin(mine, theirs).mean()) if len(mine) else float("nan")
