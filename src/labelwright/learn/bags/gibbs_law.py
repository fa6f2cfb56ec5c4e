"""The Gibbs law of bags and similar rows: what it says of each row, by sweeps of messages over arrays [P069].

Rows i of bags B with k_B positives; E joins each row with its nearest others, K_ij = exp(−|x_i − x_j|):

    log P(y) = −lb sum_B (sum_{i in B} y_i − k_B)²  −  ls sum_{(i,j) in E} K_ij (y_i − y_j)²  +  sum_i u_i y_i

Sum-product messages (flooding, damped by one half, at most 100 sweeps) give q_i = P(y_i = 1).

The bag term is either pairwise, as in the paper, −2 lb y_i y_j for every two rows of a bag: O(m²) messages a bag; or
one cardinality factor a bag, whose messages come from the counting recursion: O(m √m), exact on bags without edges.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from labelwright.errors import BadInput
from labelwright.evidence.segments import segment_ids
from labelwright.learn.bags.count_factors import BagFactor, CardinalityFactor, CountedBags, ExactCount, read_bags
from labelwright.learn.bags.similarity import merged_similarity

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

DAMPING, MAX_SWEEPS, TOLERANCE = 0.5, 100, 1e-4
WEIGHT = 0.3  # of the similarity: labels of whole regions freeze above about 0.5 / K, whatever the bags say
LARGEST = 500.0  # log-odds beyond this are as good as certain, and stay finite
BLOCKS = 8  # pieces of work a thread


@dataclass(frozen=True, eq=False)
class PseudoLabels:
    """Marginals q float64 (n,), sweeps taken, whether messages came to rest, and the largest move of each sweep."""

    q: Floats
    sweeps: int
    converged: bool
    moves: tuple[float, ...] = field(repr=False)


def gibbs_pseudo_labels(
    bag_ids: ArrayLike,
    counts: ArrayLike,
    similarity: Any = None,
    *,
    bag_factor: BagFactor | None = None,
    similarity_weight: float = WEIGHT,
    log_odds: ArrayLike | None = None,
    damping: float = DAMPING,
    max_sweeps: int = MAX_SWEEPS,
    tolerance: float = TOLERANCE,
    jobs: int = 1,
) -> PseudoLabels:
    """Return P(y_i = 1) of each row under the Gibbs law of bag counts and similar rows.

    Parameters
    ----------
    bag_ids : int array (n,)
        Bag of each row, numbered from 0; -1 = in no bag.
    counts : int array (bags,)
        Positives of each bag.
    similarity : sparse array (n, n), optional
        K_ij >= 0, such as `similarity_graph` gives. An edge counts once: the larger of its two directions.
    bag_factor : BagFactor, optional
        None is `ExactCount()`; `SquaredCount(lb)` or, as in the paper, `PairwiseCount(lb)`.
    similarity_weight : float >= 0, default 0.3
        The ls above. It is for K near 1/2; the paper's 10 is for K of a few hundredths.
    log_odds : float array (n,), optional
        u_i, such as log p − log(1 − p) of a classifier, or `neutral_log_odds` where one class is rarer.
    damping : float in [0, 1), default 0.5
        Share of the old message kept, on graphs with circles.
    max_sweeps, tolerance : int, float
        Stop after so many sweeps, or when no message m moves m / (1 + |m|) by more.
    jobs : int, default 1
        Threads; the result does not depend on it.

    Returns
    -------
    PseudoLabels
        Exact when the rows, bags and edges form a forest. Time and memory are linear in rows and edges.

    Raises
    ------
    BadInput
        For counts outside their bag, shapes that do not fit, NaN, and too many pairs for `PairwiseCount`.

    Examples
    --------
    >>> gibbs_pseudo_labels([0, 0, 0, 1], [1, 1]).q.round(3)
    array([0.333, 0.333, 0.333, 1.   ])

    Source: [P069].
    """
    bags = read_bags(bag_ids, counts)
    factor = ExactCount() if bag_factor is None else bag_factor
    if not (0 <= damping < 1 and similarity_weight >= 0 and max_sweeps >= 1 and jobs >= 1):
        raise BadInput("damping must be in [0, 1), similarity_weight >= 0, max_sweeps and jobs 1 or more")
    unary = np.zeros(bags.n_rows) if log_odds is None else np.asarray(log_odds, dtype=np.float64)
    if unary.shape != (bags.n_rows,) or np.isnan(unary).any():
        raise BadInput(f"log_odds have shape {unary.shape} or hold NaN", fix=f"give {bags.n_rows} numbers")
    added, pairs = factor.pairs(bags)
    coupling = sp.csr_array(merged_similarity(similarity, bags.n_rows) * similarity_weight + pairs)
    order, place = _near_order(coupling)
    law = GibbsLaw(
        bags.moved(place),
        factor,
        np.clip(unary + added, -LARGEST, LARGEST)[order],
        sp.csr_array(coupling[order][:, order]),
        jobs,
    )
    found = law.solve(damping, max_sweeps, tolerance)
    return replace(found, q=found.q[place])


class GibbsLaw:
    """The Gibbs law as arrays, and the sweeps over it."""

    def __init__(self, bags: CountedBags, factor: BagFactor, unary: Floats, coupling: sp.csr_array, jobs: int) -> None:
        coupling.sort_indices()
        self.bags, self.factor, self.unary, self.jobs = bags, factor, unary, jobs
        self.cardinality = isinstance(factor, CardinalityFactor)
        self.indptr = coupling.indptr.astype(np.int64)
        self.indices = coupling.indices.astype(np.int32)
        number = sp.csr_array((np.arange(coupling.nnz), coupling.indices, coupling.indptr), shape=coupling.shape)
        self.reverse = sp.csr_array(number.T).data.astype(np.int32)
        self.weight = np.exp(np.clip(-coupling.data, -LARGEST, LARGEST))
        self.row_cuts = _cuts(bags.n_rows, jobs)
        self.bag_cuts = _cuts(len(bags.counts), jobs)

    def solve(self, damping: float, max_sweeps: int, tolerance: float) -> PseudoLabels:
        """Sweep until messages rest."""
        n, forest = self.bags.n_rows, self._is_forest()
        keep, limit = (0.0, max(max_sweeps, 2 * n)) if forest else (damping, max_sweeps)
        incoming, fresh = np.zeros(len(self.indices)), np.empty(len(self.indices))
        of_bag, belief = np.zeros(n), self.unary.copy()
        moves: list[float] = []
        with ThreadPoolExecutor(self.jobs) as pool:
            while len(moves) < limit and not (moves and moves[-1] <= tolerance * (not forest)):
                moved = self._bag_messages(pool, belief, of_bag, keep) if self.cardinality else 0.0
                moved = max(moved, self._pair_messages(pool, belief, incoming, fresh, keep))
                incoming, fresh = fresh, incoming
                self._beliefs(pool, of_bag, incoming, belief)
                moves.append(moved)
        return PseudoLabels(expit(belief), len(moves), moves[-1] <= tolerance, tuple(moves))

    def _pair_messages(
        self, pool: ThreadPoolExecutor, belief: Floats, incoming: Floats, fresh: Floats, keep: float
    ) -> float:
        from labelwright.learn.bags.gibbs_kernels import pair_sweep

        def some(cut: tuple[int, int]) -> float:
            graph = self.indptr, self.indices, self.reverse, self.weight
            return float(pair_sweep(cut[0], cut[1], *graph, belief, incoming, fresh, keep))

        return max(pool.map(some, self.row_cuts), default=0.0)

    def _bag_messages(self, pool: ThreadPoolExecutor, belief: Floats, of_bag: Floats, keep: float) -> float:
        from labelwright.learn.bags.gibbs_kernels import settle

        bags = self.bags
        cavity, old = (belief - of_bag)[bags.rows], of_bag[bags.rows]

        def some(cut: tuple[int, int]) -> float:
            first, last = bags.offsets[cut[0]], bags.offsets[cut[1]]
            offsets = bags.offsets[cut[0] : cut[1] + 1] - first
            message = self.factor.messages(cavity[first:last], offsets, bags.counts[cut[0] : cut[1]])
            return float(settle(0, int(last - first), message, old[first:last], keep, LARGEST))

        moved = max(pool.map(some, self.bag_cuts), default=0.0)
        of_bag[bags.rows] = old
        return moved

    def _beliefs(self, pool: ThreadPoolExecutor, of_bag: Floats, incoming: Floats, belief: Floats) -> None:
        from labelwright.learn.bags.gibbs_kernels import row_sums

        base = self.unary + of_bag

        def some(cut: tuple[int, int]) -> None:
            row_sums(cut[0], cut[1], self.indptr, incoming, base, belief)

        list(pool.map(some, self.row_cuts))

    def _is_forest(self) -> bool:
        """Edges + components = nodes exactly when no circle exists."""
        n, n_bags = self.bags.n_rows, len(self.bags.counts) if self.cardinality else 0
        n_links = len(self.indices) // 2 + (len(self.bags.rows) if self.cardinality else 0)
        if n_links >= n + n_bags:
            return False
        source = np.repeat(np.arange(n), np.diff(self.indptr))
        of_row = segment_ids(self.bags.offsets) + n if self.cardinality else np.empty(0, np.int64)
        members = self.bags.rows if self.cardinality else np.empty(0, np.int64)
        ends = np.concatenate([source, members]), np.concatenate([self.indices, of_row])
        joined = sp.coo_array((np.ones(len(ends[0])), ends), shape=(n + n_bags, n + n_bags))
        return bool(n_links + sp.csgraph.connected_components(joined, directed=False)[0] == n + n_bags)


def _cuts(n: int, jobs: int) -> list[tuple[int, int]]:
    """Deal 0..n out in pieces."""
    marks = np.linspace(0, n, (BLOCKS * jobs if jobs > 1 else 1) + 1).astype(int).tolist()
    return [(a, b) for a, b in pairwise(marks) if b > a]


def _near_order(coupling: sp.csr_array) -> tuple[Codes, Codes]:
    """Return an order of the rows in which those joined by edges stand near, and the place of each row in it.

    Messages then travel inside the processor's cache: four times faster on a million rows.
    """
    order = sp.csgraph.reverse_cuthill_mckee(sp.csr_matrix(coupling), symmetric_mode=True).astype(np.int64)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return order, place
