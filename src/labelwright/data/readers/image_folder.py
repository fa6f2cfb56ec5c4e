"""Folders of images: one folder a class, folders named train, valid or test above them are splits.

The order is that of sorted paths, the same on every machine. Symbolic links that leave the root are refused. Hidden
files and files that are no images are counted and named, not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, listed, quoted

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".jp2", ".avif")
)
SPLIT_NAMES = frozenset(
    ("train", "training", "val", "valid", "validation", "dev", "eval", "evaluation", "test", "testing", "holdout")
)
_MAX_DEPTH = 32
REJECTED = "_rejected"  # where `apply` puts images that nobody can use: no class of its own


@dataclass
class _Found:
    images: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


def read_image_folder(path: Path, root: Path | None = None) -> Source:
    """List the images of a folder.

    Returns
    -------
    Source
        ``path`` (with ``/``, relative to `root`, by default to the folder itself), ``label`` (the folders above the
        file, ``animals/cat`` when nested; null for images that lie in no class folder) and, where there are splits,
        ``split``.

    Raises
    ------
    BadInput
        No images, or a symbolic link that leads out of `root`.
    """
    base = path.resolve()
    allowed = (root or path).resolve()
    if not base.is_relative_to(allowed):
        raise BadInput(f"lies outside of the root {quoted(allowed)}", where=place(path), fix="give a folder above it")
    prefix = "" if base == allowed else f"{base.relative_to(allowed).as_posix()}/"
    found = _Found()
    _walk(base, "", allowed, found, frozenset([base]), path)
    if not found.images:
        raise BadInput(
            "holds no images" + (f" (found {listed(found.other, 3)})" if found.other else ""),
            where=place(path),
            fix="give a folder with one sub-folder of images for each class, or a table",
        )
    parents = [image.split("/")[:-1] for image in found.images]
    splits = {parts[0] for parts in parents if parts}
    nested = any(len(parts) > 1 for parts in parents)
    has_splits = nested and all(parents) and all(name.lower() in SPLIT_NAMES for name in splits)
    labels = ["/".join(parts[1:] if has_splits else parts) or None for parts in parents]
    paths = [prefix + image for image in found.images]
    columns = {"path": pa.array(paths, pa.string()), "label": pa.array(labels, pa.string())}
    if has_splits:
        columns["split"] = pa.array([parts[0] for parts in parents], pa.string())
    return Source(pa.table(columns), path, "image_folder", root or path, None, _details(found))


def _details(found: _Found) -> dict[str, str]:
    details = {}
    if found.hidden:
        details["hidden"] = f"{len(found.hidden)} hidden: {listed(found.hidden, 3)}"
    if found.other:
        details["ignored"] = f"{len(found.other)} that are no images: {listed(found.other, 3)}"
    return details


def _walk(base: Path, inside: str, allowed: Path, found: _Found, above: frozenset[Path], shown: Path) -> None:
    folder = base / inside if inside else base
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise BadInput(
            f"cannot be listed ({error.strerror})", where=place(shown / inside), fix="check its rights"
        ) from None
    for entry in entries:
        relative = f"{inside}/{entry.name}" if inside else entry.name
        if entry.name.startswith(".") or (not inside and entry.name == REJECTED):
            found.hidden.append(relative)
            continue
        if entry.is_symlink() and not _stays_inside(Path(entry.path), allowed):
            raise BadInput(
                f"the link {quoted(relative)} leads out of the folder",
                where=place(shown),
                fix="copy the images, or name the folder that holds both with --root",
            )
        if entry.is_dir():
            target = Path(entry.path).resolve()
            if target in above or relative.count("/") > _MAX_DEPTH:  # a link back to a folder above
                found.other.append(relative)
                continue
            _walk(base, relative, allowed, found, above | {target}, shown)
        elif entry.is_file() and Path(entry.name).suffix.lower() in IMAGE_SUFFIXES:
            found.images.append(relative)
        else:
            found.other.append(relative)


def _stays_inside(link: Path, allowed: Path) -> bool:
    try:
        return link.resolve().is_relative_to(allowed)
    except (OSError, RuntimeError):  # a link that points at itself
        return False


def holds_images(path: Path) -> bool:
    """Whether a folder holds an image within its first three levels."""
    return any(True for _ in images_near_the_top(path))


def images_near_the_top(path: Path) -> Iterator[Path]:
    """Yield the images within the first three levels of a folder, hidden ones left out."""
    for depth in ("*", "*/*", "*/*/*"):
        for file in path.glob(depth):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.suffix.lower() in IMAGE_SUFFIXES and not hidden:
                yield file
