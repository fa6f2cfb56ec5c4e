"""The intrinsic properties of a labelled file: its features are built as an audit builds them."""

from __future__ import annotations

from labelwright.audit.intrinsic_properties import IntrinsicProperties
from labelwright.audit.labelled_file import LabelledFile
from labelwright.audit.measure_inputs import classes_of
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress


def intrinsic_of_file(rows: LabelledFile, *, k: int = 20, anchors: int = 1000, progress: Progress = SILENT) -> Report:
    """Read labelled rows and measure their features.

    Parameters
    ----------
    rows : LabelledFile
    k, anchors : int
        As in `IntrinsicProperties`.
    """
    dataset = rows.load()
    matrix = rows.matrix(dataset, progress)
    shown = dataset.texts() if dataset.plan.text else None
    return IntrinsicProperties(k, anchors, rows.seed).measure(
        matrix, dataset.labels, classes_of(dataset), ids=dataset.ids.tolist(), shown=shown
    )
