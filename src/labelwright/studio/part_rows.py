"""Parts of rows that are decided on: tokens and spans of sentences, boxes and regions of images.

A project of such data has an item for every row, and after these one for every part that the audit doubts or that a
person marks, named as `labelwright apply` names it: ``<row>#<part>``. So decisions, history, undo and export are those
of whole rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import Any

import pyarrow.compute as pc

from labelwright.audit.run import AuditResult
from labelwright.data.dataset import Dataset
from labelwright.data.image_files import Head
from labelwright.data.mend.box_parts import box_name
from labelwright.data.parts.frames import Frame, Frames
from labelwright.data.parts.image_boxes import ImageBoxes, box_frames
from labelwright.data.parts.mask_files import MaskFiles, mask_frames
from labelwright.data.parts.regions import read_region
from labelwright.data.parts.sentences import Sentences
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.studio.label_codes import encoded

TASKS = ("token", "detection", "segmentation")
NOTHING = "O"  # the tag of tokens that belong to no span
VOID_KIND, NO_KIND = -1, -2  # what masks hold where no class is known; what they never hold
VOID_PIXEL = 0xFFFF  # the same in the picture of a mask that pages read
_IMAGES = {"detection": "file", "segmentation": "image"}
_SPAN, _NUMBER = re.compile(r"([0-9]{1,9})-([0-9]{1,9})"), re.compile(r"[0-9]{1,9}")
_BOX = re.compile(r"(new|[0-9]{1,9}):" + ",".join([r"(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)"] * 4))


def image_column(dataset: Dataset) -> str | None:
    """Return the column that holds the image of each row; None where rows have none."""
    return dataset.plan.image or _IMAGES.get(dataset.plan.task)


def type_of(tag: str) -> str:
    """Return the type of the span that a tag belongs to: ``LOC`` of ``B-LOC``, the tag itself where it has none."""
    return tag.partition("-")[2] or tag


def class_names(dataset: Dataset) -> list[str]:
    """Return every class that a part may have: the classes, for tokens also the types of spans, for pixels void."""
    names = list(dataset.space.names) if dataset.space is not None else []
    if dataset.plan.task == "token":
        names += [type_of(name) for name in names]
    return list(dict.fromkeys([*names, *void_names(dataset)[:1]]))


def void_names(dataset: Dataset) -> list[str]:
    """Return what pixels of no class may be called, the data's own word first; nothing where there can be none."""
    return list(dataset.parts.voids) if isinstance(dataset.parts, MaskFiles) else []


def part_items(audit: AuditResult) -> Iterator[dict[str, Any]]:
    """Yield an item for each part in doubt, worst first; parts that overlap a worse one are left out."""
    dataset, issues = audit.dataset, audit.issues
    numbers = {name: k for k, name in enumerate(class_names(dataset))}
    doubted = issues.filter(pc.and_(pc.equal(issues["level"], "part"), issues["is_issue"])).sort_by("score")
    taken: set[tuple[int, str]] = set()
    row = len(dataset)
    for told in doubted.select(["row", "part", "given", "suggested", "score"]).to_pylist():
        own = {(told["row"], key) for key in _keys(dataset, told["part"])}
        if own & taken:
            continue
        taken |= own
        given = dict.fromkeys((told["given"] or "").split(" ")) if dataset.plan.task == "token" else [told["given"]]
        label = _code(numbers, next(iter(given)) if len(given) == 1 else None)
        yield {
            "row": row,
            "name": f"{dataset.ids[told['row']]}#{told['part']}",
            "given": label,
            "label": label,
            "suggested": _code(numbers, told["suggested"]),
            "score": float(told["score"]),
            "flagged": True,
            "check_place": None,
        }
        row += 1


def token_numbers(part: str) -> range:
    """Return the tokens that a part of a sentence is about: those of ``2-4``, or ``3`` alone."""
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)


def _code(numbers: dict[str, int], name: str | None) -> str | None:
    return encoded([numbers[name]]) if name in numbers else None


def _keys(dataset: Dataset, part: str) -> list[str]:
    """Return what a part is about, so that two that are about the same are seen: tokens, a box, or itself."""
    if dataset.plan.task == "token":
        return [str(k) for k in token_numbers(part)]
    number = part.partition(":")[0]
    return [number if dataset.plan.task == "detection" and number != "new" else part]


@dataclass
class PartRows:
    """The rows of a data set by name, and what may be said of their parts.

    Parameters
    ----------
    dataset : Dataset
        With parts.
    head : callable
        The head of the file of a row's image, None where it cannot be had.
    """

    dataset: Dataset
    head: Callable[[int], Head | None] = lambda row: None

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {str(name): row for row, name in enumerate(self.dataset.ids.tolist())}

    def place(self, name: str) -> tuple[int, str | None]:
        """Return the row and the part that an item is named after; None = the whole row.

        Raises
        ------
        BadInput
            There is no such row.
        """
        if name in self._rows:
            return self._rows[name], None
        cut = name.rfind("#")
        while cut > 0:
            if name[:cut] in self._rows:
                return self._rows[name[:cut]], name[cut + 1 :]
            cut = name.rfind("#", 0, cut)
        raise BadInput(f"there is no row {quoted(name)}", fix="reload the page")

    def given_words(self, row: int, part: str | None) -> str | None:
        """Return what stands in the data for a part: the tags of its tokens, the class of a box or region."""
        held, space = self.dataset.parts, self.dataset.space
        if part is None or space is None:
            return None
        if isinstance(held, Sentences):
            start = int(held.offsets[row])
            tags = space.decode(self.dataset.labels[[start + int(k) for k in _keys(self.dataset, part)]])
            return " ".join(dict.fromkeys(str(tag) for tag in tags))
        if isinstance(held, ImageBoxes):
            number = part.partition(":")[0]
            kind = None if number == "new" else held.boxes.classes[int(held.boxes.offsets[row]) + int(number)]
            return None if kind is None else space.names[int(kind)]
        return part.partition(":")[2].partition("~")[0]

    def overlap(self, one: str, other: str) -> bool:
        """Say whether two parts of one row are about the same tokens, the same box or the same pixels."""
        if self.dataset.plan.task == "segmentation":
            return read_region(one, "").overlaps(read_region(other, ""))
        return bool(set(_keys(self.dataset, one)) & set(_keys(self.dataset, other)))

    def options(self, part: str | None, classes: list[str]) -> list[str]:
        """Return the classes that a part may get."""
        if part is None:
            return []
        tags = self.dataset.space.names if self.dataset.space is not None else ()
        if self.dataset.plan.task != "token":
            return classes
        if _NUMBER.fullmatch(part):
            return [name for name in classes if name in tags]
        return [*(name for name in classes if name not in tags and name != NOTHING), NOTHING]

    def may_be_rejected(self, part: str | None) -> bool:
        """Say whether a part can be taken out: a whole row, or a box as it is."""
        return part is None or (self.dataset.plan.task == "detection" and _NUMBER.fullmatch(part) is not None)

    def check(self, part: str | None, verdict: str, label: Any, classes: list[str]) -> None:
        """Raise BadInput where a decision cannot be made true in the data."""
        if verdict == "reject" and not self.may_be_rejected(part):
            raise BadInput("this part cannot be taken out", fix="keep it, or give it another class")
        options = self.options(part, classes)
        if verdict == "relabel" and str(label) not in options:
            what = (
                "a whole row has no class of its own" if part is None else f"{quoted(label)} is no class of this part"
            )
            raise BadInput(what, fix="mark a part of it" if part is None else did_you_mean(str(label), options))

    def checked_part(self, row: int, part: str) -> str:
        """Return a part that a person marks, as it is written; BadInput where there is none such."""
        parts = self.dataset.parts
        span = _SPAN.fullmatch(part) if isinstance(parts, Sentences) else None
        if span is not None and int(span[1]) <= int(span[2]) < len(parts.words(row)):
            return f"{int(span[1])}-{int(span[2])}"
        if isinstance(parts, ImageBoxes):
            number = len(parts.boxes.classes[slice(*parts.boxes.offsets[row : row + 2])])
            box = _BOX.fullmatch(part)
            named = box[1] if box else part
            if named == "new" or (_NUMBER.fullmatch(named) and int(named) < number):
                return part if box is None else self._checked_bounds(row, box)
        if isinstance(parts, MaskFiles) and self._is_region(row, part):
            return part
        raise BadInput(f"{quoted(part)} is no part of this row", fix="mark it anew")

    def kind_of(self, name: str) -> int:
        """Return the number that a class has in the masks of `MaskFiles`: `VOID_KIND` for void, `NO_KIND` for none."""
        if name in void_names(self.dataset):
            return VOID_KIND
        return NO_KIND if self.dataset.space is None else self.dataset.space.index.get(name, NO_KIND)

    def _is_region(self, row: int, part: str) -> bool:
        """Say whether a region lies in the mask and holds pixels of its class alone."""
        region, kinds = read_region(part, ""), self.dataset.parts[row]
        if region.bottom >= kinds.shape[0] or region.right >= kinds.shape[1]:
            return False
        same = kinds[region.window] == self.kind_of(region.kind)
        return bool(same.any() if region.inside is None else region.inside.any() and same[region.inside].all())

    def _checked_bounds(self, row: int, box: re.Match[str]) -> str:
        left, top, width, height = (float(box[k]) for k in range(2, 6))
        place = self.frame(row)
        wide, high = place.width, place.height
        inside = min(left, top) >= 0 and left + width <= wide + 1 and top + height <= high + 1
        if min(width, height) <= 0 or not inside:
            raise BadInput("the box does not lie within the image", fix="draw it within the image")
        return box_name(None if box[1] == "new" else int(box[1]), (left, top, width, height))

    @cached_property
    def _frames(self) -> Frames:
        held = self.dataset.parts
        return mask_frames(held, self.head) if isinstance(held, MaskFiles) else box_frames(held, self.head)

    def frame(self, row: int) -> Frame:
        """Return the pixels that the boxes or the mask of an image are told in, and how these lie on it."""
        place = self._frames.of(row)
        if not isnan(place.width + place.height):
            return place
        boxes = self.dataset.parts.boxes  # neither the data nor a file tells: as far as they reach
        reach = boxes.corners[slice(*boxes.offsets[row : row + 2]), 2:].max(axis=0, initial=1.0).tolist()
        return Frame(*reach)
