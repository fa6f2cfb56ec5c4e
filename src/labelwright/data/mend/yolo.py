"""YOLO data sets: the class of a line in a label file changes, a line goes, or an image is put aside with its labels.

The folder holds ``data.yaml`` with ``names`` and the folders of its splits, images below ``images/`` and, in step with
them, ``labels/``. Items are images, named by their path in the folder (``images/train/7.jpg``), and boxes, named
``<image>#<number>``, the number being that of the line in the label file, blank lines not counted, from 0. Only the
class number of a line changes. Rejected images and their labels go to ``_rejected/``; everything else is copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import yaml

from labelwright.data.mend.decisions import PART
from labelwright.data.mend.labels import ClassNames
from labelwright.data.mend.manifest import MANIFEST, ManifestLine, decided_line, decided_lines, file_sha256
from labelwright.data.mend.placement import Placement, place_all
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.raw_text import Edit, spliced
from labelwright.data.mend.tree import place_file, read_tree
from labelwright.data.readers.image_folder import IMAGE_SUFFIXES, REJECTED
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput

YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


class Box(NamedTuple):
    """A line of a label file: its image, where the line and its class number stand, and the class."""

    image: int
    start: int
    end: int
    number_start: int
    number_end: int
    kind: int


_LINE = re.compile(rb"[ \t]*(\d+)(?=[ \t])[^\r\n]*(?:\r\n|\n|\r|\Z)")
_BLANK = re.compile(rb"[ \t]*(?:\r\n|\n|\r)|[ \t]+\Z")


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
    """

    path: Path
    names: tuple[str, ...]
    link: bool = False

    is_tree = True

    @cached_property
    def _files(self) -> list[str]:
        return read_tree(self.path).files

    @cached_property
    def _images(self) -> list[str]:
        found = [
            f for f in self._files if PurePosixPath(f).suffix.lower() in IMAGE_SUFFIXES and "images" in f.split("/")
        ]
        if not found:
            raise BadInput("holds no folder images/ with images", where=place(self.path), fix="give a YOLO data set")
        return found

    @cached_property
    def _boxes(self) -> list[Box]:
        return [box for i, image in enumerate(self._images) for box in self._lines(i, label_file(image))]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._files)

    def _lines(self, image: int, label: str) -> Iterator[Box]:
        if label not in self._known:
            return
        data, at, number = (self.path / label).read_bytes(), 0, 0
        while at < len(data):
            number += 1
            if blank := _BLANK.match(data, at):
                at = blank.end()
                continue
            line = _LINE.match(data, at)
            if line is None or int(line[1]) >= len(self.names):
                problem = f"class {int(line[1])} of {len(self.names)}" if line else "no class number and box"
                raise BadInput(f"holds {problem}", where=f"{place(Path(label))} line {number}", fix="mend the line")
            yield Box(image, at, line.end(), *line.span(1), int(line[1]))
            at = line.end()

    @cached_property
    def items(self) -> Items:
        """Images first, then boxes, each in the order of their files."""
        ids, labels, seen = list(self._images), [], dict[int, int]()
        for box in self._boxes:
            ids.append(f"{self._images[box.image]}{PART}{seen.get(box.image, 0)}")
            seen[box.image] = seen.get(box.image, 0) + 1
            labels.append(self.names[box.kind])
        nothing: list[str | None] = [None] * len(self._images)
        rule = ClassNames(tuple(dict.fromkeys(self.names)), closed="data.yaml lists the classes")
        return Items(np.array(ids, dtype=np.str_), [*nothing, *labels], rule, frozenset(range(len(nothing))))

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
        placed, _ = place_all(rows, lambda row, old: f"{REJECTED}/{old}" if old in aside else None, (MANIFEST,))
        lines = [self._placed(one, out, edits.get(one.old), changes) for one in placed]
        parts = [line for line in decided_lines(changes, self.items) if line.id not in row_of]
        return [*lines, *parts]

    def _edits(self, changes: Changes) -> dict[str, list[Edit]]:
        n = len(self._images)
        edits: dict[str, list[Edit]] = {}
        number = {name: k for k, name in reversed(list(enumerate(self.names)))}
        for row in (*changes.relabel, *(row for row in changes.reject if row >= n)):
            box = self._boxes[row - n]
            edit = (
                Edit(box.start, box.end, b"")
                if row in changes.reject
                else Edit(box.number_start, box.number_end, str(number[changes.relabel[row]]).encode())
            )
            edits.setdefault(label_file(self._images[box.image]), []).append(edit)
        return edits

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


def label_file(image: str) -> str:
    """Return the label file of an image: the last folder ``images`` of its path becomes ``labels``.

    Examples
    --------
    >>> label_file("images/train/7.jpg")
    'labels/train/7.txt'
    """
    parts = image.split("/")
    last = len(parts) - 1 - parts[::-1].index("images")
    parts[last] = "labels"
    return str(PurePosixPath("/".join(parts)).with_suffix(".txt"))


def yolo_yaml(folder: Path) -> Path | None:
    """Return the file that names the classes of a YOLO data set, None where the folder is none."""
    found = next((folder / name for name in YAML_NAMES if (folder / name).is_file()), None)
    return found if found and ((folder / "images").is_dir() or any(folder.glob("*/images"))) else None


def yolo_names(file: Path) -> tuple[str, ...]:
    """Return the classes that ``data.yaml`` names, as a list or by number."""
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        names = content["names"]
        if isinstance(names, dict):
            names = [names[k] for k in range(len(names))]
        return tuple(str(name) for name in names)
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise BadInput(
            f"names no classes ({said(error)})", where=place(file), fix="write names: with one class a line"
        ) from None
