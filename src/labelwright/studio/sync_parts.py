"""Find what decisions about sentences, images and their parts are about again in newer data.

Images go by their names, sentences by their words where they are only numbered. A part is the same where the data hold
there what people saw: the same tags, a box of the same bounds and class (whatever its number is now), pixels of the
same class. Where they hold what was decided, the decision is true already.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from labelwright.data.dataset import Dataset
from labelwright.data.mend.box_parts import box_name
from labelwright.data.parts.image_boxes import ImageBoxes
from labelwright.data.parts.regions import read_region, region_name
from labelwright.data.parts.sentences import Sentences
from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.part_content import Box, boxes_of, tags_of, words_hash
from labelwright.studio.part_rows import NOTHING, PartRows
from labelwright.studio.project import facts

GONE, CHANGED = "gone", "label_changed"
NEAR = 0.02  # pixels: names of boxes are rounded to hundredths


class Place(NamedTuple):
    """Where a decision lies in the newer data: the row, the part of it, and whether it is true there already."""

    row: int
    part: str | None
    true: bool = False


class PartsAgain:
    """The items of an older project of sentences or images, as they are found in newer data.

    Parameters
    ----------
    old : Connection
        To the older project.
    dataset : Dataset
        The newer data.
    """

    def __init__(self, old: Connection, dataset: Dataset) -> None:
        self.parts = PartRows(dataset)
        i, c = t.item.c, t.part_content.c
        self._content = {told.row: told.content for told in old.execute(select(c.row, c.content))}
        rows = old.execute(select(i.row, i.name).where(i.row < facts(old)["n_rows"]).order_by(i.row))
        names = {told.name: told.row for told in rows}
        self._rows = self._matched(names)
        self._old = names

    @property
    def new_rows(self) -> list[str]:
        """The names of rows that the older project did not have."""
        found = {row for row in self._rows.values() if row is not None}
        return [str(name) for row, name in enumerate(self.parts.dataset.ids.tolist()) if row not in found]

    def place(self, told: Any, wanted: str | None) -> Place | str | None:
        """Return where a decided item lies now; GONE or CHANGED; None where it is true and nothing is left of it.

        `wanted` is the label that was decided, in the words of the data.
        """
        name, part = self._split(told.name)
        row = self._rows.get(name)
        if row is None:
            return GONE
        held, content = self.parts.dataset.parts, self._content.get(told.row)
        if isinstance(held, Sentences) and words_hash(held.words(row)) != self._content.get(self._old[name]):
            return CHANGED
        if part is None:
            return Place(row, None)
        try:
            if isinstance(held, Sentences):
                return self._span(row, part, json.loads(content or "null"), wanted)
            if isinstance(held, ImageBoxes):
                return self._box(row, part, json.loads(content or "null"), told.verdict, wanted)
            return self._region(row, part, wanted)
        except (BadInput, IndexError):  # it does not fit there any more
            return CHANGED

    def _matched(self, names: dict[str, int]) -> dict[str, int | None]:
        """Return the row of the newer data for the name of each older row.

        Of numbered sentences with the same words those go together that have the same number, then first with first.
        """
        held = self.parts.dataset.parts
        known = {str(name): row for row, name in enumerate(self.parts.dataset.ids.tolist())}
        if not isinstance(held, Sentences):
            return {name: known.get(name) for name in names}
        if not _numbered(names) and not _numbered(known):
            return {name: known.get(name) for name in names}
        hashes = [words_hash(held.words(row)) for row in range(len(held.names))]
        found: dict[str, int | None] = {
            name: row for name, row in names.items() if row < len(hashes) and hashes[row] == self._content.get(row)
        }
        free: dict[str, list[int]] = defaultdict(list)
        for row in sorted(set(range(len(hashes))) - set(found.values()), reverse=True):
            free[hashes[row]].append(row)
        for name, row in names.items():
            if name not in found:
                same = free[self._content.get(row, "")]
                found[name] = same.pop() if same else None
        return found

    def _split(self, name: str) -> tuple[str, str | None]:
        cut = len(name)
        while cut > 0:
            if name[:cut] in self._old:
                return name[:cut], name[cut + 1 :] or None
            cut = name.rfind("#", 0, cut)
        return name, None

    def _span(self, row: int, part: str, was: list[str] | None, wanted: str | None) -> Place | str:
        now = tags_of(self.parts, row, part)
        if wanted is not None and now == _tags(wanted, part, len(now)):
            return Place(row, part, now != was)
        return Place(row, part) if now == was else CHANGED

    def _box(self, row: int, part: str, was: Any, verdict: str, wanted: str | None) -> Place | str | None:
        now, (number, _, bounds) = boxes_of(self.parts, row), part.partition(":")
        place = tuple(map(float, bounds.split(","))) if bounds else None
        before: Box | None = None if was is None else (*was[:4], was[4])
        if verdict == "relabel" and place is not None:
            done = _find(now, (*place[:4], wanted))
            if done is not None:
                return Place(row, str(done), True)
        if number == "new":
            return Place(row, self.parts.checked_part(row, part))
        if before is None:
            return CHANGED
        same = _find(now, before)
        if same is not None:
            return Place(row, str(same) if place is None else box_name(same, place))  # type: ignore[arg-type]
        there = _find(now, (*before[:4], None))
        if there is None:
            return None if verdict == "reject" else GONE
        done_here = verdict == "relabel" and place is None and now[there][4] == wanted
        return Place(row, str(there), True) if done_here else CHANGED

    def _region(self, row: int, part: str, wanted: str | None) -> Place | str:
        region, kinds = read_region(part, ""), self.parts.dataset.parts[row]
        window = kinds[region.window]
        if window.shape != (region.bottom - region.top + 1, region.right - region.left + 1):
            return CHANGED
        was = window == self.parts.kind_of(region.kind)
        if region.inside is None:
            return Place(row, part) if was.any() else CHANGED
        if was[region.inside].all():
            return Place(row, part)
        if wanted is None or not (window[region.inside] == self.parts.kind_of(wanted)).all():
            return CHANGED
        pixels = np.zeros(kinds.shape, dtype=bool)
        pixels[region.window] = region.inside
        return Place(row, region_name(pixels, wanted), True)


def _numbered(names: dict[str, int]) -> bool:
    """Say whether sentences have numbers for names, which move with what is put before them."""
    return all(name == str(row) for name, row in names.items())


def _tags(wanted: str, part: str, n: int) -> list[str]:
    """Return the tags that a decision about a span, or a single token, asks for."""
    if wanted == NOTHING or "-" not in part:
        return [wanted] * n
    return [f"B-{wanted}", *[f"I-{wanted}"] * (n - 1)]


def _find(boxes: list[Box], wanted: tuple[Any, ...]) -> int | None:
    """Return the number of the box with these bounds and class (None: any)."""
    for number, box in enumerate(boxes):
        near = all(abs(a - b) <= NEAR for a, b in zip(box[:4], wanted[:4], strict=True))
        if near and wanted[4] in (None, box[4]):
            return number
    return None
