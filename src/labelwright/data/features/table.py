"""Tables as vectors: every column by what it holds.

- Numbers: centred on the median and scaled by the quartiles (clipped at 10), where they stand between the quantiles
  (a ramp between each two of 8), and whether they are missing.
- Dates: year, month, day, weekday and hour on circles, and the time itself as a number.
- Categories: one column each for the 64 most frequent values, 16 hashed ones for all others, one for missing.
- Vectors (fixed-size lists): as they are.

Each column of the table has the same total weight, so that one with many values does not drown the others.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts, numbers, profile_column
from labelwright.data.matrices import column_matrix
from labelwright.errors import BadInput, quoted

VALUES, HASHED, RAMPS = 64, 16, 8
_MISSING = pa.array(["?", "NA", "N/A", "na", "n/a", "NaN", "nan", "null", "NULL", ""])
Block = NDArray[np.float32]


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
    blocks: list[Block] = []
    kinds: dict[str, int] = {}
    unused: list[str] = []
    for name in table.column_names:
        kind, block = _column_block(table, name, seed)
        block = block[:, block.std(axis=0) > 1e-9] if block.shape[1] else block
        if not block.shape[1]:
            unused.append(name)
            continue
        blocks.append(_evenly_weighted(block))
        kinds[kind] = kinds.get(kind, 0) + 1
    if not blocks:
        raise BadInput(f"no column varies ({', '.join(quoted(n) for n in unused[:8])})", fix="name other columns")
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    notes = [f"table: {counted}"]
    if unused:
        notes.append(f"not used, as they do not vary: {', '.join(quoted(name) for name in unused[:8])}")
    return np.ascontiguousarray(np.concatenate(blocks, axis=1)), notes


def _evenly_weighted(block: Block) -> Block:
    """Centre, and scale to a mean squared length of 1."""
    block = block - block.mean(axis=0)
    return block / np.sqrt(np.mean(np.einsum("ij,ij->i", block, block)))


def _column_block(table: pa.Table, name: str, seed: int) -> tuple[str, Block]:
    """Return what a column holds, in the words of the notes, and its numbers."""
    profile = profile_column(table, name)
    column = table.column(name)
    if profile.kind == "matrix":
        from labelwright.data.features.given import dense_rows

        return "vector", np.nan_to_num(dense_rows(column_matrix(table, name)).astype(np.float32))
    if profile.kind in ("image", "empty", "constant"):
        return profile.kind, np.empty((table.num_rows, 0), np.float32)
    if profile.kind == "date":
        return "date", date_block(column)
    if profile.kind == "text":
        from labelwright.data.features.text import text_features

        cells = ["" if cell is None else cell for cell in cell_texts(column).to_pylist()]
        return "text", text_features(cells, dimensions=32, seed=seed)[0]
    values = numbers(column)
    if values is not None and len(np.unique(values[~np.isnan(values)])) > 2:
        return "numeric", numeric_block(values)
    return "categorical", category_block(cell_texts(column))


def numeric_block(values: NDArray[np.float64]) -> Block:
    """Return the robustly scaled value, ramps between quantiles, and a missing indicator, float32 (n, 2 + ramps)."""
    missing = ~np.isfinite(values)
    known = values[~missing]
    if not len(known):
        return missing.astype(np.float32)[:, None]
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
    spread = (high - low) or known.std() or 1.0
    filled = np.where(missing, median, values)
    scaled = np.clip((filled - median) / spread, -10, 10)
    knots = np.unique(np.quantile(known, np.linspace(0, 1, RAMPS + 1)))
    left, right = knots[:-1], knots[1:]
    ramps = np.clip((filled[:, None] - left) / np.maximum(right - left, 1e-300), 0, 1)
    return np.column_stack([scaled, ramps, missing]).astype(np.float32)


def category_block(cells: pa.ChunkedArray) -> Block:
    """Return one column a frequent value, hashed columns for the others and one for missing, float32 0 or 1."""
    from labelwright.data.cache import content_hash

    trimmed = pc.utf8_trim_whitespace(cells)
    known = pc.if_else(pc.is_in(trimmed, value_set=_MISSING.cast(trimmed.type)), None, trimmed)
    encoded = pa.chunked_array(known).combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    names = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(codes, minlength=len(names) + 1)[: len(names)]
    ranked = sorted(range(len(names)), key=lambda c: (-counts[c], names[c]))
    target = np.empty(len(names) + 1, np.int64)
    target[len(names)] = VALUES + HASHED
    for rank, code in enumerate(ranked):
        target[code] = rank if rank < VALUES else VALUES + content_hash(names[code])[0] % HASHED
    out = np.zeros((len(codes), VALUES + HASHED + 1), np.float32)
    out[np.arange(len(codes)), target[codes]] = 1
    return out


def date_block(column: pa.ChunkedArray) -> Block:
    """Return time as a number, and month, day of month, weekday and hour on circles, with a missing indicator."""
    times = parsed_times(column)
    missing = np.isnat(times)
    known = np.where(missing, times[~missing].min() if (~missing).any() else np.datetime64(0, "s"), times)
    seconds = known.astype("datetime64[s]").astype(np.int64)
    days, months = known.astype("datetime64[D]"), known.astype("datetime64[M]")
    parts = [
        (months.astype(np.int64) % 12) / 12,
        (days - months.astype("datetime64[D]")).astype(np.int64) / 31,
        (days.astype(np.int64) + 3) % 7 / 7,
        (seconds % 86400) / 86400,
    ]
    circles = [f(2 * np.pi * part) for part in parts for f in (np.sin, np.cos)]
    line = numeric_block(np.where(missing, np.nan, seconds.astype(np.float64)))
    return np.column_stack([line, *(np.where(missing, 0, circle) for circle in circles)]).astype(np.float32)


def parsed_times(column: pa.ChunkedArray) -> NDArray[np.datetime64]:
    """Return datetime64[s] (n,), NaT for what is missing or no time that is understood.

    In text: ISO first, else ``day/month/year`` or ``month/day/year``, whichever reads more of the cells.
    """
    kind = column.type
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        if pa.types.is_time(kind):
            return column.cast(pa.int64(), safe=False).to_numpy().astype("timedelta64[s]") + np.datetime64(0, "s")
        naive = column.cast(pa.timestamp("s"), safe=False)
        return naive.to_numpy().astype("datetime64[s]")
    cells = pc.utf8_trim_whitespace(cell_texts(column))
    best = np.full(len(column), np.datetime64("NaT"), "datetime64[s]")
    for form in _FORMS:
        read = pc.strptime(cells, format=form, unit="s", error_is_null=True).to_numpy().astype("datetime64[s]")
        if (~np.isnat(read)).sum() > (~np.isnat(best)).sum():
            best, other = read, best
            best = np.where(np.isnat(best), other, best)
    return best


_FORMS = tuple(
    day + time
    for day in ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y")
    for time in ("", " %H:%M:%S", "T%H:%M:%S", " %H:%M", "T%H:%M:%SZ")
)
