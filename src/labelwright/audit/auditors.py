"""Which auditors are right for which data, and what each of them is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.class_balance import AbsentClasses, ClassImbalance
from labelwright.audit.class_names import ClassNames, SmallClasses
from labelwright.audit.duplicates import ExactDuplicates, NearDuplicates, SplitLeaks
from labelwright.audit.image_measures import measure_images
from labelwright.audit.image_properties import score_images
from labelwright.audit.label_errors import LabelErrors
from labelwright.audit.material import Clock, Material
from labelwright.audit.missing_values import MissingColumns, MissingRows
from labelwright.audit.multilabel_errors import MultiLabelIssues
from labelwright.audit.options import AuditOptions
from labelwright.audit.outliers import Outliers
from labelwright.audit.regression_errors import RegressionErrors
from labelwright.audit.row_order import RowOrder
from labelwright.audit.scores import Scores
from labelwright.audit.spurious_correlation import SpuriousCorrelations
from labelwright.audit.suspicious_columns import IdentifierColumns, LeakingColumns
from labelwright.audit.underperforming_groups import (
    MislabelledGroups,
    UnderperformingGroups,
    feature_clusters,
    right_predictions,
)
from labelwright.audit.valuation import KnnShapley
from labelwright.progress import Progress

# Valuation compares every row with every test row: beyond this it would cost more than all other auditors together.
MOST_ROWS_VALUED = 20_000
LEAST_DISTINCT_ROWS = 0.05
FROM_FEATURES = ("label", "near_duplicate", "split_leak", "outlier", "valuation")
_NO_ROWS = np.zeros(0, np.int64)
Findings = Iterator[Scores]


def run_auditors(material: Material, options: AuditOptions, progress: Progress, clock: Clock) -> Findings:
    """Yield the scores of every auditor that fits the data, label errors first."""
    groups: tuple[tuple[str, Callable[..., Findings]], ...] = (
        ("label errors", label_findings),
        ("duplicates and outliers", content_findings),
        ("classes", class_findings),
        ("columns", column_findings),
        ("images", image_findings),
        ("order and value of rows", row_findings),
    )
    found: list[Scores] = []
    for name, auditors in groups:
        with clock.stage(name), progress.stage(name):
            found += auditors(material, options, progress)
    with clock.stage("groups"), progress.stage("groups"):
        found += group_findings(material, options, found)
    yield from silent_on_unreadable(found)


def silent_on_unreadable(found: Sequence[Scores]) -> Findings:
    """Yield scores that say nothing of images that cannot be read but that: their features are no features."""
    kinds = [scores for scores in found if scores.kind == "unreadable_image" and scores.rows is not None]
    rows = np.concatenate([scores.rows[scores.is_issue] for scores in kinds if scores.rows is not None] or [_NO_ROWS])
    for scores in found:
        about = [of for of in (scores.rows, scores.other_rows) if of is not None]
        if not len(rows) or scores.kind not in FROM_FEATURES or not about:
            yield scores
            continue
        blind = np.any([np.isin(of, rows) for of in about], axis=0)
        yield replace(scores, is_issue=scores.is_issue & ~blind)


def label_findings(material: Material, options: AuditOptions, progress: Progress) -> Findings:
    """Yield which labels do not fit their rows."""
    data, predictions = material.dataset, material.predictions
    if predictions is None:
        return
    if data.plan.task == "regression":
        yield RegressionErrors().score(data.labels, predictions)
    elif data.space is not None and data.plan.task == "multilabel":
        auditor = MultiLabelIssues()
        yield auditor.row_scores(data.labels, predictions, data.space)
        yield auditor.score(data.labels, predictions, data.space)
    elif data.space is not None:
        near, truth = material.neighbors, material.truth
        yield LabelErrors().score(data.labels, predictions, data.space, neighbors=near, truth=truth)


def content_findings(material: Material, options: AuditOptions, progress: Progress) -> Findings:
    """Yield outliers, duplicates and rows that stand in two splits."""
    data = material.dataset
    content = _content(material)
    pairs = []
    if content is not None:
        # In a table of few distinct rows, equal rows are the rule and no finding.
        exact = ExactDuplicates(LEAST_DISTINCT_ROWS if data.plan.modality == "table" else 0.0).score(
            content, given=data.given
        )
        near = NearDuplicates().score(
            material.neighbors,
            texts=data.texts() if data.plan.text else None,
            exact=content,
            given=data.given,
        )
        pairs = [exact, near]
        yield from pairs
    if data.plan.split is not None and pairs:
        yield SplitLeaks().score(pairs, data.column(data.plan.split).to_pylist())
    if material.neighbors is not None:
        probs = material.predictions if data.plan.task == "classification" else None
        yield Outliers().score(material.neighbors, pred_probs=probs)


def class_findings(material: Material, options: AuditOptions, progress: Progress) -> Findings:
    """Yield what is odd about the classes: their names, their sizes, their absence from a split."""
    data = material.dataset
    if data.space is None:
        return
    yield ClassNames().score(data.labels, data.space)
    yield SmallClasses().score(data.labels, data.space)
    if data.plan.task == "classification":
        yield ClassImbalance().score(data.labels, data.space)
    if data.plan.split is not None:
        yield AbsentClasses().score(data.labels, data.space, data.column(data.plan.split).to_pylist())


def column_findings(material: Material, options: AuditOptions, progress: Progress) -> Findings:
    """Yield empty cells, identifiers and columns that give the label away."""
    data = material.dataset
    names = [name for name in data.source.table.column_names if name != data.plan.label]
    if data.source.format == "image_folder" or not names:
        return
    inputs = [name for name in names if name not in (data.plan.id, data.plan.group, data.plan.split)]
    used = [*data.plan.text, *data.plan.feature_columns]
    yield MissingColumns().score(data.source.table, names)
    if used:
        yield MissingRows().score(data.source.table, used)
    plain = [name for name in inputs if name not in data.plan.text and name != data.plan.image]
    yield IdentifierColumns().score(data.source.table, plain)
    if data.plan.task != "multilabel":
        yield LeakingColumns().score(data.source.table, data.labels, plain)
    aside = [name for name in (data.plan.group, data.plan.split) if name is not None]
    if data.plan.task == "classification" and data.space is not None and aside:
        # Who labelled a row or which split it is in should not tell its label; inputs of the model may.
        values = {f"column {name!r}": data.column(name).to_pylist() for name in aside}
        yield SpuriousCorrelations().score(values, data.labels, data.space, seed=options.seed)


def image_findings(material: Material, options: AuditOptions, progress: Progress) -> Findings:
    """Yield images that are dark, blurry, odd or unreadable, and properties that give the label away."""
    if material.images is None:
        return
    data = material.dataset
    measured = measure_images(material.images, jobs=options.jobs, progress=progress)
    yield from score_images(measured)
    if data.space is not None and data.plan.task == "classification":
        yield SpuriousCorrelations().score(measured.columns(), data.labels, data.space, seed=options.seed)


def row_findings(material: Material, options: AuditOptions, progress: Progress) -> Findings:
    """Yield whether the order of the rows matters, and which rows do harm."""
    data = material.dataset
    single = data.labels if data.plan.task == "classification" else None
    if data.source.format != "image_folder":  # there the order is that of the names of files and folders
        yield RowOrder().score(material.neighbors, labels=single, seed=options.seed)
    if material.features is not None and single is not None and len(data) <= MOST_ROWS_VALUED:
        assert data.space is not None
        yield KnnShapley().score(material.features.matrix, single, n_classes=len(data.space), seed=options.seed)


def group_findings(material: Material, options: AuditOptions, found: list[Scores]) -> Findings:
    """Yield groups of rows on which the model is worse, or whose labels are, than elsewhere."""
    data = material.dataset
    if data.plan.task != "classification" or data.space is None or material.predictions is None:
        return
    right = right_predictions(data.labels, material.predictions, data.space)
    if material.features is not None and len(data) >= 100:
        yield UnderperformingGroups().score(right, feature_clusters(material.features.matrix, seed=options.seed))
    if data.plan.group is not None:
        values = data.column(data.plan.group).to_pylist()
        yield UnderperformingGroups().score(right, values, column=data.plan.group)
        suspect = _suspects(found, len(data))
        if suspect is not None:
            yield MislabelledGroups().score(suspect, values, column=data.plan.group)


def _content(material: Material) -> Any:
    """Return what two rows must share to be the same row, or None where the rows have no content."""
    data = material.dataset
    if material.images is not None:
        return material.images.content_hashes()
    if data.plan.text:
        return data.texts()
    return data.source.table.select(list(data.plan.feature_columns)) if data.plan.feature_columns else None


def _suspects(found: list[Scores], n: int) -> NDArray[np.bool_] | None:
    for scores in found:
        if scores.kind == "label" and scores.level == "row" and scores.rows is not None:
            suspect = np.zeros(n, dtype=bool)
            suspect[scores.rows[scores.is_issue]] = True
            return suspect
    return None
