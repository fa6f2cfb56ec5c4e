"""A model's probabilities of the pixels of masks, one image at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.data.parts.mask_pixels import load_array
from labelwright.data.readers.places import counted, place
from labelwright.errors import BadInput, listed


@dataclass(frozen=True)
class PixelProbs:
    """Probabilities of pixels, one image at a time: an array (n, K, H, W), or a folder of ``.npy`` files (K, h, w)."""

    where: str
    stack: NDArray[Any] | None
    files: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.files) if self.stack is None else len(self.stack)

    def __getitem__(self, row: int) -> NDArray[Any]:
        """Return the probabilities of one image, (K, h, w), memory-mapped where they lie in a file."""
        return load_array(self.files[row]) if self.stack is None else self.stack[row]


def load_pixel_probs(given: Any, dataset: Dataset) -> PixelProbs:
    """Open the probabilities of the pixels of a data set of masks; BadInput where they do not fit.

    Parameters
    ----------
    given : path of a ``.npy`` file (n, K, H, W) in the order of the masks, path of a folder with one ``.npy`` file
        (K, h, w) a mask of the same name but for the ending, or an array
    dataset : Dataset
        Of task ``"segmentation"``.
    """
    assert dataset.space is not None
    names, k = dataset.parts.names, len(dataset.space)
    if isinstance(given, str | Path) and Path(given).is_dir():
        files = tuple((Path(given) / name).with_suffix(".npy") for name in names)
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise BadInput(f"holds no {listed(missing, 3)}", where=place(Path(given)), fix="give one file a mask")
        probs = PixelProbs(place(Path(given)), None, files)
    else:
        stack = load_array(Path(given)) if isinstance(given, str | Path) else np.asarray(given)
        where = place(Path(given)) if isinstance(given, str | Path) else "pred_probs"
        if stack.ndim != 4 or len(stack) != len(names):
            raise BadInput(
                f"has shape {stack.shape} for {counted(len(names), 'mask')}", where=where, fix="store (n, K, H, W)"
            )
        probs = PixelProbs(where, stack)
    if len(probs[0]) != k:
        raise BadInput(
            f"has probabilities of {len(probs[0])} classes, the masks {k}: {listed(dataset.space.names, 12)}",
            where=probs.where,
            fix="name a class for each of them, in order, with --classes",
        )
    return probs
