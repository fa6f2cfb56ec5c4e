"""The interface for deciding rows together: neighbourhoods, and rows that are settled as one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

from labelwright.studio.access import Reviews, Sees, StudioIs
from labelwright.studio.api_parts import check_part
from labelwright.studio.decisions import Choice, decide_each_as_said
from labelwright.studio.group_decisions import decide_together
from labelwright.studio.grouped import checked_enough, group_rows
from labelwright.studio.inputs import Label, Text
from labelwright.studio.neighbourhoods import Neighbourhoods

router = APIRouter(prefix="/api", tags=["groups"])
LARGEST_ROW = 2**31 - 1


class NeighbourhoodIn(BaseModel):
    """A neighbourhood whose undecided rest takes its suggestions."""

    number: Annotated[int, Field(ge=0, le=LARGEST_ROW)]


class SettledRow(BaseModel):
    """One row of a decision about several."""

    row: int = Field(ge=0, le=LARGEST_ROW)
    verdict: Text = Field(max_length=20)
    version: int = Field(ge=0, le=LARGEST_ROW)
    label: Label | None = None


class SettleIn(BaseModel):
    """Rows that are decided together: all of them or, where somebody was faster, none."""

    rows: list[SettledRow] = Field(min_length=1, max_length=500)
    queue: Text | None = Field(None, max_length=40)


def neighbourhoods_of(request: Request) -> Neighbourhoods:
    """Return the neighbourhoods of the studio, which are looked for when they are first asked for."""
    found: Neighbourhoods = request.app.state.neighbourhoods
    return found


def ready_neighbourhoods(request: Request) -> Neighbourhoods:
    """Return the neighbourhoods; 503 while they are looked for."""
    found = neighbourhoods_of(request)
    if not found.found():
        raise HTTPException(503, "The neighbourhoods are being looked for. Ask again in a few seconds.")
    return found


@router.get("/neighbourhoods")
def get_neighbourhoods(request: Request, studio: StudioIs, _: Sees) -> list[dict[str, Any]]:
    """Return the neighbourhoods that have suspect labels, those with most left first; 503 while they are looked for."""
    near = ready_neighbourhoods(request)
    with studio.database.read() as connection:
        return near.listed(connection)


@router.post("/neighbourhoods/accept", status_code=201)
def post_accept(request: Request, studio: StudioIs, who: Reviews, given: NeighbourhoodIn) -> dict[str, Any]:
    """Accept the suggestions of the rest, once ten random rows of it were checked; one undo takes all of it back."""
    group = ready_neighbourhoods(request).group(given.number)
    with studio.database.write() as connection:
        checked_enough(connection, group)
        rows = group_rows(connection, group)
        return {"batch": decide_together(connection, rows, "relabel", None, who.user_id), "rows": len(rows)}


@router.post("/settle", status_code=201)
def post_settle(studio: StudioIs, who: Reviews, given: SettleIn) -> dict[str, Any]:
    """Decide several rows as one action with one undo."""
    choices = [Choice(one.row, one.verdict, one.version, one.label, queue=given.queue) for one in given.rows]
    with studio.database.write() as connection:
        for one in choices:
            check_part(connection, studio, one.row, one.verdict, one.label)
        return {"batch": decide_each_as_said(connection, choices, who.user_id), "rows": len(choices)}
