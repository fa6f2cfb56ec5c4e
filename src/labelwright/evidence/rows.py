"""Labels that speak of one row: a class, a distribution over classes, a set of candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, listed
from labelwright.evidence.arrays import Array, frozen
from labelwright.evidence.base import RowEvidence
from labelwright.evidence.likelihood import (
    hard_log_likelihood,
    listed_log_likelihood,
    log_of,
    noisy_candidate_level,
    share_log_likelihood,
    transition_array,
    where_true,
)
from labelwright.evidence.segments import checked_offsets, offsets_of, segment_ids, take_segments
from labelwright.evidence.taxonomy import Taxonomy


def checked_classes(n_classes: int) -> int:
    """Return the number of classes as an int of at least 1; BadInput otherwise."""
    if not isinstance(n_classes, int | np.integer) or isinstance(n_classes, bool) or n_classes < 1:
        raise BadInput(f"n_classes is {n_classes!r}", fix="pass the number of classes, at least 1")
    return int(n_classes)


def check_codes(codes: NDArray[np.integer], n_classes: int, least: int, what: str) -> None:
    """Raise BadInput naming the first entry outside ``least..n_classes - 1``."""
    wrong = np.flatnonzero((codes < least) | (codes >= n_classes))
    if len(wrong):
        raise BadInput(
            f"{what} {codes[wrong[0]]} is outside {least}..{n_classes - 1}",
            where=f"entry {wrong[0]}",
            fix=f"there are {n_classes} classes, numbered from 0" + (", -1 for unknown" if least < 0 else ""),
        )


def check_observed(transition: Array, n_observed: int) -> Array:
    """Return `transition` when it has a column for each observed class; BadInput otherwise."""
    if transition.shape[-1] != n_observed:
        raise BadInput(
            f"the noise has {transition.shape[-1]} columns, the labels {n_observed} classes",
            fix="rows = truth, columns = observed",
        )
    return transition


@dataclass(frozen=True, eq=False)
class Hard(RowEvidence):
    """One observed class a row, or nothing.

    Parameters
    ----------
    labels : int array (n,)
        Observed class, -1 = unlabelled. Stored as int32.
    n_classes : int
        Number of observable classes S.

    Notes
    -----
    `noise`: None (trusted), a transition matrix (K, S), or one a row (n, K, S). K may differ from S: with
    ``Taxonomy.transition`` labels at a coarse level speak about the leaves.

    Examples
    --------
    >>> Hard([1, -1], 2).log_likelihood(np.array([[0.8, 0.2], [0.1, 0.9]])).round(2)
    array([[-1.61, -0.11],
           [ 0.  ,  0.  ]])
    """

    labels: NDArray[np.int32]
    n_classes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_classes", checked_classes(self.n_classes))
        object.__setattr__(self, "labels", frozen(self.labels, np.int32, "labels"))
        check_codes(self.labels, self.n_classes, -1, "label")

    @classmethod
    def unknown(cls, n_rows: int, n_classes: int) -> Self:
        """Return evidence that says nothing about any row."""
        return cls(np.full(n_rows, -1, dtype=np.int32), n_classes)

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self.labels)

    def _take(self, rows: NDArray[np.int64]) -> Self:
        return type(self)(self.labels[rows], self.n_classes)

    def _log_likelihood(self, noise: Any, rows: NDArray[np.int64]) -> Array:
        labels = self.labels[rows]
        if noise is None:
            return where_true((labels[:, None] == np.arange(self.n_classes)) | (labels < 0)[:, None])
        transition = check_observed(transition_array(noise), self.n_classes)
        if transition.ndim == 3 and transition.shape[0] != self.n_rows:
            raise BadInput(f"the noise has {transition.shape[0]} rows' matrices, the labels {self.n_rows} rows")
        return hard_log_likelihood(labels, transition, rows)


@dataclass(frozen=True, eq=False)
class Soft(RowEvidence):
    """A distribution over classes a row: somebody's posterior, or the shares of a number of votes.

    Parameters
    ----------
    probs : float array (n, K)
        Each row sums to 1 (within 1e-3) or is all zeros (nothing known). Stored as float32.
    prior : float array (K,), optional
        The prior under which a posterior was formed: the likelihood is probs / prior. Uniform by default.
    n_votes : float array (n,), optional
        Number of votes of which `probs` are the shares: the likelihood is Π_s T[k, s] ^ (n_votes · probs_s).

    Notes
    -----
    `noise` belongs to vote shares: a voter's transition matrix (K, K). A posterior takes none.

    Examples
    --------
    >>> Soft([[0.5, 0.5]], prior=[0.9, 0.1]).log_likelihood().round(2)
    array([[-0.59,  1.61]])
    """

    probs: NDArray[np.float32]
    prior: NDArray[np.float64] | None = None
    n_votes: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        probs = frozen(self.probs, np.float32, "probs", ndim=2)
        object.__setattr__(self, "probs", probs)
        sums = probs.sum(axis=1, dtype=np.float64)
        wrong = np.flatnonzero(~np.isfinite(sums) | (probs < 0).any(axis=1) | ((np.abs(sums - 1) > 1e-3) & (sums != 0)))
        if len(wrong):
            raise BadInput(
                f"the probabilities sum to {sums[wrong[0]]:.4g}, or one is negative or NaN",
                where=f"row {wrong[0]}",
                fix="rows sum to 1, or are all 0 where nothing is known",
            )
        if self.prior is not None and self.n_votes is not None:
            raise BadInput(
                "Soft has a prior and numbers of votes", fix="give prior for a posterior, n_votes for shares"
            )
        if self.prior is not None:
            object.__setattr__(self, "prior", frozen(self.prior, np.float64, "prior"))
            if len(self.prior) != self.n_classes or not (self.prior > 0).all():
                raise BadInput(
                    "the prior is not one positive probability a class", fix=f"pass {self.n_classes} numbers"
                )
        if self.n_votes is not None:
            object.__setattr__(self, "n_votes", frozen(self.n_votes, np.float64, "n_votes"))
            if len(self.n_votes) != self.n_rows or not (self.n_votes >= 0).all() or not np.isfinite(self.n_votes).all():
                raise BadInput(
                    "n_votes is not one number of votes a row", fix=f"pass {self.n_rows} numbers, at least 0"
                )

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self.probs)

    @property
    def n_classes(self) -> int:  # type: ignore[override]
        """Number of classes K."""
        return int(self.probs.shape[1])

    def _take(self, rows: NDArray[np.int64]) -> Self:
        return type(self)(self.probs[rows], self.prior, None if self.n_votes is None else self.n_votes[rows])

    def _log_likelihood(self, noise: Any, rows: NDArray[np.int64]) -> Array:
        probs = self.probs[rows].astype(np.float64)
        if self.n_votes is not None:
            transition = np.eye(self.n_classes) if noise is None else transition_array(noise)
            return share_log_likelihood(probs, self.n_votes[rows], check_observed(transition, self.n_classes))
        if noise is not None:
            raise BadInput("a posterior takes no noise: it is a likelihood already", fix="give n_votes for vote shares")
        prior = np.full(self.n_classes, 1 / self.n_classes) if self.prior is None else self.prior
        silent = probs.sum(axis=1, keepdims=True) == 0
        return np.where(silent, 0.0, log_of(probs) - np.log(prior))


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
