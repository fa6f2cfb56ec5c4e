"""Pixels of a mask that a person paints with a class: the regions that they are, as `labelwright apply` names them.

What is painted is a set of pixels of the mask as it is shown, upright. It becomes one region for each class that stands
there, cut so that every name holds its very pixels; each region is an item as any other, and one action decides all.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from labelwright.data.parts.mask_files import MaskFiles
from labelwright.data.parts.regions import read_runs, region_names
from labelwright.errors import BadInput, quoted
from labelwright.evidence.space import LabelSpace
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.group_decisions import decide_each
from labelwright.studio.part_content import item_of
from labelwright.studio.part_figures import marked_parts, region_pixels
from labelwright.studio.part_rows import VOID_PIXEL, PartRows
from labelwright.studio.project import facts

LONGEST_RUNS = 4_000_000  # characters


def paint(connection: Connection, parts: PartRows, row: int, runs: str, label: str, user_id: int) -> str:
    """Give painted pixels a class, in one action with one way back; return its name.

    Parameters
    ----------
    connection : Connection
        That writes.
    parts : PartRows
    row : int
    runs : str
        Pixels of the mask as it is shown: off, on, off, ... along its rows, as in the name of a region.
    label : str
        The class, or the data's word for pixels of no class.
    user_id : int

    Raises
    ------
    BadInput
        No mask, no such class, nothing painted, or pixels that are decided on already.
    """
    held = parts.dataset.parts
    if not isinstance(held, MaskFiles) or parts.dataset.space is None:
        raise BadInput("the rows of these data have no masks", fix="decide about the row")
    classes, task = load_classes(connection), facts(connection)["task"]
    code, frame = classes.label_of(label, task), parts.frame(row)
    pixels = frame.unturned(read_runs(runs, (int(frame.view[1]), int(frame.view[0])), quoted("runs"), ""))
    _refuse_decided(pixels, decided_pixels(connection, parts, row))
    names = _regions(held, parts.dataset.space, row, pixels, label)
    if not names:
        raise BadInput(f"no pixel is painted that is not {quoted(label)} already", fix="paint some")
    items = [item_of(connection, parts, row, name) for name in names]
    i = t.item.c
    if connection.scalar(select(i.row).where(i.row.in_(items), i.verdict.is_not(None)).limit(1)) is not None:
        raise BadInput("these pixels are decided on already", fix="take that back first")
    return decide_each(connection, dict.fromkeys(items, code), user_id)


def decided_pixels(connection: Connection, parts: PartRows, row: int) -> dict[str, NDArray[np.bool_]]:
    """Return the pixels of each part of a mask that is to get another class, with that class after the name."""
    classes, task, kinds = load_classes(connection), facts(connection)["task"], parts.dataset.parts[row]
    changed = [one for one in marked_parts(connection, parts, classes, row, task) if one["verdict"] == "relabel"]
    return {f"{one['part']}\x00{one['label']}": region_pixels(parts, kinds, one["part"]) for one in changed}


def mask_png(connection: Connection, parts: PartRows, row: int) -> bytes:
    """Return a mask as it is shown and as it is decided on, as PNG: the class is red + 256 green, blue says decided."""
    from PIL import Image

    held = parts.dataset.parts
    if not isinstance(held, MaskFiles):
        raise BadInput("this row has no mask")
    kinds = np.array(held[row])
    decided = np.zeros(kinds.shape, dtype=bool)
    for name, pixels in decided_pixels(connection, parts, row).items():
        kinds[pixels] = parts.kind_of(name.partition("\x00")[2])
        decided |= pixels
    numbers = np.where(kinds < 0, VOID_PIXEL, kinds)
    drawn = np.stack([numbers & 255, numbers >> 8, np.where(decided, 255, 0)], axis=2).astype(np.uint8)
    file = io.BytesIO()
    turned = np.ascontiguousarray(np.stack([parts.frame(row).turned(drawn[:, :, k]) for k in range(3)], axis=2))
    Image.fromarray(turned).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _regions(held: MaskFiles, space: LabelSpace, row: int, pixels: NDArray[np.bool_], label: str) -> list[str]:
    """Return the names of painted pixels, class by class; those that have the class already are left out."""
    values, found = held.values(row), list[str]()
    voids = {value: name for name, value in reversed(held.voids.items())}
    for value in np.unique(values[pixels]).tolist():
        kind = int(held.codes[value])
        name = space.names[kind] if kind >= 0 else voids[value]
        if name != label:
            found += region_names(pixels & (values == value), name)
    return found


def _refuse_decided(pixels: NDArray[np.bool_], decided: dict[str, Any]) -> None:
    for name, others in decided.items():
        if (pixels & others).any():
            part = name.partition("~")[0].partition("\x00")[0]
            raise BadInput(f"some of these pixels are decided on already ({part})", fix="take that back first")
