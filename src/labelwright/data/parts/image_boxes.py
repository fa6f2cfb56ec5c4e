"""Images with boxes: COCO files and YOLO folders as data sets whose rows are images."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset, Plan, Source
from labelwright.data.image_files import Head
from labelwright.data.parts.frames import Frames
from labelwright.data.parts.image_sizes import image_size
from labelwright.data.readers.coco import (
    KEYS,
    broken,
    category_names,
    check_entries,
    image_names,
    is_coco,
    parsed_json,
    part_numbers,
)
from labelwright.data.readers.encoded_text import read_text
from labelwright.data.readers.places import counted, place
from labelwright.data.readers.yolo import label_file, read_lines, yolo_images, yolo_names, yolo_yaml
from labelwright.errors import BadInput, listed, quoted
from labelwright.evidence.boxes import Boxes
from labelwright.evidence.segments import offsets_of
from labelwright.evidence.space import LabelSpace

UNKNOWN_SIDE = 1000.0  # pixels that stand for the side of an image that cannot be opened
Box = tuple[Sequence[float], int]  # left, top, width, height; class


@dataclass(frozen=True)
class ImageBoxes:
    """The boxes of n images and where the images are.

    Parameters
    ----------
    boxes : Boxes
    names : tuple of str
        Durable names of the images: their ids (COCO) or paths (YOLO).
    files : tuple of str
        Their files below `root`.
    root : Path
    keys : mapping
        How a model's results name each class: category ids (COCO) or numbers (YOLO), to class numbers.
    """

    boxes: Boxes
    names: tuple[str, ...]
    files: tuple[str, ...]
    root: Path
    keys: dict[Any, int]


def box_frames(parts: ImageBoxes, head: Callable[[int], Head | None]) -> Frames:
    """Return how boxes lie on their images as these are shown, by the heads of the files of the images."""
    sizes = parts.boxes.sizes

    def told(row: int) -> tuple[float, float]:
        return (float("nan"), float("nan")) if sizes is None else (float(sizes[row, 0]), float(sizes[row, 1]))

    return Frames(len(parts.names), told, head)


def load_coco(path: Path, *, images: Path | None = None) -> Dataset:
    """Load a COCO file as a data set of images.

    Parameters
    ----------
    path : Path
    images : Path, optional
        The folder of the images; by default that of the file.

    Returns
    -------
    Dataset
        Task ``"detection"``; `labels` holds the class of each box, int32 (t,); `parts` are the `ImageBoxes`.

    Raises
    ------
    BadInput
        No COCO file, an annotation of no image or of no category, a box that is not four finite numbers.
    """
    content = parsed_json(read_text(path).data, path)
    if not is_coco(content):
        raise BadInput(f"has no lists {listed(KEYS)}", where=place(path), fix="give annotations in the form of COCO")
    for key in KEYS:
        check_entries(key, content[key], path)
    if not content["images"] or not content["categories"]:
        raise broken(f"names no {'category' if content['images'] else 'image'}", path)
    names = image_names(content["images"], path)
    kinds = category_names(content["categories"])
    space = LabelSpace(tuple(dict.fromkeys(kinds.values())))
    keys = {key: space.index[name] for key, name in kinds.items()}
    at = {name: row for row, name in enumerate(names)}
    found: list[list[Box]] = [[] for _ in names]
    places = part_numbers(content["annotations"], set(names), path)
    for number, (annotation, (image, _)) in enumerate(zip(content["annotations"], places, strict=True)):
        kind = keys.get(hashable(annotation.get("category_id")), -1)
        if kind < 0:
            known = quoted(annotation.get("category_id"))
            raise broken(f"annotations entry {number} has category_id {known}, which is none", path)
        found[at[image]].append((four_numbers(annotation.get("bbox"), f"annotations entry {number}", path), kind))
    sizes = np.array([[_side(one.get(side)) for side in ("width", "height")] for one in content["images"]])
    files = tuple(str(one.get("file_name", "")) for one in content["images"])
    root = images or path.parent
    boxes = boxes_of(found, len(space), sizes.reshape(-1, 2))
    return _dataset(path, "coco", ImageBoxes(boxes, tuple(names), files, root, keys), space)


def load_yolo(path: Path) -> Dataset:
    """Load a YOLO folder as a data set of images; outlines (polygons) count by the box around them."""
    folder = path if path.is_dir() else path.parent
    named = yolo_yaml(folder)
    if named is None:
        raise BadInput("is no YOLO data set", where=place(path), fix="give a folder with data.yaml and images/")
    names = yolo_names(named)
    space = LabelSpace(tuple(dict.fromkeys(names)))
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    images = [f for f in yolo_images(files, folder) if not f.startswith(("_rejected/", "."))]
    known = frozenset(files)
    found: list[list[Box]] = []
    sizes = np.full((len(images), 2), np.nan)
    for row, image in enumerate(images):
        sizes[row] = _size_or_nothing(folder / image)
        label = label_file(image)
        text = (folder / label).read_bytes() if label in known else b""
        lines = [(line, text[line.rest_start : line.rest_end]) for line in read_lines(text, label, len(names))]
        side = np.where(np.isnan(sizes[row]), UNKNOWN_SIDE, sizes[row])
        found.append(
            [(box_of_shares(rest, side, f"{place(Path(label))} line {line.line}")[0], space.index[names[line.kind]])
             for line, rest in lines]
        )  # fmt: skip
    keys = {k: space.index[name] for k, name in enumerate(names)}
    boxes = boxes_of(found, len(space), sizes)
    return _dataset(folder, "yolo", ImageBoxes(boxes, tuple(images), tuple(images), folder, keys), space)


def boxes_of(found: list[list[Box]], n_classes: int, sizes: NDArray[np.float64] | None) -> Boxes:
    """Return boxes image by image, (left, top, width, height) and class, as `Boxes`."""
    flat = [box for boxes in found for box in boxes]
    return Boxes.from_xywh(
        offsets_of([len(boxes) for boxes in found]),
        np.array([box for box, _ in flat], dtype=np.float64).reshape(-1, 4),
        np.array([kind for _, kind in flat], dtype=np.int32),
        n_classes,
        sizes,
    )


def box_of_shares(rest: bytes, side: NDArray[np.float64], where: str) -> tuple[Sequence[float], list[float]]:
    """Return the box (left, top, width, height) that the numbers after a class say, and the numbers after these."""
    try:
        numbers = [float(word) for word in rest.split()]
    except ValueError:
        numbers = []
    if len(numbers) < 4 or not np.isfinite(numbers).all():
        raise BadInput("holds no box", where=where, fix="write class, centre, width and height as shares")
    width, height = side
    if len(numbers) >= 6:  # an outline: x and y in turn
        x, y = np.array(numbers[0::2][: len(numbers) // 2]) * width, np.array(numbers[1::2]) * height
        return (float(x.min()), float(y.min()), float(np.ptp(x)), float(np.ptp(y))), []
    w, h = numbers[2] * width, numbers[3] * height
    return (numbers[0] * width - w / 2, numbers[1] * height - h / 2, w, h), numbers[4:]


def four_numbers(box: Any, what: str, path: Path) -> list[float]:
    """Return the bbox of an entry; BadInput where it is not four finite numbers."""
    numbers: list[Any] = box if isinstance(box, list) and len(box) == 4 else [None]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in numbers):
        raise broken(f"{what} has no bbox of four finite numbers", path)
    return [float(value) for value in numbers]


def _side(value: Any) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value) and value > 0
    return float(value) if good else float("nan")


def hashable(value: Any) -> Any:
    """Return what a file calls a category as a key of a dictionary."""
    return value if isinstance(value, int | str | float) else json.dumps(value)


def _size_or_nothing(path: Path) -> tuple[float, float]:
    try:
        width, height = image_size(path)
    except BadInput:
        return float("nan"), float("nan")
    return float(width), float(height)


def _dataset(path: Path, kind: str, parts: ImageBoxes, space: LabelSpace) -> Dataset:
    boxes = parts.boxes
    bounds = zip(boxes.offsets[:-1].tolist(), boxes.offsets[1:].tolist(), strict=True)
    said = _said(boxes, space.decode(boxes.classes))
    table = pa.table(
        {
            "image": pa.array(parts.names, pa.string()),
            "file": pa.array(parts.files, pa.string()),
            "boxes": pa.array([said[a:b] for a, b in bounds], pa.list_(pa.string())),
        }
    )
    notes = (f"{counted(len(boxes), 'image')} with {counted(len(boxes.classes), 'box').replace('boxs', 'boxes')}",)
    plan = Plan("detection", "image", "boxes", id="image", notes=notes)
    names = np.array(parts.names, dtype=np.str_)
    source = Source(table, path, kind, parts.root)
    return Dataset(source, plan, boxes.classes, (None,) * len(boxes), space, names, parts=parts)


def _said(boxes: Boxes, names: Sequence[str | None]) -> list[str]:
    """Return each box as text, such as ``dog 10,20,30,40`` (left, top, width, height): what a comparison reads."""
    sides = np.column_stack([boxes.corners[:, :2], boxes.corners[:, 2:] - boxes.corners[:, :2]]).tolist()
    return [f"{name} {x:g},{y:g},{w:g},{h:g}" for name, (x, y, w, h) in zip(names, sides, strict=True)]
