"""What can be wrong with masks in themselves: nothing drawn, another size than the image, specks, odd sizes.

empty_mask     one class or none in the whole image, where most masks hold several
mask_size      the mask and its image differ in size, or the image cannot be had
tiny_fragment  a patch of a few pixels within one other class, a hundredth of the largest of its class there at most
odd_size_part  a class covers far more or less of an image than in the others: |log share − median| > 6 MAD
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from labelwright.audit.scores import Entry, Level, Scores
from labelwright.data.image_files import UnreadableImage, safe_path
from labelwright.data.parts.mask_files import MaskFiles
from labelwright.data.parts.regions import region_name
from labelwright.data.readers.places import counted
from labelwright.errors import quoted
from labelwright.evidence.space import LabelSpace

_LEVELS: dict[str, Level] = {"empty_mask": "row", "mask_size": "row", "tiny_fragment": "part", "odd_size_part": "part"}
_LEAST_SPREAD = 0.25  # of log shares: what is within a factor of 4.5 of the median is never odd
_FEWEST_IMAGES = 10  # in which a class must occur before its size can be odd
_SURROUNDED = 0.9  # share of the pixels around a speck that are of one other class
_FEWEST_MANY = 0.8  # share of masks that hold several classes before one class alone is odd
MOST_FRAGMENTS = 5  # of one image, the smallest


@dataclass(frozen=True)
class OddMasks:
    """Auditor of masks that needs no model.

    Parameters
    ----------
    fragment_share : float, default 0.0002
        Share of the image below which a patch is a speck; at most 30 pixels count as one.
    """

    fragment_share: float = 2e-4

    def score(self, masks: MaskFiles, space: LabelSpace) -> list[Scores]:
        """Look at every mask once and return what is odd, one Scores a kind."""
        found: dict[str, list[Entry]] = {kind: [] for kind in _LEVELS}
        shares = np.zeros((len(masks), len(space)))
        for row in range(len(masks)):
            mask = masks[row]
            shares[row] = np.bincount(mask[mask >= 0].ravel(), minlength=len(space)) / max(mask.size, 1)
            found["tiny_fragment"] += self._fragments(row, mask, space)
            found["mask_size"] += _size(row, mask, masks)
        found["empty_mask"] = _empty(shares, space)
        found["odd_size_part"] = _odd_sizes(shares, space)
        return [Scores.of(kind, _LEVELS[kind], parts) for kind, parts in found.items()]

    def _fragments(self, row: int, mask: NDArray[np.int32], space: LabelSpace) -> list[Entry]:
        least = min(30.0, self.fragment_share * mask.size)
        parts: list[Entry] = []
        for k in np.unique(mask[mask >= 0]).tolist():
            labelled, count = ndimage.label(mask == k, structure=np.ones((3, 3)))
            sizes = np.bincount(labelled.ravel(), minlength=count + 1)[1:]
            if count < 2:
                continue
            boxes = ndimage.find_objects(labelled)
            for at in np.flatnonzero((sizes < least) & (100 * sizes <= sizes.max())).tolist():
                pixels = np.zeros(mask.shape, dtype=bool)
                pixels[boxes[at]] = labelled[boxes[at]] == at + 1
                around = mask[ndimage.binary_dilation(pixels, np.ones((3, 3))) & ~pixels]
                votes = np.bincount(around[around >= 0], minlength=len(space))
                inside, name = int(votes.argmax()), space.names[k]
                if votes[inside] < _SURROUNDED * len(around):
                    continue
                parts.append(
                    Entry(
                        row,
                        region_name(pixels, name),
                        min(1.0, float(sizes[at] / least)),
                        name,
                        space.names[inside],
                        f"a speck of {counted(int(sizes[at]), 'pixel')} of {quoted(name)} within "
                        f"{quoted(space.names[inside])}",
                    )
                )
        return sorted(parts, key=lambda part: part.score)[:MOST_FRAGMENTS]


def _size(row: int, mask: NDArray[np.int32], masks: MaskFiles) -> list[Entry]:
    from PIL import Image

    name = masks.images[row]
    if name is None:
        if any(masks.images):
            return [Entry(row, None, 0.0, None, None, "no image is named like this mask")]
        return []
    try:
        with Image.open(safe_path(masks.root, name)) as image:
            width, height = image.size
    except (UnreadableImage, OSError, SyntaxError, ValueError):
        return [Entry(row, None, 0.0, None, None, f"the image {quoted(name)} cannot be opened")]
    if (height, width) == mask.shape:
        return []
    reason = f"the mask has {mask.shape[1]} x {mask.shape[0]} pixels, the image {width} x {height}"
    return [Entry(row, None, 0.0, None, None, reason)]


def _empty(shares: NDArray[np.float64], space: LabelSpace) -> list[Entry]:
    held = np.count_nonzero(shares, axis=1)
    if np.mean(held > 1) < _FEWEST_MANY:
        held = np.where(held == 1, 2, held)  # one class an image is the rule here: only a mask of none is odd
    parts = []
    for row in np.flatnonzero(held < 2).tolist():
        only = int(shares[row].argmax()) if held[row] else -1
        what = f"holds nothing but {quoted(space.names[only])}" if only >= 0 else "holds no class at all"
        most = f"; the others hold {np.median(np.count_nonzero(shares, axis=1)):.0f} as a rule"
        parts.append(Entry(row, None, 0.0, None, None, f"the mask {what}{most}"))
    return parts


def _odd_sizes(shares: NDArray[np.float64], space: LabelSpace) -> list[Entry]:
    parts = []
    for k, name in enumerate(space.names):
        rows = np.flatnonzero(shares[:, k])
        if len(rows) < _FEWEST_IMAGES:
            continue
        size = np.log(shares[rows, k])
        middle = np.median(size)
        spread = 1.4826 * np.median(np.abs(size - middle))
        far = np.abs(size - middle) / max(spread, _LEAST_SPREAD)
        for at in np.flatnonzero(far > 6).tolist():
            share, usual = 100 * shares[rows[at], k], 100 * float(np.exp(middle))
            reason = f"{quoted(name)} covers {share:.2g} % of the image, in others about {usual:.2g} %"
            parts.append(Entry(int(rows[at]), name, float(6 / far[at]), name, None, reason))
    return parts
