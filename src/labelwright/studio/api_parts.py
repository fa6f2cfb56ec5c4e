"""The interface for parts of rows: marking one that the audit did not doubt, and deciding about it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.access import Reviews, StudioIs
from labelwright.studio.decisions import Choice, decide, load_classes, standing
from labelwright.studio.inputs import ClassName, Row, Text
from labelwright.studio.part_content import item_of
from labelwright.studio.part_figures import marked_parts
from labelwright.studio.project import facts
from labelwright.studio.studio import Studio

router = APIRouter(prefix="/api/parts", tags=["parts"])


class PartIn(BaseModel):
    """A part of a row, and what it is."""

    row: Row = Field(description="Of the row, or of another part of it")
    part: Text = Field(max_length=200, description="2-4 (tokens), 3 (a box), new:10,20,30,40 or 3:10,20,30,40")
    verdict: Text = Field("relabel", max_length=20)
    label: ClassName | None = None


@router.post("", status_code=201)
def post_part(studio: StudioIs, who: Reviews, given: PartIn) -> dict[str, Any]:
    """Decide about a part of a row: its class, or that a box is to go."""
    parts = studio.content.parts
    if parts is None:
        raise BadInput("the rows of these data have no parts", fix="decide about the row")
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
