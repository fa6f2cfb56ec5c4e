"""Calibration rows for a model: labelled, and not among those that it learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labelwright.data.labels import encode_labels
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.learn.model_calibration import Calibration
from labelwright.learn.trained_model import TrainedModel
from labelwright.progress import SILENT, Progress

FEW = 100


@dataclass(frozen=True)
class CalibrationRun:
    """What a calibration rests on."""

    calibration: Calibration
    left_out: int

    def lines(self, alpha: float) -> list[str]:
        """Return what the command line prints."""
        made = self.calibration
        threshold = (
            "every class stands in every set" if made.n_rows < 1 / alpha - 1 else f"sets miss {alpha:.0%} at most"
        )
        lines = [
            f"Calibrated on {made.n_rows} rows: temperature {made.temperature:.3f}, gap between confidence and "
            f"agreement {made.error_before:.3f} before and {made.error_after:.3f} after, on the same rows",
            f"Prediction sets at --alpha {alpha:g}: {threshold}, of the labels as given",
        ]
        if self.left_out:
            lines.append(f"{self.left_out} rows were left out: the model learned from them")
        if made.n_rows < FEW:
            lines.append(f"{made.n_rows} rows are few for a calibration: give some hundreds")
        return [*lines, "Where calibration labels are wrong, both answer for the labels as given, not for the truth"]


def calibrate_model(
    folder: Path,
    data: Path,
    *,
    label: str | None = None,
    id: str | None = None,
    root: Path | None = None,
    sheet: str | None = None,
    features: Path | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = SILENT,
) -> CalibrationRun:
    """Fit temperature and conformal scores on labelled rows, and store them with the model.

    Raises
    ------
    BadInput
        There are no labels, they name other classes than the model's, or the model learned from every row.
    """
    model = TrainedModel.load(folder)
    dataset = model.rows_of(data, id=id, root=root, sheet=sheet)
    name = label or model.task.label
    have = dataset.source.table.column_names
    if name is None or name not in have:
        raise BadInput(
            "which column holds the labels is not said" if name is None else f"there is no column {quoted(name)}",
            where=dataset.source.path.name,
            fix="name it with --label" if name is None else did_you_mean(name, have),
        )
    plan = replace(dataset.plan, label=name)
    labels = np.asarray(encode_labels(read_source(data, root, sheet=sheet), plan, model.task.classes)[0])
    seen = model.seen(dataset.ids)
    rows = np.flatnonzero((labels >= 0) & ~seen)
    if not len(rows):
        why = "the model learned from every labelled row" if (labels >= 0).any() else "no row has a label"
        raise BadInput(why, where=dataset.source.path.name, fix="give labelled rows that it has not seen")
    matrix = model.features.transform(dataset, given=features, jobs=jobs, progress=progress).matrix
    with progress.stage("calibration"):
        probs = model.raw_probs(matrix[rows])
        made = Calibration.fitted(probs, labels[rows], dataset.source.path.name, seed)
    model.calibrated(made).save_calibration(folder)
    return CalibrationRun(made, int(((labels >= 0) & seen).sum()))
