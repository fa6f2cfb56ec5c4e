"""How unsure people are, on files: labelled rows, votes about them, and predictions of models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labelwright.audit.intrinsic_robustness import Norm
from labelwright.audit.label_shares import shares_of_file
from labelwright.audit.measure_inputs import classes_of
from labelwright.audit.model_predictions import model_names, predicted_classes
from labelwright.audit.uncertain_labels import UncertainLabels
from labelwright.data.features import build_features
from labelwright.data.load import load_dataset
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress


def uncertain_labels_of_files(
    data: Path,
    *,
    votes: Path,
    predictions: Sequence[Path] = (),
    features: str | None = None,
    norm: Norm = "l2",
    eps: float | None = None,
    alpha: float = 0.05,
    gamma: float = 0.17,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = SILENT,
    **columns: Any,
) -> Report:
    """Read labelled rows, votes about them and predictions, and measure.

    Parameters
    ----------
    data, votes : Path
    predictions : sequence of Path
        One a model: id and prediction, or probabilities.
    features : str, optional
        As in an audit; used when `eps` is given.
    norm, eps, alpha, gamma, seed
        As in `UncertainLabels`.
    **columns
        As `load_dataset` takes them.
    """
    measure = UncertainLabels(norm, eps, alpha=alpha, gamma=gamma, seed=seed)
    dataset = load_dataset(data, **columns)
    classes = classes_of(dataset)
    shares = shares_of_file(votes, dataset).shares
    answers = {
        name: predicted_classes(path, dataset) for name, path in zip(model_names(predictions), predictions, strict=True)
    }
    matrix = None
    if eps is not None:
        matrix = build_features(dataset, spec=features, jobs=jobs, seed=seed, progress=progress).matrix
    return measure.measure(shares, dataset.labels, classes, predictions=answers, X=matrix, ids=dataset.ids.tolist())
