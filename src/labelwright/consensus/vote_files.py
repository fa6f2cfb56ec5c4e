"""Votes out of a file: which column is which, long or wide, or an export of Label Studio. What is guessed is said.

Long: one row a vote, columns for the task, the annotator and the label. Wide: one row a task and one column an
annotator. Columns are known by their names, or named by the caller.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from labelwright.consensus.label_studio import FLAT_COLUMNS, check_flat, is_export, read_export
from labelwright.consensus.vote_columns import SECONDS_NAMES, by_name, roles, spare_gold, wide_columns
from labelwright.data.readers import read_source
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, did_you_mean, listed, quoted


@dataclass(frozen=True)
class VoteFile:
    """Votes as a long table.

    Parameters
    ----------
    table : pyarrow.Table
        One row a vote.
    task, annotator, label : str
        Its columns.
    gold, seconds : str or None
        Columns of known labels and of times, where there are any.
    name : str
        The file.
    form : str
        ``"long table"``, ``"wide table"`` or ``"Label Studio export"``.
    notes : tuple of str
        What was guessed or left out.
    """

    table: pa.Table
    task: str
    annotator: str
    label: str
    gold: str | None
    seconds: str | None
    name: str
    form: str
    notes: tuple[str, ...] = ()


def read_vote_file(
    path: str | os.PathLike[str],
    *,
    task: str | None = None,
    annotator: str | Sequence[str] | None = None,
    label: str | None = None,
    gold: str | None = None,
    question: str | None = None,
    abstain: Sequence[str] = (),
    predictions: bool = False,
    sheet: str | None = None,
) -> VoteFile:
    """Read votes from any file that labelwright reads, or from an export of Label Studio.

    Parameters
    ----------
    path : path
    task, annotator, label, gold : str, optional
        Columns; the first three are found by their names when left out. Several annotators name the columns of a wide
        file.
    question : str, optional
        Which question of a Label Studio export.
    abstain : sequence of str
        Labels that mean "no answer".
    predictions : bool, default False
        Take predictions in a Label Studio export as votes.
    sheet : str, optional
        The sheet of a workbook.

    Raises
    ------
    BadInput
        The file cannot be read, or the columns cannot be told apart: with the options that name them.
    """
    file = Path(path)
    content = _json(file)
    who = (annotator,) if isinstance(annotator, str) else tuple(annotator or ())
    if is_export(content):
        _refuse_columns({"--task": task, "--annotator": who or None, "--label": label, "--gold": gold}, file)
        table, taken, notes = read_export(content, place(file), question, predictions)
        notes = [f"question: {quoted(taken)}", *notes] if question is None else notes
        known = "gold" if pc.count(table["gold"]).as_py() else None
        read = VoteFile(
            *(table, "task", "annotator", "label", known, "seconds"), file.name, "Label Studio export", tuple(notes)
        )
        return _without(read, abstain)
    if isinstance(content, dict):
        raise _no_votes(content, file)
    table = read_source(file, sheet=sheet).table
    flat = check_flat(table.column_names, place(file))
    if predictions or (question is not None and not flat):
        raise BadInput(
            "questions and predictions stand in exports of Label Studio, and this file is none",
            where=place(file),
            fix="leave the option out",
        )
    if flat:
        task, label = task or "id", label or question or _question_column(table, place(file))
    read = _of_table(table, file, task, who, label, gold)
    return _without(read, abstain)


def _json(file: Path) -> Any:
    if file.suffix.lower() != ".json" or not file.is_file():
        return None
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError, OSError):
        return None  # the reader of tables says what is wrong


def _refuse_columns(given: Mapping[str, object], file: Path) -> None:
    named = [option for option, value in given.items() if value is not None]
    if named:
        raise BadInput(
            f"{', '.join(named)} name columns, and an export of Label Studio says by itself who labelled what",
            where=place(file),
            fix="leave them out; --question names the question",
        )


def _no_votes(content: Mapping[str, object], file: Path) -> BadInput:
    if {"images", "annotations"} <= set(content):
        return BadInput(
            "a COCO file does not say who annotated what", where=place(file), fix="export from Label Studio as JSON"
        )
    return BadInput("the file holds one object, no list", where=place(file), fix="pass a table or a JSON list")


def _question_column(table: pa.Table, where: str) -> str:
    """Return the column of a flat export that holds answers: its values differ within tasks, those of data do not."""
    tasks = pc.count_distinct(table["id"]).as_py() if "id" in table.column_names else 0
    rest = [name for name in table.column_names if name not in FLAT_COLUMNS]
    varying = []
    for name in rest:
        texts = table[name].cast(pa.string())
        pairs = pa.table({"id": table["id"], "value": texts}).group_by(["id", "value"]).aggregate([])
        if tasks and pairs.num_rows > tasks:
            varying.append(name)
    if len(varying) == 1:
        return varying[0]
    found = varying or rest
    raise BadInput(
        f"this export of Label Studio has several columns that may hold the answers: {listed(found)}",
        where=where,
        fix=f"name one, such as --question {found[0] if found else 'NAME'}",
    )


def _of_table(
    table: pa.Table, file: Path, task: str | None, who: Sequence[str], label: str | None, gold: str | None
) -> VoteFile:
    for name in (task, *who, label, gold):
        if name is not None and name not in table.column_names:
            raise BadInput(
                f"there is no column {quoted(name)}", where=place(file), fix=did_you_mean(name, table.column_names)
            )
    if len(who) > 1:
        return _wide(table, file, task, who, gold, ())
    given = {"task": task, "annotator": who[0] if who else None, "label": label}
    found, notes = roles(table, given, gold)
    if all(found.values()):
        seconds = by_name(table.column_names, SECONDS_NAMES, set(found.values()))
        spare = None if gold is not None else spare_gold(table.column_names, set(found.values()))
        notes += [spare] if spare is not None else []
        return VoteFile(
            *(table, str(found["task"]), str(found["annotator"]), str(found["label"]), gold, seconds),
            *(file.name, "long table", tuple(notes)),
        )
    if found["annotator"] is None and label is None:
        columns = wide_columns(table, found["task"], gold)
        if len(columns) >= 2:
            return _wide(table, file, found["task"], columns, gold, ("guessed",))
    missing = [role for role, name in found.items() if name is None]
    raise BadInput(
        f"no column could be told to be the {' or the '.join(missing)} (columns: {listed(table.column_names)})",
        where=place(file),
        fix="name them: " + " ".join(f"--{role} COLUMN" for role in missing),
    )


def _wide(
    table: pa.Table, file: Path, task: str | None, who: Sequence[str], gold: str | None, guessed: Sequence[str]
) -> VoteFile:
    """Turn one column an annotator into one row a vote."""
    n = table.num_rows
    tasks = table[task].combine_chunks() if task is not None else pa.array([f"row {i}" for i in range(n)])
    parts = {
        "task": pa.concat_arrays([tasks] * len(who)),
        "annotator": pa.array(who).take(pa.array([j for j in range(len(who)) for _ in range(n)])),
        "label": pa.concat_arrays([table[name].cast(pa.string()).combine_chunks() for name in who]),
    }
    empty = int(pc.sum(pc.equal(pc.utf8_trim_whitespace(pc.fill_null(parts["label"], "")), "")).as_py() or 0)
    if gold is not None:
        parts["gold"] = pa.concat_arrays([table[gold].cast(pa.string()).combine_chunks()] * len(who))
    notes = [f"one column an annotator: {listed(who)}"] if guessed else []
    if guessed or task is None:
        notes.append(f"task = {quoted(task)}" if task is not None else "tasks are named by their row, from 0")
    notes += [f"{empty:,} empty cells are no votes"] if empty else []
    if guessed and gold is None:
        spare = spare_gold(table.column_names, set(who) | {task})
        notes += [spare] if spare else []
    return VoteFile(
        *(pa.table(parts), "task", "annotator", "label", "gold" if gold is not None else None, None),
        *(file.name, "wide table", tuple(notes)),
    )


def _without(read: VoteFile, abstain: Sequence[str]) -> VoteFile:
    """Return the votes with labels that mean "no answer" emptied; says when -1 looks like one."""
    texts = read.table[read.label].cast(pa.string())
    if abstain:
        silent = pc.is_in(pc.utf8_trim_whitespace(texts), pa.array([str(one).strip() for one in abstain]))
        emptied = pc.if_else(silent, pa.scalar(None, pa.string()), texts)
        place_of = read.table.column_names.index(read.label)
        return replace(read, table=read.table.set_column(place_of, read.label, emptied))
    said = {value for value in pc.unique(texts).to_pylist() if value is not None}
    if "-1" in said and all(re.fullmatch(r"\d+", value) for value in said - {"-1"}):
        return replace(read, notes=(*read.notes, "'-1' counts as a class; --abstain -1 makes it no answer"))
    return read
