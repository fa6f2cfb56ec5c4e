"""Data frames in memory: decisions give a new table; the caller's frame stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from labelwright.data.dataset import Dataset
from labelwright.data.matrices import class_names
from labelwright.data.mend.columnar import NewCells
from labelwright.data.mend.decisions import read_decisions
from labelwright.data.mend.given import table_items
from labelwright.data.mend.plan import Changes, plan_changes
from labelwright.errors import BadInput


def mended_table(dataset: Dataset, decisions: Any, new_classes: Sequence[str] = ()) -> tuple[pa.Table, Changes]:
    """Return the table of a data set with decisions made true, and what they changed.

    Parameters
    ----------
    dataset : Dataset
    decisions : Decisions, path, data frame or mapping of columns
    new_classes : sequence of str
        Classes that may be given though no row has them.

    Raises
    ------
    BadInput
        A decision does not fit the data.

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> pets = load_dataset({"id": ["a", "b"], "kind": ["cat", "dog"]}, label="kind", id="id")
    >>> table, changes = mended_table(pets, {"id": ["b"], "decision": ["relabel"], "label": ["cat"]})
    >>> table["kind"].to_pylist(), len(changes)
    (['cat', 'cat'], 1)
    """
    source, plan = dataset.source, dataset.plan
    classes = dataset.space.names if dataset.space is not None else None
    items, style = table_items(source, plan, classes, tuple(new_classes))
    if style == "matrix":
        raise BadInput("labels that are a 0/1 matrix cannot be mended", fix="store the tags of each row as a list")
    changes = plan_changes(read_decisions(decisions), items, source.path.name)
    position = source.table.column_names.index(plan.label)
    cells = NewCells(position, changes, style, class_names(source.table.schema.field(position)))
    return cells.next(source.table), changes
