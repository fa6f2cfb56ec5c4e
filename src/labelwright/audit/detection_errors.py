"""Auditor of boxes: objects without a box, boxes badly drawn, boxes of the wrong class, each as a decision mends it.

Scores are those of `detection_labels`, and so are the limits of overlooked and swapped boxes. A box is badly drawn when
it is less similar to its prediction than such pairs of its class are as a rule:

    s_i  <  median − c · 1.4826 · MAD,  at most 0.6

over the boxes and predictions of the class that overlap each other most. The limit so follows how well the model
places boxes; a share of its average precision, as the method has it, follows what the model finds. `part` names what a
decision is about: ``3`` (box 3 has the wrong class), ``3:10,20,30,40`` (box 3 should have these bounds),
``new:10,20,30,40`` (a box is missing there).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.box_comparison import FAIRLY_SURE, SURE, BoxComparison, Compared, twice_labelled
from labelwright.audit.detection_labels import box_issues, box_scores, image_scores
from labelwright.audit.scores import Entry, Scores, image_scores_of
from labelwright.data.mend.box_parts import Bounds, box_name
from labelwright.errors import quoted
from labelwright.evidence.boxes import Boxes
from labelwright.evidence.space import LabelSpace
from labelwright.metrics.detection import average_precision_per_class
from labelwright.metrics.numerals import percent

_FEWEST_PAIRS = 30
_NORMAL = 1.4826  # of the median absolute deviation to a standard deviation
_BADLY_AT_MOST = 0.6


@dataclass(frozen=True)
class DetectionErrors:
    """Auditor of boxes by a model's boxes.

    Parameters
    ----------
    badly_drawn : float, at least 0, default 4.0
        c, in standard deviations of a normal distribution.

    Notes
    -----
    c was chosen among 3, 4 and 5 on six kinds of simulated detectors, from precise to shaky, 400 images and two seeds
    each. With 4, images with a box that was moved by half its side were found at 62 % on average, and 85 % of the boxes
    flagged lay in such images (at worst 66 %, where the model is weak); 3 finds 68 % at the same precision, but flags
    images less precisely where models are weak. Half the average precision as limit, which stood here before, found
    about a third of them.
    """

    badly_drawn: float = 4.0

    def score(self, boxes: Boxes, predicted: Boxes, space: LabelSpace) -> list[Scores]:
        """Score each image, and each box in doubt.

        Parameters
        ----------
        boxes : Boxes
            As given, of n images and K classes.
        predicted : Boxes
            With confidence, from a model that was not trained on the image.
        space : LabelSpace
            The K classes.

        Returns
        -------
        list of Scores
            Kind ``"label"``, level ``"row"``: one entry an image. Kind ``"label"``, level ``"part"``: one entry a box.

        Examples
        --------
        >>> places = np.array([[0, 0, 10, 10], [20, 20, 40, 40]] * 10)
        >>> said = Boxes(np.arange(0, 21, 2), places, [0, 1] * 10, 2, confidence=np.full(20, 0.99))
        >>> given = Boxes(np.r_[np.arange(0, 19, 2), 19], places[:19], [0, 1] * 9 + [0], 2)
        >>> found = DetectionErrors().score(given, said, LabelSpace(("cat", "dog")))[1]
        >>> found.rows, found.part, found.suggested
        (array([9]), ['new:20,20,20,20'], ['dog'])
        """
        compared = BoxComparison.of(boxes, predicted)
        scores, issues = box_scores(compared), box_issues(boxes, predicted, compared)
        limits = drawing_limits(boxes, predicted, compared, self.badly_drawn)
        issues["badloc"] = [
            found < limits[one.given] for found, one in zip(scores["badloc"], compared.images, strict=True)
        ]
        parts: list[Entry] = []
        for row, one in enumerate(compared.images):
            corners = predicted.corners[slice(*predicted.offsets[row : row + 2])]
            found = {name: (scores[name][row], issues[name][row]) for name in scores}
            parts += sorted(_parts(row, one, corners, found, space), key=lambda part: part.score)
        return [image_scores_of(image_scores(scores), parts), Scores.of("label", "part", parts)]


def drawing_limits(boxes: Boxes, predicted: Boxes, compared: BoxComparison, deviations: float) -> NDArray[np.float64]:
    """Return the similarity below which a box of each class is badly drawn, float64 (K,).

    Classes with fewer than 30 pairs share one limit; with fewer than 30 pairs in all, it is half the average precision.
    """
    found = [own_pairs(one) for one in compared.images]
    kinds, similarity = (np.concatenate(part) for part in zip(*found, strict=True))
    if len(kinds) < _FEWEST_PAIRS:
        return 0.5 * average_precision_per_class(boxes, predicted)
    limits = np.full(boxes.n_classes, _low(similarity, deviations))
    for k in np.flatnonzero(np.bincount(kinds, minlength=boxes.n_classes) >= _FEWEST_PAIRS):
        limits[k] = _low(similarity[kinds == k], deviations)
    return np.clip(limits, 0, _BADLY_AT_MOST)


def own_pairs(one: Compared) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return class and similarity of boxes and fairly sure predictions of their class that overlap each other most."""
    if not one.overlap.size:
        return np.empty(0, np.int32), np.empty(0)
    alike = (one.given[:, None] == one.said[None, :]) & (one.confidence > FAIRLY_SURE) & (one.overlap > 0)
    similarity = np.where(alike, one.similarity, -1.0)
    mine, boxes = similarity.argmax(axis=1), np.arange(len(one.given))
    kept = (similarity[boxes, mine] >= 0) & (one.overlap[:, mine].argmax(axis=0) == boxes)
    return one.given[kept], similarity[boxes, mine][kept]


def _low(values: NDArray[np.float64], deviations: float) -> float:
    middle = np.median(values)
    return float(middle - deviations * _NORMAL * np.median(np.abs(values - middle)))


def _parts(
    row: int,
    one: Compared,
    corners: NDArray[np.float64],
    found: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]],
    space: LabelSpace,
) -> Iterator[Entry]:
    names, sure = space.names, one.confidence
    for j in np.flatnonzero(found["overlooked"][1]).tolist():
        kind = names[one.said[j]]
        reason = f"no box here; the model sees {quoted(kind)} at {sure[j]:.2f}"
        yield Entry(row, box_name(None, _bounds(corners[j])), float(found["overlooked"][0][j]), None, kind, reason)
    swapped = set(np.flatnonzero(found["swap"][1]).tolist())
    twin = twice_labelled(one)
    for i in sorted(swapped):
        given = names[one.given[i]]
        other, reason = _other_class(one, i, int(twin[i]), space)
        yield Entry(
            row, str(i), float(found["swap"][0][i]), given, other, f"box {i} is given {quoted(given)}; {reason}"
        )
    for i in np.flatnonzero(found["badloc"][1]).tolist():
        if i in swapped:
            continue
        mine = np.where((one.said == one.given[i]) & (one.overlap[i] > 0), one.similarity[i], -1)
        j = int(mine.argmax())
        if one.overlap[:, j].argmax() != i:  # the prediction is about another box
            continue
        given = names[one.given[i]]
        reason = (
            f"box {i}, {quoted(given)}, is drawn elsewhere than the model sees it: they overlap by "
            f"{percent(one.overlap[i, j], 0)}"
        )
        yield Entry(row, box_name(i, _bounds(corners[j])), float(found["badloc"][0][i]), given, given, reason)


def _other_class(one: Compared, i: int, twin: int, space: LabelSpace) -> tuple[str, str]:
    """Return the class that speaks against that of box i, and what says so."""
    rivals = np.where((one.said != one.given[i]) & (one.confidence > SURE), one.similarity[i], -1.0)
    j = int(rivals.argmax()) if len(rivals) else -1
    if j >= 0 and rivals[j] > 0:
        name = space.names[one.said[j]]
        return name, f"the model sees {quoted(name)} here at {one.confidence[j]:.2f}"
    name = space.names[one.given[twin]]
    return name, f"box {twin} in the same place is {quoted(name)}"


def _bounds(corners: NDArray[np.float64]) -> Bounds:
    left, top, right, bottom = corners.tolist()
    return left, top, right - left, bottom - top
