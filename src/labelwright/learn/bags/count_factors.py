"""How the count of a bag enters the Gibbs law over its rows: exactly, softly, or pair by pair [P069]."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.segments import grouped, offsets_of, segment_ids
from labelwright.metrics.checks import as_codes

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_PAIRS = 50_000_000


@dataclass(frozen=True, eq=False)
class CountedBags:
    """Rows ordered by bag: bag g holds ``rows[offsets[g]:offsets[g + 1]]``, of which `counts[g]` are positive."""

    rows: Codes
    offsets: Codes
    counts: Codes
    n_rows: int

    def moved(self, place: Codes) -> CountedBags:
        """Return the same bags of rows that now stand at ``place[row]``."""
        return CountedBags(place[self.rows], self.offsets, self.counts, self.n_rows)


class BagFactor(ABC):
    """How the count of a bag enters the Gibbs law."""

    @abstractmethod
    def pairs(self, bags: CountedBags) -> tuple[Floats, sp.csr_array]:
        """Return what the bags add to the log-odds of each row (n,) and to the couplings J of pairs (n, n)."""

    @abstractmethod
    def messages(self, odds: Floats, offsets: Codes, counts: Codes) -> Floats:
        """Return the log-odds that bags tell their rows, given the rows' cavity log-odds (t,)."""


class CardinalityFactor(BagFactor):
    """One factor a bag over its count."""

    def pairs(self, bags: CountedBags) -> tuple[Floats, sp.csr_array]:
        return np.zeros(bags.n_rows), sp.csr_array((bags.n_rows, bags.n_rows))


@dataclass(frozen=True)
class ExactCount(CardinalityFactor):
    """The bag holds exactly the positives counted: one cardinality factor a bag (the limit of a large lb)."""

    def messages(self, odds: Floats, offsets: Codes, counts: Codes) -> Floats:
        from labelwright.evidence.counting_kernels import count_bags

        message, _ = count_bags(odds, offsets, counts, counts, np.empty(0))
        return np.asarray(message[:, 1] - message[:, 0])


@dataclass(frozen=True)
class SquaredCount(CardinalityFactor):
    """The count k weighs exp(−weight (k − k_B)²): one cardinality factor a bag. `weight` is the card's lb, > 0."""

    weight: float = 10.0

    def messages(self, odds: Floats, offsets: Codes, counts: Codes) -> Floats:
        from labelwright.evidence.counting_kernels import count_bags

        spans = offsets_of(np.diff(offsets) + 1)
        bag = segment_ids(spans)
        gap = (np.arange(spans[-1]) - spans[bag] - counts[bag]).astype(np.float64)
        sizes = np.diff(offsets)
        message, _ = count_bags(odds, offsets, np.zeros_like(sizes), sizes, -self.weight * gap**2)
        return np.asarray(message[:, 1] - message[:, 0])


@dataclass(frozen=True)
class PairwiseCount(BagFactor):
    """The same square as factors of pairs, as in the paper: every two rows of a bag repel. For small bags.

    −weight (sum y − k)² is, up to a constant, weight (2k − m) on each row and the coupling J = −weight on each pair.
    """

    weight: float = 10.0

    def pairs(self, bags: CountedBags) -> tuple[Floats, sp.csr_array]:
        sizes = np.diff(bags.offsets)
        if (sizes**2).sum() > MOST_PAIRS:
            raise BadInput(
                f"the bags have {int((sizes**2).sum()):,} pairs of rows", fix="use ExactCount() or SquaredCount()"
            )
        unary = np.zeros(bags.n_rows)
        unary[bags.rows] = np.repeat(self.weight * (2 * bags.counts - sizes), sizes)
        of_first = np.repeat(sizes, sizes)  # each row of a bag meets every row of it
        first = np.repeat(bags.rows, of_first)
        at = np.arange(of_first.sum()) - np.repeat(offsets_of(of_first)[:-1], of_first)
        second = bags.rows[at + np.repeat(np.repeat(bags.offsets[:-1], sizes), of_first)]
        apart = first != second
        shape = (bags.n_rows, bags.n_rows)
        value = np.full(int(apart.sum()), -self.weight)
        return unary, sp.csr_array(sp.coo_array((value, (first[apart], second[apart])), shape=shape))

    def messages(self, odds: Floats, offsets: Codes, counts: Codes) -> Floats:
        return np.zeros_like(odds)


def read_bags(bag_ids: ArrayLike, counts: ArrayLike) -> CountedBags:
    """Return rows ordered by bag; BadInput for counts outside their bag."""
    ids, positive = as_codes("bag_ids", bag_ids), as_codes("counts", counts)
    if len(ids) and (ids.min() < -1 or ids.max() >= len(positive)):
        raise BadInput(f"bag_ids name bags outside 0 .. {len(positive) - 1}", fix="give one count a bag; -1 = no bag")
    inside = np.flatnonzero(ids >= 0)
    offsets, positions = grouped(ids[inside], len(positive))
    sizes = np.diff(offsets)
    wrong = (positive < 0) | (positive > sizes)
    if wrong.any():
        g = int(np.argmax(wrong))
        raise BadInput(f"the bag has {sizes[g]} rows and {positive[g]} positives", where=f"bag {g}")
    return CountedBags(inside[positions], offsets, positive, len(ids))


def labels_of_counts(q: Floats, bags: CountedBags) -> NDArray[np.int64]:
    """Return labels that agree with the counts: 1 for as many of a bag's largest q as it holds positives.

    Rows in no bag are 1 where q > 1/2.
    """
    labels = (q > 0.5).astype(np.int64)
    bag, place = segment_ids(bags.offsets), np.arange(len(bags.rows))
    order = bags.rows[np.lexsort((-q[bags.rows], bag))]
    labels[order] = place - bags.offsets[bag] < bags.counts[bag]
    return labels
