"""How good a drawing of objects is, held against a reference drawing.

With pixels of the union of objects counted as TP, FP, FN, TN inside the target cell:

    Area          = (TP + TN) / (TP + TN + FP + FN)
    N             = matched objects / reference objects      match: more than half of each of the two lies in the other
    Edge          = mean over matches of the share of the reference outline within `buffer` of the drawn outline
    Categorical   = area of the right class / area that is rightly found
    Q             = 0.55 Area + 0.225 N + 0.1 Edge + 0.125 Categorical

Source: Estes et al., A region-wide, multi-year set of crop field boundary labels for Africa, 2024 [P003].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from labelwright.errors import BadInput
from labelwright.metrics.masks import erode

Instances = NDArray[np.int64]
WEIGHTS = (0.55, 0.225, 0.1, 0.125)


@dataclass(frozen=True)
class MaskQuality:
    """The four parts of a drawing's score, each in [0, 1], and the pixels that they count."""

    area: float
    fragmentation: float
    edge: float
    categorical: float
    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def score(self) -> float:
        """0.55 Area + 0.225 N + 0.1 Edge + 0.125 Categorical, in [0, 1]."""
        parts = (self.area, self.fragmentation, self.edge, self.categorical)
        return float(np.dot(WEIGHTS, parts))


def mask_quality_score(
    reference: ArrayLike,
    answer: ArrayLike,
    *,
    reference_classes: Mapping[int, object] | None = None,
    answer_classes: Mapping[int, object] | None = None,
    inside: ArrayLike | None = None,
    buffer: float = 3.0,
) -> MaskQuality:
    """Score a drawing of objects against a reference drawing.

    Parameters
    ----------
    reference, answer : int (H, W)
        0 = background, each other number an object.
    reference_classes, answer_classes : mapping of object number to class, optional
        Objects that are not named share one class, so without both the class is always right.
    inside : bool (H, W), optional
        The target cell; pixels outside are not counted.
    buffer : float, default 3.0
        How far, in pixels, an outline may lie from the reference outline.

    Returns
    -------
    MaskQuality
        Where the reference is empty N and Edge are 1 if the answer is empty too, else 0; Categorical likewise, and 0
        where nothing is rightly found.

    Notes
    -----
    The published code divides the area of a thin band around the drawn outline by that of a wide band around the
    reference, which a perfect drawing does not bring near 1 (mean Edge there: 0.05). Its comment means lengths; so does
    this.

    Examples
    --------
    >>> mask_quality_score([[1, 1, 0]], [[1, 1, 0]]).score
    1.0
    """
    truth, drawn = _instances("reference", reference), _instances("answer", answer)
    if truth.shape != drawn.shape:
        raise BadInput(f"the drawings have shapes {truth.shape} and {drawn.shape}", fix="draw on one grid")
    if inside is not None:
        cell = np.asarray(inside, dtype=bool)
        if cell.shape != truth.shape:
            raise BadInput(f"inside has shape {cell.shape}, the drawings {truth.shape}")
        truth, drawn = np.where(cell, truth, 0), np.where(cell, drawn, 0)
    counted = truth.size if inside is None else int(np.count_nonzero(inside))
    tp = int(np.count_nonzero((truth > 0) & (drawn > 0)))
    fp, fn = int(np.count_nonzero(drawn)) - tp, int(np.count_nonzero(truth)) - tp
    tn = counted - tp - fp - fn
    pairs = matched_objects(truth, drawn)
    objects = len(np.unique(truth[truth > 0]))
    both_empty = not objects and not drawn.any()
    edges = [_edge(truth == a, drawn == b, buffer) for a, b in pairs]
    return MaskQuality(
        area=(tp + tn) / counted if counted else 1.0,
        fragmentation=len(pairs) / objects if objects else float(both_empty),
        edge=float(np.mean(edges)) if edges else float(both_empty),
        categorical=1.0 if both_empty else _categorical(truth, drawn, reference_classes or {}, answer_classes or {}),
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
    )


def matched_objects(reference: ArrayLike, answer: ArrayLike) -> list[tuple[int, int]]:
    """Return pairs (reference object, drawn object) of which more than half of each lies in the other.

    Examples
    --------
    >>> matched_objects([[1, 1, 1, 2]], [[7, 7, 0, 0]])
    [(1, 7)]
    """
    truth, drawn = _instances("reference", reference), _instances("answer", answer)
    both = (truth > 0) & (drawn > 0)
    pairs, shared = np.unique(np.stack([truth[both], drawn[both]], axis=1), axis=0, return_counts=True)
    size_of = [dict(zip(*(v.tolist() for v in np.unique(m, return_counts=True)), strict=True)) for m in (truth, drawn)]
    return [
        (a, b)
        for (a, b), common in zip(pairs.tolist(), shared.tolist(), strict=True)
        if 2 * common > size_of[0][a] and 2 * common > size_of[1][b]
    ]


def _edge(truth: NDArray[np.bool_], drawn: NDArray[np.bool_], buffer: float) -> float:
    """Return the share of the outline of `truth` within `buffer` of the outline of `drawn`."""
    near = int(np.ceil(buffer)) + 2
    window = tuple(
        slice(max(part.start - near, 0), part.stop + near)
        for part in ndimage.find_objects((truth | drawn).view(np.int8))[0]
    )
    a, b = truth[window], drawn[window]
    outline, other = a & ~erode(a, 1), b & ~erode(b, 1)
    if not outline.any() or not other.any():
        return float(outline.any() == other.any())
    return float((ndimage.distance_transform_edt(~other) <= buffer)[outline].mean())


def _categorical(
    truth: Instances, drawn: Instances, truth_class: Mapping[int, object], drawn_class: Mapping[int, object]
) -> float:
    both = (truth > 0) & (drawn > 0)
    if not both.any():
        return 0.0
    pairs, pixels = np.unique(np.stack([truth[both], drawn[both]], axis=1), axis=0, return_counts=True)
    right = np.array([truth_class.get(a) == drawn_class.get(b) for a, b in pairs.tolist()])
    return float(pixels[right].sum() / pixels.sum())


def _instances(name: str, values: ArrayLike) -> Instances:
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "iub" or (array.size and array.min() < 0):
        raise BadInput(f"{name} is no map of objects", fix="give whole numbers (H, W): 0 = background, else the object")
    return array.astype(np.int64)
