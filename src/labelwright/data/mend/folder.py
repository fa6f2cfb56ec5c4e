"""Folders of images: a new tree in which each image lies in the folder of its class, every file with its bytes.

Splits and nesting stay: a relabelled image changes the class part of its path only. Rejected images go to
``_rejected/`` below their old path. Files that are no images are copied too; hidden ones are left out and named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from labelwright.data.dataset import Source
from labelwright.data.mend.manifest import MANIFEST, ManifestLine, decided_line
from labelwright.data.mend.placement import Placement, place_all
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.tree import Tree, place_file, read_tree
from labelwright.data.readers.image_folder import REJECTED
from labelwright.data.readers.places import counted, place
from labelwright.errors import BadInput, listed

_SHOWN = 5


@dataclass(frozen=True)
class ImageFolder:
    """A folder of images, one folder a class, whose images can be moved to other classes.

    Parameters
    ----------
    source : Source
        As `read_image_folder` gives it.
    items : Items
        One an image.
    link : bool
        Give files a second name in place of a copy.
    """

    source: Source
    items: Items
    link: bool = False

    is_tree = True

    @property
    def path(self) -> Path:
        """The folder."""
        return self.source.path

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Return the names that clash and the files that are left out of a new tree."""
        tree = self.tree()
        _, clashes = self.placements(changes, tree, (MANIFEST,))
        lines = clash_lines(clashes)
        if tree.left_out:
            count = counted(len(tree.left_out), "hidden or special file")
            lines.append(f"left out: {count}: {listed(tree.left_out, 3)}")
        return tuple(lines)

    @cached_property
    def images(self) -> list[str]:
        """The path of each image, relative to the folder, with ``/``."""
        base, allowed = self.path.resolve(), self.source.root.resolve()
        prefix = "" if base == allowed else f"{base.relative_to(allowed).as_posix()}/"
        return [path.removeprefix(prefix) for path in self.source.table.column("path").to_pylist()]

    def wanted(self, row: int | None, old: str, changes: Changes) -> str | None:
        """Return where a file is to go, None where it stays."""
        if row is None:
            return None
        if row in changes.reject:
            return f"{REJECTED}/{old}"
        if row not in changes.relabel:
            return None
        parts = old.split("/")
        split = parts[:1] if "split" in self.source.table.column_names else []
        return "/".join([*split, changes.relabel[row], parts[-1]])

    def tree(self) -> Tree:
        """Return the files that are there now; BadInput when an image that was read is gone."""
        tree = read_tree(self.path, self.source.root)
        gone = sorted(set(self.images).difference(tree.files))
        if gone:
            raise BadInput(f"lost {listed(gone, 3)} since it was read", where=place(self.path), fix="run it again")
        return tree

    def placements(
        self, changes: Changes, tree: Tree, reserved: Iterable[str] = ()
    ) -> tuple[list[Placement], list[tuple[str, str]]]:
        """Return the place of every file of the tree before and after, and the names that clashed."""
        row_of = {path: row for row, path in enumerate(self.images)}
        rows = [(row_of.get(path), path) for path in tree.files]
        return place_all(rows, lambda row, old: self.wanted(row, old, changes), reserved)

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the new tree into the empty folder `out` and say where each file went."""
        tree = self.tree()
        placed, _ = self.placements(changes, tree, (MANIFEST,))
        base = self.path.resolve()
        folders = {*tree.folders, *(file.rpartition("/")[0] for file in tree.files)}
        folders |= {one.new.rpartition("/")[0] for one in placed}
        for folder in sorted(folders):
            (out / folder).mkdir(parents=True, exist_ok=True)
        return [self._placed(one, base, out, changes) for one in placed]

    def _placed(self, one: Placement, base: Path, out: Path, changes: Changes) -> ManifestLine:
        digest = place_file(base / one.old, out / one.new, link=self.link)
        line = ManifestLine() if one.row is None else decided_line(one.row, changes, self.items)
        return line._replace(old_path=one.old, new_path=one.new, sha256=digest)


def clash_lines(clashes: list[tuple[str, str]]) -> list[str]:
    """Return the first names that were taken with what was used in their place, and how many more there are."""
    lines = [f"{wanted} is taken; called {given}" for wanted, given in clashes[:_SHOWN]]
    if len(clashes) > _SHOWN:
        lines.append(f"and {counted(len(clashes) - _SHOWN, 'more name')} taken (see the manifest)")
    return lines
