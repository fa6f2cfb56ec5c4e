"""Which rows have the same content: one group number a row, for arrays, texts and tables of any width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.audit.missing_values import empty_cells, plain_column

_BLOCK_BYTES = 1 << 26
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)

Content: TypeAlias = NDArray | Sequence[object] | pa.Array | pa.ChunkedArray | pa.Table


def row_groups(content: Content) -> NDArray[np.int64]:
    """Return the group of each row, int64 (n,); rows with equal content share a number, counted from 0.

    Parameters
    ----------
    content : array (n,) or (n, d), sequence of str or bytes, Arrow column or table
        Matrices and tables are compared over all their columns. Nulls equal nulls, NaN equals NaN.

    Examples
    --------
    >>> row_groups(["a", "b", "a"])
    array([0, 1, 0])
    >>> row_groups(np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 2.0]]))
    array([0, 1, 0])
    """
    if isinstance(content, pa.Table):
        return _table_groups(content)
    if isinstance(content, pa.Array | pa.ChunkedArray):
        return _column_codes(content)
    if isinstance(content, np.ndarray) and content.ndim >= 2:
        return _renumbered(row_hashes(content.reshape(len(content), int(np.prod(content.shape[1:])))))
    if isinstance(content, np.ndarray) and content.dtype.kind in "iufb":
        return _renumbered(content)
    return _column_codes(_column(content))


def blank_rows(content: Content) -> NDArray[np.bool_]:
    """Return which rows hold nothing at all, bool (n,): only nulls, NaN, or text of nothing but space.

    Examples
    --------
    >>> blank_rows(["a", None, " "])
    array([False,  True,  True])
    """
    if isinstance(content, pa.Table):
        blank = np.full(content.num_rows, content.num_columns > 0)
        for name in range(content.num_columns):
            blank &= empty_cells(content.column(name))
        return blank
    if isinstance(content, np.ndarray) and content.dtype.kind in "iufb":
        cells = content.reshape(len(content), int(np.prod(content.shape[1:])))
        return np.asarray(np.isnan(cells).all(axis=1) & (content.size > 0), dtype=bool)
    return empty_cells(content if isinstance(content, pa.Array | pa.ChunkedArray) else _column(content))


def text_groups(texts: Sequence[str | None]) -> NDArray[np.int64]:
    """Return groups of texts that are equal but for case, Unicode form, punctuation and space; -1 for empty texts.

    Examples
    --------
    >>> text_groups(["Hello,  World", "hello world!", "", "bye"])
    array([ 0,  0, -1,  1])
    """
    column = pc.utf8_lower(pc.utf8_normalize(_texts(texts), form="NFKC"))
    column = pc.replace_substring_regex(column, pattern=r"[\s\p{P}]+", replacement=" ")
    column = pc.utf8_trim_whitespace(column)
    empty = np.asarray(pc.fill_null(pc.equal(column, ""), True))
    groups = np.full(len(empty), -1, dtype=np.int64)
    groups[~empty] = _column_codes(column.filter(pa.array(~empty)))
    return groups


def repeats(groups: NDArray[np.int64], labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair each further row of a group with its anchor: the first row that has the commonest label of the group."""
    rows = np.flatnonzero(np.bincount(groups)[groups] > 1)
    if not len(rows):
        return rows, rows
    cells, votes = np.unique(np.stack([groups[rows], labels[rows]]), axis=1, return_inverse=True)
    counts = np.bincount(votes.reshape(-1), minlength=cells.shape[1]) * (cells[1] >= 0)
    order = np.lexsort((rows, -counts[votes.reshape(-1)], groups[rows]))
    ordered = rows[order]
    starts = np.flatnonzero(np.r_[True, groups[ordered][1:] != groups[ordered][:-1]])
    anchor = np.repeat(ordered[starts], np.diff(np.r_[starts, len(ordered)]))
    further = np.ones(len(ordered), dtype=bool)
    further[starts] = False
    by_row = np.argsort(ordered[further], kind="stable")
    return ordered[further][by_row], anchor[further][by_row]


def row_hashes(matrix: NDArray) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row of a numeric matrix, uint64 (n,); equal rows have equal hashes."""
    n, width = matrix.shape
    hashes = np.zeros(n, dtype=np.uint64)
    salt = (np.arange(1, width + 1, dtype=np.uint64) * _GOLDEN)[None, :]
    block = max(1, _BLOCK_BYTES // max(8 * width, 1))
    for start in range(0, n, block):
        hashes[start : start + block] = _mixed(_bits(matrix[start : start + block]) + salt).sum(axis=1, dtype=np.uint64)
    return hashes


def _bits(block: NDArray) -> NDArray[np.uint64]:
    if block.dtype.kind == "f":
        # Adding zero turns -0.0 into 0.0, which compares equal to it.
        return (block.astype(np.float64) + 0.0).view(np.uint64)
    return block.astype(np.int64).view(np.uint64) if block.dtype.kind != "u" else block.astype(np.uint64)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits of each number over all 64 (finaliser of splitmix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _column(values: Sequence[object] | NDArray) -> pa.Array:
    """Return values as an Arrow column; values of several types, which Arrow refuses, by how they are written."""
    listed = list(values)
    try:
        return pa.array(listed)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return _texts([None if value is None else f"{type(value).__name__} {value}" for value in listed])


def _texts(texts: Sequence[str | None]) -> pa.Array:
    """Return texts as an Arrow column, half characters (lone surrogates) as escapes."""
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array(
            [t if t is None else t.encode("utf-8", "backslashreplace").decode() for t in texts], pa.string()
        )


def _table_groups(table: pa.Table) -> NDArray[np.int64]:
    groups = np.zeros(table.num_rows, dtype=np.int64)
    for name in range(table.num_columns):
        codes = _column_codes(table.column(name))
        groups = _renumbered(groups * (int(codes.max(initial=0)) + 1) + codes)
    return groups


def _column_codes(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    if pa.types.is_nested(column.type):
        column = pa.array([str(value) for value in column.to_pylist()], pa.string())
    encoded = pc.dictionary_encode(plain_column(column), null_encoding="encode")
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        return np.concatenate([np.asarray(c.indices) for c in encoded.chunks] or [np.empty(0)]).astype(np.int64)
    return np.asarray(encoded.indices).astype(np.int64)


def _renumbered(values: NDArray) -> NDArray[np.int64]:
    """Number equal values alike, in the order of their first occurrence."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse]
