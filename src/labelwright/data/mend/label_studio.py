"""Label Studio exports (JSON): the choice or the label of a region changes, or a task or region goes.

Items are tasks, named by their ``id``, and results, named ``<task id>#<number>``: the number counts the results of all
annotations of the task that were not cancelled, in the order of the file, from 0. A task can be relabelled itself when
every annotation of it gives the same single answer to a question about the whole task; then all of them change.
Everything else keeps its bytes, predictions included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from labelwright.data.mend.decisions import PART
from labelwright.data.mend.json_file import JsonFile
from labelwright.data.mend.json_spans import Element, elements, member, removal
from labelwright.data.mend.jsonl import as_kind
from labelwright.data.mend.labels import ClassNames, LabelRule, Numbers, ordered
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.raw_text import TextEdit
from labelwright.data.readers.label_studio import WHOLE_ANSWERS, answer_key, answer_text, questions
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, did_you_mean, quoted


class Result(NamedTuple):
    """A region or answer: where it stands, in which list and at which place there, its question, key and label."""

    element: Element
    siblings: list[Element]
    number: int
    question: str | None
    key: str | None
    label: str | None


@dataclass(frozen=True)
class LabelStudioFile(JsonFile):
    """A JSON export of Label Studio.

    Parameters
    ----------
    question : str, optional
        What a decision on a task answers, where several questions were asked.
    """

    question: str | None = None

    @cached_property
    def _tasks(self) -> list[Element]:
        return list(elements(self._text))

    @cached_property
    def _results(self) -> list[list[Result]]:
        return [list(self._of_task(task)) for task in self._tasks]

    def _of_task(self, task: Element) -> Iterator[Result]:
        annotations = member(self._text, "annotations", task.start)
        for annotation in elements(self._text, annotations.start) if annotations else ():
            results = member(self._text, "result", annotation.start)
            if results is None or annotation.value.get("was_cancelled") or not isinstance(results.value, list):
                continue
            siblings = list(elements(self._text, results.start))
            for number, one in enumerate(siblings):
                yield Result(one, siblings, number, *_answer_of(one.value))

    @cached_property
    def _where(self) -> list[tuple[int, int]]:
        """Task and result of each part item."""
        return [(t, r) for t, results in enumerate(self._results) for r in range(len(results))]

    @cached_property
    def _kinds(self) -> dict[str, str]:
        return questions([task.value for task in self._tasks])

    @cached_property
    def _asked(self) -> str | None:
        """The question that a decision on a task answers, None where it is not clear."""
        asked = list(self._kinds)
        if self.question is not None and self.question not in asked:
            raise BadInput(
                f"no annotation answers a question {quoted(self.question)}",
                where=place(self.path),
                fix=did_you_mean(self.question, asked),
            )
        return self.question or (asked[0] if len(asked) == 1 else None)

    @cached_property
    def items(self) -> Items:
        """Tasks first, then results, each in the order of the file."""
        tasks = [str(task.value.get("id")) for task in self._tasks]
        if len(set(tasks)) < len(tasks):
            raise BadInput("two tasks have one id", where=place(self.path), fix="export it again")
        of_tasks = [self._answer(results) for results in self._results]
        of_parts = [self._results[t][r].label for t, r in self._where]
        known = of_tasks if self.question is not None else [*of_tasks, *of_parts]
        numbers = self._asked is not None and self._kinds[self._asked] == "number"
        rule: LabelRule = Numbers() if numbers else ClassNames(ordered(known), self.new_classes)
        return Items(
            np.array([*tasks, *(f"{tasks[t]}{PART}{r}" for t, r in self._where)], dtype=np.str_),
            [*of_tasks, *of_parts],
            rule,
            frozenset(row for row, label in enumerate([*of_tasks, *of_parts]) if label is None),
        )

    def _answer(self, results: list[Result]) -> str | None:
        """Return the one answer of a task on which its annotations agree, else None."""
        labels = {result.label for result in results if self._is_answer(result)}
        return labels.pop() if len(labels) == 1 else None

    def _is_answer(self, result: Result) -> bool:
        return self._asked is not None and result.question == self._asked

    def _edits(self, changes: Changes) -> list[TextEdit]:
        n = len(self._tasks)
        gone = {row for row in changes.reject if row < n}
        cuts = removal(self._tasks, gone, self._text)
        dropped: dict[int, tuple[list[Element], set[int]]] = {}
        for row in changes.reject - gone:
            t, r = self._where[row - n]
            result = self._results[t][r]
            if t not in gone:
                dropped.setdefault(result.siblings[0].start, (result.siblings, set()))[1].add(result.number)
        for siblings, numbers in dropped.values():
            cuts += removal(siblings, numbers, self._text)
        labels: dict[tuple[int, int], tuple[str, str]] = {}
        for row, label in sorted(changes.relabel.items()):  # tasks come first: a part has the last word
            about = [(row, r) for r, one in enumerate(self._results[row]) if self._is_answer(one)] if row < n else []
            new = (label, changes.decided[row].where)
            labels.update(dict.fromkeys((w for w in about or [self._where[row - n]] if w[0] not in gone), new))
        kept = {w: new for w, new in labels.items() if not self._is_dropped(w, dropped)}
        return [TextEdit(a, b, "") for a, b in cuts] + [self._relabelled(*w, *new) for w, new in kept.items()]

    def _is_dropped(self, where: tuple[int, int], dropped: dict[int, tuple[list[Element], set[int]]]) -> bool:
        result = self._results[where[0]][where[1]]
        return result.number in dropped.get(result.siblings[0].start, ([], set()))[1]

    def _relabelled(self, task: int, number: int, label: str, where: str) -> TextEdit:
        result = self._results[task][number]
        value = member(self._text, "value", result.element.start)
        found = member(self._text, result.key or "", value.start) if value else None
        if found is None:
            raise ValueError("a result lost its label")
        spot = next(elements(self._text, found.start)) if isinstance(found.value, list) else found
        new = label.split(" / ") if isinstance(spot.value, list) else as_kind(label, spot.value, where)
        return TextEdit(spot.start, spot.end, json.dumps(new, ensure_ascii=self._text.isascii()))


def _answer_of(result: Any) -> tuple[str | None, str | None, str | None]:
    """Return the question, the key and the one label of a result: ``choices``, ``rectanglelabels``, ``rating``, ..."""
    kind, value = (result.get("type"), result.get("value")) if isinstance(result, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(value, dict):
        return None, None, None
    question, key = result.get("from_name"), answer_key(kind)
    held = value.get(key)
    one = held[0] if isinstance(held, list) and len(held) == 1 else None if isinstance(held, list) else held
    if isinstance(one, str) or (kind in WHOLE_ANSWERS and isinstance(one, int | float | list)):
        return question, key, answer_text(one)
    return question, None, None
