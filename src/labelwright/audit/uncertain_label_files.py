"""How unsure people are, on files: labelled rows, votes about them, and predictions of models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labelwright.audit.intrinsic_robustness import Norm
from labelwright.audit.label_shares import shares_of_file
from labelwright.audit.labelled_file import LabelledFile
from labelwright.audit.measure_inputs import classes_of
from labelwright.audit.model_predictions import model_names, predicted_classes
from labelwright.audit.uncertain_labels import UncertainLabels
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress


def uncertain_labels_of_files(
    rows: LabelledFile,
    *,
    votes: Path,
    predictions: Sequence[Path] = (),
    norm: Norm = "l2",
    eps: float | None = None,
    alpha: float = 0.05,
    gamma: float = 0.17,
    progress: Progress = SILENT,
) -> Report:
    """Read labelled rows, votes about them and predictions, and measure.

    Parameters
    ----------
    rows : LabelledFile
        Features are built when `eps` is given.
    votes : Path
    predictions : sequence of Path
        One a model: id and prediction, or probabilities.
    norm, eps, alpha, gamma
        As in `UncertainLabels`.
    """
    measure = UncertainLabels(norm, eps, alpha=alpha, gamma=gamma, seed=rows.seed)
    dataset = rows.load()
    classes = classes_of(dataset)
    shares = shares_of_file(votes, dataset).shares
    answers = {
        name: predicted_classes(path, dataset) for name, path in zip(model_names(predictions), predictions, strict=True)
    }
    matrix = None if eps is None else rows.matrix(dataset, progress)
    return measure.measure(shares, dataset.labels, classes, predictions=answers, X=matrix, ids=dataset.ids.tolist())
