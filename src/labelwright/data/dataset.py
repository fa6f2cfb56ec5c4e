"""What a reader hands on: the table as it stood in the file, and the plan of what its columns are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.errors import quoted
from labelwright.evidence.space import LabelSpace
from labelwright.inert import inert

Task = Literal["classification", "multilabel", "regression", "token", "detection", "segmentation"]
Modality = Literal["text", "image", "table", "features", "none"]


@dataclass(frozen=True)
class Source:
    """A file or folder as it was read.

    Parameters
    ----------
    table : pyarrow.Table
        Every column of the file. Delimited text and spreadsheets arrive as strings exactly as written (``007`` and
        ``NA`` stay); null only for an empty cell. Image folders have ``path`` (relative), ``label`` and, where there
        are splits, ``split``.
    path : Path
        What was read.
    format : str
        ``"csv"``, ``"xlsx"``, ``"parquet"``, ``"jsonl"``, ``"arrow"``, ``"npz"``, ``"image_folder"``,
        ``"huggingface"``, ``"hub"``, ``"label_studio"``, ``"conll"``, ``"coco"``, ``"yolo"``, ``"masks"``, or
        ``"memory"``.
    root : Path
        Images named by a column are opened only below this folder.
    line_numbers : array of int64, shape (n,), optional
        First line of each row in a text file, from 1.
    details : mapping
        What the reader found out, for example ``{"encoding": "utf-8", "delimiter": ","}``.
    state : (int, int), optional
        Size and time of the last change of a file when it was read.
    """

    table: pa.Table
    path: Path
    format: str
    root: Path
    line_numbers: NDArray[np.int64] | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    state: tuple[int, int] | None = None

    def __len__(self) -> int:
        return self.table.num_rows

    def where(self, row: int, column: str | None = None) -> str:
        """Name a cell for an error: ``tickets.csv line 1204 (row 1202), column 'topic'``. Rows count from 0."""
        place = f"row {row}"
        if self.line_numbers is not None:
            place = f"line {int(self.line_numbers[row])} (row {row})"
        return f"{inert(self.path.name)} {place}" + (f", column {quoted(column)}" if column else "")


@dataclass(frozen=True)
class IgnoredColumn:
    """A column that is not used as input, and why in a few plain words."""

    name: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What each column is for, decided by the caller or inferred; `notes` say what was inferred and from what.

    Where vectors judge the rows (modality ``"features"``), `text` and `image` are what people are shown of them.
    """

    task: Task
    modality: Modality
    label: str
    text: tuple[str, ...] = ()
    image: str | None = None
    feature_columns: tuple[str, ...] = ()
    id: str | None = None
    group: str | None = None
    split: str | None = None
    ignored: tuple[IgnoredColumn, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A source with its plan, its labels as numbers and the durable identity of its rows.

    Parameters
    ----------
    labels : array
        Classification: int32 (n,), -1 = unlabelled. Multi-label: int8 (n, K) with 1, 0 and -1 = unknown.
        Regression: float64 (n,), NaN = unlabelled. Tokens and boxes: int32, one a token or box. Segmentation: int8
        (n, K), which classes a mask holds.
    given : tuple of str or None, length n
        The label of each row as it stands in the file.
    space : LabelSpace or None
        The classes, None for regression.
    ids : array of str, shape (n,)
        Durable row identity: the id column, or a content hash (label excluded) plus an occurrence number.
    parts : Sentences, ImageBoxes, MaskFiles or None
        What carries the labels where the rows have parts (`labelwright.data.parts`).
    """

    source: Source
    plan: Plan
    labels: NDArray
    given: tuple[str | None, ...]
    space: LabelSpace | None
    ids: NDArray[np.str_]
    parts: Any = None

    def __len__(self) -> int:
        return len(self.source)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a column of the source as it was read."""
        return self.source.table.column(name)

    def texts(self) -> list[str]:
        """Return the text of each row: the text columns joined by a line end, empty for null. Length n."""
        columns = [self.column(name).to_pylist() for name in self.plan.text]
        return ["\n".join("" if cell is None else str(cell) for cell in cells) for cells in zip(*columns, strict=True)]
