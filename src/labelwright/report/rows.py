"""Rows of the data as the report shows them: text excerpts, thumbnails, cells, and the labels of the neighbours."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from labelwright.audit.summary import row_name
from labelwright.data.dataset import Dataset
from labelwright.data.matrices import is_matrix
from labelwright.errors import LabelwrightError
from labelwright.metrics.numerals import rounded_number

TEXT_WIDTH = 600
CELL_WIDTH = 80
MOST_CELLS = 24
NEIGHBORS = 10
REMEMBERED = 5000
LONG_DECIMAL = re.compile(r"-?(?=.{9})\d{1,15}\.\d+(e[+-]?\d{1,2})?", re.I)
HIDDEN = "(sensitive, not shown)"
PICTURE_BUDGET = 9_000_000  # characters of base64, so that the page stays under 15 MB


if TYPE_CHECKING:
    from labelwright.report.part_figures import PartFigures


class Thumbnails(Protocol):
    """What the report asks of the images of a data set."""

    def thumbnail_png(self, row: int, size: int) -> bytes:
        """Return a PNG of at most `size` pixels on its longer side."""
        ...


class RowContent:
    """Turns row numbers into JSON-able cards; remembers each, since several sections show the same row.

    Parameters
    ----------
    dataset : Dataset
    neighbors : object with ``indices`` int64 (n, k), optional
    images : Thumbnails, optional
        Opened from the image column when left out.
    sensitive : iterable of str
        Columns whose values are never shown.
    size : int
        Longer side of a thumbnail in pixels.
    """

    def __init__(
        self,
        dataset: Dataset,
        neighbors: Any = None,
        images: Thumbnails | None = None,
        *,
        sensitive: Iterable[str] = (),
        size: int = 128,
    ) -> None:
        self.dataset, self.neighbors, self.size, self.sensitive = dataset, neighbors, size, frozenset(sensitive)
        self._images = images if images is not None else _open_images(dataset)
        self._known: dict[int, dict[str, Any]] = {}
        self._room = PICTURE_BUDGET
        self.figures: PartFigures | None = None
        schema = dataset.source.table.schema
        self._plain_columns = tuple(field.name for field in schema if not is_matrix(field))

    def card(self, row: int) -> dict[str, Any]:
        """Return what is known of one row; `row` counts from 0."""
        if row not in self._known:
            self._known[row] = {
                "row": row,
                "id": self._name(row),
                "label": cut(self.dataset.given[row], CELL_WIDTH),
                "texts": self._texts(row),
                "image": self._image(row),
                "cells": self._cells(row),
                "neighbors": self._neighbors(row),
            }
            if len(self._known) > REMEMBERED:  # a server shows rows for weeks; a report shows a few hundred
                self._known.pop(next(iter(self._known)), None)
        card = self._known[row]
        self._room -= len(card["image"] or "")
        return card if self._room >= 0 or card["image"] is None else card | {"image": None}

    def _name(self, row: int) -> str | None:
        """Return what a person finds the row by, beside its number."""
        name = row_name(self.dataset, row)
        return None if name == f"row {row}" else shorten(name, CELL_WIDTH)

    def _texts(self, row: int) -> list[dict[str, str]]:
        found = []
        for name in self.dataset.plan.text:
            value = self._value(name, row)
            if value:
                found.append({"column": shorten(name, CELL_WIDTH), "text": shorten(value, TEXT_WIDTH)})
        return found

    def _image(self, row: int) -> str | None:
        if self._images is None or self._room <= 0 or self.dataset.plan.image in self.sensitive:
            return None
        try:
            data = self._images.thumbnail_png(row, self.size)
        except (LabelwrightError, OSError, ValueError):
            return None  # an unreadable image has a finding of its own
        return "data:image/png;base64," + base64.b64encode(data).decode("ascii")

    def _cells(self, row: int) -> list[list[str | None]]:
        plan = self.dataset.plan
        if plan.text or plan.image:
            return []
        names = plan.feature_columns if plan.modality == "table" else ()
        names = names or tuple(name for name in self._plain_columns if name not in (plan.label, plan.id))
        return [[shorten(name, CELL_WIDTH), cut(self._value(name, row), CELL_WIDTH)] for name in names[:MOST_CELLS]]

    def _value(self, name: str, row: int) -> str | None:
        if name in self.sensitive:
            return HIDDEN
        value = self.dataset.column(name)[row].as_py()
        if value is None or isinstance(value, bytes | bytearray | Mapping):
            return None if value is None else "(binary)"
        if isinstance(value, float) or (isinstance(value, str) and LONG_DECIMAL.fullmatch(value)):
            return rounded_number(float(value))
        return str(value)[: TEXT_WIDTH + 1]

    def _neighbors(self, row: int) -> list[list[Any]]:
        """Return [label, how many of the nearest rows carry it], the most frequent first; for numbers [line, None]."""
        if self.neighbors is None:
            return []
        near = [i for i in np.asarray(self.neighbors.indices[row][:NEIGHBORS]).tolist() if i >= 0]
        if self.dataset.plan.task == "regression":
            values = self.dataset.labels[near]
            values = values[~np.isnan(values)]
            if not len(values):
                return []
            least, most, median = (rounded_number(float(x), 4) for x in (values.min(), values.max(), np.median(values)))
            return [[f"{least} to {most}, median {median}", None]]
        counts = Counter(cut(self.dataset.given[i], CELL_WIDTH) or "no label" for i in near)
        return [[label, count] for label, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _open_images(dataset: Dataset) -> Thumbnails | None:
    if dataset.plan.image is None:
        return None
    from labelwright.data.images import ImageRows

    images: Thumbnails = ImageRows(dataset, dataset.plan.image)
    return images


def shorten(text: str, width: int) -> str:
    """Cut `text` to `width` characters, an ellipsis last where something was cut."""
    return text if len(text) <= width else text[: width - 1] + "…"


def cut(text: str | None, width: int) -> str | None:
    """Do as `shorten`, None staying None."""
    return None if text is None else shorten(text, width)
