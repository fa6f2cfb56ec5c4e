"""A density of the rows: how well made-up rows resemble the real ones, and which columns depend on each other.

Source: [P022], module 6.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.nutrition.mixture import Mixture, fit_mixture
from labelwright.audit.nutrition.pair_plots import permutations
from labelwright.audit.nutrition.table import Column, NutritionTable
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import ReportTable, Scalar, Section, TableRows

_LEVEL = 0.95
_OVERLAP_BINS = 20


class ProbabilisticModel:
    """Mixture of row types; made-up rows; overlap of each column; matrix of dependent columns.

    Parameters
    ----------
    most_parts : int
        Largest number of parts tried; BIC chooses.
    most_rows, most_columns, most_levels : int
        Bounds of the work. Rows are sampled with the seed; rarer levels than the bound are merged.
    """

    title = "Probabilistic model"

    def __init__(
        self,
        *,
        most_parts: int = 8,
        most_rows: int = 2000,
        most_columns: int = 16,
        most_levels: int = 20,
        n_permutations: int = 39,
    ) -> None:
        self.most_parts, self.most_rows, self.most_columns = most_parts, most_rows, most_columns
        self.most_levels, self.n_permutations = most_levels, n_permutations

    def compute(self, table: NutritionTable) -> Section:
        """Return the section."""
        rows = table.sample(self.most_rows)
        columns = [column.take(rows) for column in self._chosen(table)]
        columns = [c for c in columns if np.unique(c.binned()).size > 1]
        if len(rows) < 20 or not columns:
            return Section(self.title, "There are too few rows or columns of groups and numbers for a model.")
        model, numbers, groups = self.fit(columns, table.seed)
        drawn = _rounded(columns, *model.draw(len(rows), np.random.default_rng([table.seed, 7])))
        real, made = self._codes(columns, numbers, groups), self._codes(columns, *drawn, like=numbers)
        overlap = tuple((c.name, round(_overlap(real[:, j], made[:, j]), 3)) for j, c in enumerate(columns))
        names = tuple(column.name for column in columns)
        dependent = self._dependence(self._coarse(made, columns), table.seed)
        lowest = min(share for _, share in overlap)
        tables = (
            ReportTable("Overlap of real and made-up rows", ("column", "overlap"), overlap),
            ReportTable("Dependent columns", ("column", *names), _matrix(names, dependent)),
        )
        scalars: dict[str, Scalar] = {
            "row types": len(model.weights),
            "rows fitted": len(rows),
            "lowest overlap": lowest,
            "BIC": round(model.bic, 1),
        }
        text = (
            "Overlap is 1 when made-up rows have the column's own distribution. Columns depend on each other when "
            f"their mutual information in made-up rows is above {percent(_LEVEL, 0)} of what shuffled columns give."
        )
        return Section(self.title, text, scalars, tables)

    def fit(self, columns: list[Column], seed: int) -> tuple[Mixture, NDArray[np.float64], NDArray[np.int32]]:
        """Fit the mixture; also return the numbers (n, d) and group codes (n, m) it was fitted to."""
        numeric = [_filled(c.numbers) for c in columns if c.codes is None and c.numbers is not None]
        coded = [c.binned(most=self.most_levels) for c in columns if c.codes is not None]
        n = len(columns[0])
        numbers = np.column_stack(numeric) if numeric else np.zeros((n, 0))
        groups = np.column_stack(coded).astype(np.int32) if coded else np.zeros((n, 0), dtype=np.int32)
        sizes = tuple(int(column.max()) + 1 for column in coded)
        return fit_mixture(numbers, groups, sizes, self.most_parts, seed), numbers, groups

    def _chosen(self, table: NutritionTable) -> list[Column]:
        label = table.columns.get(table.label)
        head = (
            [label]
            if label is not None and label.n_unique > 1 and (label.is_group or label.numbers is not None)
            else []
        )
        return [*head, *table.inputs()][: self.most_columns]

    def _codes(
        self,
        columns: list[Column],
        numbers: NDArray[np.float64],
        groups: NDArray[np.int32],
        like: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int32]:
        """Return every column as bins, the bins of a number being cut from the real rows."""
        out: list[NDArray[Any]] = []
        d, m = 0, 0
        for column in columns:
            if column.codes is not None:
                out.append(groups[:, m])
                m += 1
            else:
                out.append(_bins(numbers[:, d], (numbers if like is None else like)[:, d]))
                d += 1
        return np.column_stack(out).astype(np.int32)

    def _coarse(self, codes: NDArray[np.int32], columns: list[Column]) -> NDArray[np.int32]:
        coarse = codes.copy()
        for j, column in enumerate(columns):
            if column.codes is None:
                coarse[:, j] = codes[:, j] * 8 // (_OVERLAP_BINS + 2)
        return coarse

    def _dependence(self, codes: NDArray[np.int32], seed: int) -> dict[tuple[int, int], bool]:
        orders = permutations(len(codes), self.n_permutations, seed)
        found = {}
        for i, j in combinations(range(codes.shape[1]), 2):
            values = _mutual_information(codes[:, i], np.vstack([codes[:, j], codes[:, j][orders]]))
            found[i, j] = bool(values[0] > np.quantile(values[1:], _LEVEL))
        return found


def _rounded(
    columns: list[Column], numbers: NDArray[np.float64], groups: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Round what was drawn for columns of whole numbers."""
    whole = [c.kind == "discrete" for c in columns if c.codes is None]
    return np.where(whole, np.round(numbers), numbers) if whole else numbers, groups


def _filled(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the mean where a number is missing."""
    return np.where(np.isnan(numbers), np.nanmean(numbers), numbers)


def _bins(values: NDArray[np.float64], like: NDArray[np.float64]) -> NDArray[np.int64]:
    low, high = float(like.min()), float(like.max())
    if not high > low:
        return np.zeros(len(values), dtype=np.int64)
    position = np.floor((values - low) / (high - low) * _OVERLAP_BINS)
    inside = np.clip(position, 0, _OVERLAP_BINS - 1) + 1
    beyond = np.where(values < low, 0, np.where(values > high, _OVERLAP_BINS + 1, inside))
    return np.asarray(beyond, dtype=np.int64)


def _overlap(a: NDArray[np.int32], b: NDArray[np.int32]) -> float:
    size = int(max(a.max(), b.max())) + 1
    p, q = np.bincount(a, minlength=size) / len(a), np.bincount(b, minlength=size) / len(b)
    return float(1 - 0.5 * np.abs(p - q).sum())


def _mutual_information(x: NDArray[np.int32], ys: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the mutual information of x (n,) with each row of ys (b, n), normalised by the mean entropy."""
    a, b = int(x.max()) + 1, int(ys.max()) + 1
    shift = np.arange(len(ys))[:, None] * (a * b)
    counts = np.bincount((x.astype(np.int64) * b + ys + shift).ravel(), minlength=len(ys) * a * b)
    joint: NDArray[np.float64] = counts.reshape(len(ys), a, b) / len(x)
    h_x, h_y = _entropy(joint.sum(axis=2)), _entropy(joint.sum(axis=1))
    mutual = h_x + h_y - _entropy(joint.reshape(len(ys), -1))
    return np.asarray(mutual / np.maximum((h_x + h_y) / 2, 1e-12), dtype=np.float64)


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return -(p * np.log(np.maximum(p, 1e-300))).sum(axis=-1)


def _matrix(names: tuple[str, ...], found: dict[tuple[int, int], bool]) -> TableRows:
    def cell(i: int, j: int) -> str:
        return "–" if i == j else "yes" if found[min(i, j), max(i, j)] else "no"

    return tuple((name, *(cell(i, j) for j in range(len(names)))) for i, name in enumerate(names))
