"""Pages for looking around: confusion, map, slices, copies, and how training on mended labels goes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from labelwright.studio.access import Sees, StudioIs
from labelwright.studio.explore import confusion, copies, slices
from labelwright.studio.inputs import After
from labelwright.studio.items import item_view
from labelwright.studio.jobs import jobs
from labelwright.studio.pages import drawn_page
from labelwright.studio.project import facts
from labelwright.studio.retrain import KIND

router = APIRouter(include_in_schema=False)
PAIRS_SHOWN = 20


@router.get("/explore")
def explore(request: Request, studio: StudioIs, who: Sees) -> Response:
    """Show which classes are confused, the map, and the classes as slices."""
    with studio.database.read() as connection:
        found = confusion(connection)
        cells = {(cell["from"], cell["to"]): cell for cell in found["cells"]}
        most = max((cell["number"] for cell in found["cells"]), default=1)
        shown: dict[str, Any] = {"confusion": found, "cells": cells, "most": most, "slices": slices(connection)[:200]}
        shown |= {"mapped": studio.audit.features is not None, "classed": facts(connection)["task"] != "regression"}
    return drawn_page(request, "explore.html", who, **shown)


@router.get("/copies")
def all_copies(request: Request, studio: StudioIs, who: Sees, after: After = 0) -> Response:
    """Show copies side by side, those with different labels first."""
    with studio.database.read() as connection:
        pairs = copies(connection, limit=PAIRS_SHOWN, after=after)
        shown = [
            {
                **pair,
                "left": item_view(connection, studio.content, pair["row"]),
                "right": item_view(connection, studio.content, pair["other_row"]),
            }
            for pair in pairs
        ]
        task = facts(connection)["task"]
    return drawn_page(request, "copies.html", who, pairs=shown, after=after, step=PAIRS_SHOWN, task=task)


@router.get("/retrain")
def retrain(request: Request, studio: StudioIs, who: Sees) -> Response:
    """Show what training on the mended labels brought."""
    with studio.database.read() as connection:
        return drawn_page(request, "retrain.html", who, jobs=jobs(connection, KIND))
