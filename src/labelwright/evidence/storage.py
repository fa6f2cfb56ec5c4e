"""Evidence in a file: one Parquet file a piece of evidence, equal after the trip.

The file holds one row; each array of the evidence is one list column, and the file's metadata says type, shapes and
scalars under the key `labelwright`. Nothing in it is ever executed; what it claims is checked by the constructors.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelwright.atomic import write_aside
from labelwright.errors import BadInput, quoted
from labelwright.evidence.base import Evidence
from labelwright.evidence.boxes import Boxes
from labelwright.evidence.candidates import Candidates
from labelwright.evidence.groups import Bags
from labelwright.evidence.masks import Masks
from labelwright.evidence.mixed import Mixed
from labelwright.evidence.pairs import Pairs
from labelwright.evidence.reals import Reals
from labelwright.evidence.rows import Hard, Soft
from labelwright.evidence.space import LabelSpace
from labelwright.evidence.spans import Spans
from labelwright.evidence.tags import Tags
from labelwright.evidence.votes import Votes

SCHEMA_VERSION = 1
KEY = b"labelwright"
TYPES: dict[str, type[Evidence]] = {
    kind.__name__: kind
    for kind in (Hard, Soft, Candidates, Votes, Tags, Bags, Pairs, Reals, Spans, Boxes, Masks, Mixed)
}
DTYPES = ("int8", "int32", "int64", "float32", "float64")
MOST_PARTS = 1000


def save_evidence(evidence: Evidence, path: str | Path, *, space: LabelSpace | None = None) -> None:
    """Write `evidence` to one Parquet file, whole or not at all; `space` keeps the class names beside it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_evidence(Hard([0, -1], 2), f"{folder}/labels.parquet", space=LabelSpace(("ham", "spam")))
    ...     load_evidence(f"{folder}/labels.parquet") == Hard([0, -1], 2)
    True
    """
    columns: dict[str, NDArray[Any]] = {}
    about = {
        "schema_version": SCHEMA_VERSION,
        "evidence": _described(evidence, "", columns),
        "classes": None if space is None else list(space.names),
    }
    lists = [pa.LargeListArray.from_arrays([0, column.size], pa.array(column.ravel())) for column in columns.values()]
    table = pa.table(dict(zip(columns, lists, strict=True))).replace_schema_metadata({KEY: json.dumps(about)})
    try:
        with write_aside(Path(path)) as aside:
            pq.write_table(table, aside, compression="zstd")
    except OSError as error:
        raise BadInput(f"the file cannot be written ({quoted(error)[1:-1]})", where=quoted(Path(path).name)) from None


def _described(evidence: Evidence, prefix: str, columns: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return what rebuilds `evidence`, and put its arrays into `columns` under names that start with `prefix`."""
    if type(evidence).__name__ not in TYPES:
        raise BadInput(f"{type(evidence).__name__} cannot be stored", fix=f"use one of {', '.join(TYPES)}")
    scalars: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    lists: dict[str, Any] = {}
    for f in fields(evidence):  # type: ignore[arg-type]
        value = getattr(evidence, f.name)
        items = value if isinstance(value, tuple) else (value,)
        found = []
        for i, item in enumerate(items):
            column = f"{prefix}{f.name}.{i}" if isinstance(value, tuple) else f"{prefix}{f.name}"
            if isinstance(item, Evidence):
                found.append(_described(item, f"{column}.", columns))
            elif isinstance(item, np.ndarray):
                columns[column] = item
                found.append({"column": column, "shape": item.shape, "dtype": item.dtype.name})
        if isinstance(value, tuple):
            lists[f.name] = found
        elif found:
            arrays[f.name] = found[0]
        else:
            scalars[f.name] = value if value is None or isinstance(value, bool) else int(value)
    return {"type": type(evidence).__name__, "scalars": scalars, "arrays": arrays, "lists": lists}


def load_evidence(path: str | Path) -> Evidence:
    """Read evidence written by `save_evidence`.

    Raises BadInput, in one line, for a file that is missing, cut short, not Parquet, of another origin or version, or
    whose content is no valid evidence.
    """
    about, table = _read(Path(path))
    try:
        return _rebuilt(about["evidence"], table)
    except BadInput as error:
        raise BadInput(f"the stored evidence is not valid: {error}", where=quoted(Path(path).name)) from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, pa.ArrowException) as error:
        raise _broken(path, error) from None


def load_label_space(path: str | Path) -> LabelSpace | None:
    """Read the class names stored with evidence, None when there are none; BadInput as `load_evidence`."""
    about, _ = _read(Path(path))
    names = about.get("classes")
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _broken(path, TypeError("the class names are no list of text"))
    return LabelSpace(tuple(names))


def _read(path: Path) -> tuple[dict[str, Any], pa.Table]:
    if not path.is_file():
        raise BadInput("there is no such file", where=quoted(Path(path).name), fix="check the path")
    try:
        table = pq.read_table(path, memory_map=False)
        about = json.loads((table.schema.metadata or {})[KEY])
        version = about["schema_version"]
    except KeyError:
        raise BadInput(
            "the file holds no labelwright evidence", where=quoted(Path(path).name), fix="use save_evidence"
        ) from None
    except (pa.ArrowException, OSError, ValueError, TypeError, RecursionError) as error:
        raise _broken(path, error) from None
    if version != SCHEMA_VERSION:
        raise BadInput(
            f"the file has schema_version {quoted(version)}, this labelwright reads {SCHEMA_VERSION}",
            where=quoted(Path(path).name),
            fix="use the labelwright version that wrote it, or a newer one",
        )
    return about, table


def _broken(path: str | Path, error: Exception) -> BadInput:
    return BadInput(
        f"the file is damaged or was not written by labelwright ({quoted(error)[1:-1]})",
        where=quoted(Path(path).name),
        fix="write it again with save_evidence",
    )


def _rebuilt(about: dict[str, Any], table: pa.Table, depth: int = 0) -> Evidence:
    kind = TYPES[about["type"]]
    if depth > 1:
        raise ValueError("evidence is nested too deep")
    given: dict[str, Any] = {}
    for name, value in about["scalars"].items():
        if value is not None and not isinstance(value, int):
            raise TypeError(f"{name} is no whole number")
        given[name] = value
    for name, one in about["arrays"].items():
        given[name] = _array(one, table)
    for name, many in about["lists"].items():
        if len(many) > MOST_PARTS:
            raise ValueError("too many parts")
        given[name] = tuple(_rebuilt(x, table, depth + 1) if "type" in x else _array(x, table) for x in many)
    if set(given) - {f.name for f in fields(kind)}:  # type: ignore[arg-type]
        raise ValueError("unknown fields")
    return kind(**given)


def _array(about: dict[str, Any], table: pa.Table) -> NDArray[Any]:
    values = table.column(about["column"]).combine_chunks()
    flat = values.flatten() if isinstance(values, pa.LargeListArray) else values.chunk(0).flatten()
    if flat.null_count:
        raise ValueError(f"column {about['column']} holds nulls")
    array = flat.to_numpy(zero_copy_only=False)
    shape = tuple(about["shape"])
    if about["dtype"] not in DTYPES or array.dtype.name != about["dtype"] or any(n < 0 for n in shape):
        raise ValueError(f"column {about['column']} is {array.dtype.name}, not {about['dtype']}")
    return array.reshape(shape)
