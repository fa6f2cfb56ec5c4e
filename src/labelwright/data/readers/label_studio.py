"""Exports of Label Studio (JSON): tasks, what annotations answer about whole tasks, and the tasks as a table.

A row is a task, named by its ``id``; the columns are its data and a column for each question about whole tasks
(choices, rating, number, pairwise, taxonomy). The answer is that of every annotation that was not cancelled; where they
differ the task counts as unlabelled, because merging votes is the work of `labelwright aggregate`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.readers.json_columns import records_table
from labelwright.data.readers.places import counted, place
from labelwright.errors import BadInput, listed, quoted

FORMAT, ID, QUESTIONS = "label_studio", "id", b"labelwright.questions"
WHOLE_ANSWERS = ("choices", "rating", "pairwise", "number", "taxonomy")
_IN_REGIONS = ("start", "x", "points", "rle", "ranges", "startOffset", "paragraphlabels")
_SERVED = re.compile(r"/data/(?:local-files/\?d=)?(.+)")  # how the server names its own files


def is_label_studio(content: Any) -> bool:
    """Whether parsed JSON is an export: a list of tasks with data and annotations."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(task, dict) and "id" in task for task in content)
        and isinstance(content[0].get("annotations"), list)
        and isinstance(content[0].get("data"), dict)
    )


def read_label_studio(tasks: Sequence[dict[str, Any]], path: Path, root: Path | None = None) -> Source:
    """Return the tasks of an export as a table.

    Raises
    ------
    BadInput
        Two tasks have one id, no annotation answers a question about a whole task, or one gives several answers.
    """
    names = [str(task["id"]) for task in tasks]
    if len(set(names)) < len(names):
        raise BadInput("two tasks have one id", where=place(path), fix="export it again")
    asked = questions(tasks)
    if not asked:
        raise BadInput(
            "no annotation answers a question about a whole task (choices, rating, number, pairwise)",
            where=place(path),
            fix="for regions and boxes export COCO, YOLO or CoNLL and audit that",
        )
    data = records_table([_data(task, {ID, *asked}) for task in tasks])
    table = pa.table({ID: pa.array(names, pa.string())})
    for name in data.column_names:
        table = table.append_column(data.schema.field(name), data.column(name))
    differ = 0
    for question in asked:
        held = [_answer(task, question, place(path)) for task in tasks]
        differ += sum(len(labels) > 1 for labels in held)
        cells = [next(iter(labels)) if len(labels) == 1 else None for labels in held]
        table = table.append_column(question, pa.array(cells, pa.string()))
    table = table.replace_schema_metadata({QUESTIONS: json.dumps(list(asked)).encode()})
    details = {"questions": ", ".join(asked)}
    if differ:
        are = "is" if differ == 1 else "are"
        details["unlabelled"] = (
            f"{counted(differ, 'task')} {are} answered differently by several annotators "
            "(labelwright aggregate merges their votes)"
        )
    return Source(table, path, FORMAT, root or path.parent, None, details)


def questions_of(source: Source) -> list[str]:
    """Return the columns of an export that hold answers."""
    asked: list[str] = json.loads(source.table.schema.metadata[QUESTIONS])
    return asked


def _data(task: Mapping[str, Any], taken: set[str]) -> dict[str, Any]:
    """Return the data of a task with names that nothing else has, and files as they lie below the root."""
    held = task.get("data")
    cells = held if isinstance(held, dict) else {}
    return {f"data.{key}" if key in taken else str(key): _below_root(cell) for key, cell in cells.items()}


def _below_root(cell: Any) -> Any:
    """Return what the server calls ``/data/local-files/?d=a.png`` or ``/data/upload/1/a.png`` without its address."""
    match = _SERVED.fullmatch(cell) if isinstance(cell, str) else None
    return unquote(match[1]) if match else cell


def _answer(task: Mapping[str, Any], question: str, where: str) -> set[str]:
    at = f"{where}, task {quoted(task['id'])}"
    said = (label(results(one), question, at) for one in annotations_of(task) if not is_skipped(one))
    return {answer for answer in said if answer is not None}


def annotations_of(task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the annotations of a task (completions, as they were once called)."""
    held = task.get("annotations", task.get("completions"))
    return [one for one in held if isinstance(one, Mapping)] if isinstance(held, list) else []


def predictions_of(task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what models predicted for a task."""
    held = task.get("predictions")
    return [one for one in held if isinstance(one, Mapping)] if isinstance(held, list) else []


def results(annotation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the single answers and regions of an annotation."""
    held = annotation.get("result")
    return [one for one in held if isinstance(one, Mapping)] if isinstance(held, list) else []


def is_skipped(annotation: Mapping[str, Any]) -> bool:
    """Whether an annotation says nothing because somebody skipped the task."""
    return bool(annotation.get("was_cancelled") or annotation.get("skipped"))


def questions(tasks: Sequence[Mapping[str, Any]], *, predicted: bool = False) -> dict[str, str]:
    """Return each question (`from_name`) with the kind of its answers, those about whole tasks alone."""
    found: dict[str, str] = {}
    for result in _every_result(tasks, predicted):
        value, kind = result.get("value"), str(result.get("type"))
        whole = isinstance(value, Mapping) and not any(key in value for key in _IN_REGIONS)
        if kind in WHOLE_ANSWERS and whole and isinstance(result.get("from_name"), str):
            found.setdefault(result["from_name"], kind)
    return found


def _every_result(tasks: Sequence[Mapping[str, Any]], predicted: bool) -> Iterator[Mapping[str, Any]]:
    for task in tasks:
        for annotation in [*annotations_of(task), *(predictions_of(task) if predicted else ())]:
            yield from results(annotation)


def label(answers: Sequence[Mapping[str, Any]], question: str, where: str) -> str | None:
    """Return what an annotation says to a question, None where it says nothing; BadInput for several answers."""
    said: list[str] = []
    for result in answers:
        if result.get("from_name") != question or not isinstance(result.get("value"), Mapping):
            continue
        held = result["value"].get(answer_key(result.get("type")))
        parts = held if isinstance(held, list) else [held]
        said += [answer_text(part) for part in parts if part is not None]
    if len(said) > 1:
        raise BadInput(
            f"an annotation gives {len(said)} answers to {quoted(question)}: {listed(said, 3)}",
            where=where,
            fix="only questions with one answer a task are read; ask with a single choice",
        )
    return said[0] if said else None


def answer_key(kind: Any) -> str:
    """Return under which key a result of a kind holds its answer."""
    return "selected" if kind == "pairwise" else str(kind)


def answer_text(value: Any) -> str:
    """Return an answer in words; a path in a taxonomy is joined by `` / ``."""
    if isinstance(value, list):
        return " / ".join(str(part) for part in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
