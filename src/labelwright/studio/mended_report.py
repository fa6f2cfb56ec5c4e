"""The report of an audit of the labels as they are now, drawn beside the work."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import Connection

from labelwright.audit.options import AuditOptions
from labelwright.data.dataset import Dataset
from labelwright.data.mend.datasets import apply_to_dataset
from labelwright.data.mend.decisions import Decisions
from labelwright.data.mend.formats import MendOptions
from labelwright.errors import BadInput
from labelwright.facade import Audit
from labelwright.studio.decisions import load_classes
from labelwright.studio.export import as_written, decisions, mended_name
from labelwright.studio.studio import Studio

KIND = "report"
FILE = "report-mended.html"


@dataclass(frozen=True)
class ReportWork:
    """What the process is given: the data as they were read, what was decided, and where the report goes."""

    dataset: Dataset
    options: AuditOptions
    decided: Decisions
    classes: tuple[str, ...]
    folder: Path


def prepare_report(studio: Studio, connection: Connection) -> ReportWork:
    """Gather what a report of the mended labels needs.

    Raises
    ------
    BadInput
        Probabilities or features were given for the data as they were, and rows were rejected since.
    """
    audit, found = studio.audit, decisions(connection)
    options = audit.options
    by_place = options.pred_probs is not None or (options.features is not None and Path(options.features).is_file())
    rows = set(audit.dataset.ids.tolist())
    if by_place and any(entry.decision == "reject" and entry.id in rows for entry in found):
        raise BadInput(
            "rows were rejected, and the given probabilities or features belong to all of them",
            fix="write the mended copy, and audit it with probabilities of its own",
        )
    return ReportWork(audit.dataset, options, found, tuple(load_classes(connection).names.values()), studio.folder)


def draw_report(work: ReportWork) -> dict[str, Any]:
    """Audit a mended copy of the data, write its report into the project's folder, and say what it was drawn from."""
    aside = Path(mkdtemp(prefix="report-", dir=work.folder))
    try:
        copy = aside / mended_name(work.dataset)
        options = MendOptions(new_classes=as_written(work.dataset, work.classes), link=True)
        done = apply_to_dataset(work.dataset, work.decided, copy, options)
        audit = Audit(copy if done.frame is None else done.frame, **_as_before(work)).run()
        audit.report(aside / FILE)
        out = work.folder / "exports" / FILE
        out.parent.mkdir(mode=0o700, exist_ok=True)
        (aside / FILE).replace(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    counts = audit.summary["counts"]
    return {"decisions": len(work.decided), "rows": audit.summary["n_rows"], "suspect": counts.get("label", 0)}


def _has_images(dataset: Dataset) -> bool:
    """Say whether images were named: masks may come without any."""
    return any(getattr(dataset.parts, "images", None) or getattr(dataset.parts, "files", None) or ())


def _as_before(work: ReportWork) -> Mapping[str, Any]:
    """Return how the data were read and judged the first time."""
    plan, source, options = work.dataset.plan, work.dataset.source, work.options
    if work.dataset.parts is not None:
        given = "predictions" if plan.task == "detection" else "pred_probs"
        return {
            "label": source.details.get("tag column"),
            "task": plan.task,
            "images": source.root if source.format in ("coco", "masks") and _has_images(work.dataset) else None,
            "classes": getattr(work.dataset.parts, "named", None),
            given: options.pred_probs,
            "seed": options.seed,
            "jobs": 1,
        }
    by_column = source.format != "image_folder"
    return {
        "label": plan.label if by_column else None,
        "task": plan.task,
        "text": plan.text if plan.modality == "text" else (),
        "image": plan.image if by_column else None,
        "feature_columns": plan.feature_columns,
        "id": plan.id,
        "group": plan.group,
        "split": plan.split if by_column else None,
        "root": source.root if plan.image is not None and by_column else None,
        "features": options.features,
        "pred_probs": options.pred_probs,
        "classes": options.classes if options.pred_probs is not None else None,
        "about": {"answers": options.answers, "use_cases": list(options.use_cases)},
        "seed": options.seed,
        "jobs": 1,
    }
