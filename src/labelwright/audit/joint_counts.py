"""Counts of (given label, estimated truth), sparse: only the pairs that occur are held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_kernels import count_pairs
from labelwright.errors import BadInput

TINY = 1e-100
MOST_DENSE = 1000  # classes up to which a full table is counted into


@dataclass(frozen=True)
class JointCounts:
    """A (K, K) matrix of counts, rows = given label, columns = estimated truth, as sorted cells.

    Parameters
    ----------
    given, true : int64, shape (m,)
        Sorted by given, then by true; no cell twice.
    count : int64 or float64, shape (m,)
    n_classes : int
    """

    given: NDArray[np.int64]
    true: NDArray[np.int64]
    count: NDArray
    n_classes: int

    @classmethod
    def of_rows(cls, given: NDArray[np.integer], true: NDArray[np.integer], n_classes: int) -> JointCounts:
        """Count rows of each pair; rows whose `true` is -1 are left out."""
        if n_classes <= MOST_DENSE:
            table = np.zeros((n_classes, n_classes), np.int64)
            count_pairs(given, true, table)
            return cls.of_dense(table)
        seen = true >= 0
        cells, count = np.unique(given[seen].astype(np.int64) * n_classes + true[seen], return_counts=True)
        return cls(cells // n_classes, cells % n_classes, count.astype(np.int64), n_classes)

    @classmethod
    def of_dense(cls, matrix: ArrayLike) -> JointCounts:
        """Take the cells of a matrix that are not zero."""
        table = np.asarray(matrix)
        if table.ndim != 2 or table.shape[0] != table.shape[1]:
            raise BadInput(
                f"confident_joint has shape {table.shape}, not (K, K)", fix="give one row and column a class"
            )
        given, true = np.nonzero(table)
        return cls(given.astype(np.int64), true.astype(np.int64), table[given, true], len(table))

    def dense(self) -> NDArray:
        """Return the matrix."""
        table = np.zeros((self.n_classes, self.n_classes), dtype=self.count.dtype)
        table[self.given, self.true] = self.count
        return table

    @property
    def indptr(self) -> NDArray[np.int64]:
        """Where the cells of each given class start, shape (K + 1,)."""
        return np.searchsorted(self.given, np.arange(self.n_classes + 1))

    @property
    def row_sums(self) -> NDArray:
        """Counts of each given class, shape (K,)."""
        return np.bincount(self.given, self.count, self.n_classes)

    @property
    def diagonal(self) -> NDArray:
        """Counts where given and truth agree, shape (K,)."""
        on = self.given == self.true
        values = np.zeros(self.n_classes, dtype=self.count.dtype)
        values[self.given[on]] = self.count[on]
        return values

    def with_diagonal(self, least: int = 1) -> JointCounts:
        """Return the counts with at least `least` in every diagonal cell."""
        classes = np.arange(self.n_classes)
        off = self.given != self.true
        given = np.concatenate([self.given[off], classes])
        true = np.concatenate([self.true[off], classes])
        count = np.concatenate([self.count[off], np.maximum(self.diagonal, least)])
        order = np.lexsort((true, given))
        return JointCounts(given[order], true[order], count[order], self.n_classes)

    def calibrated(self, label_counts: NDArray[np.integer], given_first: bool = False) -> JointCounts:
        """Scale each row to the number of rows given that class, whole numbers that keep the row sums.

        `given_first` is the order in which the cells are summed up: the last bit of the sum can decide a rounding, and
        dense code sums in the order of memory.
        """
        scaled = self.count / np.clip(self.row_sums, TINY, None)[self.given] * label_counts[self.given]
        scaled = scaled / max(self._sum(scaled, given_first), TINY) * int(label_counts.sum())
        return JointCounts(self.given, self.true, scaled, self.n_classes).rounded()

    def rounded(self) -> JointCounts:
        """Round to whole numbers, each row keeping its rounded sum: the largest remainders give or take one."""
        if self.n_classes <= MOST_DENSE:
            return JointCounts.of_dense(_rounded_rows(self.dense().astype(np.float64), np.rint(self.row_sums)))
        whole = np.rint(self.count)
        wanted = np.rint(np.bincount(self.given, self.count, self.n_classes))
        missing = wanted - np.bincount(self.given, whole, self.n_classes)
        indptr = self.indptr
        extra: list[tuple[int, int, int]] = []
        for k in np.flatnonzero(missing):
            cells = slice(indptr[k], indptr[k + 1])
            row = np.zeros(self.n_classes)
            row[self.true[cells]] = self.count[cells]
            row = _round_keeping_sum(row)
            whole[cells] = row[self.true[cells]]
            row[self.true[cells]] = 0
            extra += [(int(k), int(j), int(row[j])) for j in np.flatnonzero(row)]
        rounded = JointCounts(self.given, self.true, whole.astype(np.int64), self.n_classes)
        return rounded._plus(extra) if extra else rounded

    def _plus(self, cells: list[tuple[int, int, int]]) -> JointCounts:
        """Add cells that were empty."""
        added = np.array(cells, dtype=np.int64).T
        given, true = np.concatenate([self.given, added[0]]), np.concatenate([self.true, added[1]])
        order = np.lexsort((true, given))
        return JointCounts(given[order], true[order], np.concatenate([self.count, added[2]])[order], self.n_classes)

    def _sum(self, values: NDArray[np.float64], given_first: bool) -> float:
        """Sum as the full matrix would be summed."""
        outer, inner = (self.given, self.true) if given_first else (self.true, self.given)
        flat = np.zeros(self.n_classes * self.n_classes)
        flat[outer * self.n_classes + inner] = values
        return float(flat.sum())


def _rounded_rows(table: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round a full table (K, K) as `_round_keeping_sum` rounds each row, all rows at once; wanted (K,): their sums."""
    whole = np.rint(table)
    missing = wanted - whole.sum(axis=1)
    off = np.flatnonzero(missing)
    by_remainder = np.argsort(table[off] - whole[off], axis=1)
    place, short = np.arange(table.shape[1]), missing[off, None]
    change = np.where(short > 0, place >= table.shape[1] - short, -(place < -short).astype(np.float64))
    whole[off[:, None], by_remainder] += change
    for k in off[np.abs(missing[off]) > table.shape[1]]:
        whole[k] = _round_keeping_sum(table[k])
    return whole.astype(np.int64)


def _round_keeping_sum(row: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = np.rint(row)
    wanted = np.rint(row.sum())
    while missing := int(wanted - whole.sum()):
        by_remainder = np.argsort(row - whole)
        if missing > 0:
            whole[by_remainder[::-1][:missing]] += 1
        else:
            whole[by_remainder[:-missing]] -= 1
    return whole
