"""YOLO data sets: the class of a line in a label file changes, a line goes, or an image is put aside with its labels.

The folder holds ``data.yaml`` with ``names`` and the folders of its splits, images below ``images/`` and, in step with
them, ``labels/``. Items are images, named by their path in the folder (``images/train/7.jpg``), and boxes, named
``<image>#<number>``, the number being that of the line in the label file, blank lines not counted, from 0; boxes with
new bounds are named as in `box_parts`. Only the numbers of a line that is decided on change, what is new joins the end.
Rejected images and their labels go to ``_rejected/``; everything else is copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from labelwright.data.mend.box_parts import BoxPart, placed, read_box_parts
from labelwright.data.mend.decisions import PART, Decisions
from labelwright.data.mend.labels import ClassNames
from labelwright.data.mend.manifest import MANIFEST, ManifestLine, decided_line, decided_lines, file_sha256
from labelwright.data.mend.placement import Placement, place_all
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.raw_text import Edit, spliced
from labelwright.data.mend.tree import place_file, read_tree
from labelwright.data.parts.image_sizes import image_size
from labelwright.data.readers.image_folder import REJECTED
from labelwright.data.readers.yolo import Line, label_file, read_lines, yolo_images
from labelwright.errors import BadInput


class Box(NamedTuple):
    """A line of a label file and the image that it is about."""

    image: int
    line: Line


@dataclass(frozen=True)
class YoloFolder:
    """A YOLO data set.

    Parameters
    ----------
    path : Path
    names : tuple of str
        The classes by their numbers.
    link : bool
        Give unchanged files a second name in place of a copy.
    parts : tuple of BoxPart
        Boxes with new bounds that decisions are about; see `about`.
    """

    path: Path
    names: tuple[str, ...]
    link: bool = False
    parts: tuple[BoxPart, ...] = ()

    is_tree = True

    @cached_property
    def _files(self) -> list[str]:
        return read_tree(self.path).files

    @cached_property
    def _images(self) -> list[str]:
        return yolo_images(self._files, self.path)

    @cached_property
    def _boxes(self) -> list[Box]:
        known = frozenset(self._files)
        return [
            Box(i, line)
            for i, image in enumerate(self._images)
            if label_file(image) in known
            for line in read_lines(self._bytes(label_file(image)), label_file(image), len(self.names))
        ]

    def _bytes(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def about(self, decisions: Decisions) -> YoloFolder:
        """Return the same with the boxes that decisions move or draw as items."""
        counts = np.bincount([box.image for box in self._boxes], minlength=len(self._images))
        return replace(self, parts=read_box_parts(decisions, dict(zip(self._images, counts.tolist(), strict=True))))

    @cached_property
    def items(self) -> Items:
        """Images first, then boxes, each in the order of their files."""
        ids, labels, seen = list(self._images), [], dict[int, int]()
        for box in self._boxes:
            ids.append(f"{self._images[box.image]}{PART}{seen.get(box.image, 0)}")
            seen[box.image] = seen.get(box.image, 0) + 1
            labels.append(self.names[box.line.kind])
        ids += [part.id for part in self.parts]
        moved = [None if part.number is None else self._described(part) for part in self.parts]
        nothing: list[str | None] = [None] * len(self._images)
        rule = ClassNames(tuple(dict.fromkeys(self.names)), closed="data.yaml lists the classes")
        return Items(np.array(ids, dtype=np.str_), [*nothing, *labels, *moved], rule, frozenset(range(len(nothing))))

    def _box(self, part: BoxPart) -> Box:
        image = self._images.index(part.image)
        return [box for box in self._boxes if box.image == image][part.number or 0]

    def _described(self, part: BoxPart) -> str:
        line = self._box(part).line
        rest = self._bytes(label_file(part.image))[line.rest_start : line.rest_end]
        return f"{self.names[line.kind]} at {rest.decode(errors='replace').strip()}"

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Return nothing: the counts say it all."""
        return ()

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the new data set into the empty folder `out`."""
        edits = self._edits(changes)
        row_of = {image: row for row, image in enumerate(self._images)}
        gone = {self._images[row] for row in changes.reject if row in range(len(self._images))}
        aside = gone | {label_file(image) for image in gone}
        rows = [(row_of.get(name), name) for name in self._files]
        whole, _ = place_all(rows, lambda row, old: f"{REJECTED}/{old}" if old in aside else None, (MANIFEST,))
        lines = [self._placed(one, out, edits.get(one.old), changes) for one in whole]
        lines += [self._new_file(name, mine, out) for name, mine in edits.items() if name not in set(self._files)]
        parts = [line for line in decided_lines(changes, self.items) if line.id not in row_of]
        return [*lines, *parts]

    def _edits(self, changes: Changes) -> dict[str, list[Edit]]:
        n = len(self._images)
        first = n + len(self._boxes)
        edits: dict[str, list[Edit]] = {}
        number = {name: k for k, name in reversed(list(enumerate(self.names)))}
        for row in (*changes.relabel, *changes.reject):
            if not n <= row < first:
                continue
            line = self._boxes[row - n].line
            edit = (
                Edit(line.start, line.end, b"")
                if row in changes.reject
                else Edit(line.number_start, line.number_end, str(number[changes.relabel[row]]).encode())
            )
            edits.setdefault(label_file(self._images[self._boxes[row - n].image]), []).append(edit)
        for row, part, label in placed(self.parts, first, changes):
            mine = edits.setdefault(label_file(part.image), [])
            mine += self._with_bounds(part, number[label], changes.decided[row].where)
        return edits

    def _with_bounds(self, part: BoxPart, kind: int, where: str) -> Iterator[Edit]:
        """Yield the edits that move a box, or draw it on a line of its own at the end of the file."""
        width, height = image_size(self.path / part.image)
        left, top, wide, high = part.bounds
        shares = ((left + wide / 2) / width, (top + high / 2) / height, wide / width, high / height)
        text = " ".join(f"{share:.6f}" for share in shares)
        name = label_file(part.image)
        data = self._bytes(name) if name in frozenset(self._files) else b""
        if part.number is None:
            ended = not data or data.endswith((b"\n", b"\r"))
            yield Edit(len(data), len(data), f"{'' if ended else chr(10)}{kind} {text}\n".encode())
            return
        line = self._box(part).line
        if len(data[line.rest_start : line.rest_end].split()) > 5:
            raise BadInput("the line is an outline, not a box", where=where, fix="draw it again in its own tool")
        yield Edit(line.number_start, line.rest_end, f"{kind} {text}".encode())

    def _placed(self, one: Placement, out: Path, edits: list[Edit] | None, changes: Changes) -> ManifestLine:
        target = out / one.new
        target.parent.mkdir(parents=True, exist_ok=True)
        if edits is None:
            digest = place_file(self.path / one.old, target, link=self.link)
        else:
            target.write_bytes(b"".join(spliced((self.path / one.old).read_bytes(), edits)))
            digest = file_sha256(target)
        line = ManifestLine() if one.row is None else decided_line(one.row, changes, self.items)
        return line._replace(old_path=one.old, new_path=one.new, sha256=digest)

    def _new_file(self, name: str, edits: list[Edit], out: Path) -> ManifestLine:
        """Write the label file of an image that had none."""
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"".join(edit.text for edit in edits))
        return ManifestLine(new_path=name, sha256=file_sha256(target))
