"""What several sources said: annotators, labelling functions, models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, check_codes, checked_classes, checked_size, frozen, is_torch
from labelwright.evidence.base import RowEvidence
from labelwright.evidence.likelihood import transition_array, vote_log_likelihood
from labelwright.evidence.segments import offsets_of, segment_ids, take_segments


@dataclass(frozen=True, eq=False)
class Votes(RowEvidence):
    """One entry a vote: source `source[v]` said `value[v]` about row `row[v]`.

    Parameters
    ----------
    row, source : int array (v,)
        In ``0..n_rows - 1`` and ``0..n_sources - 1``. Entries are stored sorted by row, then source.
    value : int array (v,), for real-valued votes float array (v,)
        Class in ``0..n_classes - 1``; -1 = asked, and abstained. With ``n_classes=None`` any finite real number.
    n_rows, n_sources : int
        Numbers of rows and of sources, also of those without a vote.
    n_classes : int or None
        Number of classes; None for real-valued votes.
    weight : float array (v,), optional
        Multiplies the vote's log-likelihood, at least 0; 1 by default.
    seconds : float array (v,), optional
        Time that the vote took; NaN where unknown (the default).

    Notes
    -----
    `noise`: one confusion matrix a source (A, K, S), one for all (K, S), or None: every vote is trusted, so two
    different votes on a row contradict. With S = n_classes + 1 the last column is P(abstains | k); with
    S = n_classes abstentions say nothing.

    Examples
    --------
    >>> votes = Votes([0, 0], [0, 1], [1, 1], n_rows=1, n_sources=2, n_classes=2)
    >>> votes.log_likelihood(one_coin([0.9, 0.8], 2)).round(3)
    array([[-3.912, -0.329]])
    """

    row: NDArray[np.int64]
    source: NDArray[np.int32]
    value: NDArray[Any]
    n_rows: int
    n_sources: int
    n_classes: int | None  # type: ignore[assignment]
    weight: NDArray[np.float64] | None = None
    seconds: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        row, source = frozen(self.row, np.int64, "row"), frozen(self.source, np.int32, "source")
        value = frozen(self.value, np.float64 if self.n_classes is None else np.int32, "value")
        size = len(row)
        object.__setattr__(self, "n_rows", checked_size(self.n_rows, "n_rows"))
        object.__setattr__(self, "n_sources", checked_size(self.n_sources, "n_sources"))
        weight = np.ones(size) if self.weight is None else frozen(self.weight, np.float64, "weight")
        seconds = np.full(size, np.nan) if self.seconds is None else frozen(self.seconds, np.float64, "seconds")
        for name, column in (("source", source), ("value", value), ("weight", weight), ("seconds", seconds)):
            if len(column) != size:
                raise BadInput(f"{name} has {len(column)} entries, row {size}", fix="pass one entry a vote")
        check_codes(row, self.n_rows, 0, "row")
        check_codes(source, self.n_sources, 0, "source")
        if self.n_classes is not None:
            check_codes(value, checked_classes(self.n_classes), -1, "vote")
        elif not np.isfinite(value).all():
            raise BadInput("a vote is NaN or infinite", where=f"vote {int(np.flatnonzero(~np.isfinite(value))[0])}")
        if not (np.isfinite(weight) & (weight >= 0)).all():
            raise BadInput("a weight is negative, NaN or infinite", fix="pass weights of at least 0")
        order = np.lexsort((source, row))
        columns = {"row": row, "source": source, "value": value, "weight": weight, "seconds": seconds}
        for name, column in columns.items():
            object.__setattr__(self, name, frozen(column[order], column.dtype, name))

    @classmethod
    def from_matrix(cls, table: ArrayLike, n_classes: int) -> Self:
        """Return the votes of a table (n, A) of classes, -1 = this source was not asked about this row."""
        votes = frozen(table, np.int32, "the vote table", ndim=2)
        row, source = np.nonzero(votes >= 0)
        check_codes(votes.ravel(), n_classes, -1, "vote")
        return cls(
            row.astype(np.int64), source.astype(np.int32), votes[row, source], votes.shape[0], votes.shape[1], n_classes
        )

    def offsets(self) -> NDArray[np.int64]:
        """Return int64 (n + 1,): the votes on row i are the entries ``offsets[i]:offsets[i + 1]``."""
        if "_offsets" not in self.__dict__:  # the votes never change: counted once
            counted = frozen(offsets_of(np.bincount(self.row, minlength=self.n_rows)), np.int64, "offsets")
            object.__setattr__(self, "_offsets", counted)
        found: NDArray[np.int64] = self.__dict__["_offsets"]
        return found

    def counts(self) -> NDArray[np.float64]:
        """Return the total weight of the votes for each class, float64 (n, K); abstentions count for none."""
        k = self._class_count()
        said = self.value >= 0
        cells = self.row[said] * k + self.value[said]
        totals = np.bincount(cells, weights=self.weight[said], minlength=self.n_rows * k)  # type: ignore[index]
        return totals.astype(np.float64).reshape(self.n_rows, k)

    def to_matrix(self) -> NDArray[np.int32]:
        """Return the table (n, A) of classes, -1 where a source abstained or was not asked; the last vote counts."""
        table = np.full((self.n_rows, self.n_sources), -1, dtype=np.int32)
        self._class_count()
        table[self.row, self.source] = self.value
        return table

    def _class_count(self) -> int:
        if self.n_classes is None:
            raise BadInput("real-valued votes have no classes", fix="aggregate them with a model for reals")
        return self.n_classes

    def _take(self, rows: NDArray[np.int64]) -> Self:
        offsets, entries = take_segments(self.offsets(), rows)
        parts = (self.weight[entries], self.seconds[entries])  # type: ignore[index]
        return type(self)(
            segment_ids(offsets),
            self.source[entries],
            self.value[entries],
            len(rows),
            self.n_sources,
            self.n_classes,
            *parts,
        )

    def _log_likelihood(self, noise: Any, rows: NDArray[np.int64]) -> Array:
        confusion = self._confusion(noise)
        offsets, entries = take_segments(self.offsets(), rows)
        value, segments = self.value[entries], segment_ids(offsets)
        if confusion.shape[-1] == self._class_count() + 1:
            value = np.where(value < 0, self._class_count(), value)
        kept = value >= 0
        entries, segments, value = entries[kept], segments[kept], value[kept]
        source = self.source[entries]
        weight = self.weight[entries]  # type: ignore[index]
        return vote_log_likelihood(segments, source, value, weight, confusion, len(rows))

    def _confusion(self, noise: Any) -> Array:
        k = self._class_count()
        confusion: Array = np.eye(k) if noise is None else transition_array(noise)
        if confusion.ndim == 2:
            shape = (self.n_sources, *confusion.shape)
            confusion = confusion.expand(shape) if is_torch(confusion) else np.broadcast_to(confusion, shape)
        if confusion.ndim != 3 or confusion.shape[0] != self.n_sources or confusion.shape[-1] not in (k, k + 1):
            raise BadInput(
                f"the confusion matrices have shape {tuple(confusion.shape)}",
                fix=f"pass ({self.n_sources}, K, {k}), or {k + 1} columns with abstentions last",
            )
        return confusion


def one_coin(accuracy: ArrayLike, n_classes: int) -> NDArray[np.float64]:
    """Return confusion matrices (A, K, K) of sources that are right with `accuracy` (A,), else wrong evenly."""
    right = np.atleast_1d(np.asarray(accuracy, dtype=np.float64))
    if not ((right >= 0) & (right <= 1)).all() or n_classes < 2:
        raise BadInput("an accuracy is outside [0, 1], or there is one class only", fix="pass shares of right votes")
    eye = np.eye(n_classes)
    wrong = (1 - right) / (n_classes - 1)
    return right[:, None, None] * eye + wrong[:, None, None] * (1 - eye)
