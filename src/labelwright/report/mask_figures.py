"""Draws masks in doubt: the given mask over its image with the suspect regions outlined, beside the model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labelwright.data.dataset import Dataset
from labelwright.data.parts.mask_files import MaskFiles, mask_frames
from labelwright.data.parts.pixel_probs import PixelProbs
from labelwright.data.parts.regions import read_region
from labelwright.errors import BadInput
from labelwright.report.image_panels import as_uri, beside, color_of, head, keyed, opened, outlined, panel_scale, shaded

MOST_NAMED = 12
BUDGET = 7_000_000  # characters of all pictures


class MaskFigures:
    """Draws the masks of a data set.

    Parameters
    ----------
    dataset : Dataset
        With `MaskFiles`.
    probs : PixelProbs, optional
        What a model says of the pixels.
    """

    def __init__(self, dataset: Dataset, probs: PixelProbs | None) -> None:
        self.dataset, self.probs = dataset, probs
        self._frames = mask_frames(dataset.parts, lambda row: head(dataset.parts.root, dataset.parts.images[row]))
        self._room = BUDGET

    def draw(self, row: int, marks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Return the picture of one mask with the regions of `marks` outlined, None when the page is full."""
        from PIL import Image

        if self._room <= 0:
            return None
        masks: MaskFiles = self.dataset.parts
        try:
            mask = masks[row]
            place = self._frames.of(row)
        except BadInput:
            return None
        width, height = map(int, place.view)
        scale = panel_scale(width, height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = opened(masks.root, masks.images[row])
        ground = Image.new("RGB", size, "white") if image is None else image.resize(size)
        given = shaded(ground, place.turned(mask), 0.9 if image is None else 0.55)
        for mark in marks:
            given = outlined(given, place.turned(self._pixels(mask, mark)))
        panels, words, held = [given], ["given"], np.bincount(mask[mask >= 0], minlength=1)
        if image is not None:
            panels, words = [ground, given], ["the image", "the given mask"]
        if self.probs is not None:
            said = np.asarray(self.probs[row]).argmax(axis=0)
            panels.append(shaded(ground, place.turned(said), 0.9 if image is None else 0.55))
            held = np.bincount(np.concatenate([mask[mask >= 0].ravel(), said.ravel()]))
            words.append("what the model says")
        sheet = keyed(beside(panels), self._key(held))
        picture = as_uri(sheet)
        self._room -= len(picture)
        doubt = "; what is in doubt has a red outline" if marks else ""
        return {
            "image": picture,
            "alt": "Mask with what is in doubt",
            "width": sheet.width,
            "height": sheet.height,
            "caption": f"From left to right: {', '.join(words)}{doubt}.",
        }

    def _key(self, held: Any) -> list[tuple[str, tuple[int, int, int]]]:
        """Return the classes that are drawn, the largest first, with their colours."""
        assert self.dataset.space is not None
        order = np.argsort(-held, kind="stable")[:MOST_NAMED].tolist()
        return [(self.dataset.space.names[k], color_of(k)) for k in order if held[k]]

    def _pixels(self, mask: Any, mark: Mapping[str, Any]) -> Any:
        assert self.dataset.space is not None
        index = self.dataset.space.index
        try:
            region = read_region(str(mark["part"]), "")
        except BadInput:  # a class as a whole
            return mask == index.get(str(mark["part"]), -2)
        return region.pixels(mask, index.get(region.kind, -2))
