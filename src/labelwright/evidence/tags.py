"""Multi-label evidence: each class of each row is on, off or unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, check_codes, checked_classes, frozen, is_torch, namespace
from labelwright.evidence.base import RowEvidence
from labelwright.evidence.likelihood import log_of, transition_array
from labelwright.evidence.segments import checked_offsets, offsets_of, segment_ids, take_segments


@dataclass(frozen=True, eq=False)
class Propensity:
    """Only positives are ever labelled, each with probability `e` (positive-only and positive-unlabelled data).

    Parameters
    ----------
    e : float, (K,) or (n, K)
        P(labelled | positive), in (0, 1].
    """

    e: Any

    def __post_init__(self) -> None:
        table = np.array(self.e, dtype=np.float64)
        if not ((table > 0) & (table <= 1)).all():
            raise BadInput("a propensity is outside (0, 1]", fix="pass P(labelled | positive)")
        table.setflags(write=False)
        object.__setattr__(self, "e", table)


@dataclass(frozen=True, eq=False)
class Tags(RowEvidence):
    """Classes that are on (+1) or off (-1) in a row; what is not listed is unknown.

    Parameters
    ----------
    offsets : int array (n + 1,)
        Row i lists entries ``offsets[i]:offsets[i + 1]``.
    classes : int array (t,)
        Class of each entry, each at most once a row; stored sorted within the row.
    values : int array (t,)
        +1 or -1, stored as int8.
    n_classes : int
        Number of classes K.

    Notes
    -----
    The likelihood is (b, K, 2): last axis = (class off, class on). `noise`: None (trusted), `Propensity`, or flip
    matrices (2, 2) or (K, 2, 2), rows = truth (off, on), columns = observed.

    Examples
    --------
    >>> Tags.from_dense([[1, 0]]).log_likelihood(noise=Propensity(0.25)).round(3)
    array([[[  -inf, -1.386],
            [ 0.   , -0.288]]])
    """

    offsets: NDArray[np.int64]
    classes: NDArray[np.int32]
    values: NDArray[np.int8]
    n_classes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_classes", checked_classes(self.n_classes))
        classes, values = frozen(self.classes, np.int32, "classes"), frozen(self.values, np.int8, "values")
        offsets = checked_offsets(self.offsets, len(classes), "the tag offsets")
        if len(values) != len(classes) or not np.isin(values, (-1, 1)).all():
            raise BadInput("the tag values are not one +1 or -1 an entry", fix="leave unknown classes out")
        check_codes(classes, self.n_classes, 0, "class")
        key = segment_ids(offsets) * self.n_classes + classes
        order = np.argsort(key, kind="stable")
        twice = np.flatnonzero(np.diff(key[order]) == 0)
        if len(twice):
            row, k = divmod(int(key[order][twice[0]]), self.n_classes)
            raise BadInput(f"class {k} is tagged twice", where=f"row {row}", fix="tag each class once a row")
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "classes", frozen(classes[order], np.int32, "classes"))
        object.__setattr__(self, "values", frozen(values[order], np.int8, "values"))

    @classmethod
    def from_dense(cls, table: ArrayLike) -> Self:
        """Return the evidence of a table (n, K): +1 on, -1 off, 0 unknown."""
        tags = frozen(table, np.int8, "the tag table", ndim=2)
        if not np.isin(tags, (-1, 0, 1)).all():
            raise BadInput("the tag table holds other values than +1, -1 and 0", fix="+1 on, -1 off, 0 unknown")
        row, k = np.nonzero(tags)
        return cls(offsets_of(np.bincount(row, minlength=len(tags))), k.astype(np.int32), tags[row, k], tags.shape[1])

    @classmethod
    def from_indicator(cls, table: ArrayLike) -> Self:
        """Return the evidence of a full table (n, K) of 0 and 1: every class is known."""
        full = np.asarray(table)
        if full.ndim != 2 or not np.isin(full, (0, 1)).all():
            raise BadInput("the indicator table holds other values than 0 and 1", fix="pass bool or 0/1 (n, K)")
        return cls.from_dense(np.where(full.astype(bool), 1, -1))

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self.offsets) - 1

    def dense(self, rows: ArrayLike | None = None) -> NDArray[np.int8]:
        """Return int8 (n, K), or of some rows (b, K): +1 on, -1 off, 0 unknown."""
        index = np.arange(self.n_rows) if rows is None else np.asarray(rows)
        offsets, entries = take_segments(self.offsets, index)
        table = np.zeros((len(index), self.n_classes), dtype=np.int8)
        table[segment_ids(offsets), self.classes[entries]] = self.values[entries]
        return table

    def _take(self, rows: NDArray[np.int64]) -> Self:
        offsets, entries = take_segments(self.offsets, rows)
        return type(self)(offsets, self.classes[entries], self.values[entries], self.n_classes)

    def _log_likelihood(self, noise: Any, rows: NDArray[np.int64]) -> Array:
        tags = self.dense(rows)
        if isinstance(noise, Propensity):
            return _positive_only(tags, noise.e[rows] if noise.e.ndim == 2 else noise.e)
        if noise is None:
            return np.stack([np.where(tags > 0, -np.inf, 0.0), np.where(tags < 0, -np.inf, 0.0)], axis=-1)
        flips = transition_array(noise)
        if flips.shape[-2:] != (2, 2) or (flips.ndim == 3 and flips.shape[0] != self.n_classes) or flips.ndim > 3:
            raise BadInput(f"the noise has shape {tuple(flips.shape)}", fix=f"pass (2, 2) or ({self.n_classes}, 2, 2)")
        xp = namespace(flips)
        log_t = log_of(flips)
        off, on = log_t[..., :, 0], log_t[..., :, 1]  # (2,) or (K, 2): observed off, observed on
        sign = xp.asarray(tags, device=flips.device) if is_torch(flips) else tags
        silent = xp.zeros((*tags.shape, 2), dtype=flips.dtype, device=flips.device)
        said = xp.where(sign[..., None] > 0, on + silent, off + silent)
        return xp.where(sign[..., None] == 0, silent, said)


def _positive_only(tags: NDArray[np.int8], e: NDArray[np.float64]) -> NDArray[np.float64]:
    """Labelled: (−inf, log e); unlabelled: (0, log(1 − e)); seen to be off: (0, −inf)."""
    with np.errstate(divide="ignore"):
        labelled, unlabelled = np.broadcast_to(np.log(e), tags.shape), np.broadcast_to(np.log1p(-e), tags.shape)
    on = np.where(tags > 0, labelled, np.where(tags < 0, -np.inf, unlabelled))
    return np.stack([np.where(tags > 0, -np.inf, 0.0), on], axis=-1)
