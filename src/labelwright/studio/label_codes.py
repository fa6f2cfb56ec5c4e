"""Labels as the tables hold them: JSON, classes by number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from labelwright.errors import BadInput, did_you_mean, quoted

Label = list[int] | float | None


def encoded(label: Label) -> str | None:
    """Return a label as text: ``"[3]"``, ``"[1,4]"``, ``"12.5"``; None for no label."""
    if label is None:
        return None
    if isinstance(label, list):
        return json.dumps(sorted({int(k) for k in label}), separators=(",", ":"))
    return repr(float(label))


def decoded(text: str | None) -> Label:
    """Return the label that `encoded` made the text of; BadInput for any other text."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = text
    if isinstance(found, list) and all(type(k) is int for k in found):
        return found
    if isinstance(found, float):
        return found
    raise BadInput(f"{quoted(text)} is no label of this project", fix="reload the page")


class Classes:
    """The classes of a project by number and by name.

    Parameters
    ----------
    rows : iterable of (id, name, merged_into)
        Every class that ever was; merged ones lead to those that they went into.
    """

    def __init__(self, rows: Iterable[tuple[int, str, int | None]]) -> None:
        known = list(rows)
        self.names: Mapping[int, str] = {number: name for number, name, merged in known if merged is None}
        self._merged = {number: merged for number, _, merged in known if merged is not None}
        self._ever = {number: name for number, name, _ in known}
        self._numbers = {name: number for number, name in self.names.items()}

    def words(self, text: str | None, task: str) -> str | None:
        """Return a stored label as people write it; several tags are joined by ``|``."""
        label = decoded(text)
        if label is None:
            return None
        if not isinstance(label, list):
            return repr(label).removesuffix(".0")  # the shortest that reads as this very number
        try:
            names = [self._ever[self.now(k)] for k in label]
            return "|".join(names) if task == "multilabel" else names[0]
        except (KeyError, IndexError):
            raise BadInput(f"{quoted(text)} is no label of this project", fix="reload the page") from None

    def tags(self, text: str | None) -> list[str]:
        """Return the names of the classes of a stored label."""
        label = decoded(text)
        return [self.names[self.now(k)] for k in label] if isinstance(label, list) else []

    def spelled(self, text: str | None, task: str) -> str | list[str] | float | None:
        """Return a stored label as `label_of` takes it: a class, a list of classes, or a number in full."""
        label = decoded(text)
        if not isinstance(label, list):
            return label
        return self.tags(text) if task == "multilabel" else self.tags(text)[0]

    def now(self, number: int) -> int:
        """Return the class that a number stands for today."""
        while number in self._merged and self._merged[number] != number:
            number = self._merged[number]
        return number

    def number(self, name: str) -> int:
        """Return the number of a class; BadInput names the nearest ones."""
        if name not in self._numbers:
            raise BadInput(f"there is no class {quoted(name)}", fix=did_you_mean(name, self._numbers))
        return self._numbers[name]

    def label_of(self, given: Any, task: str) -> str:
        """Return what a person chose as stored text: a class name, a list of names, or a number.

        Raises
        ------
        BadInput
            No such class, no number, or more than one class where a row has one.
        """
        if task == "regression":
            try:
                value = float(given)
            except (TypeError, ValueError):
                raise BadInput(f"{quoted(given)} is no number", fix="give a number") from None
            if value != value or value in (float("inf"), float("-inf")):
                raise BadInput(f"{quoted(given)} is no finite number", fix="give a number")
            return encoded(value) or ""
        if isinstance(given, (int, float)):
            raise BadInput(f"{given!r} is no class", fix="choose a class")
        names = [given] if isinstance(given, str) else list(given or [])
        if task != "multilabel" and len(names) != 1:
            raise BadInput(f"{len(names)} classes are given for a row that has one", fix="choose one class")
        return encoded([self.number(str(name)) for name in names]) or "[]"
