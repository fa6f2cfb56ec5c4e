"""A table of predicted probabilities: which of its columns are classes, and which row is which row of the data."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.column_types import cell_texts, numbers
from labelwright.data.dataset import Dataset
from labelwright.data.matrices import is_matrix
from labelwright.data.readers.places import counted
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence.space import LabelSpace

_PREFIXES = ("pred_prob_", "pred_probs_", "prob_", "proba_", "p_", "prob:", "p:")


def class_columns(table: pa.Table, space: LabelSpace, where: str) -> list[str]:
    names = set(table.column_names)
    for prefix in ("", *_PREFIXES):
        if all(prefix + name in names for name in space.names):
            return [prefix + name for name in space.names]
    missing = [name for name in space.names if name not in names]
    raise BadInput(
        f"pred_probs has no column for {len(missing)} of {len(space)} classes: missing {listed(missing)}",
        where=where,
        fix=f"name its columns by the classes ({quoted(missing[0])}: {did_you_mean(missing[0], sorted(names))})",
    )


def number_columns(table: pa.Table, columns: list[str], where: str) -> NDArray[np.float64]:
    matrix = np.empty((table.num_rows, len(columns)))
    for k, name in enumerate(columns):
        values = numbers(table.column(name))
        if values is None:
            raise BadInput(f"column {quoted(name)} holds no numbers", where=where, fix="store probabilities there")
        matrix[:, k] = values
    return matrix


def id_column(table: pa.Table, dataset: Dataset, used: set[str]) -> str | None:
    names = [name for name in table.column_names if name not in used]
    for name in (dataset.plan.id, "id", "row_id", "labelwright_id"):
        if name is not None and name in names:
            return name
    return None


def shared_key(table: pa.Table, dataset: Dataset, used: set[str]) -> str | None:
    """Return a column of both that differs in every row, and in which the table has each value of the data."""
    own = set(dataset.source.table.column_names) - {dataset.plan.label}
    for name in table.column_names:
        if name not in own or name in used or pa.types.is_nested(table.schema.field(name).type):
            continue
        mine, there = as_ids(dataset.column(name)), as_ids(table.column(name))
        if len(np.unique(mine)) == len(mine) and len(np.unique(there)) == len(there) and np.isin(mine, there).all():
            return name
    return None


def as_ids(column: pa.ChunkedArray) -> NDArray[np.str_]:
    return np.asarray(["" if v is None else v for v in cell_texts(column).to_pylist()], dtype=np.str_)


def refuse_extra(table: pa.Table, dataset: Dataset, used: set[str], where: str) -> None:
    """Raise where a further column looks like the probability of a class that the data lack."""
    own = set(dataset.source.table.column_names)
    extra = []
    for name in table.column_names:
        if name in used or name in own or is_matrix(table.schema.field(name)):
            continue
        values = numbers(table.column(name)) if not pa.types.is_nested(table.schema.field(name).type) else None
        if values is not None and ((values >= 0) & (values <= 1)).all():
            extra.append(name)
    if extra:
        raise BadInput(
            f"pred_probs has columns for classes that the labels do not name: {listed(extra)}",
            where=where,
            fix="name all classes of the data with --classes, or drop these columns",
        )


def join_rows(
    there: NDArray[np.str_], own: NDArray[np.str_], dataset: Dataset, where: str, name: str
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the row of the table for each row of the data, and a note on ids that are in the table alone."""
    values, first, counts = np.unique(there, return_index=True, return_counts=True)
    if (counts > 1).any():
        raise BadInput(
            f"the ids {listed(values[counts > 1], 4)} stand in more than one row",
            where=f"{where}, column {quoted(name)}",
            fix="give each item one row",
        )
    at = np.minimum(np.searchsorted(values, own), max(len(values) - 1, 0))
    found = values[at] == own
    if not found.all():
        missing = own[~found]
        hint = "" if dataset.plan.id else "; the data were read without --id, so their ids are hashes of the content"
        raise BadInput(
            f"no probabilities for {len(missing):,} of {counted(len(dataset), 'row')}: ids {listed(missing, 4)}{hint}",
            where=f"{where}, column {quoted(name)}",
            fix="add these rows" if dataset.plan.id else "name the id column of the data with --id",
        )
    extra = np.setdiff1d(values, own)
    note = [f"pred_probs has {counted(len(extra), 'row')} for ids that the data lack, left out: {listed(extra, 4)}"]
    return first[at], note if len(extra) else []
