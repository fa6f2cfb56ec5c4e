"""Calibration rows for a model: labelled, and not among those that it learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labelwright.data.labels import encode_labels
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.learn.model_calibration import CALIBRATIONS, Calibration, NumberCalibration
from labelwright.learn.trained_model import TrainedModel
from labelwright.metrics.numerals import number_text
from labelwright.progress import SILENT, Progress

FEW = 100


@dataclass(frozen=True)
class CalibrationRun:
    """What a calibration rests on."""

    calibration: Calibration | NumberCalibration
    left_out: int
    unlabelled: int = 0
    incomplete: bool = False

    def lines(self, alpha: float) -> list[str]:
        """Return what the command line prints."""
        made = self.calibration
        if isinstance(made, NumberCalibration):
            what, figures = (
                "intervals",
                f"half of the predictions lie within {number_text(made.median_error)} of the number",
            )
        elif made.error_before is None:
            what, figures = "sets", "no temperature, for no row says which tags are off"
        else:
            what = "sets"
            figures = (
                f"temperature {made.temperature:.3f}, gap between confidence and agreement {made.error_before:.3f} "
                f"before and {made.error_after:.3f} after, on the same rows"
            )
        lines = [
            f"Calibrated on {made.n_rows} rows: {figures}",
            f"Prediction {what} at --alpha {alpha:g}: {made.promise(alpha)}, of the labels as given",
        ]
        if self.left_out:
            lines.append(f"{self.left_out} rows were left out: the model learned from them")
        if self.unlabelled:
            lines.append(
                f"{self.unlabelled} rows without a label were not used: nothing is promised for rows like them"
            )
        if self.incomplete:
            lines.append("Listed tags alone are promised: further tags of a row may be missing from its set")
        if made.n_rows < FEW:
            lines.append(f"{made.n_rows} rows are few for a calibration: give some hundreds")
        return [*lines, "Where calibration labels are wrong, this speaks of the labels as given, not of the truth"]


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
    labels = np.asarray(encode_labels(read_source(data, root, sheet=sheet), plan, model.task.classes or None)[0])
    if model.task.incomplete:
        labels = np.where(labels == 0, -1, labels)  # a tag that is not listed may be on
    known = ~np.isnan(labels) if model.task.task == "regression" else labels.reshape(len(labels), -1).max(axis=1) >= 0
    seen = model.seen(dataset.ids)
    rows = np.flatnonzero(known & ~seen)
    if not len(rows):
        why = "the model learned from every labelled row" if known.any() else "no row has a label"
        raise BadInput(why, where=dataset.source.path.name, fix="give labelled rows that it has not seen")
    matrix = model.features.transform(dataset, given=features, jobs=jobs, progress=progress).matrix
    with progress.stage("calibration"):
        kind = CALIBRATIONS[model.task.task]
        made = kind.fitted(model.raw(matrix[rows]), labels[rows], dataset.source.path.name, seed)
    model.calibrated(made).save_calibration(folder)
    return CalibrationRun(made, int((known & seen).sum()), int((~known).sum()), model.task.incomplete)
