"""Where labels stand, as the caller says it, and what was found there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.evidence import Evidence, Hard, LabelSpace, Mixed, Reals, Tags


@dataclass(frozen=True)
class LabelSources:
    """Where labels stand.

    Parameters
    ----------
    label : str, optional
        Column of one label a row.
    candidates : str, optional
        Column of several labels a cell: a list, or text joined by ``|``.
    bag : str, optional
        Column that names the bag of each row.
    counts : tuple of str
        One column of counts or shares a class, ``column`` or ``class=column``; the same in all rows of a bag.
    files : tuple of Path
        Votes or candidates, joined by the identity of rows.
    positive : str, optional
        The class of known positives; the rows without it are unknown.
    trusted : bool
        The label column is right where it says something.
    task : str, optional
        ``"classification"``, ``"multilabel"`` or ``"regression"``; read from the label column by default.
    incomplete : bool
        Rows may have more tags than they list.
    low, high : str, optional
        Columns of the least and the most that a number can be; an empty cell is an open end.
    """

    label: str | None = None
    candidates: str | None = None
    bag: str | None = None
    counts: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    positive: str | None = None
    trusted: bool = False
    task: str | None = None
    incomplete: bool = False
    low: str | None = None
    high: str | None = None

    @property
    def about_one_class(self) -> bool:
        """There is something that only one class a row can have."""
        return bool(self.candidates or self.bag or self.files or self.positive)


@dataclass(frozen=True)
class Gathered:
    """Data and everything that is known of its labels.

    `noisy` is the number of the part whose noise the audit can estimate (the label column), None without one. `space`
    is None for numbers. `incomplete` says that tags which a row does not list are unknown.
    """

    dataset: Dataset
    space: LabelSpace | None
    parts: tuple[Evidence, ...]
    rows: tuple[NDArray[np.int64], ...]
    noisy: int | None
    label: str | None
    incomplete: bool = False
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes or tags; none for numbers."""
        return () if self.space is None else self.space.names

    @property
    def evidence(self) -> Evidence:
        """All parts as one piece of evidence about the rows of the data."""
        n = len(self.dataset)
        if len(self.parts) == 1 and np.array_equal(self.rows[0], np.arange(n)):
            return self.parts[0]
        return Mixed(self.parts, self.rows, n)

    @property
    def speaks(self) -> NDArray[np.bool_]:
        """Which rows have evidence of any kind."""
        heard = np.zeros(len(self.dataset), dtype=bool)
        for part, rows in zip(self.parts, self.rows, strict=True):
            heard[rows[_says_something(part)]] = True
        return heard


def _says_something(part: Evidence) -> NDArray[np.bool_]:
    if isinstance(part, Hard):
        return part.labels >= 0
    if isinstance(part, Tags):
        return np.diff(part.offsets) > 0
    if isinstance(part, Reals):
        return np.isfinite(part.bounds).any(axis=1)
    return np.ones(len(part), dtype=bool)
