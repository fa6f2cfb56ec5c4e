"""Label Studio exports (JSON): the choice or the label of a region changes, or a task or region goes.

Items are tasks, named by their ``id``, and results, named ``<task id>#<number>``: the number counts the results of all
annotations of the task that were not cancelled, in the order of the file, from 0. A task can be relabelled itself when
every annotation of it holds the same single choice; then all of them change. Everything else keeps its bytes,
predictions included.
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
from labelwright.data.mend.labels import ClassNames, ordered
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.raw_text import TextEdit
from labelwright.data.readers.places import place
from labelwright.errors import BadInput


class Result(NamedTuple):
    """A region or choice: where it stands, in which list and at which place there, and its label."""

    element: Element
    siblings: list[Element]
    number: int
    key: str | None
    label: str | None


@dataclass(frozen=True)
class LabelStudioFile(JsonFile):
    """A JSON export of Label Studio."""

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
                yield Result(one, siblings, number, *_label_of(one.value))

    @cached_property
    def _where(self) -> list[tuple[int, int]]:
        """Task and result of each part item."""
        return [(t, r) for t, results in enumerate(self._results) for r in range(len(results))]

    @cached_property
    def items(self) -> Items:
        """Tasks first, then results, each in the order of the file."""
        tasks = [str(task.value.get("id")) for task in self._tasks]
        if len(set(tasks)) < len(tasks):
            raise BadInput("two tasks have one id", where=place(self.path), fix="export it again")
        of_tasks = [self._choice(results) for results in self._results]
        of_parts = [self._results[t][r].label for t, r in self._where]
        return Items(
            np.array([*tasks, *(f"{tasks[t]}{PART}{r}" for t, r in self._where)], dtype=np.str_),
            [*of_tasks, *of_parts],
            ClassNames(ordered([*of_tasks, *of_parts]), self.new_classes),
            frozenset(row for row, label in enumerate([*of_tasks, *of_parts]) if label is None),
        )

    @staticmethod
    def _choice(results: list[Result]) -> str | None:
        """Return the one label of a task whose results are choices that agree, else None."""
        labels = {result.label for result in results if result.key == "choices"}
        return labels.pop() if len(labels) == 1 and all(r.key == "choices" for r in results) else None

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
        labels: dict[tuple[int, int], str] = {}
        for row, label in sorted(changes.relabel.items()):  # tasks come first: a part has the last word
            where = [(row, r) for r in range(len(self._results[row]))] if row < n else [self._where[row - n]]
            labels.update(dict.fromkeys((w for w in where if w[0] not in gone), label))
        kept = {w: label for w, label in labels.items() if not self._is_dropped(w, dropped)}
        return [TextEdit(a, b, "") for a, b in cuts] + [self._relabelled(*w, label) for w, label in kept.items()]

    def _is_dropped(self, where: tuple[int, int], dropped: dict[int, tuple[list[Element], set[int]]]) -> bool:
        result = self._results[where[0]][where[1]]
        return result.number in dropped.get(result.siblings[0].start, ([], set()))[1]

    def _relabelled(self, task: int, number: int, label: str) -> TextEdit:
        result = self._results[task][number]
        value = member(self._text, "value", result.element.start)
        found = member(self._text, result.key or "", value.start) if value else None
        if found is None:
            raise ValueError("a result lost its label")
        first = next(elements(self._text, found.start))
        return TextEdit(first.start, first.end, json.dumps(label, ensure_ascii=self._text.isascii()))


def _label_of(result: Any) -> tuple[str | None, str | None]:
    """Return the key and the one label of a result: ``choices``, ``rectanglelabels``, ``labels``, ..."""
    kind, value = (result.get("type"), result.get("value")) if isinstance(result, dict) else (None, None)
    if isinstance(kind, str) and isinstance(value, dict):
        held = value.get(kind)
        if isinstance(held, list) and len(held) == 1 and isinstance(held[0], str):
            return kind, held[0]
    return None, None


def is_label_studio(content: Any) -> bool:
    """Whether parsed JSON is an export: a list of tasks with data and annotations."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(task, dict) and "id" in task for task in content)
        and isinstance(content[0].get("annotations"), list)
        and isinstance(content[0].get("data"), dict)
    )
