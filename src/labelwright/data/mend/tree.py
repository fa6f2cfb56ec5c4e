"""Folders of files: what lies in one, and how a file is copied or linked to a new place with its hash taken."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from labelwright.data.mend.manifest import file_sha256
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, quoted

_BLOCK = 1 << 20
_MAX_DEPTH = 32


@dataclass
class Tree:
    """The files below a folder by their paths with ``/``, the folders that hold no file, and what is left out.

    Links that stay within the allowed folder count as what they point to. Hidden entries, special files (pipes,
    devices) and links that lead nowhere, out, or back up are left out.
    """

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_tree(base: Path, allowed: Path | None = None) -> Tree:
    """List a folder, sorted by path; links count that stay within `allowed`, by default the folder itself."""
    tree = Tree()
    folder = base.resolve()
    _walk((allowed or base).resolve(), folder, "", tree, frozenset([folder]))
    return tree


def _walk(root: Path, folder: Path, inside: str, tree: Tree, above: frozenset[Path]) -> None:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise BadInput(
            f"cannot be listed ({error.strerror or said(error)})", where=place(folder), fix="check its rights"
        ) from None
    if not entries and inside:
        tree.folders.append(inside)
    for entry in entries:
        relative = f"{inside}/{entry.name}" if inside else entry.name
        target = Path(os.path.realpath(entry.path)) if entry.is_symlink() else Path(entry.path)
        if entry.name.startswith(".") or not target.is_relative_to(root):
            tree.left_out.append(relative)
        elif entry.is_file():
            tree.files.append(relative)
        elif entry.is_dir() and target not in above and relative.count("/") <= _MAX_DEPTH:
            _walk(root, target, relative, tree, above | {target})
        else:
            tree.left_out.append(relative)


def place_file(old: Path, new: Path, *, link: bool) -> str:
    """Copy a file (or give it a second name with `link`) and return its SHA-256; never replaces a file."""
    try:
        return _linked(old, new) if link else _copied(old, new)
    except FileExistsError:
        raise BadInput(
            f"{quoted(new.name)} is there already: two names that differ only in case?",
            where=place(new.parent),
            fix="rename one of the two, or choose an --out that tells case apart",
        ) from None
    except OSError as error:
        hint = "leave out --link" if link else "check the space and rights there"
        raise BadInput(
            f"{quoted(old)} cannot be placed ({error.strerror or said(error)})", where=place(new), fix=hint
        ) from None


def _linked(old: Path, new: Path) -> str:
    new.hardlink_to(old.resolve())
    return file_sha256(new)


def _copied(old: Path, new: Path) -> str:
    digest = hashlib.sha256()
    with old.open("rb") as source, new.open("xb") as target:
        while block := source.read(_BLOCK):
            digest.update(block)
            target.write(block)
        facts = os.fstat(source.fileno())
    new.chmod(facts.st_mode & 0o777)
    os.utime(new, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return digest.hexdigest()
