"""How often one, two and three labels of the same item agree and differ: what estimators of noise are fitted to.

With class shares π and a transition matrix T (rows = truth) that all labels of an item share, independently of each
other given the truth,

    P1 = π T,    P2 = Tᵀ diag(π) T,    P3[a, b, c] = Σ_k π_k T[k, a] T[k, b] T[k, c].

Source: shared block of [P125].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence import Votes
from labelwright.metrics.checks import as_array, as_class_count, as_labels
from labelwright.noise.transition import TransitionMatrix

Floats = NDArray[np.float64]
MOST_CLASSES = 200  # 64 MB for the third moment
BLOCK = 2**23


@dataclass(frozen=True, eq=False)
class LabelMoments:
    """Joint frequencies of one, two and three labels an item, averaged over the orders of the labels.

    Parameters
    ----------
    first : float64 array (K,)
    second : float64 array (K, K)
    third : float64 array (K, K, K)
        Each sums to 1 and is the sum of the next one over its last axis.
    n : int
        Items that they were counted on; 0 for those of a model.

    Examples
    --------
    >>> LabelMoments.from_triples([[0, 0, 1]], n_classes=2).second.round(3).tolist()
    [[0.333, 0.333], [0.333, 0.0]]
    """

    first: Floats
    second: Floats
    third: Floats
    n: int

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.first)

    @classmethod
    def from_triples(cls, triples: ArrayLike, n_classes: int) -> LabelMoments:
        """Count triples (n, 3) of class numbers; rows with an unknown label (-1) are left out."""
        k = _class_count(n_classes)
        table = np.asarray(triples)
        if table.ndim != 2 or table.shape[1] != 3:
            raise BadInput(f"triples has shape {table.shape}", fix="give three labels an item, shape (n, 3)")
        known = as_labels("triples", table.ravel(), k).reshape(table.shape)
        known = known[(known >= 0).all(axis=1)]
        if not len(known):
            raise BadInput("no item has three known labels", fix="collect three labels for each of many items")
        cells = (known[:, 0] * k + known[:, 1]) * k + known[:, 2]
        return cls.from_joint(np.bincount(cells, minlength=k**3).reshape(k, k, k) / len(known), len(known))

    @classmethod
    def from_votes(cls, votes: Votes) -> LabelMoments:
        """Average over all triples of different votes on a row; rows with fewer than three are left out.

        With counts c of m votes on a row the average over its triples is, for all three labels the same,
        c(c − 1)(c − 2) / (m(m − 1)(m − 2)), and so on: every vote counts, each row as much as any other.
        """
        if votes.n_classes is None:
            raise BadInput("real-valued votes have no classes")
        k = _class_count(votes.n_classes)
        if len(votes.row) > 1 and ((np.diff(votes.row) == 0) & (np.diff(votes.source) == 0)).any():
            raise BadInput("a source voted twice on a row", fix="the votes on a row must come from different sources")
        said = votes.value >= 0
        counts = np.bincount(votes.row[said] * k + votes.value[said], minlength=votes.n_rows * k)
        table = counts.reshape(votes.n_rows, k).astype(np.float64)
        table = table[table.sum(axis=1) >= 3]
        if not len(table):
            raise BadInput("no row has three votes", fix="ask at least three sources about each of many rows")
        return cls.from_joint(_third_of_counts(table), len(table))

    @classmethod
    def from_joint(cls, joint: Floats, n: int) -> LabelMoments:
        """Average a joint table (K, K, K) of three labels over the orders of its axes, and sum it down."""
        orders = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
        third = sum((joint.transpose(order) for order in orders), np.zeros_like(joint)) / 6
        second = third.sum(axis=2)
        return cls(second.sum(axis=1), second, third, n)

    @classmethod
    def from_model(cls, transition: TransitionMatrix | ArrayLike, prior: ArrayLike) -> LabelMoments:
        """Return the moments that class shares (K,) and a transition matrix (rows = truth) give."""
        matrix = transition if isinstance(transition, TransitionMatrix) else TransitionMatrix(np.asarray(transition))
        shares, t = as_array("prior", prior, 1), matrix.matrix
        if len(shares) != len(t) or (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
            raise BadInput(f"prior must hold {len(t)} shares that sum to 1")
        return cls(*model_moments(t, shares), n=0)


def model_moments(t: Floats, prior: Floats) -> tuple[Floats, Floats, Floats]:
    """Return P1 (K,), P2 (K, K), P3 (K, K, K) of T (K, K) and π (K,)."""
    k, weighted = len(t), prior[:, None] * t
    return prior @ t, weighted.T @ t, (weighted.T @ row_products(t)).reshape(k, k, k)


def row_products(t: Floats) -> Floats:
    """Return the products of all pairs of entries in each row, (K, K·K)."""
    return (t[:, :, None] * t[:, None, :]).reshape(len(t), -1)


def _third_of_counts(counts: Floats) -> Floats:
    """Return the mean over rows of the joint table of three different votes."""
    n, k = counts.shape
    m = counts.sum(axis=1)
    weight = 1 / (m * (m - 1) * (m - 2) * n)
    third, pairs = np.zeros((k, k * k)), np.zeros((k, k))
    for begin in range(0, n, max(BLOCK // k**2, 1)):
        rows = slice(begin, begin + max(BLOCK // k**2, 1))
        c = counts[rows]
        third += (weight[rows, None] * c).T @ row_products(c)
        pairs += (weight[rows, None] * c).T @ c
    table, at = third.reshape(k, k, k), np.arange(k)
    # A vote is not its own partner: take out what pairs and triples share a vote.
    table[at, at, :] -= pairs
    table[at, :, at] -= pairs
    table[:, at, at] -= pairs.T
    table[at, at, at] += 2 * (weight @ counts)
    return table


def _class_count(n_classes: int) -> int:
    k = as_class_count(n_classes, 2)
    if k > MOST_CLASSES:
        raise BadInput(f"three labels of {k} classes make a table that is too large", fix="merge rare classes")
    return k
