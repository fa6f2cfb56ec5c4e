"""The interface for programs, under ``/api``: what the pages use, and `labelwright.studio.Client`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from labelwright.studio import access
from labelwright.studio.access import Exports, Reverts, Reviews, Sees, StudioIs, check_own, check_own_batch, in_a_thread
from labelwright.studio.api_parts import check_part
from labelwright.studio.decisions import Choice, decide, load_classes, mark, standing, undo
from labelwright.studio.export import checked_file_name, decisions, decisions_table, mended_copy
from labelwright.studio.group_decisions import decide_together, undo_of_user, undo_together
from labelwright.studio.grouped import Group, checked_enough, group_rows, groups
from labelwright.studio.history import history, row_of
from labelwright.studio.inputs import LARGEST, After, InPath, Label, OrNone, Row, Stored, Text
from labelwright.studio.items import item_view
from labelwright.studio.logins import Visitor
from labelwright.studio.overview import overview
from labelwright.studio.project import facts
from labelwright.studio.queues import Queue, length, page

router = APIRouter(prefix="/api", tags=["studio"])
BATCH = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class DecisionIn(BaseModel):
    """One decision about one row."""

    row: Row
    verdict: Text = Field(description="keep, relabel, reject or cannot_tell", max_length=40)
    version: int = Field(ge=0, le=LARGEST, description="Of the row as it was seen")
    label: Label | None = None
    note: Text | None = Field(None, max_length=2000)
    queue: Text | None = Field(None, max_length=40)
    client_key: Text | None = Field(None, max_length=64)


class BatchIn(BaseModel):
    """One decision about the undecided rest of a group."""

    given: Text | None = Field(None, max_length=20_000)
    suggested: Text | None = Field(None, max_length=20_000)
    verdict: Text = Field(max_length=40)
    label: Label | None = None


class MarkIn(BaseModel):
    """Set a row aside, or take the mark away."""

    row: Row
    marked: bool


class RevertIn(BaseModel):
    """Which decisions of one person to take back."""

    user_id: Row
    since: float = Field(ge=0, le=1e12, description="Seconds since 1970, UTC")


class ExportIn(BaseModel):
    """Where to write the mended copy, below the project's folder."""

    name: Text = Field(min_length=1, max_length=120)
    spreadsheet_safe: bool = Field(False, description="Neutralise formulas in every cell, undecided ones too")


def queue_of(
    kind: Annotated[str, Query(max_length=40)] = "review",
    given: Stored = None,
    suggested: Stored = None,
    finding: Annotated[Text | None, Query(max_length=40)] = None,
    decided: Annotated[bool, Query()] = False,
    rows: Annotated[str, Query(max_length=6000, pattern=r"^(\d{1,9}(,\d{1,9})*)?$")] = "",
) -> Queue:
    """Return the queue that a request names; `rows` are numbers joined by commas."""
    return Queue(kind, given, suggested, finding, decided, tuple(int(row) for row in rows.split(",") if row))


QueueIs = Annotated[Queue, Depends(queue_of)]


@router.get("/me")
def me(who: Annotated[Visitor, Depends(access.visitor)]) -> dict[str, Any]:
    """Return who is logged in, and the token that changes must carry."""
    return {"id": who.user_id, "name": who.name, "role": who.role, "csrf": who.csrf}


@router.get("/overview")
def get_overview(studio: StudioIs, _: Sees) -> dict[str, Any]:
    """Return how the project stands."""
    with studio.database.read() as connection:
        return overview(connection)


@router.get("/classes")
def get_classes(studio: StudioIs, _: Annotated[Visitor, Depends(access.visitor)]) -> list[dict[str, Any]]:
    """Return the classes in order."""
    with studio.database.read() as connection:
        return [{"id": number, "name": name} for number, name in load_classes(connection).names.items()]


@router.get("/queue")
@in_a_thread
def get_queue(
    studio: StudioIs, _: Sees, queue: QueueIs, limit: Annotated[int, Query(ge=1, le=500)] = 50,
    after: After = 0,
) -> dict[str, Any]:  # fmt: skip
    """Return the rows of a queue; those that wait in the random sample without what would sway a person."""
    with studio.database.read() as connection:
        rows = page(connection, queue, limit=limit, after=after)
        left = length(connection, queue)
        classes, task = load_classes(connection), facts(connection)["task"]
    for row in rows:
        row |= {name: classes.words(row[name], task) for name in ("given", "label", "suggested")}
    if queue.kind == "check":
        rows = [{key: row[key] for key in ("row", "name", "given", "label", "verdict", "version")} for row in rows]
    return {"rows": rows, "length": left}


@router.get("/groups")
def get_groups(studio: StudioIs, _: Sees) -> list[dict[str, Any]]:
    """Return the pairs (given → suggested) of suspect labels."""
    with studio.database.read() as connection:
        return groups(connection)


@router.get("/items/{row}")
@in_a_thread
def get_item(studio: StudioIs, _: Sees, row: InPath) -> dict[str, Any]:
    """Return what may be told of a row."""
    with studio.database.read() as connection:
        return item_view(connection, studio.content, row)


@router.get(
    "/items/{row}/image",
    response_class=Response,
    responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
)
def get_image(
    studio: StudioIs, who: Annotated[Visitor, Depends(access.visitor)], row: InPath,
    size: Annotated[int, Query(ge=16, le=2048)] = 768,
) -> Response:  # fmt: skip
    """Return the image of a row as PNG, drawn anew and without metadata; annotators see the row in their hands."""
    with studio.database.read() as connection:
        access.check_look(connection, row, who)
        row, _ = studio.content.place(connection, row)
    kept = {"cache-control": "private, max-age=600"}
    return Response(studio.pictures.png(row, size), media_type="image/png", headers=kept)


@router.post("/decisions", status_code=201)
@in_a_thread
def post_decision(studio: StudioIs, who: Reviews, given: DecisionIn) -> dict[str, Any]:
    """Store a decision. 409 with how the row stands when somebody else was faster."""
    with studio.database.write() as connection:
        check_part(connection, studio, given.row, given.verdict, given.label)
        number = decide(connection, Choice(**given.model_dump()), who.user_id)
        return {"event": number, "now": standing(connection, given.row)}


@router.post("/decisions/{event}/undo", status_code=201)
def post_undo(studio: StudioIs, who: Reviews, event: InPath) -> dict[str, Any]:
    """Take back one decision of one's own."""
    with studio.database.write() as connection:
        check_own(connection, event, who)
        undo(connection, event, who.user_id)
        return {"now": standing(connection, row_of(connection, event))}


@router.post("/decisions/{event}/revert", status_code=201)
def post_revert(studio: StudioIs, who: Reverts, event: InPath) -> dict[str, Any]:
    """Take back one decision of anybody."""
    with studio.database.write() as connection:
        number = undo(connection, event, who.user_id)
        return {"event": number}


@router.post("/batches", status_code=201)
def post_batch(studio: StudioIs, who: Reviews, given: BatchIn) -> dict[str, Any]:
    """Decide the undecided rest of a group, once ten random rows of it were checked; one undo takes all of it back."""
    with studio.database.write() as connection:
        group = Group(given.given, given.suggested)
        checked_enough(connection, group)
        rows = group_rows(connection, group)
        if studio.content.parts is not None and given.verdict == "reject":
            check_part(connection, studio, rows[0] if rows else 0, given.verdict, None)
        batch = decide_together(connection, rows, given.verdict, given.label, who.user_id)
        return {"batch": batch, "rows": len(rows)}


@router.post("/batches/{batch}/undo", status_code=201)
def post_batch_undo(studio: StudioIs, who: Reviews, batch: Annotated[str, Path(pattern=BATCH)]) -> dict[str, Any]:
    """Take back what one action of one's own decided."""
    with studio.database.write() as connection:
        check_own_batch(connection, batch, who)
        return {"rows": undo_together(connection, batch, who.user_id)}


@router.post("/reverts", status_code=201)
def post_reverts(studio: StudioIs, who: Reverts, given: RevertIn) -> dict[str, Any]:
    """Take back every standing decision of one person since a time."""
    with studio.database.write() as connection:
        return {"rows": undo_of_user(connection, given.user_id, given.since, who.user_id)}


@router.post("/marks")
def post_mark(studio: StudioIs, _: Reviews, given: MarkIn) -> dict[str, Any]:
    """Set a row aside for another look, or take the mark away."""
    with studio.database.write() as connection:
        mark(connection, given.row, given.marked)
    return {"row": given.row, "marked": given.marked}


@router.get("/history")
def get_history(
    studio: StudioIs, _: Sees, row: OrNone = None, user_id: OrNone = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100, before: After = 0,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return who decided what, the newest first."""
    with studio.database.read() as connection:
        return history(connection, row=row, user_id=user_id, limit=limit, before=before)


@router.get("/export/decisions")
def get_decisions(studio: StudioIs, _: Exports) -> JSONResponse:
    """Return the standing decisions as columns, as `labelwright apply` takes them."""
    with studio.database.read() as connection:
        return JSONResponse(decisions_table(decisions(connection), studio.audit.dataset))


@router.post("/export/data", status_code=201)
def post_data(studio: StudioIs, _: Exports, given: ExportIn) -> dict[str, Any]:
    """Write a mended copy of the data into the project's folder."""
    with studio.database.read() as connection:
        found, names = decisions(connection), tuple(load_classes(connection).names.values())
    out = studio.folder / "exports" / checked_file_name(given.name)
    out.parent.mkdir(mode=0o700, exist_ok=True)
    safe = given.spreadsheet_safe
    return mended_copy(studio.audit.dataset, found, out, names, spreadsheet_safe=safe).summary()
