"""Where boxes and masks lie on an image whose file says that it is to be turned.

A camera stores what its sensor saw and a tag (EXIF orientation, 1 to 8) that says how to turn it upright. Images are
shown upright here. Whether the marks on them were made upright or on the stored pixels depends on who made them: most
tools for labelling and OpenCV turn first, Pillow and many training scripts do not. Where turning swaps the sides, the
size that comes with the marks (the width and height of a COCO file, the shape of a mask) tells which; an image that
cannot tell goes with those of its data that can, and marks are taken as upright where none can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from labelwright.data.image_files import Head

LOOKED_AT, ENOUGH = 200, 5  # images that are looked at to learn how marks were made; those that suffice
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height

# A point (x, y) of stored pixels lies upright at (a x + c y + e w + g h, b x + d y + f w + i h): a b c d, e g, f i.
_TURNS = {
    1: ((1, 0, 0, 1), (0, 0), (0, 0)),
    2: ((-1, 0, 0, 1), (1, 0), (0, 0)),
    3: ((-1, 0, 0, -1), (1, 0), (0, 1)),
    4: ((1, 0, 0, -1), (0, 0), (0, 1)),
    5: ((0, 1, 1, 0), (0, 0), (0, 0)),
    6: ((0, 1, -1, 0), (0, 1), (0, 0)),
    7: ((0, -1, -1, 0), (0, 1), (1, 0)),
    8: ((0, -1, 1, 0), (0, 0), (1, 0)),
}


@dataclass(frozen=True)
class Frame:
    """The pixels that the marks of one image are told in, and how they come to lie on the image as it is shown.

    Parameters
    ----------
    width, height : float
        Of these pixels.
    orientation : int, default 1
        In 1 to 8, as in EXIF: what turns the marks upright. 1: they are.

    Examples
    --------
    >>> Frame(400, 300, 6).corners(np.array([[0.0, 0.0, 10.0, 20.0]]))
    array([[280.,   0., 300.,  10.]])
    """

    width: float
    height: float
    orientation: int = 1

    @property
    def view(self) -> tuple[float, float]:
        """Width and height of the image as it is shown."""
        return (self.height, self.width) if self.orientation in SIDEWAYS else (self.width, self.height)

    @property
    def matrix(self) -> tuple[float, float, float, float, float, float]:
        """The six numbers of an SVG ``matrix`` that turns marks upright."""
        (a, b, c, d), right, down = _TURNS[self.orientation]
        w, h = self.width, self.height
        return a, b, c, d, right[0] * w + right[1] * h, down[0] * w + down[1] * h

    def corners(self, corners: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return boxes (t, 4), left, top, right, bottom, as they lie on the image that is shown."""
        a, b, c, d, e, f = self.matrix
        x, y = np.asarray(corners, np.float64)[:, [0, 2]], np.asarray(corners, np.float64)[:, [1, 3]]
        across, down = a * x + c * y + e, b * x + d * y + f
        return np.stack([across.min(1), down.min(1), across.max(1), down.max(1)], axis=1)

    def turned(self, pixels: NDArray) -> NDArray:
        """Return an array of these pixels, (h, w), as it lies on the image that is shown."""
        if self.orientation in SIDEWAYS:
            pixels = pixels.T
        down, across = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}[
            self.orientation
        ]
        return pixels[::down, ::across]

    def unturned(self, shown: NDArray) -> NDArray:
        """Return an array of the image that is shown, (h, w), as it lies in these pixels: what `turned` undoes."""
        number = np.arange(shown.size).reshape(int(self.height), int(self.width))
        back = np.empty(shown.size, dtype=shown.dtype)
        back[self.turned(number).ravel()] = shown.ravel()
        return back.reshape(number.shape)


@dataclass
class Frames:
    """The frames of the images of a data set.

    Parameters
    ----------
    n : int
        Images.
    told : callable
        The width and height that come with the marks of an image, NaN where nothing tells.
    head : callable
        The head of the file of an image, None where it cannot be had.
    """

    n: int
    told: Callable[[int], tuple[float, float]]
    head: Callable[[int], Head | None]

    def of(self, row: int) -> Frame:
        """Return the frame of one image; NaN for a size that neither the data nor a file tells."""
        width, height = self.told(row)
        known, head = not np.isnan(width + height), self.head(row)
        if head is None:
            return Frame(width, height)
        own = _stored(head, (width, height)) if known else None
        stored = head.orientation != 1 and (self._mostly_stored if own is None else own)
        if not known:
            width, height = (head.width, head.height) if stored else head.upright
        return Frame(width, height, head.orientation if stored else 1)

    @cached_property
    def _mostly_stored(self) -> bool:
        """Whether marks are told in stored pixels where an image can tell."""
        votes: list[bool] = []
        for row in np.linspace(0, self.n - 1, min(self.n, LOOKED_AT)).astype(int).tolist():
            told, head = self.told(row), self.head(row)
            one = None if head is None or np.isnan(sum(told)) else _stored(head, told)
            votes += [] if one is None else [one]
            if len(votes) == ENOUGH:
                break
        return 2 * sum(votes) > len(votes)


def _stored(head: Head, told: tuple[float, float]) -> bool | None:
    """Say whether a size is that of the stored pixels, None where it cannot tell."""
    if head.orientation not in SIDEWAYS or head.width == head.height or told[0] == told[1]:
        return None
    return (told[0] > told[1]) == (head.width > head.height)
