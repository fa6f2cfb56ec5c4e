"""Columns that should not be trained on: identifiers, and columns that give the label away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.equal_rows import row_groups
from labelwright.audit.inputs import same_length
from labelwright.audit.missing_values import empty_cells, plain_column
from labelwright.audit.scores import Scores
from labelwright.errors import quoted
from labelwright.metrics.numerals import percent

_LEAST_ROWS = 20
_PATTERNS = (
    ("e-mail addresses", r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"),
    ("UUIDs", r"^\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?$"),
    ("hashes", r"^(?:0x)?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9A-F]{32}|[0-9A-F]{40}|[0-9A-F]{64})$"),
)
_WHOLE = r"^[+-]?[0-9]{1,18}$"
_MOST_ROWS_MATCHED = 20_000
_KEY_NAME = re.compile(r"(?:^|[_\s.-])(?:id|ids|uuid|guid|key|hash|index|idx|rowid|serial|sku|email|phone|ssn)$", re.I)
_CAMEL_KEY = re.compile(r"[a-z](?:Id|ID|Key|Uuid|UUID)$")


@dataclass(frozen=True)
class IdentifierColumns:
    """Find columns that only name rows: counters, keys, hashes, UUIDs, e-mail addresses.

    A column is an identifier when more than `unique` of its filled cells are distinct and they are whole numbers that
    count (strictly up or down the file, or dense), or codes of one word with digits in them, or anything of one word
    under a name such as ``customer_id``; and when nearly all cells are UUIDs, hashes or e-mail addresses of which at
    least half are distinct. Measurements, dates and free text are no identifiers.

    Parameters
    ----------
    unique : float, default 0.95

    Examples
    --------
    >>> IdentifierColumns().score(pa.table({"n": range(100, 130), "x": [1, 2, 3] * 10})).is_issue
    array([ True, False])
    """

    unique: float = 0.95

    def score(self, table: pa.Table, columns: Sequence[str] | None = None) -> Scores:
        """Return one entry a column; score = 1 − share of distinct cells where it is an identifier, else 1."""
        names = table.column_names if columns is None else list(columns)
        if not names or table.num_rows < _LEAST_ROWS:
            return Scores.none("identifier_column", "column")
        found = [self._column(table.column(name), name) for name in names]
        return Scores(
            "identifier_column",
            "column",
            np.array([1.0 - share if what else 1.0 for share, what in found]),
            np.array([what is not None for _, what in found]),
            column=names,
            reason=[
                f"column {quoted(name)} {what}: it names rows, so leave it out of training" if what else None
                for name, (_, what) in zip(names, found, strict=True)
            ],
        )

    def _column(self, column: pa.ChunkedArray, name: str) -> tuple[float, str | None]:
        column = plain_column(column)
        filled = column.filter(pa.array(~empty_cells(column)))
        n = len(filled)
        if n < _LEAST_ROWS or pa.types.is_nested(filled.type) or pa.types.is_boolean(filled.type):
            return 0.0, None
        share = pc.count_distinct(filled).as_py() / n
        if _is_text(filled.type):
            return share, self._text(filled, name, share)
        if share > self.unique and pa.types.is_integer(filled.type):
            return share, _whole_numbers(np.asarray(filled, dtype=np.int64), name)
        return share, None

    def _text(self, filled: pa.ChunkedArray, name: str, share: float) -> str | None:
        stripped = pc.utf8_trim_whitespace(_evenly(filled))
        for words, pattern in _PATTERNS:
            if share > 0.5 and _mostly(pc.match_substring_regex(stripped, pattern)):
                return f"holds {words} ({percent(share, 0)} distinct)"
        if share <= self.unique:
            return None
        if _mostly(pc.match_substring_regex(stripped, _WHOLE)):
            whole = pc.utf8_trim_whitespace(filled)
            whole = whole.filter(pc.match_substring_regex(whole, _WHOLE))
            whole = pc.replace_substring_regex(whole, pattern=r"^\+", replacement="")
            return _whole_numbers(np.asarray(whole.cast(pa.int64())), name)
        one_word = _mostly(pc.invert(pc.match_substring_regex(stripped, r"\s")))
        number = _mostly(pc.match_substring_regex(stripped, r"^[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?%?$"))
        date = _mostly(pc.match_substring_regex(stripped, r"^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}"))
        with_digits = _mostly(pc.match_substring_regex(stripped, r"[0-9].*[0-9]"))
        if one_word and not number and not date and (with_digits or _named_key(name)):
            return f"holds codes of which {percent(share, 0)} are distinct"
        return None


def _whole_numbers(values: NDArray[np.int64], name: str) -> str | None:
    steps = np.diff(values)
    if (steps > 0).all() or (steps < 0).all():
        return f"counts {'up' if steps[0] > 0 else 'down'} the file from {values[0]} to {values[-1]}"
    if int(values.max()) - int(values.min()) < 1.5 * len(values):
        return f"numbers the rows between {values.min()} and {values.max()}"
    return "holds keys, almost every one of them distinct" if _named_key(name) else None


def _named_key(name: str) -> bool:
    return bool(_KEY_NAME.search(name) or _CAMEL_KEY.search(name))


def _evenly(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the cells of at most 20,000 rows spread evenly over a column: enough to tell what it is made of."""
    if len(column) <= _MOST_ROWS_MATCHED:
        return column
    return column.take(pa.array(np.linspace(0, len(column) - 1, _MOST_ROWS_MATCHED).astype(np.int64)))


def _mostly(flags: pa.ChunkedArray) -> bool:
    return bool((pc.mean(pc.cast(flags, pa.int8())).as_py() or 0.0) > 0.95)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


@dataclass(frozen=True)
class LeakingColumns:
    """Find single columns from which the label can be told almost without error.

    Each row is predicted from the other rows alone: by the commonest label among those with the same value or, where
    the value occurs once, by the labels of the values next to it (numbers) or by the commonest label (text). Text that
    is all different is also tried with its digits removed, so that ``spam/0017.txt`` is seen through. An issue needs
    accuracy above `accuracy`, the same for the mean over classes of at least five rows, and at most a tenth of the
    errors of always guessing the commonest label.

    Parameters
    ----------
    accuracy : float, default 0.99

    Examples
    --------
    >>> labels = np.tile([0, 1], 30)
    >>> t = pa.table({"queue": ["a", "b"] * 30, "size": list(range(60))})
    >>> LeakingColumns().score(t, labels).is_issue
    array([ True, False])
    """

    accuracy: float = 0.99

    def score(self, table: pa.Table, labels: ArrayLike, columns: Sequence[str] | None = None) -> Scores:
        """Return one entry a column; score = share of the errors of guessing that remain, cut to [0, 1].

        Parameters
        ----------
        table : pyarrow.Table
        labels : array of int (-1 = unlabelled) or of float (NaN = unlabelled), shape (n,)
            For float targets the prediction is the mean of the neighbouring values, and the accuracy R².
        columns : sequence of str, optional
            All but the label by default: leave the label column out.
        """
        y = np.asarray(labels)
        same_length(table.num_rows, labels=y)
        names = table.column_names if columns is None else list(columns)
        known = np.isfinite(y) if y.dtype.kind == "f" else y >= 0
        y = y[known]
        if not names or len(y) < _LEAST_ROWS or (y == y[0]).all():
            return Scores.none("leaking_column", "column")
        if y.dtype.kind != "f":
            y = row_groups(y)
        mask = pa.array(known)
        found = [self._column(plain_column(table.column(name)).filter(mask), y) for name in names]
        left = np.array([left for left, _ in found])
        return Scores(
            "leaking_column",
            "column",
            np.clip(left, 0.0, 1.0),
            np.array([what is not None for _, what in found]),
            column=names,
            reason=[
                f"{what.format(quoted(name))}; leave it out of training unless it is known before the label is"
                if what
                else None
                for name, (_, what) in zip(names, found, strict=True)
            ],
        )

    def _column(self, column: pa.ChunkedArray, y: NDArray) -> tuple[float, str | None]:
        views = [(_values(column), "")]
        if _is_text(column.type) and np.ptp(views[0][0]) > 0.5 * len(y):
            bare = pc.replace_substring_regex(column, pattern="[0-9]+", replacement="0")
            views.append((row_groups(bare).astype(np.float64), ", digits aside,"))
        return min((self._judge(values, y, aside, column) for values, aside in views), key=lambda found: found[0])

    def _judge(
        self, values: NDArray[np.float64], y: NDArray, aside: str, column: pa.ChunkedArray
    ) -> tuple[float, str | None]:
        ordered = not _is_text(column.type)
        if y.dtype.kind == "f":
            left = _unexplained(values, y)
            told = f"column {{}}{aside} alone tells {percent(1 - left)} of the variance of the label"
            return left, told if left < 1 - self.accuracy else None
        right = _right_from_others(values, y, ordered)
        counts = np.bincount(y)
        recall = np.bincount(y, weights=right) / counts
        judged = recall[counts >= 5] if (counts >= 5).sum() > 1 else recall
        guess = counts.max() / len(y)
        left = float((1 - right.mean()) / (1 - guess))
        leaks = right.mean() > self.accuracy and judged.mean() > self.accuracy and left <= 0.1
        told = f"column {{}}{aside} alone tells the label in {percent(right.mean())} of rows"
        told = f"{told}, guessing the commonest in {percent(guess)}"
        return left, told if leaks else None


def _values(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return numbers as they are and anything else as codes, float64 (n,); missing cells are one value of their own."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values = np.asarray(pc.cast(column, pa.float64(), safe=False).fill_null(np.nan), dtype=np.float64)
        low = np.nanmin(values) if np.isfinite(values).any() else 0.0
        return np.where(np.isnan(values), (low if np.isfinite(low) else 0.0) - 1.0, values)
    return row_groups(column).astype(np.float64)


def _right_from_others(values: NDArray[np.float64], y: NDArray[np.int64], ordered: bool) -> NDArray[np.float64]:
    """Return for each row whether the other rows predict its label from its value, float64 (n,), a tie as 0."""
    k = int(y.max()) + 1
    _, groups = np.unique(values, return_inverse=True)
    cells, cell = np.unique(groups * k + y, return_inverse=True)
    group, count = cells // k, np.bincount(cell)
    order = np.lexsort((-count, group))
    start = np.flatnonzero(np.r_[True, group[order][1:] != group[order][:-1]])
    best = order[start]
    second = np.zeros(len(start), dtype=np.int64)
    more = np.r_[start[1:], len(order)] - start > 1
    second[more] = count[order[start[more] + 1]]
    rival = np.where(np.arange(len(cells)) == best[group], second[group], count[best][group])
    right = (count - 1 > rival)[cell].astype(np.float64)
    alone = np.bincount(groups)[groups] == 1
    if alone.any():
        right[alone] = _from_next(values, y)[alone] if ordered else y[alone] == np.bincount(y).argmax()
    return right


def _from_next(values: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each row the share of the rows just below and above its value that have its label."""
    order = np.argsort(values, kind="stable")
    z = y[order]
    same = (z[1:] == z[:-1]).astype(np.float64)
    right = np.empty(len(y))
    right[order] = (np.r_[same[:1], same] + np.r_[same, same[-1:]]) / 2
    return right


def _unexplained(values: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return 1 − R² of predicting y from the two rows next in order of the value."""
    order = np.argsort(values, kind="stable")
    z = y[order]
    predicted = (np.r_[z[1:2], z[:-1]] + np.r_[z[1:], z[-2:-1]]) / 2
    return float(((z - predicted) ** 2).mean() / z.var())
