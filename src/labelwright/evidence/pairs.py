"""Evidence about two rows at once: alike, unlike, ranked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, check_codes, checked_classes, checked_size, frozen
from labelwright.evidence.base import GroupEvidence, linked_units
from labelwright.evidence.result import Posterior


class Relation(IntEnum):
    """What a pair says about its two classes."""

    ALIKE = 0
    UNLIKE = 1
    RANKED = 2  # the first is at least the second, in the order of the classes


@dataclass(frozen=True, eq=False)
class Pairs(GroupEvidence):
    """Row `first[e]` and row `second[e]` stand in `relation[e]`, said with `confidence[e]`.

    Parameters
    ----------
    first, second : int array (e,)
        Two different rows.
    relation : int array (e,)
        `Relation`: alike (must-link), unlike (cannot-link), ranked (class of first >= class of second).
    n_rows, n_classes : int
    confidence : float array (e,), optional
        P(the relation holds), in (0, 1]; 1 (the default) makes it hard. A pair of classes that satisfies the
        relation weighs `confidence`, one that does not ``1 − confidence``.

    Examples
    --------
    >>> pairs = Pairs([0], [1], [Relation.ALIKE], n_rows=2, n_classes=2)
    >>> pairs.condition(np.log([[0.9, 0.1], [0.5, 0.5]])).q.round(3)
    array([[0.9, 0.1],
           [0.9, 0.1]])
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    relation: NDArray[np.int8]
    n_rows: int
    n_classes: int
    confidence: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_classes", checked_classes(self.n_classes))
        object.__setattr__(self, "n_rows", checked_size(self.n_rows, "n_rows"))
        first, second = frozen(self.first, np.int64, "first"), frozen(self.second, np.int64, "second")
        relation = frozen(self.relation, np.int8, "relation")
        sure = np.ones(len(first)) if self.confidence is None else self.confidence
        confidence = frozen(sure, np.float64, "confidence")
        if not len(first) == len(second) == len(relation) == len(confidence):
            raise BadInput("first, second, relation and confidence differ in length", fix="pass one entry a pair")
        check_codes(first, self.n_rows, 0, "row")
        check_codes(second, self.n_rows, 0, "row")
        check_codes(relation, len(Relation), 0, "relation")
        same = np.flatnonzero(first == second)
        if len(same):
            raise BadInput(f"row {first[same[0]]} is paired with itself", where=f"pair {same[0]}", fix="drop the pair")
        wrong = np.flatnonzero(~((confidence > 0) & (confidence <= 1)))
        if len(wrong):
            raise BadInput(
                f"confidence {confidence[wrong[0]]} is outside (0, 1]",
                where=f"pair {wrong[0]}",
                fix="pass P(the relation holds)",
            )
        columns = {"first": first, "second": second, "relation": relation, "confidence": confidence}
        for name, column in columns.items():
            object.__setattr__(self, name, column)

    def _units(self) -> NDArray[np.int64]:
        """Return the unit of each row: rows that a chain of pairs connects share one."""
        pair = np.arange(len(self.first))
        rows = np.concatenate([self.first, self.second])
        return linked_units(self.n_rows, rows, np.concatenate([pair, pair]), len(pair))

    def log_tables(self) -> NDArray[np.float64]:
        """Return log P(relation said | class of first, class of second), float64 (e, K, K)."""
        k = np.arange(self.n_classes)
        same = k[:, None] == k[None, :]
        holds = np.stack([same, ~same, k[:, None] >= k[None, :]])[self.relation]
        sure = self.confidence[:, None, None]  # type: ignore[index]
        with np.errstate(divide="ignore"):
            return np.where(holds, np.log(sure), np.log1p(-sure))

    def of_groups(self, groups: ArrayLike) -> Self:
        """Return some pairs only; the rows stay as they are."""
        chosen = np.asarray(groups, dtype=np.int64)
        ends = (self.first[chosen], self.second[chosen], self.relation[chosen])
        return type(self)(*ends, self.n_rows, self.n_classes, self.confidence[chosen])  # type: ignore[index]

    def placed(self, rows: NDArray[np.int64], n_rows: int) -> Self:
        """Return the same statements about the rows ``rows[i]`` of a larger data set."""
        ends = (rows[self.first], rows[self.second], self.relation)
        return type(self)(*ends, n_rows, self.n_classes, self.confidence)

    def _take(self, rows: NDArray[np.int64]) -> Self:
        position = np.full(self.n_rows, -1, dtype=np.int64)
        position[rows] = np.arange(len(rows))
        return self.of_groups(np.flatnonzero(position[self.first] >= 0)).placed(position, len(rows))

    def condition(self, log_prior: Array, groups: ArrayLike | None = None) -> Posterior:
        """Return the posterior of all rows given the pairs: exact where the pairs form no circle.

        Belief propagation otherwise; `Posterior.exact` and `.converged` say so. Raises BadInput naming a row that
        the pairs leave without a class.
        """
        from labelwright.evidence.group_estep import condition_groups

        part = self if groups is None else self.of_groups(groups)
        return condition_groups(log_prior, (part,), part.units())
