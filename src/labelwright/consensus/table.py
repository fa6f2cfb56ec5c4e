"""Votes as the kernels read them: four arrays in order of row, abstentions dropped or kept as one more answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.count_kernels import class_pass, said_pass, start_pass
from labelwright.errors import BadInput
from labelwright.evidence import Hard, Votes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class VoteTable:
    """The votes on row i are the entries ``offsets[i]:offsets[i + 1]``.

    Parameters
    ----------
    offsets : int64 (n + 1,)
    source, value : int32 (v,)
        ``value`` in ``0..n_symbols - 1``; symbol K stands for an abstention where abstaining is an answer.
    weight : float64 (v,)
    n_sources, n_classes, n_symbols : int
    """

    offsets: NDArray[np.int64]
    source: NDArray[np.int32]
    value: NDArray[np.int32]
    weight: Floats
    n_sources: int
    n_classes: int
    n_symbols: int

    @classmethod
    def of(cls, votes: Votes, *, abstaining_answers: bool = False) -> VoteTable:
        """Return the table of categorical votes; BadInput for real-valued ones."""
        if not isinstance(votes, Votes):
            raise BadInput(f"votes are {type(votes).__name__}", fix="pass evidence.Votes, or use aggregate(frame, ...)")
        if votes.n_classes is None:
            raise BadInput("real-valued votes have no classes", fix="use ContinuousLabelModel")
        offsets, source, value = votes.offsets(), votes.source, votes.value
        weight = np.ones(len(source)) if votes.weight is None else votes.weight
        silent = value < 0
        if abstaining_answers:
            value = np.where(silent, np.int32(votes.n_classes), value)
        symbols = votes.n_classes + int(abstaining_answers)
        table = cls(offsets, source, value, weight, votes.n_sources, votes.n_classes, symbols)
        return table.keep(~silent) if silent.any() and not abstaining_answers else table

    @property
    def n_rows(self) -> int:
        """Number of rows, those without a vote included."""
        return len(self.offsets) - 1

    @property
    def total_weight(self) -> float:
        """Sum of the weights of all votes."""
        return float(self.weight.sum())

    @cached_property
    def unweighted(self) -> bool:
        """Whether every vote weighs 1."""
        return bool((self.weight == 1).all())

    @cached_property
    def cells(self) -> NDArray[np.int32]:
        """The place of each vote in a table of sources and symbols, source · S + value, int32 (v,)."""
        return self.source * np.int32(self.n_symbols) + self.value

    def covered(self) -> NDArray[np.bool_]:
        """Return which rows have a vote, bool (n,)."""
        return np.diff(self.offsets) > 0

    def keep(self, votes: NDArray[np.bool_]) -> VoteTable:
        """Return the table with these votes alone, bool (v,); rows stay."""
        offsets = np.concatenate(([0], np.cumsum(votes)))[self.offsets].astype(np.int64)
        return replace(
            self, offsets=offsets, source=self.source[votes], value=self.value[votes], weight=self.weight[votes]
        )

    def row(self) -> NDArray[np.int64]:
        """Return the row of each vote, int64 (v,)."""
        return np.repeat(np.arange(self.n_rows, dtype=np.int64), np.diff(self.offsets))

    def class_weights(self) -> Floats:
        """Return the weight of the votes for each class, float64 (n, K)."""
        said = np.zeros((self.n_rows, self.n_classes))
        class_pass(self.offsets, self.value, self.weight, said)
        return said

    def shares(self, gold: NDArray[np.int64] | None = None) -> Floats:
        """Return the share of the votes for each class, float64 (n, K): uniform where nobody voted.

        Rows of known class, `gold` int64 (n,) with -1 = unknown, have that class alone.
        """
        q = np.empty((self.n_rows, self.n_classes))
        start_pass(self.class_weights(), self.no_gold() if gold is None else gold, q)
        return q

    def said(self) -> Floats:
        """Return the weight of each source's votes for each symbol, float64 (m, S)."""
        said = np.zeros((self.n_sources, self.n_symbols))
        said_pass(self.source, self.value, self.weight, said)
        return said

    def known(self, gold: ArrayLike | Hard | None) -> NDArray[np.int64]:
        """Return the known class of each row with votes, int64 (n,), -1 = unknown; BadInput when it does not fit.

        Rows without votes say nothing about sources, and their classes need not be those of the rows that are voted on
        (rules speak about the conspicuous ones), so they take no part.
        """
        return np.where(self.covered(), gold_codes(gold, self.n_rows, self.n_classes), -1)

    def no_gold(self) -> NDArray[np.int64]:
        """Return the array that says that no row's class is known."""
        return np.full(self.n_rows, -1, dtype=np.int64)


def summed(place: NDArray[np.integer], weight: Floats, size: int) -> Floats:
    """Return the sum of the weights at each place, float64 (size,)."""
    return np.bincount(place, weight, size).astype(np.float64, copy=False)


def gold_codes(gold: ArrayLike | Hard | None, n_rows: int, n_classes: int) -> NDArray[np.int64]:
    """Return the known class of each row, int64 (n,), -1 = unknown; BadInput when it does not fit the votes."""
    if gold is None:
        return np.full(n_rows, -1, dtype=np.int64)
    known = gold if isinstance(gold, Hard) else Hard(np.asarray(gold), n_classes)
    if len(known) != n_rows or known.n_classes != n_classes:
        raise BadInput(
            f"gold has {len(known)} rows and {known.n_classes} classes, the votes {n_rows} and {n_classes}",
            fix="pass one class number a row, -1 where it is unknown",
        )
    return known.labels.astype(np.int64)
