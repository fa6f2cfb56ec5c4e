"""Which data have rows with parts, and how they are loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from labelwright.data.dataset import Dataset
from labelwright.data.readers.coco import KEYS
from labelwright.data.readers.conll import SUFFIXES
from labelwright.data.readers.places import place
from labelwright.data.readers.yolo import YAML_NAMES, yolo_yaml
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
    return _boxes_format(path, task)


def load_parts(
    path: Path,
    kind: PartsFormat,
    *,
    label: str | None = None,
    classes: str | Path | Sequence[str] | None = None,
    images: Path | None = None,
) -> Dataset:
    """Load data of a format that `parts_format` found."""
    from labelwright.data.parts.image_boxes import load_coco, load_yolo
    from labelwright.data.parts.mask_files import load_masks
    from labelwright.data.parts.sentences import load_conll

    if kind == "masks":
        return load_masks(path, classes=classes, images=images)
    if kind == "coco":
        return load_coco(path, images=images)
    if images is not None:
        raise BadInput("these data need no folder of images", where=place(path), fix="leave out --images")
    if kind == "yolo":
        return load_yolo(path)
    return load_conll(path, label=label, classes=classes)


def _boxes_format(path: Path, task: str | None) -> PartsFormat | None:
    """Return coco or yolo where the task or the content says so."""
    if task not in (None, "detection"):
        return None
    folder = path.parent if path.name in YAML_NAMES else path
    if folder.is_dir() and yolo_yaml(folder) is not None:
        return "yolo"
    if task == "detection":
        if path.is_dir():
            raise BadInput("is no YOLO data set", where=place(path), fix="give a folder with data.yaml and images/")
        _check_file(path)
        return "coco"
    return "coco" if path.suffix.lower() == ".json" and path.is_file() and _looks_like_coco(path) else None


def _looks_like_coco(path: Path) -> bool:
    """Whether a JSON file begins like an object and names the three lists of COCO."""
    try:
        text = path.read_bytes()
    except OSError:
        return False
    named = all(f'"{key}"'.encode() in text for key in KEYS)
    return named and text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def _check_file(path: Path) -> None:
    if not path.is_file():
        problem = "is a folder, not a file" if path.is_dir() else "there is no such file or folder"
        raise BadInput(problem, where=place(path), fix="check the path")
