"""One encoder a column of a table: learned from the rows at hand, applied to any further rows.

`table` says what each kind gives; here stands how. Every encoder turns a column into a block of float32 numbers, and
itself into plain facts (JSON) and arrays, so that it can be stored without pickling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts, numbers
from labelwright.data.matrices import column_matrix, is_matrix
from labelwright.errors import BadInput, quoted

VALUES, HASHED, RAMPS = 64, 16, 8
_MISSING = pa.array(["?", "NA", "N/A", "na", "n/a", "NaN", "nan", "null", "NULL", ""])
Block = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


class ColumnEncoder(Protocol):
    """A column's way into numbers."""

    kind: ClassVar[str]

    def block(self, table: pa.Table, name: str) -> Block:
        """Return the numbers of a column, float32 (n, width)."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return what is plain about the encoder, for JSON."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return its arrays."""
        ...

    @classmethod
    def restored(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the encoder that `facts` and `arrays` came from."""
        ...


@dataclass(frozen=True)
class NumericEncoder:
    """Robustly scaled value, ramps between quantiles, and a missing indicator.

    Parameters
    ----------
    median, spread : float
    knots : float64 (r + 1,)
        Quantiles; empty when no training cell was known.
    """

    median: float
    spread: float
    knots: NDArray[np.float64]
    kind: ClassVar[str] = "numeric"

    @classmethod
    def learned(cls, values: NDArray[np.float64]) -> Self:
        """Learn from values with NaN or infinity for what is missing."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(0.0, 1.0, np.empty(0))
        low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
        spread = (high - low) or known.std() or 1.0
        return cls(float(median), float(spread), np.unique(np.quantile(known, np.linspace(0, 1, RAMPS + 1))))

    def of_values(self, values: NDArray[np.float64]) -> Block:
        """Return the block of values, float32 (n, 2 + ramps)."""
        missing = ~np.isfinite(values)
        if not len(self.knots):
            return missing.astype(np.float32)[:, None]
        filled = np.where(missing, self.median, values)
        scaled = np.clip((filled - self.median) / self.spread, -10, 10)
        left, right = self.knots[:-1], self.knots[1:]
        ramps = np.clip((filled[:, None] - left) / np.maximum(right - left, 1e-300), 0, 1)
        return np.column_stack([scaled, ramps, missing]).astype(np.float32)

    def block(self, table: pa.Table, name: str) -> Block:
        """Return the numbers of a column; a cell that is no number is refused."""
        return self.of_values(_numbers_of(table.column(name), name))

    def facts(self) -> dict[str, Any]:
        """Return median and spread."""
        return {"median": self.median, "spread": self.spread}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the knots."""
        return {"knots": self.knots}

    @classmethod
    def restored(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the encoder again."""
        return cls(float(facts["median"]), float(facts["spread"]), arrays["knots"])


def _numbers_of(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    values = numbers(column)
    if values is not None:
        return values
    cells = cell_texts(column).to_pylist()
    for row, cell in enumerate(cells):
        if cell is not None and numbers(pa.chunked_array([[cell, "0"]])) is None:
            raise BadInput(
                f"{quoted(cell)} is no number, and the column held numbers in training",
                where=f"row {row}, column {quoted(name)}",
                fix="mend the cell, or leave it empty",
            )
    return np.full(len(cells), np.nan)


@dataclass(frozen=True)
class CategoryEncoder:
    """One column each for the most frequent values, hashed ones for all others, one for missing.

    Parameters
    ----------
    values : tuple of str
        The frequent values, in the order of their columns.
    numeric : bool
        The values are numbers: 1 and 1.0 are the same.
    """

    values: tuple[str, ...]
    numeric: bool = False
    kind: ClassVar[str] = "categorical"

    @classmethod
    def learned(cls, cells: pa.ChunkedArray, numeric: bool = False) -> Self:
        """Learn from cells as text."""
        names, codes = _coded(cells)
        counts = np.bincount(codes, minlength=len(names) + 1)[: len(names)]
        ranked = sorted(range(len(names)), key=lambda c: (-counts[c], names[c]))
        return cls(tuple(names[c] for c in ranked[:VALUES]), numeric)

    def of_cells(self, cells: pa.ChunkedArray) -> Block:
        """Return the block of cells, float32 (n, 81), 0 or 1; a value never seen goes to a hashed column."""
        from labelwright.data.cache import content_hash

        names, codes = _coded(cells)
        place = {name: rank for rank, name in enumerate(self.values)}
        same = {_number(name): rank for rank, name in enumerate(self.values)} if self.numeric else {}
        target = np.empty(len(names) + 1, np.int64)
        target[len(names)] = VALUES + HASHED
        for code, name in enumerate(names):
            rank = place.get(name, same.get(_number(name)) if self.numeric else None)
            target[code] = rank if rank is not None else VALUES + content_hash(name)[0] % HASHED
        out = np.zeros((len(codes), VALUES + HASHED + 1), np.float32)
        out[np.arange(len(codes)), target[codes]] = 1
        return out

    def block(self, table: pa.Table, name: str) -> Block:
        """Return the numbers of a column."""
        return self.of_cells(cell_texts(table.column(name)))

    def facts(self) -> dict[str, Any]:
        """Return the values."""
        return {"values": list(self.values), "numeric": self.numeric}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return nothing: all of it is plain."""
        return {}

    @classmethod
    def restored(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the encoder again."""
        return cls(tuple(facts["values"]), bool(facts["numeric"]))


def _coded(cells: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct values and the number of each cell's; missing cells have the number after the last."""
    trimmed = pc.utf8_trim_whitespace(cells)
    known = pc.if_else(pc.is_in(trimmed, value_set=_MISSING.cast(trimmed.type)), None, trimmed)
    encoded = pa.chunked_array(known).combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    names = encoded.dictionary.to_pylist()
    return names, encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False).astype(np.int64)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class VectorEncoder:
    """Vectors as they are; a wide sparse one projected on axes learned in training.

    Parameters
    ----------
    width : int
        Numbers a row in the data.
    axes : float32 (width, d), optional
    """

    width: int
    axes: NDArray[np.float32] | None
    kind: ClassVar[str] = "vector"

    @classmethod
    def learned(cls, matrix: Any) -> Self:
        """Learn from a matrix (n, ...), dense or sparse."""
        from labelwright.data.features.given import sparse_axes

        wide = hasattr(matrix, "toarray")
        width = matrix.shape[1] if wide else int(np.prod(matrix.shape[1:]))
        return cls(width, sparse_axes(matrix) if wide else None)

    def of_matrix(self, matrix: Any, name: str) -> NDArray[Any]:
        """Return dense rows (n, d)."""
        import scipy.sparse as sp

        sparse = hasattr(matrix, "toarray")
        width = matrix.shape[1] if sparse else int(np.prod(matrix.shape[1:]))
        if width != self.width:
            raise BadInput(f"column {quoted(name)} holds {width} numbers a row; in training it held {self.width}")
        if self.axes is not None:
            return sp.csr_array(matrix, dtype=np.float32) @ self.axes
        rows: NDArray[Any] = matrix.toarray() if sparse else matrix.reshape(len(matrix), -1)
        return rows

    def block(self, table: pa.Table, name: str) -> Block:
        """Return the numbers of a column; what is missing is 0."""
        if not is_matrix(table.schema.field(name)):
            raise BadInput(f"column {quoted(name)} held vectors in training", fix="give vectors of the same width")
        return np.nan_to_num(self.of_matrix(column_matrix(table, name), name).astype(np.float32))

    def facts(self) -> dict[str, Any]:
        """Return the width."""
        return {"width": self.width}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the axes, where there are any."""
        return {} if self.axes is None else {"axes": self.axes}

    @classmethod
    def restored(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the encoder again."""
        return cls(int(facts["width"]), arrays.get("axes"))


@dataclass(frozen=True)
class TextColumnEncoder:
    """A column of free text: the numbers of `TextEncoder`."""

    encoder: Any  # TextEncoder; its file loads numba, and only tables with text need it
    kind: ClassVar[str] = "text"

    def block(self, table: pa.Table, name: str) -> Block:
        """Return the numbers of a column; an empty cell is a row of zeros."""
        block: Block = self.encoder.transform(column_texts(table.column(name)))
        return block

    def facts(self) -> dict[str, Any]:
        """Return nothing: all of it is arrays."""
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the encoder."""
        arrays: dict[str, NDArray[Any]] = self.encoder.arrays()
        return arrays

    @classmethod
    def restored(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the encoder again."""
        from labelwright.data.features.text import TextEncoder

        return cls(TextEncoder.from_arrays(arrays))


def column_texts(column: pa.ChunkedArray) -> list[str]:
    """Return the cells of a column as text, empty for null."""
    return ["" if cell is None else cell for cell in cell_texts(column).to_pylist()]
