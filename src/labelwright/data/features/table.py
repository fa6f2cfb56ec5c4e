"""Tables as vectors: every column by what it holds.

- Numbers: centred on the median and scaled by the quartiles (clipped at 10), where they stand between the quantiles
  (a ramp between each two of 8), and whether they are missing.
- Dates: year, month, day, weekday and hour on circles, and the time itself as a number.
- Categories: one column each for the 64 most frequent values, 16 hashed ones for all others, one for missing.
- Vectors (fixed-size lists): as they are.

Each column of the table has the same total weight, so that one with many values does not drown the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts, numbers, profile_column
from labelwright.data.features.column_encoders import (
    Block,
    CategoryEncoder,
    ColumnEncoder,
    NumericEncoder,
    TextColumnEncoder,
    VectorEncoder,
    column_texts,
)
from labelwright.data.features.times import DateEncoder
from labelwright.data.matrices import column_matrix
from labelwright.errors import BadInput, did_you_mean, listed, quoted

_KINDS: dict[str, type[ColumnEncoder]] = {
    encoder.kind: encoder
    for encoder in (NumericEncoder, CategoryEncoder, DateEncoder, VectorEncoder, TextColumnEncoder)
}


@dataclass(frozen=True)
class UsedColumn:
    """A column of the table that takes part.

    Parameters
    ----------
    name : str
    encoder : ColumnEncoder
    kept : int64 (w,)
        The numbers of its block that vary in training.
    centre : float32 (w,)
    scale : float32 scalar
        The root of the mean squared length, so that every column weighs the same.
    """

    name: str
    encoder: ColumnEncoder
    kept: NDArray[np.int64]
    centre: NDArray[np.float32]
    scale: np.floating[Any]

    def block(self, table: pa.Table) -> Block:
        """Return the column's numbers, centred and weighted."""
        return (self.encoder.block(table, self.name)[:, self.kept] - self.centre) / self.scale


@dataclass(frozen=True)
class TableEncoder:
    """The columns that take part and how each is read, learned from one table.

    Examples
    --------
    >>> table = pa.table({"age": [20, 30, 40, None], "town": ["a", "b", "a", "b"]})
    >>> encoder, matrix, _ = fit_table(table)
    >>> bool((encoder.transform(table) == matrix).all())
    True
    """

    columns: tuple[UsedColumn, ...]

    def transform(self, table: pa.Table) -> Block:
        """Return one vector a row, float32 (n, d); further columns are ignored.

        Raises
        ------
        BadInput
            When a column is missing, or holds something else than in training.
        """
        missing = [column.name for column in self.columns if column.name not in table.column_names]
        if missing:
            raise BadInput(
                f"{len(missing)} column(s) of the training data are missing: {listed(missing)}",
                fix=f"for {quoted(missing[0])} {did_you_mean(missing[0], table.column_names)}",
            )
        return np.ascontiguousarray(np.concatenate([column.block(table) for column in self.columns], axis=1))

    def facts(self) -> dict[str, Any]:
        """Return what is plain, for JSON."""
        return {"columns": [{"name": c.name, "kind": c.encoder.kind, "facts": c.encoder.facts()} for c in self.columns]}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays, those of column i under ``i.``."""
        found: dict[str, NDArray[Any]] = {}
        for i, c in enumerate(self.columns):
            own: dict[str, NDArray[Any]] = {"kept": c.kept, "centre": c.centre, "scale": np.array([c.scale])}
            found |= {f"{i}.{key}": value for key, value in own.items()}
            found |= {f"{i}.encoder.{key}": value for key, value in c.encoder.arrays().items()}
        return found

    @classmethod
    def restored(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the encoder whose `facts` and `arrays` these are."""
        columns = []
        for i, one in enumerate(facts["columns"]):
            own = {k.removeprefix(f"{i}.encoder."): v for k, v in arrays.items() if k.startswith(f"{i}.encoder.")}
            encoder = _KINDS[one["kind"]].restored(one["facts"], own)
            kept, centre, scale = (arrays[f"{i}.{key}"] for key in ("kept", "centre", "scale"))
            columns.append(UsedColumn(one["name"], encoder, kept, centre, scale[0]))
        return cls(tuple(columns))


def table_features(table: pa.Table, *, seed: int = 0) -> tuple[Block, list[str]]:
    """Return one vector a row, float32 (n, d), and notes on how each column was used.

    Parameters
    ----------
    table : pyarrow.Table
        The input columns alone.
    seed : int
        Decides the projection of free text columns.

    Raises
    ------
    BadInput
        When no column holds anything that varies.

    Examples
    --------
    >>> matrix, notes = table_features(pa.table({"age": [20, 30, 40, None], "town": ["a", "b", "a", "b"]}))
    >>> len(matrix)
    4
    """
    _, matrix, notes = fit_table(table, seed=seed)
    return matrix, notes


def fit_table(table: pa.Table, *, seed: int = 0) -> tuple[TableEncoder, Block, list[str]]:
    """Return what `table_features` returns, and the encoder that makes the same vectors of further rows."""
    used: list[UsedColumn] = []
    blocks: list[Block] = []
    kinds: dict[str, int] = {}
    unused: list[str] = []
    for name in table.column_names:
        found = _fit_column(table, name, seed)
        kept = np.empty(0, np.int64) if found is None else np.flatnonzero(found[1].std(axis=0) > 1e-9)
        if found is None or not len(kept):
            unused.append(name)
            continue
        encoder, block = found
        block = block[:, kept]
        centre = block.mean(axis=0)
        centred = block - centre
        scale = np.sqrt(np.mean(np.einsum("ij,ij->i", centred, centred)))
        used.append(UsedColumn(name, encoder, kept.astype(np.int64), centre, scale))
        blocks.append(centred / scale)
        kinds[encoder.kind] = kinds.get(encoder.kind, 0) + 1
    if not blocks:
        raise BadInput(f"no column varies ({', '.join(quoted(n) for n in unused[:8])})", fix="name other columns")
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    notes = [f"table: {counted}"]
    if unused:
        notes.append(f"not used, as they do not vary: {', '.join(quoted(name) for name in unused[:8])}")
    return TableEncoder(tuple(used)), np.ascontiguousarray(np.concatenate(blocks, axis=1)), notes


def _fit_column(table: pa.Table, name: str, seed: int) -> tuple[ColumnEncoder, Block] | None:
    """Return how a column is read, and its numbers; None when there is nothing in it to read."""
    profile = profile_column(table, name)
    column = table.column(name)
    if profile.kind in ("image", "empty", "constant"):
        return None
    if profile.kind == "text":
        from labelwright.data.features.text import fit_text

        text, block, _ = fit_text(column_texts(column), dimensions=32, seed=seed)
        return TextColumnEncoder(text), block
    encoder = _learned(table, name, profile.kind)
    return encoder, encoder.block(table, name)


def _learned(table: pa.Table, name: str, kind: str) -> ColumnEncoder:
    column = table.column(name)
    if kind == "matrix":
        return VectorEncoder.learned(column_matrix(table, name))
    if kind == "date":
        return DateEncoder.learned(column)
    values = numbers(column)
    distinct = 0 if values is None else len(np.unique(values[~np.isnan(values)]))
    if values is not None and distinct > 2:
        return NumericEncoder.learned(values)
    return CategoryEncoder.learned(cell_texts(column), numeric=values is not None)
