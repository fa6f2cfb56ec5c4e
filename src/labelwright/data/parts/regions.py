"""Regions of a mask by name, so that a decision can be about them: the box, the class, and the very pixels.

    10,20,59,80:road                 the pixels of class road from (10, 20) to (59, 80), both included: x, then y
    10,20,59,80:road~5.3.a.2         of these, only the runs named: off, on, off, on, ... along the rows of the box

Lengths of runs are numbers to the base 36. Without runs every pixel of the class in the box is meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput, quoted

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NAME = re.compile(r"(\d+),(\d+),(\d+),(\d+):([^~]*)(?:~([0-9a-z.]+))?", re.S)
_RUNS = re.compile("[0-9a-z.]*")
LONGEST = 4_000  # characters of a name; a region that needs more is named by its box alone
_MOST_PIXELS = 1 << 31


@dataclass(frozen=True)
class Region:
    """Pixels of one class in a box; `inside` (height, width) says which, None for all."""

    left: int
    top: int
    right: int
    bottom: int
    kind: str
    inside: NDArray[np.bool_] | None = None

    @property
    def window(self) -> tuple[slice, slice]:
        """The box as slices of rows and columns."""
        return slice(self.top, self.bottom + 1), slice(self.left, self.right + 1)

    def overlaps(self, other: Region) -> bool:
        """Say whether another region of the same mask names a pixel of this one."""
        if self.kind != other.kind:
            return False
        left, top = max(self.left, other.left), max(self.top, other.top)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        if left > right or top > bottom:
            return False
        shared = np.ones((bottom - top + 1, right - left + 1), dtype=bool)
        for one in (self, other):
            if one.inside is not None:
                shared &= one.inside[top - one.top : bottom - one.top + 1, left - one.left : right - one.left + 1]
        return bool(shared.any())

    def pixels(self, mask: NDArray[np.integer], code: int) -> NDArray[np.bool_]:
        """Return which pixels of a mask are meant, bool (h, w); `code` is the number of the class there."""
        chosen = np.zeros(mask.shape, dtype=bool)
        part = mask[self.window] == code
        chosen[self.window] = part if self.inside is None else part & self.inside
        return chosen


def region_name(pixels: NDArray[np.bool_], kind: str) -> str:
    """Return the name of a set of pixels of a mask that are all of the class `kind`.

    Examples
    --------
    >>> region_name(np.array([[0, 0, 0], [0, 1, 1], [0, 1, 0]], dtype=bool), "road")
    '1,1,2,2:road~0.3.1'
    """
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
    flat = pixels[top : bottom + 1, left : right + 1].ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat.view(np.int8), [2]])))
    lengths = np.diff(np.concatenate([[0], edges]))
    runs = ".".join(_written(n) for n in lengths.tolist())
    name = f"{left},{top},{right},{bottom}:{kind}"
    return name if len(runs) > LONGEST else f"{name}~{runs}"


def region_names(pixels: NDArray[np.bool_], kind: str) -> list[str]:
    """Return names that together hold exactly these pixels of class `kind`; one where it is not too long.

    Examples
    --------
    >>> region_names(np.array([[0, 1], [1, 0]], dtype=bool), "road")
    ['0,0,1,1:road~1.2.1']
    """
    if not pixels.any():
        return []
    name = region_name(pixels, kind)
    if "~" in name:
        return [name]
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    first = np.zeros_like(pixels)
    if rows[-1] - rows[0] >= columns[-1] - columns[0]:
        first[: (rows[0] + rows[-1]) // 2 + 1] = True
    else:
        first[:, : (columns[0] + columns[-1]) // 2 + 1] = True
    return [*region_names(pixels & first, kind), *region_names(pixels & ~first, kind)]


def read_region(part: str, where: str) -> Region:
    """Return the region that a part of a decision names; BadInput where it is none.

    Examples
    --------
    >>> read_region("1,1,2,2:road~0.3.1", "").inside.astype(int)
    array([[1, 1],
           [1, 0]])
    """
    match = _NAME.fullmatch(part)
    if match is None:
        raise BadInput(
            f"{quoted(part)} is no region of a mask", where=where, fix="write left,top,right,bottom:class in pixels"
        )
    left, top, right, bottom = (int(match[k]) for k in range(1, 5))
    if right < left or bottom < top or (right - left + 1) * (bottom - top + 1) > _MOST_PIXELS:
        raise BadInput(f"{quoted(part)} is no box", where=where, fix="write left,top,right,bottom:class in pixels")
    inside = None
    if match[6] is not None:
        inside = read_runs(match[6], (bottom - top + 1, right - left + 1), quoted(part), where)
    return Region(left, top, right, bottom, match[5], inside)


def read_runs(runs: str, shape: tuple[int, int], name: str, where: str) -> NDArray[np.bool_]:
    """Return the pixels (h, w) that runs say: off, on, off, ... along the rows; BadInput where they do not fit."""
    if not _RUNS.fullmatch(runs):
        raise BadInput(
            f"the runs of {name} are none", where=where, fix="write numbers to the base 36 with dots between"
        )
    lengths = [int(run or "0", 36) for run in runs.split(".")]
    if sum(lengths) > shape[0] * shape[1]:
        raise BadInput(f"the runs of {name} do not fit its box", where=where, fix="copy the whole name")
    on = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    flat = np.zeros(shape[0] * shape[1], dtype=bool)
    flat[: len(on)] = on
    return flat.reshape(shape)


def _written(number: int) -> str:
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if not number:
            return digits
