"""Metadata: what the file is and how much is in it. Source: [P022], module 1."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.audit.nutrition.answers import Answers
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.metrics.report import ReportTable, Scalar, Section

_BLOCK = 1 << 20


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
    """Return ``sha256:`` of the file's bytes, or of the table in Arrow's stream format when there is no such file."""
    digest = hashlib.sha256()
    if path.is_file():
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    else:
        digest.update(str(table.schema.remove_metadata()).encode())
        for batch in table.combine_chunks().to_batches():
            for array in batch.columns:
                digest.update(str(array.null_count).encode())
                for buffer in array.buffers():
                    digest.update(b"-" if buffer is None else memoryview(buffer))
    return f"sha256:{digest.hexdigest()}"


def _ends(days: NDArray[np.float64]) -> tuple[str, str]:
    low, high = np.nanmin(days), np.nanmax(days)
    return str(np.datetime64(int(np.floor(low)), "D")), str(np.datetime64(int(np.floor(high)), "D"))
