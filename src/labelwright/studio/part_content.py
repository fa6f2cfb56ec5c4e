"""What the data hold where an item of a project with parts lies, so that it is found again in newer data.

A name alone does not say it: sentences may be numbered, boxes are, and what was seen may have been changed elsewhere.
Kept with an item are the hash of a sentence's words, the tags of a part of it, and the bounds and class of a box. A
region of a mask names its pixels and their class itself.
"""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import Connection, func, insert, select

from labelwright.data.parts.image_boxes import ImageBoxes
from labelwright.data.parts.sentences import Sentences
from labelwright.studio import tables as t
from labelwright.studio.part_rows import PartRows, token_numbers

Box = tuple[float, float, float, float, str]  # left, top, width, height, class


def item_of(connection: Connection, parts: PartRows, row: int, part: str | None) -> int:
    """Return the item of a part, which is made where there is none; the row itself where no part is meant."""
    if part is None:
        return row
    i, name = t.item.c, f"{parts.dataset.ids[row]}#{part}"
    known = connection.scalar(select(i.row).where(i.name == name))
    if known is not None:
        return int(known)
    # Who else marks a part at this moment waits here, so that no number is given twice.
    connection.execute(select(t.meta.c.key).where(t.meta.c.key == "fingerprint").with_for_update())
    number = int(connection.scalar(select(func.max(i.row))) or 0) + 1
    connection.execute(insert(t.item).values(row=number, name=name, flagged=False, marked=False, version=0))
    content = content_of(parts, row, part)
    if content is not None:
        connection.execute(insert(t.part_content).values(row=number, content=content))
    return number


def content_of(parts: PartRows, row: int, part: str | None) -> str | None:
    """Return what the data hold of a row, or of a part of it; None where its name says it."""
    held = parts.dataset.parts
    if isinstance(held, Sentences):
        return words_hash(held.words(row)) if part is None else json.dumps(tags_of(parts, row, part))
    if isinstance(held, ImageBoxes) and part is not None and not part.startswith("new"):
        return json.dumps(boxes_of(parts, row)[int(part.partition(":")[0])])
    return None


def words_hash(words: tuple[str, ...]) -> str:
    """Return what names a sentence by its words."""
    return hashlib.blake2b("\x00".join(words).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def tags_of(parts: PartRows, row: int, part: str) -> list[str]:
    """Return the tags of the tokens that a part is about."""
    space, start = parts.dataset.space, int(parts.dataset.parts.offsets[row])
    assert space is not None
    return [str(tag) for tag in space.decode(parts.dataset.labels[[start + k for k in token_numbers(part)]])]


def boxes_of(parts: PartRows, row: int) -> list[Box]:
    """Return the boxes of an image with their classes, in their order."""
    boxes, space = parts.dataset.parts.boxes, parts.dataset.space
    assert space is not None
    mine = slice(*boxes.offsets[row : row + 2])
    places = zip(boxes.corners[mine].tolist(), boxes.classes[mine].tolist(), strict=True)
    return [(a, b, c - a, d - b, space.names[kind]) for (a, b, c, d), kind in places]
