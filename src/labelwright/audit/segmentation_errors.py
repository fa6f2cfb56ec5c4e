"""Auditor of masks: images whose mask does not fit what a model sees, and the regions where it does not.

Pixels are flagged as in `segmentation_labels`; neighbouring flagged pixels of one given and one predicted class make a
region. Regions that hold no square of 3 x 3 pixels, such as the seams along outlines, or less than a share of the
image, are left out. `part` names the very pixels, as decisions do (`labelwright.data.parts.regions`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from labelwright.audit.pixel_pass import LookedAt, Pixels, look_at, softmin
from labelwright.audit.scores import Entry, Scores, image_scores_of
from labelwright.data.parts.regions import region_name
from labelwright.errors import quoted
from labelwright.evidence.space import LabelSpace

MOST_REGIONS = 20  # of one image, the largest
_SQUARE = np.ones((3, 3), dtype=bool)


class _Region(NamedTuple):
    row: int
    name: str
    size: int
    of_class: int
    given: int
    said: int
    quality: float


@dataclass(frozen=True)
class SegmentationErrors:
    """Auditor of masks.

    Parameters
    ----------
    least_share : float, default 0.0005
        Share of an image that a region must cover.
    temperature : float, default 0.1
        Of the soft minimum that pools pixels into images.
    """

    least_share: float = 5e-4
    temperature: float = 0.1

    def score(self, masks: Pixels, pred_probs: Pixels, space: LabelSpace) -> list[Scores]:
        """Score each image, and each suspect region.

        Parameters
        ----------
        masks : n images of int (h, w)
            Class of each pixel, -1 = not known.
        pred_probs : n images of float (K, h, w)
            From a model that was not trained on the image.
        space : LabelSpace
            The K classes.

        Returns
        -------
        list of Scores
            Kind ``"label"``, level ``"row"``: one entry an image, an issue where it has a suspect region. Kind
            ``"label"``, level ``"part"``: one entry a region.

        Examples
        --------
        >>> truth = np.zeros((6, 20, 20), int)
        >>> truth[:, 5:15, 5:15] = 1
        >>> probs = np.stack([0.9 - 0.8 * truth, 0.1 + 0.8 * truth], axis=1)
        >>> given = truth.copy()
        >>> given[2, 6:12, 6:12] = 0
        >>> found = SegmentationErrors().score(given, probs, LabelSpace(("sky", "bird")))[1]
        >>> found.rows, found.given, found.suggested
        (array([2]), ['sky'], ['bird'])
        """
        seen = look_at(masks, pred_probs, unknown=True)
        quality = np.ones(len(masks))
        regions: list[_Region] = []
        for row, flags in enumerate(seen.flags()):
            scores = seen.scores(row)
            known = scores <= 1
            quality[row] = softmin(scores[known], self.temperature)
            if flags.any():
                regions += self._regions(row, flags, np.asarray(masks[row]), seen, space)
        parts = [_entry(region, space) for region in regions]
        return [image_scores_of(quality, parts), Scores.of("label", "part", parts)]

    def _regions(
        self, row: int, flags: NDArray[np.bool_], mask: NDArray[np.integer], seen: LookedAt, space: LabelSpace
    ) -> Iterator[_Region]:
        said, scores = seen.predicted(row), seen.scores(row)
        pairs = np.where(flags, mask.astype(np.int64) * len(space) + said, -1)
        least = max(9, self.least_share * mask.size)
        found: list[_Region] = []
        for pair in np.unique(pairs[flags]).tolist():
            mine = pairs == pair
            solid = ndimage.binary_propagation(ndimage.binary_opening(mine, _SQUARE), mask=mine)
            labelled, _ = ndimage.label(solid)
            given, other = divmod(pair, len(space))
            of_class = int(np.count_nonzero(mask == given))
            for k, box in enumerate(ndimage.find_objects(labelled), start=1):
                inside = labelled[box] == k
                size = int(np.count_nonzero(inside))
                if size >= least:
                    pixels = np.zeros(mask.shape, dtype=bool)
                    pixels[box] = inside
                    name = region_name(pixels, space.names[given])
                    mean = float(np.mean(scores[box][inside], dtype=np.float64))
                    found.append(_Region(row, name, size, of_class, given, other, mean))
        yield from sorted(found, key=lambda region: -region.size)[:MOST_REGIONS]


def _entry(region: _Region, space: LabelSpace) -> Entry:
    given, said = space.names[region.given], space.names[region.said]
    return Entry(region.row, region.name, region.quality, given, said, _reason(region, space))


def _reason(region: _Region, space: LabelSpace) -> str:
    of = f"{region.size:,} of the {region.of_class:,} pixels given {quoted(space.names[region.given])}"
    return f"{of} look like {quoted(space.names[region.said])}; the model gives {region.quality:.2f} to what is given"
