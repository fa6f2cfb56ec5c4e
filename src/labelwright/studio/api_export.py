"""Downloads: the decisions as CSV, tasks for Label Studio, images with labels as COCO, and the report."""

from __future__ import annotations

import csv
import io
import json

from fastapi import APIRouter
from fastapi.responses import Response

from labelwright.studio.access import Exports, Manages, StudioIs
from labelwright.studio.export import decisions, decisions_table
from labelwright.studio.export_tasks import coco, label_studio_tasks

router = APIRouter(prefix="/api/export", tags=["export"])


def _download(text: str, name: str, kind: str) -> Response:
    return Response(text, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


@router.get("/decisions.csv", response_class=Response)
def get_decisions_csv(studio: StudioIs, _: Exports) -> Response:
    """Return the standing decisions as a table, as `labelwright apply` takes it."""
    with studio.database.read() as connection:
        table = decisions_table(decisions(connection), studio.audit.dataset)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return _download(out.getvalue(), "decisions.csv", "text/csv; charset=utf-8")


@router.get("/label-studio", response_class=Response)
def get_label_studio(studio: StudioIs, _: Exports) -> Response:
    """Return every row as a task for Label Studio with its label now."""
    with studio.database.read() as connection:
        tasks = label_studio_tasks(connection, studio.audit.dataset)
    return _download(json.dumps(tasks, ensure_ascii=False), "label-studio.json", "application/json")


@router.get("/coco", response_class=Response)
def get_coco(studio: StudioIs, _: Exports) -> Response:
    """Return images with their classes now as COCO; 422 where the data are no images with classes."""
    with studio.database.read() as connection:
        found = coco(connection, studio.audit.dataset)
    return _download(json.dumps(found, ensure_ascii=False), "coco.json", "application/json")


@router.get("/report", response_class=Response)
def get_report(studio: StudioIs, _: Manages) -> Response:
    """Return the report of the audit, drawn anew; it tells of the random sample too, so it is for whoever leads."""
    from labelwright.report import build_view, render

    return _download(render(build_view(studio.audit)), "report.html", "text/html; charset=utf-8")
