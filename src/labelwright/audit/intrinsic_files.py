"""The intrinsic properties of a labelled file: its features are built as an audit builds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labelwright.audit.intrinsic_properties import IntrinsicProperties
from labelwright.audit.measure_inputs import classes_of
from labelwright.data.features import build_features
from labelwright.data.load import load_dataset
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress


def intrinsic_of_files(
    data: Path,
    *,
    features: str | None = None,
    k: int = 20,
    anchors: int = 1000,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = SILENT,
    **columns: Any,
) -> Report:
    """Read a labelled file and measure its features.

    Parameters
    ----------
    data : Path
    features : str, optional
        As in an audit; the built-in ones by default.
    k, anchors, seed
        As in `IntrinsicProperties`.
    **columns
        As `load_dataset` takes them.
    """
    dataset = load_dataset(data, **columns)
    classes = classes_of(dataset)
    matrix = build_features(dataset, spec=features, jobs=jobs, seed=seed, progress=progress).matrix
    shown = dataset.texts() if dataset.plan.text else None
    return IntrinsicProperties(k, anchors, seed).measure(
        matrix, dataset.labels, classes, ids=dataset.ids.tolist(), shown=shown
    )
