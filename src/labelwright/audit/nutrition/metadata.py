"""Metadata: what the file is and how much is in it. Source: [P022], module 1."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.audit.nutrition.answers import Answers
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.metrics.report import ReportTable, Scalar, Section

_BLOCK, _ROWS = 1 << 20, 1 << 16


class Metadata:
    """File name, format, size, missing cells, licence, dates, keywords, description and checksum."""

    title = "Metadata"

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def compute(self, table: NutritionTable) -> Section:
        """Return the section."""
        source, answers = table.dataset.source, self.answers
        n_rows, n_columns = source.table.num_rows, source.table.num_columns
        gone = sum(int(column.missing.sum()) for column in table.columns.values())
        cells = n_rows * n_columns
        scalars: dict[str, Scalar] = {
            "file": source.path.name,
            "format": source.format,
            "rows": n_rows,
            "columns": n_columns,
            "cells": cells,
            "missing cells, %": round(100 * gone / cells, 2) if cells else 0.0,
            "licence": answers.license or None,
            "collected from": answers.collected_from or None,
            "collected to": answers.collected_to or None,
            "keywords": ", ".join(answers.keywords) or None,
            "description": answers.description or None,
            "checksum": checksum(source.path, source.table),
        }
        dated = [c for c in table.columns.values() if c.kind == "date" and c.numbers is not None and not c.sensitive]
        rows = tuple((c.name, *_ends(c.numbers)) for c in dated if c.numbers is not None)
        tables = (
            (ReportTable("Dates in the data", ("column", "earliest", "latest"), rows, private=True),) if rows else ()
        )
        return Section(self.title, scalars=scalars, tables=tables)


def checksum(path: Path, table: pa.Table) -> str:
    """Return ``sha256:`` of the file's bytes, or of the cells of the table when the data is not one file."""
    digest = hashlib.sha256()
    if path.is_file():
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return f"sha256:{digest.hexdigest()}"
    for name in table.column_names:
        column = table.column(name)
        digest.update(f"{name}\0{column.type}\0".encode())
        for start in range(0, len(column), _ROWS):
            for part in _cell_bytes(column.slice(start, _ROWS)):
                digest.update(part)
    return f"sha256 of the cells:{digest.hexdigest()}"


def _cell_bytes(column: pa.ChunkedArray) -> Iterator[bytes]:
    """Yield the cells as bytes that depend on their values alone, not on how Arrow lays them out."""
    kind = column.type
    yield np.packbits(np.asarray(pc.is_null(column).to_numpy(), dtype=bool)).tobytes()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        yield pc.fill_null(column, 0).to_numpy().tobytes()
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield pc.fill_null(pc.binary_length(column), -1).to_numpy().tobytes()
        yield "".join(pc.fill_null(column, "").to_pylist()).encode("utf-8", "surrogatepass")
    else:
        yield repr(column.to_pylist()).encode("utf-8", "surrogatepass")


def _ends(days: NDArray[np.float64]) -> tuple[str, str]:
    low, high = np.nanmin(days), np.nanmax(days)
    return str(np.datetime64(int(np.floor(low)), "D")), str(np.datetime64(int(np.floor(high)), "D"))
