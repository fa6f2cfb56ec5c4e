"""One audit: make what the auditors need, let the right ones speak, merge what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.audit.auditors import run_auditors
from labelwright.audit.close_contradictions import Difficulty, difficulty
from labelwright.audit.findings import merge_scores
from labelwright.audit.material import Clock, Material, gather
from labelwright.audit.noise_rate import NoiseEstimate, estimate_noise
from labelwright.audit.nutrition import nutrition_label
from labelwright.audit.options import AuditOptions
from labelwright.audit.part_auditors import part_findings
from labelwright.audit.scores import Scores
from labelwright.audit.summary import summarise
from labelwright.data.cache import Cache
from labelwright.data.dataset import Dataset
from labelwright.data.features import Features
from labelwright.data.neighbors import Neighbors
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress


@dataclass(frozen=True)
class AuditResult:
    """Everything that an audit found.

    Parameters
    ----------
    dataset : Dataset
    options : AuditOptions
    scores : tuple of Scores
        One an auditor.
    issues : pyarrow.Table
        All scores merged; columns as in `labelwright.audit.findings.SCHEMA`.
    pred_probs : array of float64 or None
        Out-of-sample predictions: (n, K) probabilities, or (n,) values for a regression.
    features, neighbors, noise, nutrition : or None
        Where the data allow them.
    notes : tuple of str
        What was assumed, in plain words.
    timings : mapping of str to float
        Seconds by stage.
    summary : mapping
        The content of ``summary.json``.
    part_predictions : optional
        What a model says of tokens, boxes or pixels, where rows have such parts: see `labelwright.data.parts`.
    """

    dataset: Dataset
    options: AuditOptions
    scores: tuple[Scores, ...]
    issues: pa.Table
    pred_probs: NDArray[np.float64] | None
    features: Features | None
    neighbors: Neighbors | None
    noise: NoiseEstimate | None
    nutrition: Report | None
    notes: tuple[str, ...]
    timings: Mapping[str, float]
    summary: Mapping[str, Any]
    part_predictions: Any = None


def run_audit(
    dataset: Dataset, options: AuditOptions, *, progress: Progress = SILENT, cache: Cache | None = None
) -> AuditResult:
    """Find what is wrong with the labels of `dataset`; the same data, seed and version give the same result.

    Parameters
    ----------
    dataset : Dataset
        n rows; see `labelwright.data.load.load_dataset`.
    options : AuditOptions
    progress : Progress
    cache : Cache, optional
        Where features, neighbours and predictions are kept between runs.

    Raises
    ------
    BadInput
        When given features or probabilities do not fit the data.
    """
    clock = Clock()
    if dataset.parts is not None:
        return _audit_of_parts(dataset, options, progress, cache or Cache(), clock)
    material = gather(dataset, options, progress, cache or Cache(), clock)
    scores = tuple(run_auditors(material, options, progress, clock))
    issues = merge_scores(scores, dataset.ids)
    with clock.stage("noise estimate"):
        noise = _noise(material, options)
    with clock.stage("nutrition label"), progress.stage("nutrition label"):
        nutrition = nutrition_label(
            dataset,
            label_scores=next((s for s in scores if s.kind == "label" and s.level == "row"), None),
            noise=noise,
            issues=issues,
            pred_probs=material.predictions if dataset.plan.task == "classification" else None,
            answers=options.answers or None,
            use_cases=options.use_cases,
            seed=options.seed,
        )
    with clock.stage("difficulty"):
        hard = _difficulty(material)
    if hard is not None:
        nutrition = replace(nutrition, sections=(*nutrition.sections, hard.section(dataset)))
    return AuditResult(
        dataset=dataset,
        options=options,
        scores=scores,
        issues=issues,
        pred_probs=material.predictions,
        features=material.features,
        neighbors=material.neighbors,
        noise=noise,
        nutrition=nutrition,
        notes=material.notes,
        timings=clock.seconds,
        summary=summarise(dataset, issues, noise, hard, material.notes),
    )


def _audit_of_parts(
    dataset: Dataset, options: AuditOptions, progress: Progress, cache: Cache, clock: Clock
) -> AuditResult:
    """Audit sentences of tokens, or images with boxes or masks."""
    found = part_findings(dataset, options, progress, cache, clock)
    issues = merge_scores(found.scores, dataset.ids)
    return AuditResult(
        dataset=dataset,
        options=options,
        scores=found.scores,
        issues=issues,
        pred_probs=None,
        features=None,
        neighbors=None,
        noise=None,
        nutrition=None,
        notes=(*dataset.plan.notes, *found.notes),
        timings=clock.seconds,
        summary=summarise(dataset, issues, None),
        part_predictions=found.predictions,
    )


def _difficulty(material: Material) -> Difficulty | None:
    """Measure how hard single-label data are, from the neighbours that are there anyway."""
    data = material.dataset
    if material.neighbors is None or data.plan.task != "classification" or material.neighbors.k < 2:
        return None
    return difficulty(material.neighbors, data.labels)


def _noise(material: Material, options: AuditOptions) -> NoiseEstimate | None:
    """Estimate the noise of single-label data; other tasks have no joint of truth and given label."""
    if material.predictions is None or material.truth is None:
        return None
    return estimate_noise(material.dataset.labels, material.predictions, truth=material.truth, seed=options.seed)
