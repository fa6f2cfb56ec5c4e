"""Where values stand in JSON text: spans of the members of an object and of the elements of a list.

The scanner of the standard library reads the values; only where they begin and end is kept from it, so that one value
can be replaced and everything around it (order of keys, blanks, forms of numbers, escapes) stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_READ = json.JSONDecoder().raw_decode
_BLANK = re.compile(r"[ \t\n\r]*")


class Member(NamedTuple):
    """A member of an object: its key, its value, and where the value stands."""

    key: str
    value: Any
    start: int
    end: int


class Element(NamedTuple):
    """An element of a list and where it stands."""

    value: Any
    start: int
    end: int


def skip_blanks(text: str, at: int) -> int:
    """Return the first position from `at` that is no blank."""
    match = _BLANK.match(text, at)
    return match.end() if match else at


def members(text: str, start: int = 0) -> Iterator[Member]:
    """Yield the members of the object that begins at `start` (blanks before it are skipped).

    Examples
    --------
    >>> next(members('{"a": [1]}'))
    Member(key='a', value=[1], start=6, end=9)
    """
    at = skip_blanks(text, start)
    _expect(text, at, "{")
    at = skip_blanks(text, at + 1)
    while text[at] != "}":
        _expect(text, at, '"')
        key, at = _value(text, at)
        at = skip_blanks(text, at)
        _expect(text, at, ":")
        begin = skip_blanks(text, at + 1)
        value, end = _value(text, begin)
        yield Member(key, value, begin, end)
        at = skip_blanks(text, end)
        at = skip_blanks(text, at + 1) if text[at] == "," else at


def elements(text: str, start: int = 0) -> Iterator[Element]:
    """Yield the elements of the list that begins at `start` (blanks before it are skipped).

    Examples
    --------
    >>> [(e.value, e.start, e.end) for e in elements("[1, 22]")]
    [(1, 1, 2), (22, 4, 6)]
    """
    at = skip_blanks(text, start)
    _expect(text, at, "[")
    at = skip_blanks(text, at + 1)
    while text[at] != "]":
        value, end = _value(text, at)
        yield Element(value, at, end)
        at = skip_blanks(text, end)
        at = skip_blanks(text, at + 1) if text[at] == "," else at


def member(text: str, key: str, start: int = 0) -> Member | None:
    """Return the last member called `key` (the one that JSON readers take), None where there is none."""
    found = None
    for one in members(text, start):
        if one.key == key:
            found = one
    return found


def removal(spans: list[Element], gone: set[int], text: str) -> list[tuple[int, int]]:
    """Return the spans to cut so that the elements `gone` leave a list, each with one comma beside it.

    Examples
    --------
    >>> text = "[1, 22, 3]"
    >>> removal(list(elements(text)), {2}, text)
    [(6, 9)]
    """
    cuts = []
    kept_before = False
    for i, span in enumerate(spans):
        if i not in gone:
            kept_before = True
            continue
        if kept_before:  # with the comma before it
            cuts.append((spans[i - 1].end, span.end))
        elif i + 1 < len(spans):  # with the comma and blanks after it
            cuts.append((span.start, spans[i + 1].start))
        else:
            cuts.append((span.start, span.end))
    return cuts


def _value(text: str, at: int) -> tuple[Any, int]:
    value, end = _READ(text, at)
    return value, int(end)


def _expect(text: str, at: int, sign: str) -> None:
    if text[at : at + 1] != sign:
        raise ValueError(f"expected {sign} at character {at}")
