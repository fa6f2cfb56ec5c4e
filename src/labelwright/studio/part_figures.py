"""What a person is shown of a row with parts: the sentence token by token, the image with its boxes or a region."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from labelwright.data.parts.frames import Frame
from labelwright.data.parts.image_boxes import ImageBoxes
from labelwright.data.parts.mask_files import MaskFiles
from labelwright.data.parts.regions import read_region
from labelwright.data.parts.sentences import Sentences
from labelwright.studio import tables as t
from labelwright.studio.label_codes import Classes
from labelwright.studio.part_rows import NOTHING, PartRows


def figure(parts: PartRows, row: int, part: str | None, marked: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is drawn of a row, with one part in doubt; `marked` are the parts that are decided on.

    Returns
    -------
    dict
        ``tokens`` (text, tag, number, in doubt or not); or ``boxes`` or the ``path`` of a region in pixels of ``width``
        and ``height``, with the size of the image as it is shown (``view``) and the matrix that lays them on it
        (``turn``), None where they lie so.
    """
    held = parts.dataset.parts
    if isinstance(held, Sentences):
        return {"tokens": _tokens(parts, held, row, part)}
    if isinstance(held, ImageBoxes):
        place = parts.frame(row)
        boxes = _boxes(parts, held, row, part, marked)
        for box in boxes:
            left, top, width, height = (box[side] for side in ("left", "top", "width", "height"))
            across, down, *_ = place.corners(np.array([[left, top, left + width, top + height]]))[0].tolist()
            box["text_at"] = [across, down]
        return _drawn_on(place) | {"boxes": boxes}
    assert isinstance(held, MaskFiles)
    drawn = None if part is None else _path(region_pixels(parts, held[row], part))
    return _drawn_on(parts.frame(row)) | {"path": drawn}


def _drawn_on(place: Frame) -> dict[str, Any]:
    """Return the pixels that marks are told in, the size of the image as it is shown, and what turns them upright."""
    turn = None if place.orientation == 1 else " ".join(f"{number!r}" for number in place.matrix)
    return {"width": place.width, "height": place.height, "view": list(place.view), "turn": turn}


def _tokens(parts: PartRows, held: Sentences, row: int, part: str | None) -> list[dict[str, Any]]:
    start, end = int(held.offsets[row]), int(held.offsets[row + 1])
    first, _, last = (part or "-1").partition("-") if part else ("-1", "", "-1")
    doubted = range(int(first), int(last or first) + 1)
    space = parts.dataset.space
    assert space is not None
    tags = space.decode(parts.dataset.labels[start:end])
    return [
        {"number": k, "text": word, "tag": None if tag in (NOTHING, None) else tag, "at": k in doubted}
        for k, (word, tag) in enumerate(zip(held.words(row), tags, strict=True))
    ]


def _boxes(
    parts: PartRows, held: ImageBoxes, row: int, part: str | None, marked: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    space = parts.dataset.space
    assert space is not None
    mine = slice(*held.boxes.offsets[row : row + 2])
    removed = {one["part"] for one in marked if one["verdict"] == "reject"}
    names = {one["part"]: one["label"] for one in marked if one["verdict"] == "relabel"}
    found = []
    for number, (corners, kind) in enumerate(zip(held.boxes.corners[mine], held.boxes.classes[mine], strict=True)):
        left, top, right, bottom = (float(value) for value in corners)
        name = names.get(str(number)) or space.names[int(kind)]
        found.append(_box(str(number), (left, top, right - left, bottom - top), name, part, str(number) in removed))
    others = [(one["part"], one["label"]) for one in marked if ":" in one["part"] and one["verdict"] == "relabel"]
    if part is not None and ":" in part and part not in {name for name, _ in others}:
        others.append((part, ""))
    for name, label in others:
        bounds = name.partition(":")[2].split(",")
        found.append(_box(name, tuple(map(float, bounds)), label, part, False) | {"dashed": True})
    return found


def _box(name: str, bounds: tuple[float, ...], label: str, part: str | None, removed: bool) -> dict[str, Any]:
    left, top, width, height = bounds
    at = part is not None and name in (part, part.partition(":")[0])
    return {"part": name, "left": left, "top": top, "width": width, "height": height, "label": label, "at": at,
            "removed": removed, "dashed": False}  # fmt: skip


def region_pixels(parts: PartRows, kinds: NDArray[np.int32], part: str) -> NDArray[np.bool_]:
    """Return which pixels of a mask (class numbers, -1 for none) a region names, bool (h, w)."""
    region = read_region(part, "")
    return region.pixels(kinds, parts.kind_of(region.kind))


def _path(pixels: NDArray[np.bool_]) -> str:
    """Return pixels as an SVG path: one flat rectangle for each run along a row."""
    edges = np.diff(np.pad(pixels.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    return "".join(f"M{x} {y}h{stop - x}v1h{x - stop}z" for y, x, stop in zip(rows, starts, ends, strict=True))


def marked_parts(
    connection: Connection, parts: PartRows, classes: Classes, row: int, task: str
) -> list[dict[str, Any]]:
    """Return the parts of a row that have an item: its number, the part, what was decided, the label now."""
    i, name = t.item.c, str(parts.dataset.ids[row])
    own = i.name.startswith(f"{name}#", autoescape=True)
    query = select(i.row, i.name, i.verdict, i.label).where(own).order_by(i.row)
    found = []
    for told in connection.execute(query):
        at, part = parts.place(told.name)
        if at == row and part is not None:
            label = classes.words(told.label, task)
            found.append({"row": told.row, "part": part, "verdict": told.verdict, "label": label})
    return found
