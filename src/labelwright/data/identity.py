"""A durable name for each row: the caller's id, or a hash of the row's content without its label.

The hash is BLAKE2b with 128 bits over the cells in the order of their column names, each with its length, so that it
does not depend on the machine, the order of columns or the format of the file as far as the cells read the same. Rows
with equal content are told apart by an occurrence number. Images count by the bytes of their files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts, is_list, is_string
from labelwright.data.dataset import Plan, Source
from labelwright.data.images import UnreadableImage, safe_path
from labelwright.data.input_columns import OWN_PREFIX
from labelwright.data.matrices import column_matrix, is_matrix, is_sparse
from labelwright.data.readers.places import counted
from labelwright.errors import BadInput, listed, quoted

_BITS = 128
_BLOCK = 1 << 20
_ROWS = 1 << 16


def row_ids(source: Source, plan: Plan) -> NDArray[np.str_]:
    """Return a durable name for each row.

    Parameters
    ----------
    source : Source
    plan : Plan
        ``id`` names the id column; without one the content is hashed. The label is never part of it, so that mending a
        label keeps the row's name; nor are columns that an earlier run wrote, nor an index that pandas wrote.

    Returns
    -------
    ids : array of str, shape (n,)
        Unique. Hashes have 32 hexadecimal digits; the second row with the same content ends in ``-2``.

    Raises
    ------
    BadInput
        The id column has empty cells or names a row twice: with the rows.
    """
    if plan.id is not None:
        return _from_column(source, plan.id)
    digests = content_digests(source, plan)
    return with_occurrence(digests)


def content_hashes(source: Source, plan: Plan) -> NDArray[np.str_]:
    """Return a hash of what each row holds beside its label and its id, str (n,), 32 hexadecimal digits.

    Equal rows have equal hashes. Where rows are named by their content it is their name without the occurrence number.

    Parameters
    ----------
    source : Source
    plan : Plan
        Names the columns of the label, the id and the image; an image counts by its bytes.
    """
    if plan.id is not None:
        source = replace(source, table=source.table.drop_columns([plan.id]))
    return _hexadecimal(content_digests(source, plan))


def id_texts(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return the ids that a column holds, null where one is missing; BadInput for lists and structures."""
    column = table.column(name)
    if is_list(column.type) or pa.types.is_struct(column.type):
        raise BadInput(f"the id column {quoted(name)} holds cells of type {column.type}", fix="name another column")
    return cell_texts(column)


def _from_column(source: Source, name: str) -> NDArray[np.str_]:
    texts = id_texts(source.table, name)
    if texts.null_count:
        rows = np.flatnonzero(pc.is_null(texts).to_numpy())
        refuse_missing(rows, lambda k: source.where(int(rows[k]), name))
    ids = _as_numpy(texts)
    cut = np.flatnonzero(pc.ends_with(texts, "\0").to_numpy())  # NumPy drops NULs at the end: two names could be one
    if len(cut):
        raise BadInput(
            "the id ends with a NUL character", where=source.where(int(cut[0]), name), fix="write ids without it"
        )
    if pc.count_distinct(texts).as_py() < len(ids):
        refuse_repeated(ids, np.arange(len(ids)), lambda k: source.where(k, name))
    return ids


def refuse_missing(rows: NDArray[np.int64], where: Callable[[int], str]) -> None:
    """Raise BadInput for rows without an id; `where` names the place of the k-th of them."""
    raise BadInput(
        f"no id in {counted(len(rows), 'row')} ({', '.join(map(str, rows[:5]))}{' ...' if len(rows) > 5 else ''})",
        where=where(0),
        fix="fill the ids, or leave out --id to name rows by their content",
    )


def refuse_repeated(ids: NDArray[np.str_], rows: NDArray[np.int64], where: Callable[[int], str]) -> None:
    """Raise BadInput where an id names two of the rows; `where` names the place of the k-th of them."""
    values, first, counts = np.unique(ids, return_index=True, return_counts=True)
    twice = np.flatnonzero(counts > 1)
    if not len(twice):
        return
    worst = twice[np.argsort(first[twice])[0]]
    places = np.flatnonzero(ids == values[worst])
    rest = values[twice[twice != worst]]
    others = f", and {listed(rest, 3)} name more than one row too" if len(rest) else ""
    raise BadInput(
        f"{quoted(values[worst])} names rows {', '.join(map(str, rows[places[:5]]))}{others}",
        where=where(int(places[1])),
        fix="make the ids unique, or leave out --id to name rows by their content",
    )


def _as_numpy(texts: pa.ChunkedArray) -> NDArray[np.str_]:
    """Return texts as a NumPy array, block by block: a Python string a row would take several times the memory."""
    blocks = [np.asarray(texts.slice(at, _ROWS).to_pylist(), dtype=np.str_) for at in range(0, len(texts), _ROWS)]
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.str_)


def content_digests(source: Source, plan: Plan) -> NDArray[np.void]:
    """Return the 16-byte digest of what each row holds beside its label; a part of the rows gives theirs."""
    left_out = {plan.label} | ({"split"} if source.format == "image_folder" else set())
    names = sorted(n for n in source.table.column_names if n not in left_out and not _is_artifact(n))
    if source.format == "image_folder":
        names = ["path"]
    parts = [_cell_bytes(source, name, name == plan.image) for name in names]
    encoded = [_framed(name, part) for name, part in zip(names, parts, strict=True)]
    blake2b = hashlib.blake2b
    if not encoded:
        rows = [b""] * len(source)
    elif len(encoded) == 1:
        rows = encoded[0].to_pylist()
    else:
        rows = pc.binary_join_element_wise(*encoded, pa.scalar(b"", pa.large_binary())).to_pylist()
    packed = b"".join([blake2b(row, digest_size=_BITS // 8).digest() for row in rows])
    return np.frombuffer(packed, dtype="V16")


def _is_artifact(name: str) -> bool:
    """Whether a column is no content: written by an earlier run, or the position of the row as pandas writes it."""
    return name.startswith((OWN_PREFIX, "unnamed_", "Unnamed: ", "__index_level_"))


def _framed(name: str, cells: pa.Array) -> pa.Array:
    """Return each cell as its column's name, its length and itself; null keeps apart from an empty cell."""
    binary = pa.large_binary()
    length = pc.binary_length(cells).cast(pa.large_string()).cast(binary)
    head = pa.scalar(f"\x1e{name}\x1f".encode(), binary)
    framed = pc.binary_join_element_wise(head, length, cells, pa.scalar(b"\x1f", binary))
    return pc.fill_null(framed, pa.scalar(f"\x1e{name}\x1fnull".encode(), binary))


def _cell_bytes(source: Source, name: str, is_image: bool) -> pa.Array:
    field, column = source.table.schema.field(name), source.table.column(name)
    binary = pa.large_binary()
    if is_matrix(field) and not column.null_count:
        return pa.array(_matrix_bytes(column_matrix(source.table, name), is_sparse(field)), binary)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return pa.array(column.to_pylist(), binary)
    if pa.types.is_struct(column.type) and "bytes" in {
        column.type.field(k).name for k in range(column.type.num_fields)
    }:
        return pa.array([_image_bytes(cell) for cell in column.to_pylist()], binary)
    if pa.types.is_nested(column.type):
        return pa.array([None if cell is None else repr(cell).encode() for cell in column.to_pylist()], binary)
    texts = cell_texts(column).cast(pa.large_string())
    if (is_image or source.format == "image_folder") and is_string(column.type):
        return pa.array([_file_digest(source.root, cell) for cell in texts.to_pylist()], binary)
    return _one_array(texts).cast(binary)


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _matrix_bytes(matrix: Any, sparse: bool) -> list[bytes]:
    """Return the little-endian bytes of each row; sparse rows as their sorted indices and values."""
    if not sparse:
        flat = np.ascontiguousarray(matrix.reshape(len(matrix), -1))
        flat = flat.astype(flat.dtype.newbyteorder("<"), copy=False)
        return [row.tobytes() for row in flat]
    matrix.sort_indices()
    indices, data = matrix.indices.astype("<i4"), matrix.data.astype(matrix.data.dtype.newbyteorder("<"))
    bounds = matrix.indptr.tolist()
    return [indices[a:b].tobytes() + data[a:b].tobytes() for a, b in pairwise(bounds)]


def _image_bytes(cell: dict[str, Any] | None) -> bytes | None:
    if cell is None:
        return None
    return cell["bytes"] if cell["bytes"] is not None else str(cell.get("path")).encode()


def _file_digest(root: Path, name: str | None) -> bytes | None:
    """Return the hash of a file below the root, the name itself where it cannot be opened there."""
    if name is None:
        return None
    try:
        path = safe_path(root, name)
        digest = hashlib.blake2b(digest_size=_BITS // 8)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.digest()
    except (OSError, UnreadableImage):
        return name.encode("utf-8", "surrogateescape")


def _hexadecimal(digests: NDArray[np.void]) -> NDArray[np.str_]:
    return np.frombuffer(digests.tobytes().hex().encode(), dtype="S32").astype("U32")


def with_occurrence(digests: NDArray[np.void], before: NDArray[np.int64] | int = 0) -> NDArray[np.str_]:
    """Return digests as text; the second row of the same digest gets ``-2``, the third ``-3``.

    `before` says how many rows of the digest of each came already.
    """
    n = len(digests)
    hexadecimal = _hexadecimal(digests)
    words = np.frombuffer(digests.tobytes(), dtype="<u8").reshape(n, 2)
    order = np.lexsort((words[:, 1], words[:, 0]))  # stable: equal rows keep their order
    ordered = words[order]
    is_first = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    begin = np.maximum.accumulate(np.where(is_first, np.arange(n), 0))
    occurrence = np.empty(n, dtype=np.int64)
    occurrence[order] = np.arange(n) - begin
    occurrence += before
    again = np.flatnonzero(occurrence)
    if not len(again):
        return hexadecimal
    suffixed = [f"{hexadecimal[row]}-{occurrence[row] + 1}" for row in again]
    ids = hexadecimal.astype(f"U{max(map(len, suffixed))}")
    ids[again] = suffixed
    return ids
