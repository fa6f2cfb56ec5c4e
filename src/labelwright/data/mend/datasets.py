"""Decisions applied to a data set that is loaded already: to its file or folder, or to its table in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from labelwright.data.dataset import Dataset
from labelwright.data.identity import content_hashes
from labelwright.data.mend.decisions import Decision, Decisions, read_decisions
from labelwright.data.mend.formats import MendOptions, open_source
from labelwright.data.mend.frames import mended_table
from labelwright.data.mend.in_place import apply_in_place
from labelwright.data.mend.run import Applied, apply_decisions
from labelwright.data.readers.file_state import refuse_changed


def apply_to_dataset(
    dataset: Dataset,
    decisions: Any,
    out: Path | None,
    options: MendOptions,
    *,
    in_place: bool = False,
    dry_run: bool = False,
) -> Applied:
    """Apply decisions to a data set as it was loaded.

    Parameters
    ----------
    dataset : Dataset
    decisions : Decisions, path, data frame or mapping of columns
    out : Path or None
        A new place for data from a file or folder; data in memory need none.
    options : MendOptions
        How to write; how the data are read is taken from `dataset`.
    in_place, dry_run : bool

    Returns
    -------
    Applied
        For data in memory with the mended Arrow table as ``frame``.

    Raises
    ------
    BadInput
        A decision does not fit the data, or `out` is taken.

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> pets = load_dataset({"id": ["a", "b"], "kind": ["cat", "dog"]}, label="kind", id="id")
    >>> apply_to_dataset(pets, {"id": ["b"], "decision": ["reject"]}, None, MendOptions()).frame.num_rows
    1
    """
    source, plan = dataset.source, dataset.plan
    if source.format == "memory":
        table, changes = mended_table(dataset, decisions, options.new_classes)
        return Applied(source.path.name, len(dataset), changes.counts(), frame=table)
    if dataset.parts is not None:
        label, classes = source.details.get("tag column"), dataset.space.names if dataset.space is not None else None
        named = getattr(dataset.parts, "named", classes)
        as_read = replace(options, label=label, task=plan.task, classes=named)
        return apply_decisions(decisions, source.path, out, as_read, dry_run=dry_run)
    as_read = replace(
        options,
        label=plan.label,
        id=plan.id,
        image=plan.image if source.format != "image_folder" else None,
        task=plan.task,
        classes=dataset.space.names if dataset.space is not None else None,
        root=None if source.root == source.path else source.root,
    )
    if in_place:
        return apply_in_place(read_decisions(decisions), source.path, as_read, dry_run=dry_run)
    refuse_changed(source.path, source.state)  # some formats find rows by their number
    opened = open_source(source, plan, as_read)
    return apply_decisions(decisions, opened, out, as_read, dry_run=dry_run)


def with_rows_as_seen(decisions: Decisions, dataset: Dataset) -> Decisions:
    """Return decisions that say what they were made about, so that a gate sees when a row was changed afterwards.

    A kept label is told, and named where it is a class. Where rows are named by a column each decision gets a hash of
    its row's content; rows that are named by their content lose their name when they are edited and need none.

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> pets = load_dataset({"id": ["a", "b"], "text": ["meow", "woof"], "kind": ["cat", "dog"]}, label="kind", id="id")
    >>> seen = with_rows_as_seen(read_decisions({"id": ["b"], "decision": ["keep"]}), pets).entries[0]
    >>> seen.label, seen.given, len(seen.content)
    ('dog', 'dog', 32)
    """
    at = {name: row for row, name in enumerate(dataset.ids.tolist())}
    rows = [at[entry.id] for entry in decisions if entry.id in at]
    hashes: dict[int, str] = {}
    if dataset.plan.id is not None:
        source = replace(dataset.source, table=dataset.source.table.take(pa.array(rows, pa.int64())))
        hashes = dict(zip(rows, content_hashes(source, dataset.plan).tolist(), strict=True))

    def seen(entry: Decision) -> Decision:
        row = at.get(entry.id, -1)
        given = dataset.given[row] if entry.decision == "keep" and row >= 0 else None
        label = given if dataset.plan.task == "classification" and given is not None else entry.label
        return entry._replace(label=label, content=hashes.get(row), given=given)

    return replace(decisions, entries=tuple(map(seen, decisions)))
