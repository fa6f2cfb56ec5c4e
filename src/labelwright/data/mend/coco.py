"""COCO annotations: a box gets another category or other bounds, is drawn anew, or goes; an image goes with its boxes.

Items are images, named by their ``id``, and annotations, named ``<image id>#<number>``, the number being the place of
the annotation among those of its image in the file, from 0; boxes with new bounds are named as in `box_parts`. Only
the bytes of what is decided change; what is rejected goes with one comma, what is new joins its list at the end. A new
class (``--new-class``) joins the categories. Image files stay where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from labelwright.data.mend.box_parts import BoxPart, placed, read_box_parts, written
from labelwright.data.mend.decisions import PART, Decisions
from labelwright.data.mend.json_file import JsonFile
from labelwright.data.mend.json_spans import Element, elements, member, members, removal
from labelwright.data.mend.labels import ClassNames
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.raw_text import TextEdit
from labelwright.data.readers.coco import KEYS, category_names, check_entries, image_names, part_numbers
from labelwright.errors import BadInput


@dataclass(frozen=True)
class CocoFile(JsonFile):
    """A COCO JSON file.

    Parameters
    ----------
    raw : RawText
    new_classes : tuple of str
    parts : tuple of BoxPart
        Boxes with new bounds that decisions are about; see `about`.
    """

    parts: tuple[BoxPart, ...] = ()

    @cached_property
    def _starts(self) -> dict[str, int]:
        return {one.key: one.start for one in members(self._text) if one.key in KEYS}

    @cached_property
    def _lists(self) -> dict[str, list[Element]]:
        """The elements of the three lists, with their spans; the values are dictionaries."""
        lists = {key: list(elements(self._text, self._starts[key])) for key in KEYS}
        for key, entries in lists.items():
            check_entries(key, [entry.value for entry in entries], self.path)
        return lists

    @cached_property
    def _names(self) -> dict[Any, str]:
        return category_names([one.value for one in self._lists["categories"]])

    @cached_property
    def _numbers(self) -> list[tuple[str, int]]:
        """The image and the number of each annotation."""
        images = set(image_names([image.value for image in self._lists["images"]], self.path))
        return part_numbers([one.value for one in self._lists["annotations"]], images, self.path)

    def about(self, decisions: Decisions) -> CocoFile:
        """Return the same with the boxes that decisions move or draw as items."""
        counts = dict.fromkeys((str(image.value["id"]) for image in self._lists["images"]), 0)
        for image, _ in self._numbers:
            counts[image] += 1
        return replace(self, parts=read_box_parts(decisions, counts))

    @cached_property
    def items(self) -> Items:
        """Images first, then annotations, each in the order of the file, then boxes with new bounds."""
        images = [str(image.value["id"]) for image in self._lists["images"]]
        ids = [f"{image}{PART}{number}" for image, number in self._numbers]
        given = [self._names.get(one.value.get("category_id")) for one in self._lists["annotations"]]
        moved = [None if part.number is None else self._described(part) for part in self.parts]
        return Items(
            np.array([*images, *ids, *(part.id for part in self.parts)], dtype=np.str_),
            [*([None] * len(images)), *given, *moved],
            ClassNames(tuple(dict.fromkeys(self._names.values())), self.new_classes),
            frozenset(range(len(images))),
        )

    def _entry(self, part: BoxPart) -> Element:
        return self._lists["annotations"][self._numbers.index((part.image, part.number))]  # type: ignore[arg-type]

    def _described(self, part: BoxPart) -> str:
        value = self._entry(part).value
        return f"{self._names.get(value.get('category_id'))} at {value.get('bbox')}"

    def _edits(self, changes: Changes) -> list[TextEdit]:
        images, annotations = self._lists["images"], self._lists["annotations"]
        n, first = len(images), len(images) + len(annotations)
        gone_images = {row for row in changes.reject if row < n}
        gone_ids = {images[row].value["id"] for row in gone_images}
        gone = {row - n for row in changes.reject if n <= row < first}
        gone |= {k for k, entry in enumerate(annotations) if entry.value.get("image_id") in gone_ids}
        edits = [TextEdit(a, b, "") for a, b in removal(images, gone_images, self._text)]
        edits += [TextEdit(a, b, "") for a, b in removal(annotations, gone, self._text)]
        number = {name: key for key, name in reversed(self._names.items())}
        added = self._added({label for label in changes.relabel.values() if label not in number}, number)
        for row, label in changes.relabel.items():
            if row < first and row - n not in gone:
                edits.append(self._recategorised(annotations[row - n], number[label], changes.decided[row].where))
        new = []
        for row, part, label in placed(self.parts, first, changes):
            if part.image in {str(one) for one in gone_ids}:
                continue
            if part.number is None:
                new.append((part, number[label]))
            else:
                edits += self._moved(part, number[label], changes.decided[row].where)
        return [*edits, *added, *self._drawn(new, len(annotations) == len(gone))]

    def _recategorised(self, entry: Element, category: Any, where: str) -> TextEdit:
        found = member(self._text, "category_id", entry.start)
        if found is None:
            raise BadInput("the annotation has no category_id", where=where, fix="mend the file")
        return TextEdit(found.start, found.end, json.dumps(category))

    def _moved(self, part: BoxPart, category: Any, where: str) -> Iterator[TextEdit]:
        """Yield the edits that give a box its class, its bounds and, where the file has it, its area."""
        entry = self._entry(part)
        yield self._recategorised(entry, category, where)
        box, area = (member(self._text, key, entry.start) for key in ("bbox", "area"))
        if box is None or entry.value.get("segmentation"):
            what = "has an outline too" if box is not None else "has no bbox"
            raise BadInput(f"the annotation {what}", where=where, fix="draw it again in the tool that made it")
        yield TextEdit(box.start, box.end, f"[{', '.join(written(value) for value in part.bounds)}]")
        if area is not None:
            yield TextEdit(area.start, area.end, written(part.bounds[2] * part.bounds[3]))

    def _drawn(self, new: list[tuple[BoxPart, Any]], empty: bool) -> list[TextEdit]:
        """Return the edit that adds boxes at the end of the annotations."""
        if not new:
            return []
        annotations, images = self._lists["annotations"], self._lists["images"]
        keys = {str(image.value["id"]): image.value["id"] for image in images}
        largest = max((one.value["id"] for one in annotations if isinstance(one.value.get("id"), int)), default=0)
        texts = []
        for k, (part, category) in enumerate(new, start=1):
            bounds = [float(written(value)) for value in part.bounds]
            facts = {"id": largest + k, "image_id": keys[part.image], "category_id": category, "bbox": bounds}
            texts.append(json.dumps(facts | {"area": round(bounds[2] * bounds[3], 2), "iscrowd": 0}))
        at = annotations[-1].end if annotations else self._starts["annotations"] + 1
        return [TextEdit(at, at, ("" if empty else ", ") + ", ".join(texts))]

    def _added(self, names: Iterable[str], number: dict[str, Any]) -> list[TextEdit]:
        """Return the edit that adds new categories, and put their numbers into `number`."""
        categories = self._lists["categories"]
        largest = max((c.value["id"] for c in categories if isinstance(c.value["id"], int)), default=0)
        text = ""
        for k, name in enumerate(sorted(names), start=1):
            number[name] = largest + k
            text += ", " + json.dumps({"id": largest + k, "name": name}, ensure_ascii=self._text.isascii())
        if not text or not categories:
            return []
        return [TextEdit(categories[-1].end, categories[-1].end, text)]
