"""Outlines read from folders of masks, one a person, and the merged maps that come of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.annotator_quality import ConsensusMap
from labelwright.audit.mask_files import mask_folder, read_mask, read_objects
from labelwright.audit.measure_outputs import npz_bytes
from labelwright.audit.outlines import Objects, OutlineQuality
from labelwright.errors import BadInput
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress


def outlines_of_folders(
    annotators: Path,
    reference: Path | None = None,
    *,
    unsure: int | None = None,
    buffer: float = 3.0,
    pass_mark: float = 0.65,
    progress: Progress = SILENT,
) -> tuple[Report, dict[str, bytes]]:
    """Read folders of masks, measure, and return the report with ``consensus.npz``.

    Parameters
    ----------
    annotators : Path
        A folder a person, each with one file a task.
    reference : Path, optional
        A folder with one file for each reference task, under the same names.
    unsure : int, optional
        The number of pixels that a person marked as perhaps an object.
    """
    if not annotators.is_dir():
        raise BadInput("there is no such folder", where=str(annotators), fix="give a folder with one folder a person")
    people = [path for path in sorted(annotators.iterdir()) if path.is_dir() and path != reference]
    if not people:
        raise BadInput("holds no folders", where=str(annotators), fix="make one folder of masks a person")
    truth = {} if reference is None else {task: read_objects(path) for task, path in mask_folder(reference).items()}
    drawn: dict[str, dict[str, Objects]] = {}
    perhaps: dict[str, dict[str, NDArray[np.bool_]]] = {}
    for person in people:
        files = mask_folder(person)
        if unsure is not None:
            perhaps[person.name] = {task: read_mask(path) == unsure for task, path in files.items()}
        drawn[person.name] = {task: read_objects(path, unsure) for task, path in files.items()}
    if truth and not any(task in truth for tasks in drawn.values() for task in tasks):
        raise BadInput("no task has a reference", where=str(reference), fix="name files alike in both folders")
    measure = OutlineQuality(buffer, pass_mark)
    report = measure.measure(truth, drawn, perhaps, progress)
    return report, {"consensus.npz": _packed(measure.consensus_)}


def _packed(maps: Mapping[str, ConsensusMap]) -> bytes:
    return npz_bytes(
        {f"{kind}/{task}": getattr(m, kind) for task, m in maps.items() for kind in ("probability", "mask", "risk")}
    )
