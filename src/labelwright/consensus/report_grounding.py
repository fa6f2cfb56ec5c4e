"""Masks from reports: the one lesion that fits a sentence's uptake and slice, with a refined outline.

1. Findings of the report: value S and slice (`FindingParser`).
2. Candidates: connected voxels with uptake above 0.617·b + 0.316·S, b the background (scale so that it is about 1).
3. Match: the component's highest uptake lies within 0.1 (and the rounding of S) of S and the slice in its range.
   Several matches are ambiguous and dropped. Whether slices are counted from the other end is decided for each exam by
   what gives most matches.
4. Outline: from the highest voxel, T = (0.078/V + 0.617·B/S + 0.316)·S with the volume V in ml and the mean uptake B of
   the shell around the region; one layer above T is added at a time until T changes by less than 1 %.

Source: Huemann et al., Vision-language modeling in PET/CT for visual grounding of positive findings, 2025 [P039].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from labelwright.consensus.report_findings import Finding, FindingParser
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array
from labelwright.metrics.masks import connected_components

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SLOPE_B, SLOPE_S, SLOPE_V = 0.617, 0.316, 0.078
TOLERANCE, ROUNDING = 0.1, 0.05
FACE, EDGE = ndimage.generate_binary_structure(3, 1), ndimage.generate_binary_structure(3, 2)
CUBE = np.ones((3, 3, 3), dtype=bool)
SHELL = 3  # voxels

__all__ = [
    "CandidateLesions",
    "Finding",
    "FindingParser",
    "GroundedFinding",
    "ground_report",
    "match_findings",
    "refine_component",
    "refine_contour",
]


@dataclass(frozen=True, eq=False)
class CandidateLesions:
    """The components of a volume above a threshold.

    Parameters
    ----------
    labels : int32 (D, H, W)
        Component of each voxel, 0 = none.
    peak : float64 (c,)
        Highest uptake of each.
    place : int64 (c, 3)
        Voxel of it.
    first, last : int64 (c,)
        Slices (first axis) that it reaches over.

    Examples
    --------
    >>> volume = np.ones((5, 5, 5))
    >>> volume[2, 2, 2] = 9.0
    >>> found = CandidateLesions.of(volume, 9.0)
    >>> found.peak, found.place
    (array([9.]), array([[2, 2, 2]]))
    """

    labels: NDArray[np.int32]
    peak: Floats
    place: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, volume: ArrayLike, value: float, background: float = 1.0) -> CandidateLesions:
        """Return the components above 0.617 · background + 0.316 · value."""
        uptake = as_array("volume", volume, 3)
        labels, n = connected_components(uptake > SLOPE_B * background + SLOPE_S * value)
        index = np.arange(1, n + 1)
        peak = np.asarray(ndimage.maximum(uptake, labels, index), dtype=np.float64).reshape(n)
        place = np.array(ndimage.maximum_position(uptake, labels, index), dtype=np.int64).reshape(n, 3)
        spans = [part[0] for part in ndimage.find_objects(labels) if part is not None]
        first = np.array([span.start for span in spans], dtype=np.int64)
        last = np.array([span.stop - 1 for span in spans], dtype=np.int64)
        return cls(labels, peak, place, first, last)

    def fitting(self, value: float, slice_index: int) -> NDArray[np.int64]:
        """Return the numbers (from 0) of components whose peak is the value and that reach over the slice."""
        near = np.abs(self.peak - value) <= TOLERANCE + ROUNDING
        there = (self.first <= slice_index) & (slice_index <= self.last)
        short = (self.last - self.first < 50) | (value >= 5)
        return np.flatnonzero(near & there & short)


@dataclass(frozen=True, eq=False)
class GroundedFinding:
    """A finding and its voxels.

    Parameters
    ----------
    finding : Finding
    mask : bool (D, H, W)
    place : tuple of int
        The voxel of highest uptake.
    off : float
        Reported minus measured value.
    """

    finding: Finding
    mask: Bools
    place: tuple[int, int, int]
    off: float


def match_findings(findings: Sequence[Finding], volume: ArrayLike, *, background: float = 1.0) -> list[GroundedFinding]:
    """Return the findings that fit exactly one component, with that component as mask.

    Parameters
    ----------
    findings : sequence of Finding
        Of one exam, so that its way of counting slices can be found.
    volume : float array (D, H, W)
        Uptake; slices along the first axis.
    background : float, default 1.0
    """
    uptake = as_array("volume", volume, 3)
    depth = len(uptake)
    candidates = [CandidateLesions.of(uptake, finding.value, background) for finding in findings]
    ways = [(1, 0), (1, -1), (-1, depth), (-1, depth - 1)]
    matched = [
        [own.fitting(f.value, sign * f.slice_number + offset) for f, own in zip(findings, candidates, strict=True)]
        for sign, offset in ways
    ]
    best = max(matched, key=lambda way: sum(len(found) == 1 for found in way))
    out = []
    for finding, own, found in zip(findings, candidates, best, strict=True):
        if len(found) == 1:
            c = int(found[0])
            z, y, x = own.place[c].tolist()
            out.append(GroundedFinding(finding, own.labels == c + 1, (z, y, x), float(finding.value - own.peak[c])))
    return out


def refine_contour(
    volume: ArrayLike, place: tuple[int, int, int], value: float, *, voxel_ml: float = 0.064, max_iter: int = 100
) -> Bools | None:
    """Return the region of iterative thresholding, bool (D, H, W), or None where the threshold passes 0.9 · value.

    Starts with the voxel of highest uptake and its 18 neighbours above the first threshold; a layer of face neighbours
    above the running threshold is added at a time and nothing is taken away.

    Parameters
    ----------
    volume : float array (D, H, W)
    place : (z, y, x)
    value : float
        S.
    voxel_ml : float, default 0.064
        Volume of a voxel in ml: 0.064 for 4 mm.
    max_iter : int, default 100

    Notes
    -----
    The shell is 3 voxels thick: inside a flat lesion wider than that B is read within it and the finding is given up;
    `refine_component` does better there.
    """
    uptake = _uptake(volume, place, value)
    region = np.zeros(uptake.shape, dtype=bool)
    region[place] = True
    threshold = (SLOPE_B * _shell_mean(uptake, region) / value + SLOPE_S) * value
    region |= ndimage.binary_dilation(region, EDGE) & (uptake > threshold)
    for _ in range(max_iter):
        before, threshold = threshold, _threshold(uptake, region, value, voxel_ml)
        if threshold > 0.9 * value:
            return None
        region = region | (ndimage.binary_dilation(region, FACE) & (uptake > threshold))
        if abs(threshold - before) < 0.01 * before:
            return region
    return region


def refine_component(
    volume: ArrayLike, place: tuple[int, int, int], value: float, *, voxel_ml: float = 0.064, max_iter: int = 100
) -> Bools:
    """Return the component around `place` above the fixed point of the threshold; above 0.41 · value where it fails.

    As `refine_contour`, but after each threshold the region is the whole component of voxels above it. (Ours.)
    """
    uptake = _uptake(volume, place, value)
    threshold = 0.41 * value
    region = _component(uptake, place, threshold)
    for _ in range(max_iter):
        before, threshold = threshold, _threshold(uptake, region, value, voxel_ml)
        if threshold > 0.9 * value:
            return _component(uptake, place, 0.41 * value)
        region = _component(uptake, place, threshold)
        if abs(threshold - before) < 0.01 * before:
            break
    return region


def _uptake(volume: ArrayLike, place: tuple[int, int, int], value: float) -> Floats:
    uptake = as_array("volume", volume, 3)
    inside = len(place) == 3 and all(0 <= p < size for p, size in zip(place, uptake.shape, strict=True))
    if not inside or not value > 0:
        raise BadInput(f"the voxel {place} or the value {value} does not fit the volume {uptake.shape}")
    return uptake


def _shell_mean(uptake: Floats, region: Bools) -> float:
    shell = ndimage.binary_dilation(region, CUBE, iterations=SHELL) & ~region
    return float(uptake[shell].mean()) if shell.any() else 0.0


def _threshold(uptake: Floats, region: Bools, value: float, voxel_ml: float) -> float:
    size = float(region.sum()) * voxel_ml
    return (SLOPE_V / size + SLOPE_B * _shell_mean(uptake, region) / value + SLOPE_S) * value


def _component(uptake: Floats, place: tuple[int, int, int], threshold: float) -> Bools:
    labels, _ = connected_components(uptake > min(threshold, float(uptake[place]) - 1e-9))
    return np.asarray(labels == labels[place])


def ground_report(
    report: str,
    volume: ArrayLike,
    *,
    parser: FindingParser | None = None,
    background: float = 1.0,
    voxel_ml: float = 0.064,
    left_is_high: bool = True,
) -> list[GroundedFinding]:
    """Return the findings of a report with refined masks: weak labels for a text-guided segmenter.

    Dropped are findings whose mask's highest uptake differs from the reported one by more than 0.2, whose mask has at
    most one voxel in the slice of it, or that name one side and lie more than 10 voxels beyond the midline.

    Parameters
    ----------
    report : str
    volume : float array (D, H, W)
        Uptake, its background scaled to about 1.
    parser : FindingParser, optional
    background, voxel_ml : float
    left_is_high : bool, default True
        Whether the patient's left lies at high numbers of the last axis.

    Source: [P039].
    """
    uptake = as_array("volume", volume, 3)
    findings = (parser or FindingParser()).parse(report)
    out = []
    for match in match_findings(findings, uptake, background=background):
        mask = refine_contour(uptake, match.place, match.finding.value, voxel_ml=voxel_ml)
        if mask is None:
            mask = refine_component(uptake, match.place, match.finding.value, voxel_ml=voxel_ml)
        grounded = GroundedFinding(match.finding, mask, match.place, match.off)
        if _plausible(grounded, uptake, left_is_high):
            out.append(grounded)
    return out


def _plausible(found: GroundedFinding, uptake: Floats, left_is_high: bool) -> bool:
    value, side = found.finding.value, found.finding.side
    if abs(float(uptake[found.mask].max()) - value) > 0.2 or found.mask[found.place[0]].sum() <= 1:
        return False
    columns = np.flatnonzero(found.mask.any(axis=(0, 1)))
    middle = (uptake.shape[2] - 1) / 2
    if side is None:
        return True
    if (side == "left") == left_is_high:
        return bool(columns.max() >= middle - 10)
    return bool(columns.min() <= middle + 10)
