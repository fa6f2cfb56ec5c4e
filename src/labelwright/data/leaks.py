"""Columns that give the label away: copies of it, recodings of it, and columns from which it follows exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.column_types import ColumnProfile, cell_texts, is_list, numbers, plain_column
from labelwright.data.dataset import Task
from labelwright.data.matrices import is_matrix
from labelwright.data.tasks import known_texts

_ROWS = 200_000  # looked at, spread evenly
_FEWEST = 20
_NEARLY = 0.9  # of what the commonest value leaves open
_ROWS_A_VALUE = 5


@dataclass(frozen=True)
class Leak:
    """A column that gives the label away, and how. `sure` is False for what chance or a strong feature may explain."""

    name: str
    reason: str
    sure: bool


def find_leaks(table: pa.Table, label: str, profiles: list[ColumnProfile], task: Task) -> list[Leak]:
    """Return the columns from which the label can be read off.

    Parameters
    ----------
    table : pyarrow.Table
    label : str
        The label column; tags count as one label a row.
    profiles : list of ColumnProfile
        The columns to look at; vectors, images and tags are passed over.
    task : Task
        For a regression copies are lines instead of equal names.
    """
    rows = _rows(table.num_rows)
    if is_matrix(table.schema.field(label)):
        return []
    looked_at = [p for p in profiles if p.kind in ("number", "category", "text", "identifier", "date")]
    if task == "regression":
        values = numbers(table.column(label))
        return [] if values is None else _numeric_leaks(table, values[rows.to_numpy()], looked_at, rows)
    target = _target_texts(table, label).take(rows)
    labels = _codes(target)
    if len(labels) < _FEWEST or labels.max() < 1:
        return []
    found = [_class_leak(table, profile, target, labels, rows) for profile in looked_at]
    return [leak for leak in found if leak is not None]


def _target_texts(table: pa.Table, label: str) -> pa.ChunkedArray:
    column = plain_column(table.column(label))
    if not is_list(column.type):
        return known_texts(column)
    joined = ["|".join(sorted(map(str, tags))) if tags is not None else None for tags in column.to_pylist()]
    return pa.chunked_array([pa.array(joined, pa.string())])


def _rows(n: int) -> pa.Array:
    if n <= _ROWS:
        return pa.array(np.arange(n))
    return pa.array(np.linspace(0, n - 1, _ROWS).astype(np.int64))


def _codes(texts: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return a number for each distinct text, -1 for null."""
    encoded = texts.combine_chunks().dictionary_encode()
    return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _class_leak(
    table: pa.Table, profile: ColumnProfile, target: pa.ChunkedArray, labels: NDArray[np.int64], rows: pa.Array
) -> Leak | None:
    texts = cell_texts(table.column(profile.name)).take(rows)
    same, common = _share_equal(texts, target), _majority(labels[labels >= 0])
    if _beyond(same, common) >= _NEARLY:
        return Leak(profile.name, f"it repeats the label in {_percent(same)} of the rows", True)
    codes = _codes(texts)
    known = (labels >= 0) & (codes >= 0)
    n, n_values, n_classes = int(known.sum()), int(codes.max()) + 1, int(labels.max()) + 1
    if n < max(_FEWEST, 0.5 * (labels >= 0).sum()):
        return None
    if n_values * _ROWS_A_VALUE <= n:
        purity = _purity(codes[known], labels[known])
        back = _beyond(_purity(labels[known], codes[known]), _majority(codes[known]))
        if n_values <= 2 * n_classes and _beyond(purity, _majority(labels[known])) >= _NEARLY and back >= _NEARLY / 2:
            return Leak(profile.name, f"it is the label under other names in {_percent(purity)} of the rows", True)
        if purity == 1.0 and len(np.unique(labels[known])) > 1:
            return Leak(profile.name, f"the label follows exactly from its {n_values} values", True)
    if profile.kind == "number" and n >= 2 * _FEWEST:
        values = numbers(table.column(profile.name))
        if values is not None and _splits_by_threshold(values[rows.to_numpy()][known], labels[known]):
            return Leak(profile.name, "the label follows exactly from thresholds on it", False)
    return None


def _percent(share: float) -> str:
    return "all" if share == 1.0 else f"{100 * share:.1f} %"


def _share_equal(texts: pa.ChunkedArray, target: pa.ChunkedArray) -> float:
    def folded(column: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.large_string())))

    equal = pc.equal(folded(texts), folded(target))
    known = pc.count(target).as_py()
    return float(pc.sum(equal).as_py() or 0) / known if known else 0.0


def _purity(values: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Return the share of rows whose label is the commonest one of their value."""
    pairs, counts = np.unique(values * (labels.max() + 1) + labels, return_counts=True)
    most = np.zeros(values.max() + 1, dtype=np.int64)
    np.maximum.at(most, pairs // (labels.max() + 1), counts)
    return float(most.sum()) / len(values)


def _beyond(share: float, by_chance: float) -> float:
    """Return how much of what the commonest value leaves open is explained, 1 = all."""
    return (share - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0


def _majority(labels: NDArray[np.int64]) -> float:
    return float(np.bincount(labels).max()) / len(labels)


def _splits_by_threshold(values: NDArray[np.float64], labels: NDArray[np.int64]) -> bool:
    """Whether sorting by the number sorts the rows by class, each class in one stretch of at least five rows."""
    present = np.isfinite(values)
    if not present.all():
        return False
    order = np.lexsort((labels, values))
    ordered, numbers_ = labels[order], values[order]
    change = np.flatnonzero(np.diff(ordered))
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    tied = (numbers_[change] == numbers_[change + 1]).any()
    return bool(len(change) == len(counts) - 1 and not tied and counts.min() >= _ROWS_A_VALUE)


def _numeric_leaks(
    table: pa.Table, target: NDArray[np.float64], profiles: list[ColumnProfile], rows: pa.Array
) -> list[Leak]:
    columns = {}
    for profile in profiles:
        values = numbers(table.column(profile.name)) if profile.kind in ("number", "category", "identifier") else None
        if values is not None:
            columns[profile.name] = values[rows.to_numpy()]
    leaks = [leak for name, values in columns.items() if (leak := _line_leak(name, values, target)) is not None]
    caught = {leak.name for leak in leaks}
    return leaks + _sum_leaks({name: v for name, v in columns.items() if name not in caught}, target)


def _line_leak(name: str, values: NDArray[np.float64], target: NDArray[np.float64]) -> Leak | None:
    known = np.isfinite(values) & np.isfinite(target)
    if known.sum() < max(_FEWEST, 0.5 * np.isfinite(target).sum()):
        return None
    x, y = values[known], target[known]
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    same = float((x == y).mean())
    if _beyond(same, float(np.unique(y, return_counts=True)[1].max()) / len(y)) >= _NEARLY:
        return Leak(name, f"it repeats the label in {_percent(same)} of the rows", True)
    with np.errstate(all="ignore"):  # numbers near the end of the range overflow; they are no line then
        correlation = np.corrcoef(x, y)[0, 1]
    if abs(correlation) > 1 - 1e-6:
        return Leak(name, "it is the label on another scale", True)
    order = np.argsort(x, kind="stable")
    steps, moves = np.diff(y[order]), np.diff(x[order])
    level = (moves != 0) | (steps == 0)  # equal numbers must have equal labels
    if level.all() and ((steps >= 0).all() or (steps <= 0).all()) and len(np.unique(y)) > _FEWEST:
        return Leak(name, "the label rises or falls with it without exception", True)
    return None


def _sum_leaks(columns: dict[str, NDArray[np.float64]], target: NDArray[np.float64]) -> list[Leak]:
    """Return pairs of columns whose sum or difference is the label in every row."""
    names = list(columns)[:60]
    step = max(1, len(target) // 2000)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            for sign, word in ((1, "sum"), (-1, "difference")):
                for a, b in ((first, second), (second, first))[: 1 if sign == 1 else 2]:
                    quick = columns[a][::step] + sign * columns[b][::step]
                    if np.array_equal(quick, target[::step]) and _is_sum(columns[a], columns[b], sign, target):
                        reason = f"the label is the {word} of {a!r} and {b!r}"
                        return [Leak(a, reason, True), Leak(b, reason, True)]
    return []


def _is_sum(a: NDArray[np.float64], b: NDArray[np.float64], sign: int, target: NDArray[np.float64]) -> bool:
    return bool(len(target) >= _FEWEST and np.array_equal(a + sign * b, target) and np.ptp(b) > 0 and np.ptp(a) > 0)
