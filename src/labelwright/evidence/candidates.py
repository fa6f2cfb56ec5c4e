"""Partial labels: the hidden class is one of these, or none of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, listed
from labelwright.evidence.arrays import Array, check_codes, checked_classes, frozen
from labelwright.evidence.base import RowEvidence
from labelwright.evidence.likelihood import (
    check_observed,
    listed_log_likelihood,
    noisy_candidate_level,
    transition_array,
    where_true,
)
from labelwright.evidence.segments import checked_offsets, offsets_of, segment_ids, take_segments
from labelwright.evidence.taxonomy import Taxonomy


@dataclass(frozen=True)
class CandidateNoise:
    """A candidate set that misses the truth with rate `miss` and holds each other class with rate `inclusion`.

    Both in (0, 1); ``miss -> 0`` is the clean candidate set.
    """

    miss: float
    inclusion: float

    def __post_init__(self) -> None:
        if not (0 < self.miss < 1 and 0 < self.inclusion < 1):
            raise BadInput(f"miss={self.miss}, inclusion={self.inclusion}", fix="choose both in (0, 1)")


@dataclass(frozen=True, eq=False)
class Candidates(RowEvidence):
    """The hidden class is one of these (partial labels), or none of these (complementary labels).

    Parameters
    ----------
    offsets : int array (n + 1,)
        Row i lists ``classes[offsets[i]:offsets[i + 1]]``.
    classes : int array (t,)
        Listed classes; stored sorted within a row, each once, as int32.
    n_classes : int
        Number of classes K.
    excluded : bool, default False
        True when the listed classes are ruled out. Such a row may be empty: nothing is known then.

    Notes
    -----
    `noise`: None (clean), `CandidateNoise` (miss rate and inclusion), or a transition matrix (K, K) for the product
    form, Σ over listed s of log T[k, s]; for complementary labels that matrix is T̄[k, c] = P(c is ruled out | k).

    Examples
    --------
    >>> Candidates.from_sets([[0, 1], [2]], 3).log_likelihood()
    array([[  0.,   0., -inf],
           [-inf, -inf,   0.]])
    """

    offsets: NDArray[np.int64]
    classes: NDArray[np.int32]
    n_classes: int
    excluded: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_classes", checked_classes(self.n_classes))
        object.__setattr__(self, "excluded", bool(self.excluded))
        classes = frozen(self.classes, np.int32, "classes")
        offsets = checked_offsets(self.offsets, len(classes), "the candidate offsets")
        check_codes(classes, self.n_classes, 0, "class")
        key = segment_ids(offsets) * self.n_classes + classes
        if len(key) > 1 and not (np.diff(key) > 0).all():
            key = np.unique(key)
            classes = (key % self.n_classes).astype(np.int32)
            offsets = offsets_of(np.bincount(key // self.n_classes, minlength=len(offsets) - 1))
        empty = np.flatnonzero(np.diff(offsets) == 0)
        if len(empty) and not self.excluded:
            raise BadInput(
                f"{len(empty)} rows have no candidate (row {listed(empty[:5].tolist())})",
                where=f"row {empty[0]}",
                fix="list every class where nothing is known",
            )
        object.__setattr__(self, "classes", frozen(classes, np.int32, "classes"))
        object.__setattr__(self, "offsets", frozen(offsets, np.int64, "the candidate offsets"))

    @classmethod
    def from_sets(cls, sets: list[list[int]], n_classes: int, *, excluded: bool = False) -> Self:
        """Return evidence from one list of class numbers a row."""
        flat = [k for row in sets for k in row]
        return cls(offsets_of([len(row) for row in sets]), np.array(flat, dtype=np.int64), n_classes, excluded)

    @classmethod
    def from_mask(cls, mask: ArrayLike, *, excluded: bool = False) -> Self:
        """Return evidence from a bool array (n, K): True where a class is listed."""
        listed_classes = np.asarray(mask)
        if listed_classes.ndim != 2 or not np.isin(listed_classes, (0, 1)).all():
            raise BadInput("the candidate mask is no table of 0 and 1", fix="pass bool (n, K)")
        table = listed_classes.astype(bool)
        return cls(offsets_of(table.sum(axis=1)), np.nonzero(table)[1].astype(np.int32), table.shape[1], excluded)

    @classmethod
    def complementary(cls, labels: ArrayLike, n_classes: int) -> Self:
        """Return evidence that row i is not of class ``labels[i]``; -1 says nothing."""
        codes = frozen(labels, np.int32, "labels")
        check_codes(codes, checked_classes(n_classes), -1, "label")
        return cls(offsets_of(codes >= 0), codes[codes >= 0], n_classes, excluded=True)

    @classmethod
    def coarse(cls, nodes: ArrayLike, taxonomy: Taxonomy) -> Self:
        """Return the leaves below each row's node of a taxonomy; node -1 says nothing (every leaf)."""
        codes = frozen(nodes, np.int64, "nodes")
        check_codes(codes, len(taxonomy), -1, "node")
        return cls.from_mask(taxonomy.leaf_masks[codes] | (codes < 0)[:, None])

    @classmethod
    def between(cls, low: ArrayLike, high: ArrayLike, n_classes: int) -> Self:
        """Return evidence on ordered classes: ``low[i] <= class of row i <= high[i]``; infinite ends are open."""
        ends = np.stack([np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)], axis=1)
        k = np.arange(n_classes)
        return cls.from_mask((k >= ends[:, :1]) & (k <= ends[:, 1:]))

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self.offsets) - 1

    def mask(self) -> NDArray[np.bool_]:
        """Return bool (n, K): True where a class is possible (listed, or not excluded)."""
        return self._listed(np.arange(self.n_rows)) ^ self.excluded

    def _listed(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        offsets, entries = take_segments(self.offsets, rows)
        mask = np.zeros((len(rows), self.n_classes), dtype=bool)
        mask[segment_ids(offsets), self.classes[entries]] = True
        return mask

    def _take(self, rows: NDArray[np.int64]) -> Self:
        offsets, entries = take_segments(self.offsets, rows)
        return type(self)(offsets, self.classes[entries], self.n_classes, self.excluded)

    def _log_likelihood(self, noise: Any, rows: NDArray[np.int64]) -> Array:
        if noise is None:
            return where_true(self._listed(rows) ^ self.excluded)
        if isinstance(noise, CandidateNoise):
            if self.excluded:
                raise BadInput("CandidateNoise belongs to candidate sets", fix="pass T̄ (K, K) for complementary labels")
            return np.where(self._listed(rows), 0.0, noisy_candidate_level(noise.miss, noise.inclusion))
        offsets, entries = take_segments(self.offsets, rows)
        transition = check_observed(transition_array(noise), self.n_classes)
        return listed_log_likelihood(segment_ids(offsets), self.classes[entries], transition, len(rows))
