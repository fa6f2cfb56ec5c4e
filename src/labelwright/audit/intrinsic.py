"""How hard a data set is to learn: in how many directions it varies, and how abruptly its labels change.

Intrinsic dimension, by maximum likelihood, from the distances T_1(x) ≤ … ≤ T_k(x) to the nearest other rows:

    d = [ mean over x and j < k of log(T_k(x) / T_j(x)) ]⁻¹

Label sharpness, the estimated Lipschitz constant of the labelling, over pairs of rows j, k that differ:

    K_F = max 1[y_j ≠ y_k] / ‖x_j − x_k‖

Both stand in the law L = O(K_L · max(1, K_F) · n^(−1/d)) of the test loss.

Sources: Konz, Mazurowski, The Effect of Intrinsic Dataset Properties on Generalization, ICLR 2024 [P001]; Levina,
Bickel, Maximum likelihood estimation of intrinsic dimension, NeurIPS 2004, with the inverse averaging of MacKay and
Ghahramani; Facco et al., Estimating the intrinsic dimension by a minimal neighborhood information, 2017.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_codes, as_generator, same_length

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
BLOCK = 256  # anchors whose distances are held at a time
CLOSEST = 64  # pairs whose distance is computed again from the differences
FRACTION = 0.9  # of the ratios that the two-neighbour fit rests on: the largest bend away from the line


def intrinsic_dimension(X: ArrayLike, k: int = 20, *, anchors: int = 1000, seed: int = 0) -> float:
    """Return the number of directions in which the rows vary locally, by maximum likelihood.

    Parameters
    ----------
    X : float array (n, ...)
        Rows are flattened. Rows at distance 0 of each other count once.
    k : int, default 20
        Neighbours a row, at least 2. The estimate is low where the dimension is high.
    anchors : int, default 1000
        Rows, drawn with `seed`, whose neighbours among all rows are looked at.
    seed : int, default 0

    Returns
    -------
    float
        NaN when no row has two other rows at different distances.

    Examples
    --------
    >>> line = np.linspace(0, 1, 500)[:, None] * np.ones((1, 30))
    >>> round(intrinsic_dimension(line + 1e-6 * np.random.default_rng(0).normal(size=line.shape)))
    1

    Source: Levina, Bickel 2004; [P001].
    """
    return dimension_of_distances(_anchor_distances(_rows(X), k, anchors, seed))


def dimension_of_distances(distances: ArrayLike) -> float:
    """Return the maximum likelihood dimension from the distances to the nearest other rows, (n, k) rising.

    Distances of 0 are left out, so that copies of a row say nothing. With k = 2 it is n / Σ log(T_2 / T_1).

    Source: Levina, Bickel 2004; [P001].
    """
    near = np.asarray(distances, dtype=np.float64)
    if near.ndim != 2:
        raise BadInput(f"distances has {near.ndim} dimensions, 2 expected")
    positive = np.isfinite(near) & (near > 0)
    logs = np.log(np.where(positive, near, 1.0))
    last = np.where(positive, logs, -np.inf).max(axis=1, initial=-np.inf)
    counted = positive.sum(axis=1) - 1
    some = counted > 0
    spread = np.where(positive[some], last[some, None] - logs[some], 0.0).sum()
    return float(counted[some].sum() / spread) if spread > 0 else float("nan")


def two_neighbor_dimension(X: ArrayLike, *, anchors: int = 1000, seed: int = 0) -> float:
    """Return the dimension from the ratios μ = T_2 / T_1 alone: it sees the finest scale.

    The slope through the origin of −log(1 − F) against log μ, F the empirical distribution of μ, without the largest
    tenth of the ratios.

    Parameters
    ----------
    X, anchors, seed
        As in `intrinsic_dimension`.

    Source: Facco et al. 2017; [P001].
    """
    near = _anchor_distances(_rows(X), 2, anchors, seed)
    near = near[(near > 0).all(axis=1)] if near.shape[1] == 2 else near[:0].reshape(0, 2)
    ratios = np.sort(np.log(near[:, 1] / near[:, 0])) if len(near) else np.empty(0)
    kept = int(FRACTION * len(ratios))
    x, share = ratios[:kept], np.arange(1, kept + 1) / max(len(ratios), 1)
    total = float(x @ x)
    return float(x @ -np.log1p(-share) / total) if total > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class LabelSharpness:
    """How abruptly labels change.

    Parameters
    ----------
    value : float
        K_F, in 1 / distance: 1 over the smallest distance between rows of different labels; 0 when none differ.
    quantile : float
        The 99.9 % quantile over all pairs, which one pair does not decide.
    pairs : int64 (m, 2)
        The closest pairs of different labels, closest first (row numbers of X): candidates for label errors.
    distances : float64 (m,)
        Their distances.
    contradictions : int
        Pairs of equal rows with different labels; they are left out of `value`.
    median_distance : float
        Between two rows; `value` times it compares data sets of different scales.
    """

    value: float
    quantile: float
    pairs: Codes
    distances: Floats
    contradictions: int
    median_distance: float

    @property
    def relative(self) -> float:
        """Return K_F in units of the median distance between rows."""
        return self.value * self.median_distance


def label_sharpness(X: ArrayLike, labels: ArrayLike, *, anchors: int = 1000, seed: int = 0) -> LabelSharpness:
    """Return how abruptly labels change between near rows, from all pairs of at most `anchors` rows.

    Parameters
    ----------
    X : float array (n, ...)
        Rows are flattened. Compare data sets only when their rows have the same size and scale.
    labels : int array (n,)
        Classes; rows with -1 are left out. For two classes 0 and 1 it is the quotient |y_j − y_k| / ‖x_j − x_k‖.
    anchors : int, default 1000
        More rows are drawn with `seed`. As a maximum the value grows with their number.
    seed : int, default 0

    Examples
    --------
    >>> label_sharpness([[0.0], [0.25], [4.0]], [0, 1, 1]).value
    4.0

    Notes
    -----
    For more than two classes the published code counts pairs of equal labels; here they must differ.

    Source: Konz, Mazurowski, ICLR 2024 [P001].
    """
    x, y = _rows(X), as_codes("labels", labels)
    same_length(X=x, labels=y)
    known = np.flatnonzero(y >= 0)
    rows = np.sort(as_generator(seed).choice(known, min(anchors, len(known)), replace=False))
    x, y = x[rows] - x[rows].mean(axis=0) if len(rows) else x[rows], y[rows]
    first, second = np.triu_indices(len(rows), k=1)
    apart = _pair_distances(x, first, second)
    differ = y[first] != y[second]
    equal = apart == 0
    quotients = np.where(differ & ~equal, 1 / np.where(equal, 1.0, apart), 0.0)
    order = np.argsort(-quotients, kind="stable")[:CLOSEST]
    order = order[quotients[order] > 0]
    return LabelSharpness(
        value=float(quotients.max(initial=0.0)),
        quantile=float(np.quantile(quotients[~equal], 0.999)) if (~equal).any() else 0.0,
        pairs=np.column_stack([rows[first[order]], rows[second[order]]]),
        distances=apart[order],
        contradictions=int((differ & equal).sum()),
        median_distance=float(np.median(apart)) if len(apart) else 0.0,
    )


def closest_other_label(
    indices: NDArray[np.integer], distances: ArrayLike, labels: ArrayLike, most: int = CLOSEST
) -> tuple[Codes, Floats]:
    """Return the closest pairs of rows with different labels among nearest neighbours, and their distances.

    Over all rows the closest pair of different labels decides K_F, and it is found here unless both rows have k closer
    ones of their own label.

    Parameters
    ----------
    indices : int array (n, k), distances : float array (n, k)
        Nearest other rows of every row.
    labels : int array (n,), -1 = unknown
    most : int
        Pairs returned, closest first; pairs at distance 0 come first.
    """
    y, near = as_codes("labels", labels), np.asarray(distances, dtype=np.float64)
    same_length(labels=y, indices=indices)
    other = y[indices]
    row, at = np.nonzero((other != y[:, None]) & (other >= 0) & (y[:, None] >= 0))
    pairs = np.sort(np.column_stack([row, indices[row, at]]), axis=1).astype(np.int64)
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    apart = near[row[first], at[first]]
    order = np.argsort(apart, kind="stable")[:most]
    return pairs[order], apart[order]


def _rows(X: ArrayLike) -> Floats:
    """Return X as finite float64 (n, d)."""
    try:
        x = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput("X holds values that are not numbers") from None
    if x.ndim == 0 or not len(x):
        raise BadInput("X has no rows", fix="give one row an item")
    x = x.reshape(len(x), -1)
    bad = ~np.isfinite(x).all(axis=1)
    if bad.any():
        raise BadInput("X holds NaN or infinity", where=f"row {int(bad.argmax())}", fix="leave such rows out")
    return x


def _anchor_distances(x: Floats, k: int, anchors: int, seed: int) -> Floats:
    """Return the distances of drawn distinct rows to their k nearest other ones, (m, ≤ k), rising."""
    if k < 2 or anchors < 1:
        raise BadInput(f"k is {k} and anchors {anchors}", fix="use k of 2 or more and anchors of 1 or more")
    raw = np.ascontiguousarray(x + 0.0)  # + 0 turns -0.0 into 0.0
    _, first = np.unique(raw.view(np.dtype((np.void, raw.shape[1] * 8))).ravel(), return_index=True)
    x = raw[np.sort(first)]
    chosen = np.sort(as_generator(seed).choice(len(x), min(anchors, len(x)), replace=False))
    k = min(k, len(x) - 1)
    return np.concatenate(list(_blocks(x - x.mean(axis=0), chosen, k))) if k else np.empty((0, 0))


def _blocks(x: Floats, chosen: Codes, k: int) -> Iterator[Floats]:
    single = x.astype(np.float32)  # good enough to name the candidates, which are then measured exactly
    norms = np.einsum("ij,ij->i", single, single)
    most = min(2 * k, len(x) - 1)
    for begin in range(0, len(chosen), BLOCK):
        rows = chosen[begin : begin + BLOCK]
        square = norms - 2 * single[rows] @ single.T
        square[np.arange(len(rows)), rows] = np.inf
        candidates = np.argpartition(square, most - 1, axis=1)[:, :most]
        gaps = x[candidates] - x[rows, None, :]
        yield np.sort(np.sqrt(np.einsum("ijk,ijk->ij", gaps, gaps)), axis=1)[:, :k]


def _pair_distances(x: Floats, first: Codes, second: Codes) -> Floats:
    """Return the distances of pairs; the smallest are computed from the differences, without cancellation."""
    norms = np.einsum("ij,ij->i", x, x)
    square = np.maximum((norms[:, None] + norms - 2 * x @ x.T)[first, second], 0.0)
    doubtful = square <= 1e-6 * max(float(norms.max(initial=0.0)), 0.0)
    closest = np.argsort(square, kind="stable")[: 16 * CLOSEST]
    doubtful[closest] = True
    at = np.flatnonzero(doubtful)
    square[at] = ((x[first[at]] - x[second[at]]) ** 2).sum(axis=1)
    return np.sqrt(square)
