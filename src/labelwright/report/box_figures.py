"""Draws boxes in doubt: the image with the given boxes, those in doubt in red, and the boxes that a model sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from labelwright.data.dataset import Dataset
from labelwright.data.parts.frames import Frame
from labelwright.data.parts.image_boxes import ImageBoxes, box_frames
from labelwright.evidence.boxes import Boxes
from labelwright.inert import inert
from labelwright.report.image_panels import DOUBT, GIVEN, SAID, as_uri, beside, head, keyed, opened
from labelwright.report.rows import shorten

BUDGET = 7_000_000  # characters of all pictures
SIDE = 460  # longer side of a panel in pixels
SHOWN_FROM = 0.3  # confidence from which a prediction is drawn


class BoxFigures:
    """Draws the images of a data set with their boxes.

    Parameters
    ----------
    dataset : Dataset
        With `ImageBoxes`.
    predicted : Boxes, optional
        What a model sees.
    """

    def __init__(self, dataset: Dataset, predicted: Boxes | None) -> None:
        self.dataset, self.predicted = dataset, predicted
        self._frames = box_frames(dataset.parts, lambda row: head(dataset.parts.root, dataset.parts.files[row]))
        self._room = BUDGET

    def draw(self, row: int, marks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Return the picture of one image, None when the page is full."""
        if self._room <= 0:
            return None
        parts: ImageBoxes = self.dataset.parts
        image = opened(parts.root, parts.files[row])
        place = self._place(row)
        ground = self._ground(place, image)
        mine = slice(*parts.boxes.offsets[row : row + 2])
        doubted = {str(mark["part"]).partition(":")[0] for mark in marks}
        given = _Canvas(ground, place)
        for number, (corners, kind) in enumerate(
            zip(parts.boxes.corners[mine], parts.boxes.classes[mine], strict=True)
        ):
            given.box(corners, self._name(kind), DOUBT if str(number) in doubted else GIVEN)
        for mark in marks:
            if ":" in str(mark["part"]):
                given.box(_corners(str(mark["part"])), mark["suggested"] or "", DOUBT, dashed=True)
        panels, key = [given.image], [("given", GIVEN), ("in doubt", DOUBT)]
        if self.predicted is not None:
            panels.append(self._said(row, ground, place))
            key.append(("what the model sees", SAID))
        sheet = keyed(beside(panels), key)
        picture = as_uri(sheet)
        self._room -= len(picture)
        missing = "" if image is not None else " The image file is not there: give its folder with --images."
        return {
            "image": picture,
            "alt": "Image with its boxes",
            "width": sheet.width,
            "height": sheet.height,
            "caption": f"Boxes in doubt are red; a dashed box is one that the model would draw.{missing}",
        }

    def _said(self, row: int, ground: Image.Image, place: Frame) -> Image.Image:
        assert self.predicted is not None and self.predicted.confidence is not None
        said, canvas = self.predicted, _Canvas(ground, place)
        for at in range(int(said.offsets[row]), int(said.offsets[row + 1])):
            if said.confidence[at] >= SHOWN_FROM:  # type: ignore[index]
                words = f"{self._name(said.classes[at])} {said.confidence[at]:.2f}"  # type: ignore[index]
                canvas.box(said.corners[at], words, SAID)
        return canvas.image

    def _place(self, row: int) -> Frame:
        """Return the pixels that the boxes of an image are told in; as far as they reach where nothing tells."""
        place, boxes = self._frames.of(row), self.dataset.parts.boxes
        if not np.isnan(place.width + place.height):
            return place
        reach = boxes.corners[slice(*boxes.offsets[row : row + 2]), 2:].max(axis=0, initial=1.0)
        return Frame(float(reach[0]), float(reach[1]))

    def _ground(self, place: Frame, image: Image.Image | None) -> Image.Image:
        width, height = place.view
        scale = SIDE / max(width, height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return Image.new("RGB", size, (236, 233, 226)) if image is None else image.resize(size)

    def _name(self, kind: int) -> str:
        assert self.dataset.space is not None
        return self.dataset.space.names[kind]


class _Canvas:
    """An image that boxes are drawn on."""

    def __init__(self, ground: Image.Image, place: Frame) -> None:
        self.image, self._place = ground.copy(), place
        self._scale = ground.width / place.view[0], ground.height / place.view[1]
        self._pen = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(12)

    def box(self, corners: Any, words: str, color: tuple[int, int, int], *, dashed: bool = False) -> None:
        """Draw a box with its class at its upper edge."""
        x0, y0, x1, y1 = (self._place.corners(np.reshape(corners, (1, 4)))[0] * (self._scale * 2)).tolist()
        if dashed:
            self._dashes((x0, y0, x1, y1), color)
        else:
            self._pen.rectangle((x0, y0, x1, y1), outline=color, width=2)
        text = shorten(inert(words), 24)
        wide = self._pen.textlength(text, font=self._font)
        left, top = min(max(x0, 0), max(0.0, self.image.width - wide - 5)), max(y0 - 15, 0)
        self._pen.rectangle((left, top, left + wide + 5, top + 14), fill=color)
        self._pen.text((left + 2, top), text, fill="white", font=self._font)

    def _dashes(self, corners: tuple[float, float, float, float], color: tuple[int, int, int]) -> None:
        x0, y0, x1, y1 = corners
        for a, b, across in ((x0, x1, True), (y0, y1, False)):
            for start in np.arange(a, b, 10).tolist():
                stop = min(start + 6, b)
                for level in (y0, y1) if across else (x0, x1):
                    line = (start, level, stop, level) if across else (level, start, level, stop)
                    self._pen.line(line, fill=color, width=2)


def _corners(part: str) -> tuple[float, float, float, float]:
    left, top, width, height = (float(value) for value in part.partition(":")[2].split(","))
    return left, top, left + width, top + height
