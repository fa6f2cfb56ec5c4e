"""COCO annotations: a box gets another category, or goes; a rejected image goes with its boxes.

Items are images, named by their ``id``, and annotations, named ``<image id>#<number>``, the number being the place of
the annotation among those of its image in the file, from 0. Only the bytes of a category number change; what is
rejected goes with one comma. A new class (``--new-class``) joins the list of categories at its end. Image files stay
where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.data.mend.decisions import PART
from labelwright.data.mend.json_spans import Element, elements, member, members, removal
from labelwright.data.mend.labels import ClassNames
from labelwright.data.mend.manifest import ManifestLine, decided_lines
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.raw_text import RawText, TextEdit, spliced_text
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, quoted

_KEYS = ("images", "annotations", "categories")


@dataclass(frozen=True)
class CocoFile:
    """A COCO JSON file.

    Parameters
    ----------
    raw : RawText
    new_classes : tuple of str
    """

    raw: RawText
    new_classes: tuple[str, ...] = ()

    is_tree = False

    @property
    def path(self) -> Path:
        """The file."""
        return self.raw.path

    @cached_property
    def _text(self) -> str:
        return self.raw.data.decode()

    @cached_property
    def _lists(self) -> dict[str, list[Element]]:
        """The elements of the three lists, with their spans; the values are dictionaries."""
        found = {one.key: one.start for one in members(self._text) if one.key in _KEYS}
        lists = {key: list(elements(self._text, found[key])) for key in _KEYS}
        for key, entries in lists.items():
            for number, entry in enumerate(entries):
                if not isinstance(entry.value, dict) or ("id" not in entry.value and key != "annotations"):
                    raise self._broken(f"{key} entry {number} is no object with an id")
        return lists

    @cached_property
    def _names(self) -> dict[Any, str]:
        return {c.value["id"]: str(c.value.get("name", c.value["id"])) for c in self._lists["categories"]}

    @cached_property
    def items(self) -> Items:
        """Images first, then annotations, each in the order of the file."""
        images = [str(image.value["id"]) for image in self._lists["images"]]
        if len(set(images)) < len(images):
            raise self._broken("two images have one id")
        parts, given = self._parts(set(images))
        names = tuple(dict.fromkeys(self._names.values()))
        return Items(
            np.array([*images, *parts], dtype=np.str_),
            [*([None] * len(images)), *given],
            ClassNames(names, self.new_classes),
            frozenset(range(len(images))),
        )

    def _parts(self, images: set[str]) -> tuple[list[str], list[str | None]]:
        seen: dict[str, int] = {}
        ids: list[str] = []
        given: list[str | None] = []
        for number, annotation in enumerate(self._lists["annotations"]):
            image = str(annotation.value.get("image_id"))
            if image not in images:
                raise self._broken(f"annotations entry {number} belongs to no image (image_id {quoted(image)})")
            ids.append(f"{image}{PART}{seen.get(image, 0)}")
            seen[image] = seen.get(image, 0) + 1
            given.append(self._names.get(annotation.value.get("category_id")))
        return ids, given

    def _broken(self, problem: str) -> BadInput:
        return BadInput(problem, where=place(self.path), fix="mend the file, or export it again")

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Return nothing: the counts say it all."""
        return ()

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended file and say which decisions it holds."""
        digest = self.raw.write(spliced_text(self._text, self._edits(changes)), out)
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=digest)
        return [file, *decided_lines(changes, self.items)]

    def _edits(self, changes: Changes) -> list[TextEdit]:
        images, annotations = self._lists["images"], self._lists["annotations"]
        n = len(images)
        gone_images = {row for row in changes.reject if row < n}
        gone_ids = {images[row].value["id"] for row in gone_images}
        gone = {row - n for row in changes.reject if row >= n}
        gone |= {k for k, entry in enumerate(annotations) if entry.value.get("image_id") in gone_ids}
        edits = [TextEdit(a, b, "") for a, b in removal(images, gone_images, self._text)]
        edits += [TextEdit(a, b, "") for a, b in removal(annotations, gone, self._text)]
        number = {name: key for key, name in reversed(self._names.items())}
        added = self._added({label for label in changes.relabel.values() if label not in number}, number)
        for row, label in changes.relabel.items():
            if row - n not in gone:
                edits.append(self._recategorised(annotations[row - n], number[label], changes.decided[row].where))
        return edits + added

    def _recategorised(self, entry: Element, category: Any, where: str) -> TextEdit:
        found = member(self._text, "category_id", entry.start)
        if found is None:
            raise BadInput("the annotation has no category_id", where=where, fix="mend the file")
        return TextEdit(found.start, found.end, json.dumps(category))

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


def is_coco(content: Any) -> bool:
    """Whether parsed JSON has the lists of a COCO file."""
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in _KEYS)


def read_json(raw: RawText) -> Any:
    """Return the content of a JSON file; BadInput where it is none."""
    try:
        return json.loads(raw.data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is not JSON ({said(error)})", where=place(raw.path), fix="export it again") from None
