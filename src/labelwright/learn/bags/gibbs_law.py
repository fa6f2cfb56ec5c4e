"""The Gibbs law of bags and similar rows as arrays, and the sweeps of messages over it [P069]."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit

from labelwright.evidence.segments import segment_ids
from labelwright.learn.bags.count_factors import BagFactor, CardinalityFactor, CountedBags

Floats = NDArray[np.float64]

LARGEST = 500.0  # log-odds beyond this are as good as certain, and stay finite
BLOCKS = 8  # pieces of work a thread


@dataclass(frozen=True, eq=False)
class PseudoLabels:
    """Marginals q float64 (n,), sweeps taken, whether messages came to rest, and the largest move of each sweep."""

    q: Floats
    sweeps: int
    converged: bool
    moves: tuple[float, ...] = field(repr=False)


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
