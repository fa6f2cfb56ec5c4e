"""Several kinds of evidence about one data set, at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, check_codes, checked_size, frozen, is_torch, like, namespace
from labelwright.evidence.base import Evidence, GroupEvidence, RowEvidence, linked_units, possible
from labelwright.evidence.reals import Reals
from labelwright.evidence.segments import grouped, repeats, segment_ids, segment_sum, take_segments


@dataclass(frozen=True, eq=False)
class Mixed(Evidence):
    """The conjunction of several pieces of evidence: all of them hold.

    Row likelihoods are added to the log-prior first; group evidence then conditions the sum.

    Parameters
    ----------
    parts : tuple of Evidence
        Over the same classes. Row evidence, group evidence, or only `Reals`.
    rows : tuple of int arrays
        ``rows[p][i]`` is the row of the data set that row i of part p speaks about; a part may speak twice about a
        row, and be silent about others.
    n_rows : int
        Rows of the data set.

    Notes
    -----
    `noise` is one entry a part (None where trusted), as a sequence; group evidence takes None.

    Examples
    --------
    >>> from labelwright.evidence import Candidates, Hard
    >>> both = Mixed.of(Hard([0, -1], 3), Candidates.from_sets([[0, 1], [1, 2]], 3))
    >>> both.log_likelihood()
    array([[  0., -inf, -inf],
           [-inf,   0.,   0.]])
    """

    parts: tuple[Evidence, ...]
    rows: tuple[NDArray[np.int64], ...]
    n_rows: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        object.__setattr__(self, "rows", tuple(frozen(r, np.int64, "rows") for r in self.rows))
        if not self.parts or len(self.parts) != len(self.rows):
            raise BadInput(f"{len(self.parts)} parts and {len(self.rows)} row maps", fix="pass one row map a part")
        object.__setattr__(self, "n_rows", checked_size(self.n_rows, "n_rows"))
        for part, rows in zip(self.parts, self.rows, strict=True):
            if not isinstance(part, Evidence):
                raise BadInput(f"{type(part).__name__} is no evidence", fix="wrap labels: Hard(labels, K)")
            if isinstance(part, Mixed):
                raise BadInput("Mixed holds a Mixed", fix="list all parts in one")
            if len(part) != len(rows):
                raise BadInput(f"a row map has {len(rows)} entries, its {type(part).__name__} {len(part)} rows")
            check_codes(rows, self.n_rows, 0, "row")
            if isinstance(part, GroupEvidence) and repeats(rows):
                raise BadInput("two rows of group evidence are mapped to one row", fix="map them one to one")
        reals = [isinstance(part, Reals) for part in self.parts]
        if any(reals) and not all(reals):
            raise BadInput("Reals are mixed with evidence about classes", fix="keep numbers and classes apart")

    @classmethod
    def of(cls, *parts: Evidence) -> Self:
        """Return the conjunction of parts that all speak about the same rows in the same order."""
        if not parts:
            raise BadInput("there is nothing to mix", fix="pass at least one piece of evidence")
        lengths = [len(part) if isinstance(part, Evidence) else 0 for part in parts]
        return cls(parts, tuple(np.arange(n) for n in lengths), lengths[0])

    @property
    def row_parts(self) -> tuple[int, ...]:
        """Numbers of the parts that speak of single rows."""
        return tuple(i for i, part in enumerate(self.parts) if isinstance(part, RowEvidence))

    def group_parts(self) -> tuple[GroupEvidence, ...]:
        """Return the group evidence over the rows of the data set."""
        pairs = zip(self.parts, self.rows, strict=True)
        return tuple(part.placed(rows, self.n_rows) for part, rows in pairs if isinstance(part, GroupEvidence))

    def _units(self) -> NDArray[np.int64]:
        """Return the unit of each row: rows that any part ties together share one."""
        entries, groups, start = [], [], 0
        for part, rows in zip(self.parts, self.rows, strict=True):
            units = part.units()
            entries.append(rows)
            groups.append(units + start)
            start += int(units.max(initial=-1)) + 1
        return linked_units(self.n_rows, np.concatenate(entries), np.concatenate(groups), start)

    def _take(self, rows: NDArray[np.int64]) -> Self:
        parts, maps = [], []
        for part, own in zip(self.parts, self.rows, strict=True):
            offsets, positions = grouped(own, self.n_rows)
            taken, entries = take_segments(offsets, rows)
            parts.append(part.take(positions[entries]))
            maps.append(segment_ids(taken))
        return type(self)(tuple(parts), tuple(maps), len(rows))

    def noises(self, noise: Any) -> tuple[Any, ...]:
        """Return one noise a part; BadInput when the number differs or group evidence is given one."""
        if noise is None:
            return (None,) * len(self.parts)
        if not isinstance(noise, Sequence) or len(noise) != len(self.parts):
            raise BadInput("noise is not one entry a part", fix=f"pass a list of {len(self.parts)}, None where trusted")
        for part, own in zip(self.parts, noise, strict=True):
            if own is not None and isinstance(part, GroupEvidence):
                raise BadInput(f"{type(part).__name__} takes no noise", fix="pass None; use potentials or confidences")
        return tuple(noise)

    def log_likelihood(self, noise: Any = None, rows: ArrayLike | None = None, *, eps: float = 0.0) -> Array:
        """Return the sum of the row parts' likelihoods, (n, K) or for `Tags` (n, K, 2), over all rows or `rows`.

        Raises BadInput naming a row where the parts contradict each other, unless ``eps > 0``.
        """
        total: Any = None
        for i, own in ((i, self.noises(noise)[i]) for i in self.row_parts):
            part = self.parts[i]
            assert isinstance(part, RowEvidence)
            raw = part._log_likelihood(own, np.arange(len(part)))
            placed = segment_sum(raw, self.rows[i], self.n_rows)
            if total is None:
                total = placed
            elif total.shape != placed.shape:
                raise BadInput(f"parts disagree on classes: {tuple(total.shape[1:])} and {tuple(placed.shape[1:])}")
            elif is_torch(placed) and not is_torch(total):
                total = like(total, placed) + placed
            else:
                total = total + like(placed, total)
        if total is None:
            raise BadInput("no part speaks of single rows", fix="use posterior()")
        index = np.arange(self.n_rows) if rows is None else np.asarray(rows, dtype=np.int64)
        return possible(total if rows is None else total[index], index, eps)

    def nll(self, prediction: Array, scale: Array | float = 1.0) -> Array:
        """Return the summed −log P(evidence | prediction) of each row, for `Reals`; shapes (n,) → (n,), in nats."""
        total = namespace(prediction).zeros_like(prediction)
        for part, rows in zip(self.parts, self.rows, strict=True):
            if not isinstance(part, Reals):
                raise BadInput(f"{type(part).__name__} is no evidence about numbers", fix="use posterior()")
            index = rows.copy() if is_torch(prediction) else rows  # torch warns of indices that it could not write to
            own = scale if isinstance(scale, int | float) else scale[index]
            total = total + segment_sum(part.nll(prediction[index], own), rows, self.n_rows)
        return total
