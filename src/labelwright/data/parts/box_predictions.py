"""The boxes that a model found, from a COCO results file or a folder of YOLO text files, lined up with the images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.data.parts.image_boxes import (
    UNKNOWN_SIDE,
    ImageBoxes,
    box_of_shares,
    boxes_of,
    four_numbers,
    hashable,
)
from labelwright.data.readers.coco import parsed_json
from labelwright.data.readers.encoded_text import read_text
from labelwright.data.readers.places import place
from labelwright.data.readers.yolo import label_file, read_lines
from labelwright.errors import BadInput, quoted
from labelwright.evidence.boxes import Boxes

Found = list[list[tuple[Sequence[float], int, float]]]


def load_box_predictions(given: Any, dataset: Dataset) -> Boxes:
    """Load the boxes that a model found and line them up with the images.

    Parameters
    ----------
    given : Boxes, path of a COCO results file (a list of image_id, category_id, bbox, score), or path of a folder of
        YOLO text files (class, centre, width, height, confidence) named like the images
    dataset : Dataset
        Of task ``"detection"``.

    Raises
    ------
    BadInput
        Results for images or classes that the data lack, boxes or scores that are none.
    """
    parts: ImageBoxes = dataset.parts
    if isinstance(given, Boxes):
        if len(given) != len(parts.names) or given.n_classes != parts.boxes.n_classes or given.confidence is None:
            raise BadInput(
                f"the predictions are of {len(given)} images and {given.n_classes} classes",
                fix=f"give boxes with confidence of {len(parts.names)} images and {parts.boxes.n_classes} classes",
            )
        return given
    path = Path(given)
    if not path.exists():
        raise BadInput("there are no such predictions", where=place(path), fix="check the path")
    found = _yolo_results(path, parts) if path.is_dir() else _coco_results(path, parts)
    flat = [box for boxes in found for box in boxes]
    boxes = boxes_of([[(box, kind) for box, kind, _ in one] for one in found], parts.boxes.n_classes, parts.boxes.sizes)
    scores = np.array([score for _, _, score in flat], dtype=np.float64)
    return Boxes(boxes.offsets, boxes.corners, boxes.classes, boxes.n_classes, boxes.sizes, scores)


def _coco_results(path: Path, parts: ImageBoxes) -> Found:
    content = parsed_json(read_text(path).data, path)
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise BadInput("holds no list of results", where=place(path), fix="give image_id, category_id, bbox and score")
    at = {name: row for row, name in enumerate(parts.names)}
    found: Found = [[] for _ in parts.names]
    for number, one in enumerate(content):
        row, kind = at.get(str(one.get("image_id"))), parts.keys.get(hashable(one.get("category_id")))
        if row is None or kind is None:
            what = (
                f"image_id {quoted(one.get('image_id'))}" if row is None else f"category_id {one.get('category_id')!r}"
            )
            raise BadInput(
                f"entry {number} has {what}, which the data lack",
                where=place(path),
                fix="predict the images of the file",
            )
        found[row].append(
            (four_numbers(one.get("bbox"), f"entry {number}", path), kind, _score(one.get("score"), number, path))
        )
    return found


def _yolo_results(path: Path, parts: ImageBoxes) -> Found:
    """Read one text file an image, at the place of its label file, or by its name alone."""
    found: Found = []
    files = {p.relative_to(path).as_posix(): p for p in path.rglob("*.txt")}
    if not files:
        raise BadInput("holds no text file", where=place(path), fix="give one file an image, named like it")
    by_name = {PurePosixPath(name).name: file for name, file in files.items()}
    sizes = parts.boxes.sizes
    for row, image in enumerate(parts.files):
        name = PurePosixPath(image).with_suffix(".txt").as_posix()
        label = label_file(image) if "images" in image.split("/") else name
        file = next((files[key] for key in (label, name) if key in files), by_name.get(PurePosixPath(name).name))
        side = (
            np.array([UNKNOWN_SIDE] * 2) if sizes is None else np.where(np.isnan(sizes[row]), UNKNOWN_SIDE, sizes[row])
        )
        found.append([] if file is None else list(_result_lines(file, side, parts.keys)))
    return found


def _result_lines(
    file: Path, side: NDArray[np.float64], keys: dict[Any, int]
) -> Iterable[tuple[Sequence[float], int, float]]:
    data = file.read_bytes()
    for line in read_lines(data, file.name, len(keys)):
        rest = data[line.rest_start : line.rest_end]
        where = f"{place(file)} line {line.line}"
        box, after = box_of_shares(rest, side, where)
        if len(after) != 1:
            raise BadInput("has no confidence", where=where, fix="write class, centre, width, height and confidence")
        yield box, keys[line.kind], _score(after[0], line.line, file)


def _score(value: Any, number: int, path: Path) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadInput(f"entry {number} has the score {quoted(value)}", where=place(path), fix="give it in [0, 1]")
    return float(value)
