"""From a file of votes, or a data set and rules, to merged labels: what the command line does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from labelwright.consensus.aggregation import Aggregation, aggregate
from labelwright.consensus.label_functions import LabelingFunction
from labelwright.consensus.methods import AUTO, label_model
from labelwright.consensus.rule_files import Models, read_rules
from labelwright.consensus.rule_votes import aggregate_rules
from labelwright.consensus.vote_files import VoteFile, read_vote_file
from labelwright.consensus.vote_frames import EMPTY
from labelwright.data.language_model import LanguageModel
from labelwright.data.readers import read_source
from labelwright.errors import BadInput
from labelwright.progress import SILENT, Progress


@dataclass(frozen=True)
class AboutVotes:
    """Where votes came from.

    Parameters
    ----------
    name : str
        The file.
    form : str
        ``"long table"``, ``"wide table"``, ``"Label Studio export"`` or ``"rules"``.
    notes : tuple of str
    pseudonyms : bool
    seed : int
    """

    name: str
    form: str
    notes: tuple[str, ...] = ()
    pseudonyms: bool = False
    seed: int = 0

    @property
    def noun(self) -> str:
        """What votes: an annotator or a rule."""
        return "rule" if self.form == "rules" else "annotator"

    @property
    def unit(self) -> str:
        """What is voted on: a task or a row."""
        return "row" if self.form == "rules" else "task"


def aggregate_file(
    path: str | os.PathLike[str],
    *,
    task: str | None = None,
    annotator: str | None = None,
    label: str | None = None,
    gold: str | None = None,
    question: str | None = None,
    predictions: bool = False,
    abstain: Sequence[str] = (),
    sheet: str | None = None,
    rules: str | os.PathLike[str] | None = None,
    text: str | None = None,
    models: Models | None = None,
    asked: LanguageModel | None = None,
    jobs: int = 1,
    method: str = AUTO,
    pred_probs: str | os.PathLike[str] | None = None,
    seed: int = 0,
    pseudonyms: bool = False,
    progress: Progress = SILENT,
) -> tuple[Aggregation, AboutVotes]:
    """Merge the votes of a file, or of rules on the rows of a data set.

    Parameters
    ----------
    path : path
        Votes, see `read_vote_file`; with `rules` a data set.
    task, label, gold, question, predictions, abstain, sheet
        As in `read_vote_file`.
    annotator : str, optional
        A column; several, joined by commas, in a wide file.
    rules : path, optional
        YAML, see `read_rules`. Then `task` is the column of row ids, and `text` what rules read that name no column.
    models, asked
        What opens the trained models that rules name, and the language model that they ask: see `read_rules`.
    jobs : int, default 1
        Processes for rules.
    method : str, default "auto"
        See `label_model`.
    pred_probs : path, optional
        A table of probabilities of a classifier, by task.
    seed : int, default 0
    pseudonyms : bool, default False
        Replace the names of annotators by numbers, in order of first appearance.

    Raises
    ------
    BadInput
        With the file and the remedy.
    """
    if rules is not None:
        unused = {"--annotator": annotator, "--label": label, "--question": question, "--pred-probs": pred_probs}
        _refuse(unused | {"--predictions": predictions or None, "--abstain": abstain or None}, "with --rules")
        functions = read_rules(Path(rules), text, models=models, asked=asked)
        return _by_rules(Path(path), functions, task, gold, jobs, method, seed, sheet, progress)
    _refuse({"--text": text, "--jobs": jobs if jobs != 1 else None, "--llm": asked}, "without --rules")
    model = None if method == AUTO else label_model(method, seed)
    who = tuple(name.strip() for name in annotator.split(",")) if annotator and "," in annotator else annotator
    with progress.stage("Reading votes"):
        read = read_vote_file(
            path, task=task, annotator=_whole_or_parts(annotator, who, path, sheet), label=label, gold=gold,
            question=question, abstain=abstain, predictions=predictions, sheet=sheet,
        )  # fmt: skip
        if pseudonyms:
            read = with_pseudonyms(read)
        probs = None if pred_probs is None else _probabilities(Path(pred_probs), read)
    result = aggregate(
        read.table, task=read.task, annotator=read.annotator, label=read.label, gold=read.gold, seconds=read.seconds,
        method=model, pred_probs=probs, seed=seed, progress=progress,
    )  # fmt: skip
    if read.form != "long table":  # its own notes say what the empty ones are
        result = replace(result, notes=tuple(note for note in result.notes if EMPTY not in note))
    return result, AboutVotes(read.name, read.form, read.notes, pseudonyms, seed)


def with_pseudonyms(read: VoteFile) -> VoteFile:
    """Return the votes with "annotator 1", "annotator 2", ... for names, and no note that tells them."""
    encoded = read.table[read.annotator].combine_chunks().dictionary_encode()
    names = pa.array([f"annotator {i + 1}" for i in range(len(encoded.dictionary))], pa.string())
    table = read.table.set_column(
        read.table.column_names.index(read.annotator), read.annotator, names.take(encoded.indices)
    )
    kept = tuple(note for note in read.notes if not note.startswith("one column an annotator"))
    return replace(read, table=table, notes=kept)


def _by_rules(
    path: Path, functions: Sequence[LabelingFunction], task: str | None, gold: str | None, jobs: int, method: str,
    seed: int, sheet: str | None, progress: Progress,
) -> tuple[Aggregation, AboutVotes]:  # fmt: skip
    with progress.stage("Reading rows"):
        table = read_source(path, sheet=sheet).table
    model = None if method == AUTO else label_model(method, seed)
    result = aggregate_rules(
        functions, table, task=task, gold=gold, method=model, jobs=jobs, seed=seed, progress=progress
    )
    return result, AboutVotes(path.name, "rules", (), False, seed)


def _whole_or_parts(given: str | None, parts: Any, path: Any, sheet: str | None) -> Any:
    """Return a name that holds a comma whole where the file has such a column."""
    if isinstance(parts, tuple) and Path(path).suffix.lower() != ".json":
        return given if given in read_source(path, sheet=sheet).table.column_names else parts
    return parts


def _probabilities(path: Path, read: VoteFile) -> pa.Table:
    """Return a classifier's table with its task column under the name of the votes' and of the same type."""
    table = read_source(path).table
    if read.task not in table.column_names and "task" in table.column_names:
        table = table.rename_columns([read.task if name == "task" else name for name in table.column_names])
    if read.task in table.column_names:
        place = table.column_names.index(read.task)
        table = table.set_column(place, read.task, table[read.task].cast(read.table[read.task].type))
    numbers = {
        name: table[name].cast(pa.float64())
        for name in table.column_names
        if name != read.task and _numeric(table[name])
    }
    for name, column in numbers.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _numeric(column: pa.ChunkedArray) -> bool:
    try:
        column.cast(pa.float64())
    except pa.ArrowException:
        return False
    return True


def _refuse(given: dict[str, Any], when: str) -> None:
    named = [option for option, value in given.items() if value is not None]
    if named:
        raise BadInput(f"{', '.join(named)} cannot be used {when}", fix="leave it out")
