"""Pages for annotating, settling disagreements, and for whoever leads the work."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from labelwright.studio.access import Adjudicates, Annotates, Manages, StudioIs
from labelwright.studio.agreement import agreed_rows, disagreements, live_agreement
from labelwright.studio.annotation import guidelines, plan, progress
from labelwright.studio.class_changes import changes, may_be_renamed
from labelwright.studio.decisions import load_classes
from labelwright.studio.items import item_view
from labelwright.studio.logins import users
from labelwright.studio.pages import drawn_page
from labelwright.studio.project import facts
from labelwright.studio.rights import RIGHTS

router = APIRouter(include_in_schema=False)
SHOWN = 20


@router.get("/annotate")
def annotate(request: Request, studio: StudioIs, who: Annotates) -> Response:
    """Show the row in hand and the classes to choose from."""
    with studio.database.read() as connection:
        classes, task = list(load_classes(connection).names.values()), facts(connection)["task"]
        return drawn_page(request, "annotate.html", who, classes=classes, task=task, guidelines=guidelines(connection))


@router.get("/adjudicate")
def adjudicate(request: Request, studio: StudioIs, who: Adjudicates) -> Response:
    """Show rows on which annotators disagree, with votes and without names."""
    with studio.database.read() as connection:
        found = disagreements(connection)
        shown = [{**entry, "item": item_view(connection, studio.content, entry["row"])} for entry in found[:SHOWN]]
        values = {"total": len(found), "agreed": len(agreed_rows(connection))}
        classes, task = list(load_classes(connection).names.values()), facts(connection)["task"]
    return drawn_page(request, "adjudicate.html", who, entries=shown, classes=classes, task=task, counts=values)


@router.get("/team")
def team(request: Request, studio: StudioIs, who: Manages) -> Response:
    """Show accounts, the plan of the annotation, guidelines and classes."""
    with studio.database.read() as connection:
        return drawn_page(
            request,
            "team.html",
            who,
            users=users(connection),
            roles=list(RIGHTS),
            plan=plan(connection),
            progress=progress(connection),
            agreement=live_agreement(connection),
            guidelines=guidelines(connection),
            classes=list(load_classes(connection).names.values()),
            changes=changes(connection),
            may_rename=may_be_renamed(connection),
        )
