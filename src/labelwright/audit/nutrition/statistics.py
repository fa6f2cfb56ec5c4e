"""Statistics of every column, by its type. Source: [P022], module 4."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.nutrition.table import Column, NutritionTable
from labelwright.metrics.report import ReportTable, Scalar, Section

N_BINS = 20
_MOST_COLUMNS = 200
_MOST_HISTOGRAMS = 40


class Statistics:
    """Counts, extremes, moments, missing shares and 20-bin histograms. Tables that hold values are private."""

    title = "Statistics"

    def compute(self, table: NutritionTable) -> Section:
        """Return the section; no value of a sensitive column is in it."""
        columns = list(table.columns.values())
        shown = columns[:_MOST_COLUMNS]
        missing = ReportTable(
            "Missing cells",
            ("column", "type", "filled", "distinct values", "missing", "missing, %", "suspected codes"),
            tuple(_missing_row(column) for column in shown),
        )
        groups = tuple(_group_row(c) for c in shown if c.codes is not None and not c.sensitive and c.n_unique)
        numbers = tuple(_number_row(c) for c in shown if c.numbers is not None and c.kind != "date" and not c.sensitive)
        tables = [missing]
        if groups:
            head = ("column", "values", "most frequent", "its count", "least frequent", "its count ")
            tables.append(ReportTable("Nominal and ordinal columns", head, groups, private=True))
        if numbers:
            moments = ("column", "count", "min", "max", "mean", "median", "sd", "zeros, %")
            tables.append(ReportTable("Discrete and continuous columns", moments, numbers, private=True))
            tables += [_histogram(c) for c in shown if _has_histogram(c)][:_MOST_HISTOGRAMS]
        text = ""
        if len(columns) > _MOST_COLUMNS:
            text = f"The first {_MOST_COLUMNS} of {len(columns)} columns are shown."
        return Section(self.title, text, tables=tuple(tables))


def _missing_row(column: Column) -> tuple[Scalar, ...]:
    gone = int(column.missing.sum())
    suspects = sum(count for _, count in column.suspects)
    share = round(100 * column.missing_share, 2)
    return (column.name, column.kind, len(column) - gone, column.n_unique, gone, share, suspects)


def _group_row(column: Column) -> tuple[Scalar, ...]:
    assert column.codes is not None
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
    most, least = int(counts.argmax()), int(counts.argmin())
    return (
        column.name,
        len(column.levels),
        column.levels[most],
        int(counts[most]),
        column.levels[least],
        int(counts[least]),
    )


def _number_row(column: Column) -> tuple[Scalar, ...]:
    assert column.numbers is not None
    known = column.numbers[~column.missing]
    sd = float(known.std(ddof=1)) if known.size > 1 else None
    values = (known.min(), known.max(), known.mean(), np.median(known))
    return (
        column.name,
        int(known.size),
        *(_short(float(value)) for value in values),
        None if sd is None else _short(sd),
        round(100 * float((known == 0).mean()), 2),
    )


def _short(value: float) -> float | None:
    """Round to six significant digits; None for what overflowed, which JSON cannot hold."""
    return float(f"{value:.6g}") if np.isfinite(value) else None


def _has_histogram(column: Column) -> bool:
    return column.numbers is not None and column.kind != "date" and not column.sensitive and column.n_unique > 1


def _histogram(column: Column) -> ReportTable:
    assert column.numbers is not None
    counts, edges = histogram(column.numbers[~column.missing])
    rows = tuple(
        (_short(float(low)), _short(float(high)), int(count))
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
    return ReportTable(f"Histogram of {column.name}", ("from", "to", "count"), rows, private=True)


def histogram(values: NDArray[np.float64], n_bins: int = N_BINS) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return counts (n_bins,) and edges (n_bins + 1,) of equally wide bins; the counts add up to the number of values.

    Examples
    --------
    >>> histogram(np.array([0.0, 1.0, 1.0]), 2)[0]
    array([1, 2])
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(high - low) or high - low < 1e-12 * max(abs(low), abs(high), 1e-300):
        counts = np.zeros(n_bins, dtype=np.int64)
        counts[0] = values.size
        return counts, np.linspace(low, low + 1, n_bins + 1) if np.isfinite(low + 1) else np.full(n_bins + 1, low)
    counts, edges = np.histogram(values, bins=n_bins)
    return counts.astype(np.int64), edges
