"""Files of votes: one line a vote, with the row that it is about, who cast it, and the label.

Columns go by usual names. Without a column of sources the lines of a row are its candidate set: the truth is among
them, and a single line is a label that is trusted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts, numbers
from labelwright.data.readers.dispatch import read_source
from labelwright.data.tasks import known_texts
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence import Candidates, Evidence, LabelSpace, Votes, evidence_from_frame

ROW = ("id", "row_id", "labelwright_id", "task", "task_id", "item", "item_id")
SOURCE = ("source", "worker", "worker_id", "annotator", "annotator_id", "who", "by", "voter", "labeler", "model")
LABEL = ("label", "vote", "answer", "annotation", "class")


@dataclass(frozen=True)
class VoteFile:
    """The lines of one file.

    Parameters
    ----------
    name : str
        Of the file.
    keys : tuple of str, or int64 array
        The row of each line: its id, or its number where the column is called ``row``.
    sources : tuple of str, optional
    labels : tuple of str or None
        None = the source was asked and abstained.
    weight : float64 array, optional
    """

    name: str
    keys: tuple[str, ...] | NDArray[np.int64]
    sources: tuple[str, ...] | None
    labels: tuple[str | None, ...]
    weight: NDArray[np.float64] | None = None

    def evidence(self, ids: NDArray[np.str_], space: LabelSpace) -> tuple[Evidence, NDArray[np.int64]]:
        """Return the evidence, and the rows of the data that it is about.

        Raises
        ------
        BadInput
            A line is about no row of the data, or names no class.
        """
        rows = self._rows(ids)
        unknown = next((i for i, one in enumerate(self.labels) if one is not None and one not in space.index), None)
        if unknown is not None:
            raise BadInput(
                f"{quoted(self.labels[unknown])} is not among the classes",
                where=f"{self.name} line {unknown + 2}",
                fix=did_you_mean(str(self.labels[unknown]), space.names),
            )
        if self.sources is None:
            return self._candidates(rows, space)
        columns = {"row": rows, "source": list(self.sources), "label": list(self.labels)}
        table = pa.table(columns | ({} if self.weight is None else {"weight": self.weight}))
        return evidence_from_frame(Votes, table, space=space, n_rows=len(ids)), np.arange(len(ids))

    def _candidates(self, rows: NDArray[np.int64], space: LabelSpace) -> tuple[Evidence, NDArray[np.int64]]:
        sets: dict[int, set[int]] = {}
        for row, name in zip(rows.tolist(), self.labels, strict=True):
            if name is not None:
                sets.setdefault(row, set()).add(space.index[name])
        about = sorted(sets)
        return Candidates.from_sets([sorted(sets[row]) for row in about], len(space)), np.array(about, np.int64)

    def _rows(self, ids: NDArray[np.str_]) -> NDArray[np.int64]:
        if isinstance(self.keys, np.ndarray):
            wrong = np.flatnonzero((self.keys < 0) | (self.keys >= len(ids)))
            if len(wrong):
                raise BadInput(
                    f"there is no row {self.keys[wrong[0]]}: the data have {len(ids)} rows",
                    where=f"{self.name} line {int(wrong[0]) + 2}",
                    fix="count rows from 0, or name rows by --id",
                )
            return self.keys
        place = {name: row for row, name in enumerate(ids.tolist())}
        absent = [key for key in dict.fromkeys(self.keys) if key not in place]
        if absent:
            raise BadInput(
                f"{len(absent)} id(s) are not in the data ({listed(absent, 3)})",
                where=self.name,
                fix="name the data's id column with --id, and give the same ids",
            )
        return np.array([place[key] for key in self.keys], np.int64)


def read_votes(path: Path, id: str | None = None) -> VoteFile:
    """Read a file of votes or candidates: CSV, Parquet and whatever else data come in.

    Parameters
    ----------
    path : Path
    id : str, optional
        The data's id column; a column of that name is looked for first.

    Raises
    ------
    BadInput
        A column is missing or no line says anything.
    """
    source = read_source(path)
    tidy: dict[str, str] = {}
    for name in source.table.column_names:
        tidy.setdefault(re.sub(r"[\s\-]+", "_", str(name).strip().casefold()), str(name))
    own = (id.strip().casefold(), *ROW) if id else ROW
    label = _column(path.name, tidy, LABEL, "label")
    key = next((tidy[name] for name in own if name in tidy), None)
    keys: tuple[str, ...] | NDArray[np.int64]
    if key is None and "row" in tidy:
        values = numbers(source.table.column(tidy["row"]))
        if values is None or np.isnan(values).any() or (values != np.floor(values)).any():
            raise BadInput("the column 'row' does not hold whole numbers", where=path.name, fix="count rows from 0")
        keys = values.astype(np.int64)
    else:
        keys = _filled(source.table, key or _column(path.name, tidy, own, "id"), path.name)
    who = next((tidy[name] for name in SOURCE if name in tidy and tidy[name] != key), None)
    sources = None if who is None else _filled(source.table, who, path.name)
    labels = tuple(known_texts(source.table.column(label)).to_pylist())
    if not any(one is not None for one in labels):
        raise BadInput("no line has a label", where=path.name, fix=f"fill the column {quoted(label)}")
    weight = numbers(source.table.column(tidy["weight"])) if "weight" in tidy else None
    return VoteFile(path.name, keys, sources, labels, weight)


def _column(file: str, tidy: dict[str, str], known: Sequence[str], role: str) -> str:
    found = next((tidy[name] for name in known if name in tidy), None)
    if found is None:
        raise BadInput(
            f"it has no column {quoted(role)}; it has {listed(tidy.values())}",
            where=file,
            fix="give columns id, source and label (no source: candidate sets)",
        )
    return found


def _filled(table: pa.Table, name: str, file: str) -> tuple[str, ...]:
    cells = cell_texts(table.column(name)).to_pylist()
    empty = next((row for row, cell in enumerate(cells) if cell is None or not cell.strip()), None)
    if empty is not None:
        raise BadInput(f"column {quoted(name)} is empty", where=f"{file} line {empty + 2}", fix="fill it")
    return tuple(str(cell) for cell in cells)
