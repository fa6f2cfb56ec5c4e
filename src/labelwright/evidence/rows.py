"""Labels that speak of one row: a class, or a distribution over classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, check_codes, checked_classes, frozen
from labelwright.evidence.base import RowEvidence
from labelwright.evidence.likelihood import (
    check_observed,
    hard_log_likelihood,
    log_of,
    share_log_likelihood,
    transition_array,
    where_true,
)


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
