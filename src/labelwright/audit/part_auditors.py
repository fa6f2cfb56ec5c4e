"""What is looked for where rows have parts: tokens of sentences, boxes and pixels of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.material import Clock
from labelwright.audit.options import AuditOptions
from labelwright.audit.scores import Scores
from labelwright.data.cache import Cache
from labelwright.data.dataset import Dataset
from labelwright.progress import Progress

WITHOUT_MODEL = "no model's predictions are given, so labels are judged by themselves alone; predictions find more"


@dataclass(frozen=True)
class PartFindings:
    """What was found, what a model said, and what was assumed."""

    scores: tuple[Scores, ...]
    predictions: Any
    notes: tuple[str, ...]


def part_findings(
    dataset: Dataset, options: AuditOptions, progress: Progress, cache: Cache, clock: Clock
) -> PartFindings:
    """Run every auditor that fits the data: sentences with tags, images with boxes, images with masks."""
    if dataset.plan.task == "token":
        return token_findings(dataset, options, progress, cache, clock)
    if dataset.plan.task == "detection":
        return box_findings(dataset, options, progress, clock)
    return mask_findings(dataset, options, progress, clock)


def box_findings(dataset: Dataset, options: AuditOptions, progress: Progress, clock: Clock) -> PartFindings:
    """Judge boxes by a model's boxes where they are given, and look at them for what is odd."""
    from labelwright.audit.box_checks import OddBoxes
    from labelwright.audit.class_names import ClassNames, SmallClasses
    from labelwright.audit.detection_errors import DetectionErrors
    from labelwright.data.parts.box_predictions import load_box_predictions
    from labelwright.metrics.detection import average_precision_per_class

    boxes, space = dataset.parts.boxes, dataset.space
    assert space is not None
    scores: list[Scores] = []
    predicted, notes = None, tuple[str, ...]((WITHOUT_MODEL,))
    if options.pred_probs is not None:
        predicted = load_box_predictions(options.pred_probs, dataset)
        with clock.stage("label errors"), progress.stage("label errors"):
            scores += DetectionErrors().score(boxes, predicted, space)
        found = average_precision_per_class(boxes, predicted)
        held = np.flatnonzero(np.bincount(boxes.classes, minlength=len(space)))
        by_class = ", ".join(f"{space.names[k]} {found[k]:.2f}" for k in held[:12].tolist())
        notes = (f"the predictions find the given boxes with mAP {found[held].mean():.2f} ({by_class})",)
    with clock.stage("boxes in themselves"), progress.stage("boxes in themselves"):
        scores += OddBoxes().score(boxes, space)
        scores += [ClassNames().score(dataset.labels, space), SmallClasses().score(dataset.labels, space)]
    return PartFindings(tuple(scores), predicted, notes)


def mask_findings(dataset: Dataset, options: AuditOptions, progress: Progress, clock: Clock) -> PartFindings:
    """Judge masks by the probabilities of pixels where a model's are given, and look at them for what is odd."""
    from labelwright.audit.class_names import SmallClasses
    from labelwright.audit.mask_checks import OddMasks
    from labelwright.audit.segmentation_errors import SegmentationErrors
    from labelwright.data.parts.pixel_probs import load_pixel_probs

    masks, space = dataset.parts, dataset.space
    assert space is not None
    scores: list[Scores] = []
    probs, notes = None, tuple[str, ...]((WITHOUT_MODEL,))
    if options.pred_probs is not None:
        probs, notes = load_pixel_probs(options.pred_probs, dataset), ()
        with clock.stage("label errors"), progress.stage("label errors"):
            scores += SegmentationErrors().score(masks, probs, space)
    with clock.stage("masks in themselves"), progress.stage("masks in themselves"):
        scores += OddMasks().score(masks, space)
        scores.append(SmallClasses().score(dataset.labels, space))
    return PartFindings(tuple(scores), probs, notes)


def token_findings(
    dataset: Dataset, options: AuditOptions, progress: Progress, cache: Cache, clock: Clock
) -> PartFindings:
    """Judge tags by out-of-fold predictions, given or made, and spans by what the same words are elsewhere."""
    from labelwright.audit.span_consistency import InconsistentSpans
    from labelwright.audit.token_errors import TokenErrors

    sentences, space = dataset.parts, dataset.space
    assert space is not None
    scores: list[Scores] = []
    with clock.stage("out-of-fold predictions"):
        probs, notes = _token_probs(dataset, options, progress, cache)
    if probs is not None:
        with clock.stage("label errors"), progress.stage("label errors"):
            scores += TokenErrors(seed=options.seed).score(sentences, dataset.labels, probs, space)
    with clock.stage("consistency"), progress.stage("consistency"):
        spans = spans_of(dataset)
        if spans is None:
            notes += ("the tags are no spans (B-, I-, O), so places of one name are not compared",)
        else:
            scores.append(InconsistentSpans().score(sentences, *spans))
    return PartFindings(tuple(scores), probs, notes)


def spans_of(dataset: Dataset) -> Any:
    """Return the spans of a data set of sentences and the space of their classes, None where its tags are no spans."""
    from labelwright.errors import BadInput
    from labelwright.evidence.space import LabelSpace
    from labelwright.evidence.spans import Spans

    assert dataset.space is not None
    names = [tag.partition("-")[2] for tag in dataset.space.names if tag.partition("-")[1]]
    if not names or "O" not in dataset.space.names:
        return None
    space = LabelSpace.of(names)
    try:
        return Spans.from_tags(dataset.space.decode(dataset.labels), dataset.parts.offsets, space), space  # type: ignore[arg-type]
    except BadInput:
        return None


def _token_probs(
    dataset: Dataset, options: AuditOptions, progress: Progress, cache: Cache
) -> tuple[NDArray[np.floating] | None, tuple[str, ...]]:
    from labelwright.data.parts.token_probs import load_token_probs, out_of_fold_token_probs

    assert dataset.space is not None
    if options.pred_probs is not None:
        loaded = load_token_probs(options.pred_probs, dataset, options.classes)
        return loaded.values, loaded.notes
    if len(np.unique(dataset.labels)) < 2:
        return None, ("all tags are the same: tags are not judged",)
    if len(dataset) < 2:
        return None, ("there is only one sentence: tags are not judged",)
    shared = {"folds": options.folds, "seed": options.seed, "jobs": options.jobs}
    return out_of_fold_token_probs(dataset, progress=progress, cache=cache, **shared), (
        "tags are judged by a linear model of words, their forms and their neighbours, never trained on the sentence",
    )
