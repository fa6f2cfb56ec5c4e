"""Masks of images: the pixels of a region get another class, or a mask is put aside.

Items are masks, named by their path in the folder (or their number in a ``.npy`` file), which can be rejected, and
regions, ``<mask>#<left>,<top>,<right>,<bottom>:<class>`` (`labelwright.data.parts.regions`), which get a class; the
class ``void`` clears them where the data have such a number. Only masks that change are written anew, with their mode,
palette and type; every other file is copied. Rejected masks go to ``_rejected/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.data.mend.decisions import PART, Decisions
from labelwright.data.mend.labels import ClassNames
from labelwright.data.mend.manifest import MANIFEST, ManifestLine, decided_line, decided_lines, file_sha256
from labelwright.data.mend.placement import Placement, place_all
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.tree import place_file, read_tree
from labelwright.data.parts.mask_files import MaskFiles, load_masks
from labelwright.data.parts.regions import Region, read_region
from labelwright.data.readers.image_folder import REJECTED
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, did_you_mean, quoted


@dataclass(frozen=True)
class MaskFolder:
    """Masks in a folder, or in one ``.npy`` file.

    Parameters
    ----------
    dataset : Dataset
        With `MaskFiles`.
    link : bool
        Give unchanged files a second name in place of a copy.
    regions : tuple of (mask, Region)
        What decisions are about; see `about`.
    parts : tuple of str
        The names of the regions, as the decisions write them.
    """

    dataset: Dataset
    link: bool = False
    regions: tuple[tuple[int, Region], ...] = ()
    parts: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path, classes: str | Path | Sequence[str] | None, link: bool) -> MaskFolder:
        """Open masks."""
        return cls(load_masks(path, classes=classes), link)

    @property
    def path(self) -> Path:
        """The folder or file."""
        return self._masks.path

    @property
    def is_tree(self) -> bool:
        """Whether the masks are files of a folder."""
        return self.path.is_dir()

    @property
    def _masks(self) -> MaskFiles:
        masks: MaskFiles = self.dataset.parts
        return masks

    @cached_property
    def _codes(self) -> dict[str, int]:
        """The pixel value of each class, and of void where there is one."""
        assert self.dataset.space is not None
        codes = {name: self._masks.code_of(k) for k, name in enumerate(self.dataset.space.names)}
        return self._masks.voids | codes

    def about(self, decisions: Decisions) -> MaskFolder:
        """Return the same with the regions that decisions name as items; BadInput where a name fits no mask."""
        rows = {name: row for row, name in enumerate(self._masks.names)}
        regions: list[tuple[int, Region]] = []
        parts: list[str] = []
        for entry in decisions:
            name, sign, part = entry.id.partition(PART)
            if entry.id in rows or not sign or name not in rows or entry.id in parts:
                continue
            region = read_region(part, entry.where)
            self._check(region, rows[name], entry.where)
            regions.append((rows[name], region))
            parts.append(entry.id)
        return replace(self, regions=tuple(regions), parts=tuple(parts))

    def _check(self, region: Region, row: int, where: str) -> None:
        height, width = self._masks.values(row).shape
        if region.right >= width or region.bottom >= height:
            raise BadInput(
                f"the region ends at {region.right},{region.bottom} and the mask has {width} x {height} pixels",
                where=where,
                fix="copy the part as the audit wrote it",
            )
        if region.kind not in self._codes:
            fix = did_you_mean(region.kind, self._codes)
            raise BadInput(f"{quoted(region.kind)} is not a class of the masks", where=where, fix=fix)

    @cached_property
    def items(self) -> Items:
        """Masks first, then the regions that decisions are about."""
        names = self._masks.names
        given: list[str | None] = [*([None] * len(names)), *(region.kind for _, region in self.regions)]
        rule = ClassNames(tuple(self._codes), closed="masks hold the numbers of the classes that are named")
        return Items(np.array([*names, *self.parts], dtype=np.str_), given, rule, frozenset(range(len(names))))

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Return nothing: the counts say it all."""
        return ()

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended masks to `out` and say which decisions they hold."""
        edits = self._edits(changes)
        return self._written_tree(changes, edits, out) if self.is_tree else self._written_stack(changes, edits, out)

    def _edits(self, changes: Changes) -> dict[int, list[tuple[Region, int]]]:
        n = len(self._masks.names)
        edits: dict[int, list[tuple[Region, int]]] = {}
        for row in sorted({*changes.relabel, *changes.reject}):
            if row < n:
                continue
            if row in changes.reject:
                entry = changes.decided[row]
                raise BadInput(
                    f"{quoted(entry.id)} is a region, and every pixel has a class",
                    where=entry.where,
                    fix="relabel it to the class that is there, or to void where the masks have it",
                )
            mask, region = self.regions[row - n]
            edits.setdefault(mask, []).append((region, self._codes[changes.relabel[row]]))
        return edits

    def _mended(self, row: int, edits: list[tuple[Region, int]]) -> NDArray[np.integer]:
        """Return the pixel values of a mask after its edits, which all speak of the mask as it was."""
        before = self._masks.values(row)
        after = np.array(before)
        for region, code in edits:
            after[region.pixels(before, self._codes[region.kind])] = code
        return after

    def _written_tree(
        self, changes: Changes, edits: dict[int, list[tuple[Region, int]]], out: Path
    ) -> list[ManifestLine]:
        rows = {name: row for row, name in enumerate(self._masks.names)}
        gone = {self._masks.names[row] for row in changes.reject if row < len(rows)}
        files = read_tree(self.path).files
        listed = [(rows.get(name), name) for name in files]
        placed, _ = place_all(listed, lambda row, old: f"{REJECTED}/{old}" if old in gone else None, (MANIFEST,))
        lines = [self._placed(one, out, edits.get(-1 if one.row is None else one.row), changes) for one in placed]
        return [*lines, *(line for line in decided_lines(changes, self.items) if line.id not in rows)]

    def _placed(
        self, one: Placement, out: Path, edits: list[tuple[Region, int]] | None, changes: Changes
    ) -> ManifestLine:
        target = out / one.new
        target.parent.mkdir(parents=True, exist_ok=True)
        if edits is None or one.row is None:
            digest = place_file(self.path / one.old, target, link=self.link)
        else:
            _save(self._mended(one.row, edits), self.path / one.old, target)
            digest = file_sha256(target)
        line = ManifestLine() if one.row is None else decided_line(one.row, changes, self.items)
        return line._replace(old_path=one.old, new_path=one.new, sha256=digest)

    def _written_stack(
        self, changes: Changes, edits: dict[int, list[tuple[Region, int]]], out: Path
    ) -> list[ManifestLine]:
        gone = [row for row in changes.reject if row < len(self._masks.names)]
        if gone:
            entry = changes.decided[gone[0]]
            raise BadInput(
                "a mask cannot be taken out of an array without its image",
                where=entry.where,
                fix="store the masks as files of a folder",
            )
        place_file(self.path, out, link=False)
        stack = np.load(out, mmap_mode="r+", allow_pickle=False)
        for row, mine in edits.items():
            stack[row] = self._mended(row, mine)
        stack.flush()
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=file_sha256(out))
        return [file, *decided_lines(changes, self.items)]


def _save(values: NDArray[np.integer], old: Path, new: Path) -> None:
    """Write a mask in the form of the old file: its type or mode, palette and resolution."""
    if old.suffix.lower() == ".npy":
        np.save(new, values)
        return
    from PIL import Image

    with Image.open(old) as image:
        made = Image.fromarray(values.astype(bool)) if image.mode == "1" else Image.fromarray(values)
        if image.mode == "P":
            made.putpalette(image.getpalette() or [])
            made = made if made.mode == "P" else made.convert("P")
        elif made.mode != image.mode and image.mode in ("L", "I"):
            made = made.convert(image.mode)
        info = {key: image.info[key] for key in ("dpi", "transparency") if key in image.info}
        made.save(new, image.format, **info)
    with Image.open(new) as again:
        if not np.array_equal(np.asarray(again).astype(np.int64), values.astype(np.int64)):
            raise BadInput("cannot be written back as it was", where=place(old), fix="store masks as PNG or .npy")
