"""Downloads: the decisions as CSV, tasks for Label Studio, images with labels as COCO, and the reports."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from typing import Annotated

import pyarrow as pa
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from labelwright.report.outputs import spreadsheet_safe as without_formulas
from labelwright.studio.access import Exports, Manages, StudioIs
from labelwright.studio.export import decisions, decisions_table
from labelwright.studio.export_tasks import coco, label_studio_tasks
from labelwright.studio.jobs import Jobs
from labelwright.studio.mended_report import FILE, KIND, draw_report, prepare_report

router = APIRouter(prefix="/api/export", tags=["export"])


def _download(text: str, name: str, kind: str) -> Response:
    return Response(text, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


@router.get("/decisions.csv", response_class=Response)
def get_decisions_csv(studio: StudioIs, _: Exports, spreadsheet_safe: Annotated[bool, Query()] = False) -> Response:
    """Return the standing decisions as a table, as `labelwright apply` takes it.

    With ``spreadsheet_safe`` a quote stands before what a spreadsheet would run as a formula: to be read by people.
    """
    with studio.database.read() as connection:
        table = decisions_table(decisions(connection), studio.audit.dataset)
    if spreadsheet_safe:
        columns = {name: pa.array(column, pa.string()) for name, column in table.items()}
        table = without_formulas(pa.table(columns)).to_pydict()
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
    """Return the report of the labels as given; it tells of the random sample too, so it is for whoever leads."""
    from labelwright.report import build_view, render

    return _download(render(build_view(studio.audit)), "report-as-given.html", "text/html; charset=utf-8")


@router.post("/report/mended", status_code=201)
def post_mended_report(request: Request, studio: StudioIs, who: Manages) -> dict[str, int]:
    """Audit the labels as they are now and draw the report of that, in a process of its own."""
    running: Jobs = request.app.state.jobs
    return {"job": running.start(KIND, partial(prepare_report, studio), draw_report, who.user_id)}


@router.get("/report/mended", response_class=Response)
def get_mended_report(studio: StudioIs, _: Manages) -> Response:
    """Return the report of the mended labels that was drawn last; 404 before one was."""
    path = studio.folder / "exports" / FILE
    if not path.is_file():
        raise HTTPException(404, "No report of the mended labels was drawn yet.")
    return _download(path.read_text(encoding="utf-8"), FILE, "text/html; charset=utf-8")
