"""Where each file of a folder goes: kept in its place, moved to the folder of its new class, or to ``_rejected/``.

No two files get one name, not even on file systems that do not tell ``Cat.png`` from ``cat.png``: a name that is taken
gets ``-2``, ``-3``, ... before its ending, and is listed. Labels become folders, so a label that would lead out of the
tree, hide itself or not be a name is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from labelwright.data.mend.labels import ClassNames
from labelwright.data.readers.image_folder import REJECTED
from labelwright.errors import BadInput, quoted

_LONGEST_NAME = 255  # bytes of one part of a path on all common file systems
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Placement(NamedTuple):
    """A file, the row that it is (None for files that are no rows), and its place before and after."""

    row: int | None
    old: str
    new: str


def name_key(path: str) -> str:
    """Return what two paths share when some file system takes them for one."""
    return unicodedata.normalize("NFC", path).casefold()


@dataclass
class FreeNames:
    """Hands out paths that nothing else has.

    Parameters
    ----------
    taken : set of str
        Keys (`name_key`) of the paths that are in use.
    """

    taken: set[str]
    clashes: list[tuple[str, str]] = field(default_factory=list)

    def claim(self, path: str) -> str:
        """Return `path`, or the first like ``name-2.png`` that is free, and take it.

        Examples
        --------
        >>> names = FreeNames({"cat/a.png"})
        >>> names.claim("cat/A.png"), names.clashes
        ('cat/A-2.png', [('cat/A.png', 'cat/A-2.png')])
        """
        free, number = path, 1
        while name_key(free) in self.taken:
            number += 1
            free = _numbered(path, number)
        self.taken.add(name_key(free))
        if free != path:
            self.clashes.append((path, free))
        return free


def _numbered(path: str, number: int) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    tail = f"-{number}{dot}{ending}"
    while stem and len((stem + tail).encode(errors="surrogateescape")) > _LONGEST_NAME:
        stem = stem[:-1]
    return f"{folder}{slash}{stem}{tail}"


@dataclass(frozen=True)
class FolderNames:
    """One of the class folders there are, or a new one whose name is fit for a folder.

    Parameters
    ----------
    classes : ClassNames
    """

    classes: ClassNames

    def accept(self, label: str, where: str) -> str:
        """Return the class; BadInput when it is none or cannot be a folder."""
        name = self.classes.accept(label, where)
        if name not in self.classes.names:
            self._check_new(name, where)
        return name

    def _check_new(self, name: str, where: str) -> None:
        parts = name.split("/")
        bad = (
            "leads out of the folder or names none"
            if any(part in ("", ".", "..") for part in parts)
            else "would be hidden"
            if any(part.startswith(".") for part in parts)
            else "is where rejected files go"
            if parts[0] == REJECTED
            else "holds a control character or a backslash"
            if _CONTROL.search(name) or "\\" in name
            else "is too long"
            if any(len(part.encode(errors="replace")) > _LONGEST_NAME for part in parts)
            else ""
        )
        if bad:
            raise BadInput(f"the class {quoted(name)} cannot be a folder: it {bad}", where=where, fix="choose another")
        twin = next((known for known in self.classes.names if name_key(known) == name_key(name)), None)
        if twin is not None:
            raise BadInput(
                f"the new class {quoted(name)} differs from {quoted(twin)} in case or accents alone",
                where=where,
                fix=f"use {quoted(twin)}",
            )


def place_all(
    paths: Iterable[tuple[int | None, str]],
    moved: Callable[[int | None, str], str | None],
    reserved: Iterable[str] = (),
) -> tuple[list[Placement], list[tuple[str, str]]]:
    """Place every file; those that stay keep their names, those that move take what is free.

    Parameters
    ----------
    paths : iterable of (row or None, path)
    moved : callable
        The new path that a file wants, None where it stays.
    reserved : iterable of str
        Paths that belong to something else.

    Returns
    -------
    placements : list of Placement, in the order given
    clashes : list of (wanted, given) paths
    """
    wanted = [(row, old, moved(row, old)) for row, old in paths]
    kept_away = {name_key(path) for path in reserved}
    names = FreeNames(kept_away | {name_key(old) for _, old, new in wanted if new is None})
    placements = []
    for row, old, new in wanted:
        if new is None:  # files that stay may differ in case alone: they do so where they come from
            new = names.claim(old) if name_key(old) in kept_away else old
        else:
            _check_parents(new, names.taken)
            new = names.claim(new)
        placements.append(Placement(row, old, new))
    return placements, names.clashes


def _check_parents(path: str, taken: set[str]) -> None:
    parts = path.split("/")[:-1]
    for n in range(1, len(parts) + 1):
        folder = "/".join(parts[:n])
        if name_key(folder) in taken:
            raise BadInput(f"a file is called {quoted(folder)}, which should be a folder", fix="rename that file")
