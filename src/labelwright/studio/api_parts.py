"""The interface for parts of rows: marking one that the audit did not doubt, and deciding about it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from labelwright.data.parts.regions import LONGEST
from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.access import Reviews, Sees, StudioIs
from labelwright.studio.decisions import Choice, decide, load_classes, standing
from labelwright.studio.inputs import ClassName, InPath, Row, Text
from labelwright.studio.painting import LONGEST_RUNS, mask_png, paint
from labelwright.studio.part_content import item_of
from labelwright.studio.part_figures import marked_parts
from labelwright.studio.part_rows import PartRows
from labelwright.studio.project import facts
from labelwright.studio.studio import Studio

router = APIRouter(prefix="/api/parts", tags=["parts"])


class PartIn(BaseModel):
    """A part of a row, and what it is."""

    row: Row = Field(description="Of the row, or of another part of it")
    part: Text = Field(
        max_length=LONGEST + 400,
        description="2-4 (tokens), 3 (a box), new:10,20,30,40 or 3:10,20,30,40, 10,20,59,80:road~5.3 (a region)",
    )
    verdict: Text = Field("relabel", max_length=20)
    label: ClassName | None = None


class PaintIn(BaseModel):
    """Pixels of a mask that get a class."""

    row: Row = Field(description="Of the mask, or of a part of it")
    label: ClassName
    runs: Text = Field(
        max_length=LONGEST_RUNS,
        description="Pixels of the mask as it is shown: off, on, off, ... along its rows, to the base 36, dots between",
    )


@router.post("/painted", status_code=201)
def post_painted(studio: StudioIs, who: Reviews, given: PaintIn) -> dict[str, Any]:
    """Give painted pixels of a mask a class, in one action with one way back."""
    parts = parts_of(studio)
    with studio.database.write() as connection:
        row, _ = studio.content.place(connection, given.row)
        return {"batch": paint(connection, parts, row, given.runs, given.label, who.user_id)}


@router.get(
    "/mask/{row}",
    response_class=Response,
    responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
)
def get_mask(studio: StudioIs, _: Sees, row: InPath) -> Response:
    """Return the mask of a row as it is decided on, as PNG: class = red + 256 green (65535: none), blue = decided."""
    parts = parts_of(studio)
    with studio.database.read() as connection:
        place, _part = studio.content.place(connection, row)
        drawn = mask_png(connection, parts, place)
    return Response(drawn, media_type="image/png", headers={"cache-control": "no-store"})


def parts_of(studio: Studio) -> PartRows:
    """Return what may be said of parts; BadInput where rows have none."""
    if studio.content.parts is None:
        raise BadInput("the rows of these data have no parts", fix="decide about the row")
    return studio.content.parts


@router.post("", status_code=201)
def post_part(studio: StudioIs, who: Reviews, given: PartIn) -> dict[str, Any]:
    """Decide about a part of a row: its class, or that a box is to go."""
    parts = parts_of(studio)
    with studio.database.write() as connection:
        row, _ = studio.content.place(connection, given.row)
        part = parts.checked_part(row, given.part)
        number = item_of(connection, parts, row, part)
        check_part(connection, studio, number, given.verdict, given.label)
        version = connection.scalar(select(t.item.c.version).where(t.item.c.row == number))
        event = decide(connection, Choice(number, given.verdict, int(version or 0), given.label), who.user_id)
        return {"event": event, "row": number, "now": standing(connection, number)}


def check_part(connection: Connection, studio: Studio, item: int, verdict: str, label: Any) -> None:
    """Raise BadInput for a decision about a part that cannot be made true, or contradicts one about the same part."""
    parts = studio.content.parts
    if parts is None:
        return
    row, part = studio.content.place(connection, item)
    classes, task = load_classes(connection), facts(connection)["task"]
    parts.check(part, verdict, label, list(classes.names.values()))
    if part is None or verdict not in ("relabel", "reject"):
        return
    for other in marked_parts(connection, parts, classes, row, task):
        changed = other["row"] != item and other["verdict"] in ("relabel", "reject")
        if changed and parts.overlap(part, other["part"]):
            raise BadInput(
                f"part {other['part']} of this row is about the same and is decided already", fix="take that back first"
            )
