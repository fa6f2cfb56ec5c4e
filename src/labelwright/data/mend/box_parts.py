"""Boxes that decisions move or draw anew, by the names that an audit gives them.

    <image>#3:10,20,30,40      box 3 of the image gets these bounds: left, top, width, height in pixels
    <image>#new:10,20,30,40    a box is drawn there

The decision is relabel; its label is the class of the box.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from labelwright.data.mend.decisions import PART, Decision
from labelwright.data.mend.plan import Changes
from labelwright.errors import BadInput, quoted

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_NAME = re.compile(rf"(.*){PART}(new|\d+):{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}", re.S)
Bounds = tuple[float, float, float, float]


class BoxPart(NamedTuple):
    """A box with new bounds (left, top, width, height): its decision's id, its image, its number or None when new."""

    id: str
    image: str
    number: int | None
    bounds: Bounds


def box_name(number: int | None, bounds: Bounds) -> str:
    """Return the part of a box that is to be moved, or drawn anew.

    Examples
    --------
    >>> box_name(3, (10.0, 20.5, 30.0, 40.0)), box_name(None, (0, 0, 5, 5))
    ('3:10,20.5,30,40', 'new:0,0,5,5')
    """
    return f"{'new' if number is None else number}:" + ",".join(written(value) for value in bounds)


def written(value: float) -> str:
    """Return a length in pixels with at most two digits after the point."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def read_box_parts(decisions: Iterable[Decision], boxes_of: Mapping[str, int]) -> tuple[BoxPart, ...]:
    """Return the boxes with new bounds that decisions name; `boxes_of` counts the boxes of each image.

    Raises
    ------
    BadInput
        The box does not exist, has no extent, or is decided on under two names.
    """
    found: dict[str, BoxPart] = {}
    changed = {entry.id for entry in decisions if entry.decision in ("relabel", "reject")}
    for entry in decisions:
        match = _NAME.fullmatch(entry.id)
        if match is None or match[1] not in boxes_of:
            continue
        number = None if match[2] == "new" else int(match[2])
        bounds = float(match[3]), float(match[4]), float(match[5]), float(match[6])
        if number is not None and number >= boxes_of[match[1]]:
            raise BadInput(
                f"{quoted(match[1])} has {boxes_of[match[1]]} boxes and no number {number}",
                where=entry.where,
                fix="copy the part as the audit wrote it",
            )
        if min(bounds[2:]) <= 0:
            raise BadInput(f"{quoted(entry.id)} has no extent", where=entry.where, fix="give width and height above 0")
        if entry.decision == "reject":
            raise BadInput(
                f"{quoted(entry.id)} is a box as it might be", where=entry.where, fix="reject the box itself, or keep"
            )
        plain = f"{match[1]}{PART}{number}"
        if entry.decision == "relabel" and plain in changed:
            raise BadInput(f"{quoted(plain)} is decided on under two names", where=entry.where, fix="leave one")
        found[entry.id] = BoxPart(entry.id, match[1], number, bounds)
    moved = [(one.image, one.number) for one in found.values() if one.number is not None and one.id in changed]
    if len(set(moved)) < len(moved):
        twice = next(one for one in moved if moved.count(one) > 1)
        raise BadInput(f"box {twice[1]} of {quoted(twice[0])} gets two bounds", fix="leave one of the decisions")
    return tuple(found.values())


def placed(parts: tuple[BoxPart, ...], first: int, changes: Changes) -> list[tuple[int, BoxPart, str]]:
    """Return (item, box, class) of the boxes that the changes move or draw; `first` is the item of the first part."""
    rows = ((first + k, part) for k, part in enumerate(parts))
    return [(row, part, changes.relabel[row]) for row, part in rows if row in changes.relabel]
