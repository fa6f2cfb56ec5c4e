"""Which pairs of rows are so near that chance does not explain it.

If rows fill a space of dimension m evenly, the distance d of a row to its nearest neighbour and d_k to its k-th obey
P(d < t·d_k) ≈ (k − 1) t^m, so a pair counts only below

    t = min( `threshold`, (`false_alarms` / (n (k − 1)))^(1/m) )

times d_k and times the median of d. m is estimated from the same distances (Levina and Bickel, Maximum Likelihood
Estimation of Intrinsic Dimension, NeurIPS 2004, with the average of inverses). A group of near duplicates is listed
along its minimum spanning tree: one pair fewer than it has members, the nearest pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from labelwright.audit.equal_rows import repeats, row_groups, text_groups
from labelwright.audit.inputs import NeighborTable, neighbor_arrays

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]  # rows, others, nearness in [0, 1]


def close_pairs(neighbors: NeighborTable, threshold: float, false_alarms: float) -> Pairs:
    """Return rows, neighbours and distance over limit of the pairs below it; both numbers as in `NearDuplicates`."""
    indices, distances, valid = neighbor_arrays(neighbors)
    k = indices.shape[1]
    # Equal rows may come out a rounding apart, depending on who measured the distances.
    distances = np.where(distances <= 1e-7 * distances[valid].max(initial=0.0), 0.0, distances)
    t = _ratio(distances, valid, threshold, false_alarms)
    nearest = np.where(valid[:, 0], distances[:, 0], 0.0) if k else np.empty(0)
    typical = float(np.median(nearest[nearest > 0])) if (nearest > 0).any() else 0.0
    farthest = np.where(valid, distances, 0.0).max(axis=1, initial=0.0)
    # Where a row has k near duplicates its k-th distance says nothing about the surroundings; only distances
    # smaller by an order more tell such a heap from a dense region.
    reference = np.where(farthest <= t * t * typical, typical, np.minimum(farthest, typical))
    limit = np.broadcast_to((t * reference)[:, None], distances.shape)
    row, place = np.nonzero(valid & (distances <= limit))
    other = indices[row, place]
    share = distances[row, place] / np.maximum(limit[row, place], 1e-300)
    keep = row != other
    return row[keep], other[keep], np.minimum(share[keep], 1.0)


def _ratio(distances: NDArray[np.float64], valid: NDArray[np.bool_], threshold: float, false_alarms: float) -> float:
    n, k = distances.shape
    usable = valid.all(axis=1) & (distances[:, 0] > 0) if k > 1 else np.zeros(n, dtype=bool)
    if not usable.any():
        return threshold
    d = distances[usable]
    inverse = np.log(d[:, -1:] / d[:, :-1]).mean(axis=1).mean()
    return float(min(threshold, (false_alarms / (n * (k - 1))) ** float(inverse)))


def text_pairs(texts: Sequence[str | None], twins: NDArray[np.int64]) -> Pairs:
    """Return pairs of rows with equal normalised text, one row for each set of exact twins."""
    groups = text_groups(texts)
    first = np.unique(twins, return_index=True)[1]
    first = np.sort(first[groups[first] >= 0])
    rows, anchors = repeats(row_groups(groups[first]), np.full(len(first), -1, dtype=np.int64))
    return first[rows], first[anchors], np.zeros(len(rows))


def spanning_pairs(pairs: Sequence[Pairs], twins: NDArray[np.int64]) -> Pairs:
    """Keep the nearest pairs that hold each group together, exact twins counting as one row."""
    row, other = (np.concatenate([p[i] for p in pairs]).astype(np.int64) for i in (0, 1))
    nearness = np.concatenate([p[2] for p in pairs])
    low, high = np.minimum(row, other), np.maximum(row, other)
    keep = twins[low] != twins[high]
    low, high, nearness = low[keep], high[keep], nearness[keep]
    a, b = np.minimum(twins[low], twins[high]), np.maximum(twins[low], twins[high])
    order = np.lexsort((high, low, nearness, b, a))
    low, high, nearness, a, b = low[order], high[order], nearness[order], a[order], b[order]
    first = np.r_[True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])] if len(a) else np.empty(0, dtype=bool)
    low, high, nearness, a, b = low[first], high[first], nearness[first], a[first], b[first]
    size = int(twins.max(initial=-1)) + 1
    # A weight of zero would mean "no edge" to the tree; the edge's place, stored as the weight's rank, comes back.
    rank = np.argsort(np.argsort(nearness, kind="stable"), kind="stable") + 1
    tree = minimum_spanning_tree(csr_matrix((rank.astype(np.float64), (a, b)), shape=(size, size)))
    chosen = np.sort(np.argsort(rank)[tree.data.astype(np.int64) - 1])
    return high[chosen], low[chosen], nearness[chosen]
