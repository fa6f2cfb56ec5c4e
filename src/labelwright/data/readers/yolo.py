"""YOLO data sets: ``data.yaml`` names the classes, images lie below ``images/``, label files in step with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import yaml

from labelwright.data.readers.image_folder import IMAGE_SUFFIXES
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput

YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LINE = re.compile(rb"[ \t]*(\d+)(?=[ \t])([^\r\n]*)(?:\r\n|\n|\r|\Z)")
_BLANK = re.compile(rb"[ \t]*(?:\r\n|\n|\r)|[ \t]+\Z")


class Line(NamedTuple):
    """A line of a label file: where the line, its class number and what follows stand, the class and its number."""

    start: int
    end: int
    number_start: int
    number_end: int
    rest_start: int
    rest_end: int
    kind: int
    line: int


def read_lines(data: bytes, label: str, n_classes: int) -> Iterator[Line]:
    """Yield the boxes of a label file, blank lines left out; BadInput names the line that is none.

    Parameters
    ----------
    data : bytes
    label : str
        Name of the file, for messages.
    n_classes : int
    """
    at, number = 0, 0
    while at < len(data):
        number += 1
        if blank := _BLANK.match(data, at):
            at = blank.end()
            continue
        line = _LINE.match(data, at)
        if line is None or int(line[1]) >= n_classes:
            problem = f"class {int(line[1])} of {n_classes}" if line else "no class number and box"
            raise BadInput(f"holds {problem}", where=f"{place(Path(label))} line {number}", fix="mend the line")
        yield Line(at, line.end(), *line.span(1), *line.span(2), int(line[1]), number)
        at = line.end()


def yolo_images(files: list[str], path: Path) -> list[str]:
    """Return the images among the files of a data set."""
    found = [f for f in files if PurePosixPath(f).suffix.lower() in IMAGE_SUFFIXES and "images" in f.split("/")]
    if not found:
        raise BadInput("holds no folder images/ with images", where=place(path), fix="give a YOLO data set")
    return found


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
