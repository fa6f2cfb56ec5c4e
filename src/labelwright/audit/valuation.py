"""What each row is worth to a nearest-neighbour classifier: exact Shapley values.

The utility of a set S of rows is the mean over test rows of (1/K) Σ_{k ≤ min(K, |S|)} 1[y_(k) = y_test], the share of
right votes among the K rows of S nearest to the test row. With the N rows sorted by distance to one test row and
m_i = 1[y_i = y_test], the Shapley values follow from the farthest inwards, exactly:

    s_N = m_N · min(K, N) / (N · K)
    s_i = s_{i+1} + (m_i − m_{i+1}) / K · min(K, i) / i

Values of all rows add up to the utility of the full set (the empty set has none). Cost: one sort a test row.

Source: Jia et al., Efficient Task-Specific Data Valuation for Nearest Neighbor Algorithms, VLDB 2019; Ghorbani and
Zou, Data Shapley, ICML 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.inputs import class_codes, feature_matrix, reasons_at, same_length
from labelwright.audit.scores import Scores
from labelwright.errors import BadInput

_BLOCK_BYTES = 1 << 26

Metric = Literal["cosine", "euclidean"]
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class KnnShapley:
    """Value rows for training, and find those that make the model worse.

    Parameters
    ----------
    k : int, default 10
        Neighbours that vote.
    max_test_rows : int, default 2000
        Without test rows of its own each labelled row is tested against all others; of more than this many, a random
        part is tested.
    harm : float, default 0.6
        By the recursion, a row whose label contradicts all rows around it does about log(m / k) times as much harm as
        an average row does good, where m is the size of the class of an average row. An issue does more than `harm`
        times that.
    metric : {"cosine", "euclidean"}
        Distance of rows; with cosine a row of zeros is near to none.

    Examples
    --------
    >>> x = np.r_[np.linspace(0, 1, 20), np.linspace(9, 10, 20)][:, None]
    >>> y = np.repeat([0, 1], 20)
    >>> y[5] = 1
    >>> np.flatnonzero(KnnShapley(k=3, metric="euclidean").score(x, y).is_issue)
    array([5])
    """

    k: int = 10
    max_test_rows: int = 2000
    harm: float = 0.6
    metric: Metric = "cosine"

    def score(self, features: ArrayLike, labels: ArrayLike, *, n_classes: int | None = None, seed: int = 0) -> Scores:
        """Return one entry for each labelled row; 0.5 means of no use, below 0.5 harmful.

        Parameters
        ----------
        features : array, shape (n, d), used as float32
        labels : array of int, shape (n,), -1 = unlabelled
        n_classes : int, optional
        seed : int
            Draws the test rows.
        """
        x = feature_matrix(features)
        y = np.asarray(labels)
        y = class_codes(y, n_classes if n_classes is not None else int(y.max(initial=-1)) + 1)
        same_length(len(x), labels=y)
        rows = np.flatnonzero(y >= 0)
        if len(rows) < 2 or (y[rows] == y[rows[0]]).all():
            return Scores.none("valuation", "row")
        tested = rows
        if len(rows) > self.max_test_rows:
            tested = np.sort(np.random.default_rng(seed).choice(rows, self.max_test_rows, replace=False))
        position = np.searchsorted(rows, tested)
        values = knn_shapley_values(x[rows], y[rows], x[tested], y[tested], k=self.k, metric=self.metric, skip=position)
        scale = float(np.abs(values).max())
        good = max(float(values.mean()), 0.0)
        sizes = np.bincount(y[rows]).astype(np.float64)
        contradicting = np.log(max((sizes**2).sum() / sizes.sum() / self.k, np.e))
        is_issue = values < -self.harm * contradicting * good if good > 0 else np.zeros(len(rows), dtype=bool)
        found = np.flatnonzero(is_issue)
        reasons = [_reason(float(value), good) for value in values[found]]
        return Scores(
            "valuation",
            "row",
            0.5 + 0.5 * values / scale if scale > 0 else np.full(len(rows), 0.5),
            is_issue,
            rows=rows.astype(np.int64),
            reason=reasons_at(found, reasons, len(rows)),
        )


def knn_shapley_values(
    train_x: ArrayLike,
    train_y: ArrayLike,
    test_x: ArrayLike,
    test_y: ArrayLike,
    *,
    k: int = 10,
    metric: Metric = "euclidean",
    skip: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return the Shapley value of each training row, float64 (n,); they add up to the utility of all rows together.

    Parameters
    ----------
    train_x, train_y : arrays, shapes (n, d) and (n,) of int >= 0
    test_x, test_y : arrays, shapes (t, d) and (t,)
    k : int
    metric : {"cosine", "euclidean"}
    skip : array of int64, shape (t,), optional
        For each test row the training row that it is, left out of its own test.

    Raises
    ------
    BadInput
        When shapes do not fit, k < 1, or there is no test row.

    Examples
    --------
    >>> knn_shapley_values([[0.0], [1.0]], [0, 1], [[0.2]], [0], k=1)
    array([1., 0.])
    """
    x, y = feature_matrix(train_x), np.asarray(train_y, dtype=np.int64)
    tx, ty = feature_matrix(test_x), np.asarray(test_y, dtype=np.int64)
    same_length(len(x), train_y=y)
    same_length(len(tx), test_y=ty, skip=skip)
    if k < 1 or len(tx) == 0 or x.shape[1] != tx.shape[1]:
        raise BadInput(
            f"k = {k}, {len(tx)} test rows, features of width {x.shape[1]} and {tx.shape[1]}",
            fix="use k >= 1, at least one test row, and the same features for both",
        )
    own = np.full(len(tx), -1, dtype=np.int64) if skip is None else np.asarray(skip, dtype=np.int64)
    values = np.zeros(len(x))
    if len(x) == 0:
        return values
    x, tx = _directions(x, tx) if metric == "cosine" else _centred(x, tx)
    square, test_square = (np.einsum("ij,ij->i", rows, rows) for rows in (x, tx))
    if metric == "cosine":
        square[:], test_square[:] = 1, 1  # rows of zeros are as far from every row as one at a right angle
    block = max(1, _BLOCK_BYTES // (16 * len(x)))
    for start in range(0, len(tx), block):
        part = slice(start, start + block)
        distance = square[None, :] - 2 * (tx[part] @ x.T) + test_square[part, None]
        _add_values(_nearest_first(distance), y, ty[part], own[part], k, values)
    return values / len(tx)


def _centred(x: Rows, tx: Rows) -> tuple[Rows, Rows]:
    """Move the mean to the origin: no distance changes, and the expanded square does not cancel."""
    centre = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    return x - centre, tx - centre


def _directions(*matrices: Rows) -> tuple[Rows, ...]:
    """Scale rows to length 1; rows of zeros stay."""
    lengths = [np.linalg.norm(x, axis=1, keepdims=True) for x in matrices]
    scales = [np.where(length > 0, length, 1).astype(np.float32) for length in lengths]
    return tuple(np.asarray(x / scale, np.float32) for x, scale in zip(matrices, scales, strict=True))


def _nearest_first(distance: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Return the columns of each row by ascending distance, ties by number, uint32 (b, n).

    The bits of a float32 that is not negative order like the number, so distance and column fit one sortable word.
    """
    keys = np.maximum(distance, np.float32(0)).view(np.uint32).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(distance.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    return keys.astype(np.uint32)


@njit(cache=True, nogil=True)
def _add_values(
    order: NDArray[np.uint32],
    y: NDArray[np.int64],
    test_y: NDArray[np.int64],
    own: NDArray[np.int64],
    k: int,
    values: NDArray[np.float64],
) -> None:
    """Add the values for b test rows to `values` (n,); order (b, n) has the nearest first, own (b,) is left out."""
    n = len(y)
    for t in range(len(test_y)):
        total = n - 1 if own[t] >= 0 else n
        rank = total
        value = 0.0
        after = 0.0
        for j in range(n - 1, -1, -1):
            row = order[t, j]
            if row == own[t]:
                continue
            match = 1.0 if y[row] == test_y[t] else 0.0
            if rank == total:
                value = match * min(k, total) / (total * k)
            else:
                value += (match - after) / k * min(k, rank) / rank
            values[row] += value
            after = match
            rank -= 1


def _reason(value: float, good: float) -> str:
    times = f"{-value / good:.1f} times as much harm as an average row does good"
    return f"a nearest-neighbour model is worse with this row than without: it does {times}"
