"""The table as the nutrition label reads it: typed columns with their missing cells, and the labels.

Sources: [P022] for the kinds of variables; missing codes must be declared, what merely looks like one is suspected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset

Kind = Literal["nominal", "ordinal", "discrete", "continuous", "date", "text", "identifier", "opaque", "empty"]
KINDS: tuple[Kind, ...] = (
    "nominal",
    "ordinal",
    "discrete",
    "continuous",
    "date",
    "text",
    "identifier",
    "opaque",
    "empty",
)


@dataclass(frozen=True)
class Column:
    """One column, typed.

    Parameters
    ----------
    name : str
    kind : Kind
    missing : array of bool, shape (n,)
        Empty cells, NaN and declared missing codes.
    numbers : array of float64, shape (n,), or None
        Discrete and continuous values, dates as days since 1970-01-01; NaN where missing.
    codes : array of int32, shape (n,), or None
        Nominal and ordinal values as numbers of `levels`, -1 where missing.
    levels : tuple of str
        The values of a nominal or ordinal column, sorted.
    sensitive : bool
        True when no value of it may be printed.
    suspects : tuple of (str, int)
        Values that look like undeclared missing codes, with how often they occur.
    n_unique : int
        Distinct values that are not missing.
    """

    name: str
    kind: Kind
    missing: NDArray[np.bool_]
    numbers: NDArray[np.float64] | None = None
    codes: NDArray[np.int32] | None = None
    levels: tuple[str, ...] = ()
    sensitive: bool = False
    suspects: tuple[tuple[str, int], ...] = ()
    n_unique: int = 0

    def __len__(self) -> int:
        return len(self.missing)

    @property
    def missing_share(self) -> float:
        """Share of missing cells, in [0, 1]."""
        return float(self.missing.mean()) if len(self) else 0.0

    @property
    def is_group(self) -> bool:
        """Whether its values are names of groups."""
        return self.codes is not None

    def binned(self, n_bins: int = 8, most: int = 50) -> NDArray[np.int32]:
        """Return small codes from 0, missing as a code of its own: levels (rare ones merged) or quantile bins."""
        if self.codes is not None:
            codes = _rare_merged(self.codes, len(self.levels), most)
        elif self.numbers is not None:
            codes = _quantile_codes(self.numbers, n_bins)
        else:
            codes = np.full(len(self), -1, dtype=np.int32)
        return np.asarray(codes + 1, dtype=np.int32)

    def take(self, rows: NDArray[np.intp]) -> Column:
        """Return the column of some rows."""
        return Column(
            self.name,
            self.kind,
            self.missing[rows],
            None if self.numbers is None else self.numbers[rows],
            None if self.codes is None else self.codes[rows],
            self.levels,
            self.sensitive,
            self.suspects,
            self.n_unique,
        )


@dataclass(frozen=True)
class NutritionTable:
    """Typed columns beside the labels: what every module of the label and every rule reads.

    `labels` are those of the `Dataset`; `pred_probs`, `label_issue` and `noise` are what an audit found, where it ran.
    """

    dataset: Dataset
    columns: Mapping[str, Column]
    seed: int = 0
    pred_probs: NDArray[np.float64] | None = None
    label_issue: NDArray[np.bool_] | None = None
    noise: Any = None
    cache: dict[Any, Any] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def label(self) -> str:
        """Name of the label column."""
        return self.dataset.plan.label

    @property
    def is_classification(self) -> bool:
        """Whether every row has one class."""
        return self.dataset.plan.task == "classification"

    def inputs(self, names: tuple[str, ...] = ()) -> tuple[Column, ...]:
        """Return the columns that a model could read: `names` or all, without label, split, ids, free text."""
        plan = self.dataset.plan
        out = {plan.label, plan.split, plan.id, plan.image}
        return tuple(
            column
            for name, column in self.columns.items()
            if name not in out
            and (not names or name in names)
            and (column.codes is not None or column.numbers is not None)
            and column.n_unique > 1
        )

    def sample(self, most: int) -> NDArray[np.intp]:
        """Return the rows of a seeded sample, sorted; all rows when there are at most `most`."""
        if len(self) <= most:
            return np.arange(len(self))
        return np.sort(np.random.default_rng(self.seed).choice(len(self), most, replace=False))


def _rare_merged(codes: NDArray[np.int32], n_levels: int, most: int) -> NDArray[np.int32]:
    if n_levels <= most:
        return codes
    counts = np.bincount(codes[codes >= 0], minlength=n_levels)
    order = np.argsort(-counts, kind="stable")
    recode = np.full(n_levels + 1, most - 1, dtype=np.int32)
    recode[order[: most - 1]] = np.arange(most - 1)
    recode[-1] = -1
    return recode[codes]


def _quantile_codes(numbers: NDArray[np.float64], n_bins: int) -> NDArray[np.int32]:
    known = ~np.isnan(numbers)
    codes = np.full(len(numbers), -1, dtype=np.int32)
    if known.any():
        unique = np.unique(numbers[known])
        if unique.size <= n_bins:
            codes[known] = np.searchsorted(unique, numbers[known])
        else:
            edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, n_bins + 1)[1:-1]))
            codes[known] = np.searchsorted(edges, numbers[known], side="right")
    return codes
