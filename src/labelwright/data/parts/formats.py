"""Which data have rows with parts, and how they are loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from labelwright.data.dataset import Dataset
from labelwright.data.readers.conll import SUFFIXES
from labelwright.data.readers.places import place
from labelwright.errors import BadInput

PartsFormat = Literal["conll", "coco", "yolo", "masks"]
PART_TASKS = ("token", "detection", "segmentation")


def parts_format(data: Any, task: str | None = None) -> PartsFormat | None:
    """Return the format of data whose rows have parts, None for other data.

    Parameters
    ----------
    data : path, or anything else that can be audited
    task : str, optional
        ``"token"``, ``"detection"`` or ``"segmentation"``; without it the data themselves must say it.

    Raises
    ------
    BadInput
        Data that cannot be read as the task asked for.
    """
    if not isinstance(data, str | os.PathLike):
        if task in PART_TASKS:
            raise BadInput(f"the task {task} reads files and folders", fix="give a path")
        return None
    path = Path(data)
    if task == "token" or (task is None and path.suffix.lower() in SUFFIXES):
        _check_file(path)
        return "conll"
    if task == "segmentation":
        return "masks"
    return None


def load_parts(
    path: Path,
    kind: PartsFormat,
    *,
    label: str | None = None,
    classes: str | Path | Sequence[str] | None = None,
    images: Path | None = None,
) -> Dataset:
    """Load data of a format that `parts_format` found."""
    from labelwright.data.parts.mask_files import load_masks
    from labelwright.data.parts.sentences import load_conll

    if kind == "masks":
        return load_masks(path, classes=classes, images=images)
    if images is not None:
        raise BadInput("sentences have no images", where=place(path), fix="leave out --images")
    return load_conll(path, label=label, classes=classes)


def _check_file(path: Path) -> None:
    if not path.is_file():
        problem = "is a folder, not a file" if path.is_dir() else "there is no such file or folder"
        raise BadInput(problem, where=place(path), fix="check the path")
