"""Evidence about groups of rows: how many of a bag belong to which class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, check_codes, checked_classes, checked_size, frozen
from labelwright.evidence.base import GroupEvidence, linked_units
from labelwright.evidence.counting import laplace_potential
from labelwright.evidence.result import Posterior
from labelwright.evidence.segments import checked_offsets, grouped, offsets_of, repeats, segment_ids, take_segments


@dataclass(frozen=True, eq=False)
class Bags(GroupEvidence):
    """Of the rows of bag g, between ``low[g, c]`` and ``high[g, c]`` belong to class c.

    Every statement about counts has this one form: exact counts (low = high), proportions, "any", "none", "at least",
    intervals, counts of several classes. `log_potential` adds a soft report about one class.

    Parameters
    ----------
    rows : int array (t,)
        Rows of bag g: ``rows[offsets[g]:offsets[g + 1]]``, each once in a bag. A row may be in no bag or in several.
    offsets : int array (g + 1,)
    low, high : int array (g, K)
        Stored clipped to 0..bag size.
    n_rows : int
        Rows of the data set, in bags or not.
    log_potential : float array (t + g,), optional
        log φ(0), ..., log φ(m) of each bag, about class `target`; -inf where a count is impossible.
    target : int, default 1
        The class that `log_potential` counts.

    Examples
    --------
    >>> Bags.counts([0, 0, 0], [1], n_classes=2).condition(np.log(np.full((3, 2), 0.5))).q[:, 1].round(3)
    array([0.333, 0.333, 0.333])
    """

    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    n_rows: int
    log_potential: NDArray[np.float64] | None = None
    target: int = field(default=1)

    def __post_init__(self) -> None:
        rows = frozen(self.rows, np.int64, "rows")
        offsets = checked_offsets(self.offsets, len(rows), "the bag offsets")
        object.__setattr__(self, "n_rows", checked_size(self.n_rows, "n_rows"))
        check_codes(rows, self.n_rows, 0, "row")
        low, high = frozen(self.low, np.int64, "low", ndim=2), frozen(self.high, np.int64, "high", ndim=2)
        sizes = np.diff(offsets)
        if low.shape != high.shape or len(low) != len(sizes):
            raise BadInput(f"low {low.shape} and high {high.shape} do not fit {len(sizes)} bags", fix="pass (bags, K)")
        checked_classes(low.shape[1])
        key = segment_ids(offsets) * self.n_rows + rows
        if repeats(key):
            raise BadInput("a row is in the same bag twice", fix="list each row of a bag once")
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "low", frozen(np.maximum(low, 0), np.int64, "low", ndim=2))
        object.__setattr__(self, "high", frozen(np.minimum(high, sizes[:, None]), np.int64, "high", ndim=2))
        self._check_feasible(sizes)
        if self.log_potential is not None:
            self._check_potential(len(rows) + len(sizes))

    def _check_feasible(self, sizes: NDArray[np.int64]) -> None:
        wrong = (self.low > self.high).any(axis=1) | (self.low.sum(axis=1) > sizes) | (self.high.sum(axis=1) < sizes)
        if wrong.any():
            g = int(np.flatnonzero(wrong)[0])
            raise BadInput(
                f"the bag has {sizes[g]} rows but counts from {self.low[g].tolist()} to {self.high[g].tolist()}",
                where=f"bag {g}",
                fix="counts of a bag lie within its size and add up to it",
            )

    def _check_potential(self, size: int) -> None:
        phi = frozen(self.log_potential, np.float64, "log_potential")  # type: ignore[arg-type]
        object.__setattr__(self, "log_potential", phi)
        if len(phi) != size or np.isnan(phi).any() or (phi == np.inf).any():
            raise BadInput(f"log_potential has {len(phi)} entries, NaN or +inf", fix=f"pass {size}: 0..m of each bag")
        check_codes(np.array([self.target]), self.n_classes, 0, "target")
        others = np.delete(np.arange(self.n_classes), self.target)
        if (self.low[:, others] > 0).any() or (self.high[:, others] < self.sizes[:, None]).any():
            raise BadInput("a potential and counts of other classes are given together", fix="split them with Mixed")

    @classmethod
    def between(
        cls, bag_ids: ArrayLike, low: ArrayLike, high: ArrayLike, *, n_classes: int = 2, target: int = 1
    ) -> Self:
        """Return bags of which ``low[g]`` to ``high[g]`` rows are of class `target`, or (g, K) for every class.

        `bag_ids` int (n,) numbers the bag of each row from 0; -1 = in no bag.
        """
        ids = frozen(bag_ids, np.int64, "bag_ids")
        least, most = np.asarray(low), np.asarray(high)
        n_bags = max(len(least), len(most)) if least.ndim and most.ndim else int(ids.max(initial=-1)) + 1
        check_codes(ids, n_bags, -1, "bag")
        inside = np.flatnonzero(ids >= 0)
        offsets, positions = grouped(ids[inside], n_bags)
        sizes = np.diff(offsets)
        ends = []
        for values, free, name in ((least, np.zeros_like(sizes), "low"), (most, sizes, "high")):
            if values.ndim == 2:
                ends.append(frozen(values, np.int64, name, ndim=2))
                continue
            table = np.repeat(free[:, None], checked_classes(n_classes), axis=1)
            check_codes(np.array([target]), n_classes, 0, "target")
            table[:, target] = frozen(np.broadcast_to(values, sizes.shape), np.int64, name)
            ends.append(table)
        return cls(inside[positions], offsets, ends[0], ends[1], len(ids))

    @classmethod
    def counts(cls, bag_ids: ArrayLike, counts: ArrayLike, *, n_classes: int = 2, target: int = 1) -> Self:
        """Return bags with exact counts of class `target` (g,), or of every class (g, K)."""
        return cls.between(bag_ids, counts, counts, n_classes=n_classes, target=target)

    @classmethod
    def any_of(cls, bag_ids: ArrayLike, holds: ArrayLike, *, n_classes: int = 2, target: int = 1) -> Self:
        """Return multiple-instance bags: where ``holds[g]`` at least one row is of class `target`, elsewhere none."""
        some = np.asarray(holds).astype(bool)
        most = np.where(some, np.iinfo(np.int64).max, 0)
        return cls.between(bag_ids, some.astype(np.int64), most, n_classes=n_classes, target=target)

    @classmethod
    def at_least(cls, bag_ids: ArrayLike, counts: ArrayLike, *, n_classes: int = 2, target: int = 1) -> Self:
        """Return bags of which at least ``counts[g]`` rows are of class `target`."""
        least = np.asarray(counts)
        return cls.between(
            bag_ids, least, np.full(least.shape, np.iinfo(np.int64).max), n_classes=n_classes, target=target
        )

    @classmethod
    def proportions(
        cls, bag_ids: ArrayLike, proportions: ArrayLike, *, n_classes: int = 2, target: int = 1, scale: float = 1.0
    ) -> Self:
        """Return bags with shares of class `target` (g,), or of every class (g, K).

        Where all shares times the bag sizes are whole within 1e-6 they are exact counts. Otherwise a share of one
        class becomes a Laplace potential exp(−|k − m·share| / scale), and shares of every class become the intervals
        from the count rounded down to the count rounded up.
        """
        shares = frozen(proportions, np.float64, "proportions", ndim=None)
        if not ((shares >= 0) & (shares <= 1)).all():
            raise BadInput("a proportion is outside [0, 1]", fix="pass shares, not percentages")
        ids = frozen(bag_ids, np.int64, "bag_ids")
        sizes = np.bincount(ids[ids >= 0], minlength=len(shares))
        expected = shares * (sizes[:, None] if shares.ndim == 2 else sizes)
        whole = np.abs(expected - np.round(expected)) < 1e-6
        if whole.all():
            return cls.counts(ids, np.round(expected).astype(np.int64), n_classes=n_classes, target=target)
        low = np.where(whole, np.round(expected), np.floor(expected)).astype(np.int64)
        high = np.where(whole, np.round(expected), np.ceil(expected)).astype(np.int64)
        if shares.ndim == 2:
            return cls.between(ids, low, high)
        phi = laplace_potential(expected, sizes, scale)
        return cls.soft(ids, phi, n_bags=len(shares), n_classes=n_classes, target=target)

    @classmethod
    def soft(
        cls, bag_ids: ArrayLike, log_potential: ArrayLike, *, n_bags: int, n_classes: int = 2, target: int = 1
    ) -> Self:
        """Return bags with a potential over the count of class `target`: ragged (t + g,), log φ(0..m) of each bag."""
        most = np.full(n_bags, np.iinfo(np.int64).max)
        free = cls.between(bag_ids, np.zeros(n_bags, dtype=np.int64), most, n_classes=n_classes, target=target)
        return cls(free.rows, free.offsets, free.low, free.high, free.n_rows, np.asarray(log_potential), target)

    @property
    def n_classes(self) -> int:  # type: ignore[override]
        """Number of classes K."""
        return int(self.low.shape[1])

    @property
    def n_bags(self) -> int:
        """Number of bags."""
        return len(self.offsets) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each bag, int64 (g,)."""
        return np.diff(self.offsets)

    @property
    def overlap(self) -> bool:
        """Whether some row is in more than one bag."""
        return repeats(self.rows)

    def _units(self) -> NDArray[np.int64]:
        """Return the unit of each row: a bag with all that it shares rows with, or a row alone."""
        return linked_units(self.n_rows, self.rows, segment_ids(self.offsets), self.n_bags)

    def of_groups(self, groups: ArrayLike) -> Self:
        """Return the statements about some bags only; the rows stay as they are."""
        chosen = np.asarray(groups, dtype=np.int64)
        offsets, entries = take_segments(self.offsets, chosen)
        phi = self.log_potential
        if phi is not None:
            phi = phi[take_segments(offsets_of(self.sizes + 1), chosen)[1]]
        ends = (self.low[chosen], self.high[chosen])
        return type(self)(self.rows[entries], offsets, *ends, self.n_rows, phi, self.target)

    def placed(self, rows: NDArray[np.int64], n_rows: int) -> Self:
        """Return the same statements about the rows ``rows[i]`` of a larger data set."""
        return type(self)(rows[self.rows], self.offsets, self.low, self.high, n_rows, self.log_potential, self.target)

    def _take(self, rows: NDArray[np.int64]) -> Self:
        offsets, bags = self._bags_of_rows()
        keep = np.unique(bags[take_segments(offsets, rows)[1]])
        part = self.of_groups(keep)
        order = np.argsort(rows, kind="stable")
        position = order[np.searchsorted(rows[order], part.rows)]
        ends = (part.low, part.high)
        return type(self)(position, part.offsets, *ends, len(rows), part.log_potential, part.target)

    def _bags_of_rows(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the bags of each row as segments; worked out once, so that batches cost what they hold."""
        if "_bags_once" not in self.__dict__:
            offsets, entries = grouped(self.rows, self.n_rows)
            self.__dict__["_bags_once"] = offsets, segment_ids(self.offsets)[entries]
        found: tuple[NDArray[np.int64], NDArray[np.int64]] = self.__dict__["_bags_once"]
        return found

    def condition(self, log_prior: Array, groups: ArrayLike | None = None) -> Posterior:
        """Return the posterior of all rows given the bags: exact counting where bags share no row.

        Several constrained classes: exact where the vectors of counts are few (bags of some 15 rows, whatever the
        number of classes), else the entropic projection (exact counts) or one class against the rest (intervals);
        `Posterior.method` and `.exact` say so. Bags that share rows go through belief propagation. Raises BadInput
        naming a bag whose counts are impossible.
        """
        from labelwright.evidence.group_estep import condition_groups

        part = self if groups is None else self.of_groups(groups)
        return condition_groups(log_prior, (part,), part.units())
