"""What an auditor says: one score a row, part or pair, low = suspect, with a reason in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Level = Literal["row", "part", "pair", "class", "column", "group", "dataset"]


class Entry(NamedTuple):
    """One thing that an auditor found: where, a score in [0, 1], the label there, a better one, and why."""

    row: int
    part: str | None
    score: float
    given: str | None
    suggested: str | None
    reason: str


@dataclass(frozen=True)
class Scores:
    """The findings of one auditor, one entry a row, part, pair, class, column or group that it looked at.

    Parameters
    ----------
    kind : str
        What was looked for: ``"label"``, ``"outlier"``, ``"near_duplicate"``, ...
    level : Level
        What an entry is about.
    score : array of float64, shape (m,)
        In [0, 1], low = suspect; orders the entries of one kind.
    is_issue : array of bool, shape (m,)
    rows : array of int64, shape (m,), optional
        Row of the data each entry is about, -1 where it is about none.
    other_rows : array of int64, shape (m,), optional
        The second row of a pair, -1 where there is none.
    part, column, given, suggested, reason : sequences of length m, optional
        None where an entry has no such thing. `reason` is one plain sentence; give it at least where `is_issue`.
    """

    kind: str
    level: Level
    score: NDArray[np.float64]
    is_issue: NDArray[np.bool_]
    rows: NDArray[np.int64] | None = None
    other_rows: NDArray[np.int64] | None = None
    part: Sequence[str | None] | None = None
    column: Sequence[str | None] | None = None
    given: Sequence[str | None] | None = None
    suggested: Sequence[str | None] | None = None
    reason: Sequence[str | None] | None = None

    def __post_init__(self) -> None:
        m = len(self.score)
        for name in ("is_issue", "rows", "other_rows", "part", "column", "given", "suggested", "reason"):
            value = getattr(self, name)
            if value is not None and len(value) != m:
                raise ValueError(f"Scores of kind {self.kind!r}: {name} has {len(value)} entries, score has {m}.")
        if m and not (np.isfinite(self.score).all() and self.score.min() >= 0 and self.score.max() <= 1):
            raise ValueError(f"Scores of kind {self.kind!r}: every score must lie in [0, 1].")

    def __len__(self) -> int:
        return len(self.score)

    @property
    def n_issues(self) -> int:
        """How many entries are issues."""
        return int(np.count_nonzero(self.is_issue))

    @classmethod
    def none(cls, kind: str, level: Level) -> Scores:
        """Return the result of an auditor that had nothing to look at."""
        return cls(kind, level, np.empty(0), np.empty(0, dtype=bool))

    @classmethod
    def of(cls, kind: str, level: Level, entries: Sequence[Entry]) -> Scores:
        """Return issues from entries, in their order; scores a rounding outside [0, 1] are put back."""
        if not entries:
            return cls.none(kind, level)
        return cls(
            kind,
            level,
            np.clip([entry.score for entry in entries], 0, 1),
            np.ones(len(entries), dtype=bool),
            rows=np.array([entry.row for entry in entries], dtype=np.int64),
            part=[entry.part for entry in entries],
            given=[entry.given for entry in entries],
            suggested=[entry.suggested for entry in entries],
            reason=[entry.reason for entry in entries],
        )


def image_scores_of(quality: NDArray[np.float64], entries: Sequence[Entry]) -> Scores:
    """Return one label score an image, flagged where a part was found: the first says why, the others are counted."""
    n = len(quality)
    counts = np.bincount([entry.row for entry in entries], minlength=n)
    reason: list[str | None] = [None] * n
    for entry in entries:
        more = f", and {counts[entry.row] - 1} more in this image" if counts[entry.row] > 1 else ""
        reason[entry.row] = reason[entry.row] or entry.reason + more
    return Scores("label", "row", np.clip(quality, 0, 1), counts > 0, rows=np.arange(n), reason=reason)
