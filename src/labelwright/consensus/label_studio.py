"""Votes out of the exports of Label Studio, as they are.

The JSON export keeps everything: a task with its annotations, each by somebody (`completed_by`), skipped ones marked
(`was_cancelled`), ground truth marked (`ground_truth`), the time taken (`lead_time`), and predictions of models. A
skipped annotation is an abstention; ground truth is a known label and no vote; a prediction is a vote of its model,
when asked for.

JSON-MIN and CSV write one annotation a row, with a column `annotator`; without it the votes cannot be told apart, and
the file is refused by name. COCO, YOLO, CoNLL and masks keep no annotators at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from labelwright.data.readers.label_studio import (
    annotations_of,
    is_skipped,
    label,
    predictions_of,
    questions,
    results,
)
from labelwright.errors import BadInput, did_you_mean, listed, quoted

# Columns that a JSON-MIN or CSV export adds beside the data and the questions.
FLAT_COLUMNS = ("annotation_id", "annotator", "created_at", "updated_at", "lead_time", "id", "agreement", "history")


class Answer(NamedTuple):
    """What one annotation says to one question; `label` is None where it says nothing."""

    task: str
    annotator: str
    label: str | None
    gold: str | None
    seconds: float | None


def is_export(content: Any) -> bool:
    """Whether parsed JSON is the full export: a list of tasks, each with its annotations."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(task, dict) for task in content)
        and any("annotations" in task or "completions" in task for task in content)
    )


def check_flat(columns: Sequence[str], where: str) -> bool:
    """Return whether these are the columns of a JSON-MIN or CSV export; BadInput for one without annotators."""
    names = set(columns)
    if not ({"annotation_id", "lead_time"} <= names or {"annotation_id", "annotator"} <= names):
        return False
    if "annotator" not in names:
        form = "JSON-MIN" if where.endswith(".json") else "CSV or JSON-MIN"
        raise BadInput(
            f"this {form} export of Label Studio has no column 'annotator', so repeated votes cannot be told apart",
            where=where,
            fix="export as JSON (the full form) and pass that",
        )
    return True


def read_export(
    tasks: Sequence[Mapping[str, Any]], where: str, question: str | None = None, predictions: bool = False
) -> tuple[pa.Table, str, list[str]]:
    """Return the votes of a full JSON export, the question that was taken, and what was noticed.

    Parameters
    ----------
    tasks : sequence of mappings
        The parsed file.
    where : str
        Its name, for messages.
    question : str, optional
        The `from_name` of the control; may be left out when the export holds one.
    predictions : bool, default False
        Take each model's predictions as the votes of one more annotator.

    Returns
    -------
    table, question, notes
        The table has the columns ``task``, ``annotator``, ``label``, ``gold`` (text) and ``seconds`` (float64).
    """
    asked = questions(tasks, predicted=predictions)
    chosen = _chosen(asked, question, where)
    answers = [answer for task in tasks for answer in _of_task(task, chosen, predictions, where)]
    if not answers:
        raise BadInput("the export holds no annotations", where=where, fix="label some tasks, then export again")
    notes = []
    skipped = sum(is_skipped(one) for task in tasks for one in annotations_of(task))
    if skipped:
        notes.append(f"{skipped} skipped annotations count as abstentions")
    known = sum(answer.gold is not None for answer in answers)
    if known:
        notes.append(f"{known} annotations marked as ground truth are known labels, not votes")
    offered = sum(len(task.get("predictions") or ()) for task in tasks)
    if offered and not predictions:
        notes.append(f"{offered} predictions of models were left out; --predictions takes them as votes")
    columns = list(zip(*answers, strict=True))
    kinds = (pa.string(), pa.string(), pa.string(), pa.string(), pa.float64())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.table(arrays, names=list(Answer._fields)), chosen, notes


def _chosen(asked: Mapping[str, str], question: str | None, where: str) -> str:
    if question is not None:
        if question not in asked:
            raise BadInput(
                f"no annotation answers a question {quoted(question)}", where=where, fix=did_you_mean(question, asked)
            )
        return question
    if not asked:
        raise BadInput(
            "no annotation answers a question about a whole task (choices, rating, number, pairwise)",
            where=where,
            fix="regions and boxes cannot be merged yet; ask for a choice a task",
        )
    if len(asked) > 1:
        raise BadInput(
            f"the export answers several questions: {listed(asked)}",
            where=where,
            fix=f"name one, such as --question {next(iter(asked))}",
        )
    return next(iter(asked))


def _of_task(task: Mapping[str, Any], question: str, predictions: bool, where: str) -> Iterator[Answer]:
    name = task.get("id")
    if name is None:
        raise BadInput("a task has no id", where=where, fix="export it again")
    place = f"{where}, task {quoted(name)}"
    votes: list[Answer] = []
    known: list[Answer] = []
    for annotation in annotations_of(task):
        truth = bool(annotation.get("ground_truth"))
        (known if truth else votes).append(_answer(annotation, str(name), truth, question, place))
    for prediction in predictions_of(task) if predictions else ():
        version = prediction.get("model_version") or "without version"
        votes.append(Answer(str(name), f"model {version}", label(results(prediction), question, place), None, None))
    # A known label is nobody's vote: it stands beside one, and alone only where nobody voted.
    beside = [vote._replace(gold=truth.gold) for vote, truth in zip(votes, known, strict=False)]
    yield from (*beside, *votes[len(beside) :], *known[len(beside) :])


def _answer(annotation: Mapping[str, Any], task: str, truth: bool, question: str, place: str) -> Answer:
    who = _who(annotation.get("completed_by"), place)
    said = None if is_skipped(annotation) else label(results(annotation), question, place)
    seconds = annotation.get("lead_time")
    time = float(seconds) if isinstance(seconds, int | float) and seconds >= 0 else None
    return Answer(task, who, None if truth else said, said if truth else None, time)


def _who(completed_by: Any, place: str) -> str:
    """Return who annotated: an e-mail address where there is one, else the number or the name."""
    if isinstance(completed_by, Mapping):
        completed_by = completed_by.get("email") or completed_by.get("id")
    if completed_by is None or completed_by == "":
        raise BadInput(
            "an annotation does not say who made it (completed_by)", where=place, fix="export as JSON with annotators"
        )
    return str(completed_by)
