"""Masks of images: a folder of class images or one array, with the images beside them, read one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset, Plan, Source
from labelwright.data.image_files import Head
from labelwright.data.labels import read_classes
from labelwright.data.parts.frames import Frames
from labelwright.data.parts.mask_pixels import mask_values, open_stack
from labelwright.data.readers.image_folder import IMAGE_SUFFIXES, REJECTED
from labelwright.data.readers.places import counted, place
from labelwright.errors import BadInput, listed, quoted
from labelwright.evidence.space import LabelSpace

SUFFIXES = (".png", ".npy", ".tif", ".tiff", ".bmp")
VOID_NAMES = ("void", "ignore", "ignored", "unlabeled", "unlabelled")
VOID = 255  # pixels of no known class where no class names say otherwise
_ENDINGS = ("_mask", "_masks", "_label", "_labels", "_gt", "_L")


@dataclass(frozen=True)
class MaskFiles:
    """The masks of n images; indexing reads one as class numbers.

    Parameters
    ----------
    path : Path
        A folder, or a ``.npy`` file (n, H, W).
    names : tuple of str, length n
        Paths below the folder, or numbers.
    codes : array of int32
        The class of each pixel value, -1 where it is none.
    images : tuple of (str or None), length n
        The image of each mask, below `root`.
    root : Path
        The folder of the images.
    named : tuple of str, optional
        The name of every pixel value, void included, where the caller gave them.
    """

    path: Path
    names: tuple[str, ...]
    codes: NDArray[np.int32]
    images: tuple[str | None, ...]
    root: Path
    named: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        """Return the class of each pixel, int32 (h, w), -1 where not known."""
        values = self.values(row)
        return self.codes[values]

    def values(self, row: int) -> NDArray[np.integer]:
        """Return the pixel values as they are stored, (h, w)."""
        return mask_values(self.path, self.names[row])

    def code_of(self, kind: int) -> int:
        """Return the pixel value of a class."""
        return int(np.flatnonzero(self.codes == kind)[0])

    @cached_property
    def voids(self) -> dict[str, int]:
        """The pixel value of each name for no class, the data's own name first; empty where the masks have none."""
        if self.named is not None:
            own = {name: k for k, name in enumerate(self.named) if name.lower() in VOID_NAMES}
        else:
            own = {VOID_NAMES[0]: VOID} if len(self.codes) > VOID and self.codes[VOID] < 0 else {}
        return own | {name: next(iter(own.values())) for name in VOID_NAMES if own and name not in own}


def mask_frames(masks: MaskFiles, head: Callable[[int], Head | None]) -> Frames:
    """Return how masks lie on their images as these are shown, by the heads of the files of the images."""

    def shape(row: int) -> tuple[float, float]:
        height, width = masks.values(row).shape
        return width, height

    return Frames(len(masks), shape, head)


def load_masks(path: Path, *, classes: str | Path | Sequence[str] | None = None, images: Path | None = None) -> Dataset:
    """Load masks as a data set whose rows are images.

    Parameters
    ----------
    path : Path
        A folder of masks (PNG, TIFF, BMP or ``.npy``: the class number of each pixel), or a ``.npy`` file (n, H, W).
    classes : optional
        The name of each number, in order; numbers called void, ignore or unlabelled are no class. Without names a
        class is called by its number, and 255 is no class.
    images : Path, optional
        The folder of the images; an image belongs to the mask of the same path but for the ending.

    Returns
    -------
    Dataset
        Task ``"segmentation"``; `labels` int8 (n, K) says which classes a mask holds; `parts` are the `MaskFiles`.

    Raises
    ------
    BadInput
        No mask, pictures in colour, numbers without a name, a folder of images that holds none of them.
    """
    names = _mask_names(path)
    named = read_classes(classes)
    looks = [_occurring(path, name) for name in names]
    seen, digests = [values for values, _ in looks], [digest for _, digest in looks]
    highest = max((int(values[-1]) for values in seen if len(values)), default=0)
    codes, space = _classes(named, seen, names, highest, path)
    found, root = _images_of(names, images, path)
    masks = MaskFiles(path, names, codes, found, root, None if named is None else tuple(named))
    present = np.zeros((len(names), len(space)), dtype=np.int8)
    for row, values in enumerate(seen):
        held = codes[values]
        present[row, held[held >= 0]] = 1
    table = pa.table(
        {
            "mask": pa.array(names, pa.string()),
            "image": pa.array(found, pa.string()),
            "classes": pa.array(_said(present, space.names, digests), pa.list_(pa.string())),
        }
    )
    notes = [f"{counted(len(names), 'mask')} with {len(space)} classes"]
    if named is None and highest == VOID:
        notes.append(f"pixels of value {VOID} are taken as of no class; name the classes with --classes to change it")
    plan = Plan("segmentation", "image", "classes", id="mask", notes=tuple(notes))
    source = Source(table, path, "masks", root)
    return Dataset(source, plan, present, (None,) * len(names), space, np.array(names, dtype=np.str_), parts=masks)


def _mask_names(path: Path) -> tuple[str, ...]:
    if path.is_file():
        if path.suffix.lower() != ".npy":
            raise BadInput("is no folder of masks", where=place(path), fix="give a folder, or a .npy file (n, H, W)")
        return tuple(str(i) for i in range(len(open_stack(path))))
    if not path.is_dir():
        raise BadInput("there is no such file or folder", where=place(path), fix="check the path")
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    names = [p.relative_to(path).as_posix() for p in files]
    kept = tuple(name for name in names if not any(part.startswith((".", REJECTED)) for part in name.split("/")))
    if not kept:
        raise BadInput("holds no mask", where=place(path), fix=f"give files that end in {listed(SUFFIXES)}")
    return kept


def _said(present: NDArray[np.int8], names: Sequence[str], digests: Sequence[str]) -> list[list[str]]:
    """Return the classes of each mask and a digest of its pixels: a comparison sees that some were mended."""
    held = ([names[k] for k in np.flatnonzero(row).tolist()] for row in present)
    return [[*classes, f"pixels {digest}"] for classes, digest in zip(held, digests, strict=True)]


def _occurring(path: Path, name: str) -> tuple[NDArray[np.int64], str]:
    """Return the pixel values that occur in one mask, rising, and a digest of its pixels (8 hexadecimal digits)."""
    values = mask_values(path, name)
    if values.size and int(values.max()) > 65_535:
        raise BadInput(f"holds the number {int(values.max())}", where=quoted(name), fix="number classes from 0")
    digest = hashlib.blake2b(values.tobytes(), digest_size=4).hexdigest()
    return (np.flatnonzero(np.bincount(values.ravel())) if values.size else np.empty(0, np.int64)), digest


def _classes(
    named: Sequence[str] | None, seen: list[NDArray[np.int64]], names: tuple[str, ...], highest: int, path: Path
) -> tuple[NDArray[np.int32], LabelSpace]:
    """Return the class of each pixel value, -1 for none, and the classes."""
    if named is None:
        used = highest if highest != VOID else max((int(v[v < VOID][-1]) for v in seen if (v < VOID).any()), default=0)
        codes = np.full(highest + 1, -1, dtype=np.int32)
        codes[: used + 1] = np.arange(used + 1)
        return codes, LabelSpace(tuple(str(k) for k in range(used + 1)))
    for name, values in zip(names, seen, strict=True):
        if len(values) and values[-1] >= len(named):
            raise BadInput(
                f"holds the number {values[-1]}, but {len(named)} classes are named",
                where=quoted(name),
                fix="name every number in order; call it void where it is no class",
            )
    kept = [name for name in named if name.lower() not in VOID_NAMES]
    if not kept:
        raise BadInput("no class is named", where=place(path), fix="give --classes with one name a number")
    index = {name: k for k, name in enumerate(kept)}
    return np.array([index.get(name, -1) for name in named], dtype=np.int32), LabelSpace(tuple(kept))


def _images_of(names: tuple[str, ...], images: Path | None, path: Path) -> tuple[tuple[str | None, ...], Path]:
    """Return the image of each mask, None where there is none, and the folder that they are in."""
    if images is None:
        return (None,) * len(names), path if path.is_dir() else path.parent
    if not images.is_dir():
        raise BadInput("there is no such folder of images", where=place(images), fix="check --images")
    files = sorted(p.relative_to(images).as_posix() for p in images.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    by_stem = {_stem(name): name for name in reversed(files)}
    if path.is_file():
        if len(files) != len(names):
            raise BadInput(f"{len(files)} images for {len(names)} masks", where=place(images), fix="give one a mask")
        return tuple(files), images
    found = tuple(by_stem.get(_stem(name), by_stem.get(_without_ending(_stem(name)))) for name in names)
    if not any(found):
        raise BadInput(
            f"holds no image named like {quoted(names[0])}", where=place(images), fix="name images like their masks"
        )
    return found, images


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _without_ending(stem: str) -> str:
    return next((stem.removesuffix(ending) for ending in _ENDINGS if stem.endswith(ending)), stem)
