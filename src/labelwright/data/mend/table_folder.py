"""Folders of table files that are one data set: files with decided rows are written anew, the others are copied."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelwright.data.matrices import class_names
from labelwright.data.mend.columnar import NewCells
from labelwright.data.mend.manifest import MANIFEST, ManifestLine, decided_lines, file_sha256
from labelwright.data.mend.placement import place_all
from labelwright.data.mend.plan import Changes
from labelwright.data.mend.source_rows import SourceRows
from labelwright.data.mend.tree import place_file, read_tree


@dataclass(frozen=True)
class TableFolder(SourceRows, ABC):
    """A folder whose label column can be mended: see `SourceRows`.

    Parameters
    ----------
    link : bool
        Give unchanged files a second name in place of a copy.
    """

    link: bool = False

    is_tree = True

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the new folder into the empty folder `out`."""
        written = dict(self._new_files(changes, out))
        rows: list[tuple[int | None, str]] = [(None, name) for name in read_tree(self.path).files]
        placed, _ = place_all(rows, lambda row, old: None, reserved=(MANIFEST,))
        lines = []
        for place in placed:
            if place.old not in written:
                (out / place.new).parent.mkdir(parents=True, exist_ok=True)
                digest = place_file(self.path / place.old, out / place.new, link=self.link)
            else:
                digest = written[place.old]
            lines.append(ManifestLine(old_path=place.old, new_path=place.new, sha256=digest))
        return [*lines, *decided_lines(changes, self.items)]

    def _new_files(self, changes: Changes, out: Path) -> Iterator[tuple[str, str]]:
        """Write the files that change and yield their names and hashes."""
        names = class_names(self.source.table.schema.field(self.label))
        touched = {*changes.relabel, *changes.reject}
        first = 0
        gone: dict[str, int] = {}
        for part, files in self._parts():
            begin = first
            for name in files:
                span = range(first, first + self._n_rows(name))
                first = span.stop
                if any(row in span for row in touched):
                    target = out / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    cells = NewCells(self._position(name), changes, self.tags, names, span.start)
                    self._copy(name, target, cells)
                    yield name, file_sha256(target)
            of_part = {row for row in touched if begin <= row < first}
            if of_part:
                gone[part] = sum(row in changes.reject for row in of_part)
        yield from self._new_facts(out, gone)

    @abstractmethod
    def _parts(self) -> Sequence[tuple[str, Sequence[str]]]:
        """Return the splits with their files, in reading order."""

    @abstractmethod
    def _n_rows(self, name: str) -> int:
        """Return how many rows a file holds."""

    @abstractmethod
    def _position(self, name: str) -> int:
        """Return the number of the label column in a file."""

    @abstractmethod
    def _copy(self, name: str, target: Path, cells: NewCells) -> None:
        """Write a file anew with the changes that `cells` makes."""

    @abstractmethod
    def _new_facts(self, out: Path, gone: dict[str, int]) -> Iterator[tuple[str, str]]:
        """Write what else the folder says about itself: by changed split how many of its rows are gone."""
