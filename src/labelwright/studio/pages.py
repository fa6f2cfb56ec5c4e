"""The pages for people: drawn on the server, every word from one catalogue, every value escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import urlencode

import yaml
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection

from labelwright.audit.kinds import kind_of
from labelwright.metrics.numerals import percent
from labelwright.studio import access
from labelwright.studio.access import Exports, Sees, StudioIs
from labelwright.studio.api import QueueIs
from labelwright.studio.api_groups import neighbourhoods_of, ready_neighbourhoods
from labelwright.studio.decisions import load_classes
from labelwright.studio.export import mended_name
from labelwright.studio.grouped import AnyGroup, Group, batches_of, group_rows, groups, open_sample, sample_state
from labelwright.studio.history import history, people
from labelwright.studio.inputs import After, InPath, OrNone, Text
from labelwright.studio.items import item_view
from labelwright.studio.jobs import jobs
from labelwright.studio.logins import Visitor, visitor_of
from labelwright.studio.mended_report import FILE, KIND
from labelwright.studio.overview import overview
from labelwright.studio.part_rows import VOID_PIXEL
from labelwright.studio.project import facts
from labelwright.studio.queues import Queue, length
from labelwright.studio.rights import may
from labelwright.studio.studio import Studio

router = APIRouter(include_in_schema=False)
GRID = 50
MOST_NAMED = 600  # rows in an address
StoredQuery = Annotated[Text, Query(max_length=20_000)]
_SCRIPTS = ("studio.js", "annotate.js", "map.js", "parts.js", "paint.js")
_STATIC = {**dict.fromkeys(_SCRIPTS, "text/javascript"), "studio.css": "text/css", "icon.svg": "image/svg+xml"}


@cache
def strings() -> dict[str, Any]:
    """Return the catalogue of everything that the pages say."""
    text = files("labelwright.studio").joinpath("strings.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("labelwright.studio"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = percent
    environment.filters["query"] = lambda pairs: urlencode({k: v for k, v in pairs.items() if v not in (None, "")})
    environment.filters["thousands"] = lambda number: f"{number:,}"
    environment.filters["kind"] = kind_of
    environment.globals["s"] = strings()
    return environment


def drawn_page(request: Request, template: str, who: Visitor | None, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page for a person, with what every page shows."""
    shown = {
        "who": who,
        "may": (lambda action: who is not None and may(who.role, action)),
        "here": request.url.path + ("?kind=check" if request.query_params.get("kind") == "check" else ""),
        "script_strings": json.dumps(strings()["script"]),
        "whole_rows": request.app.state.studio.content.parts is None,
        "place": "" if who is None else f"{request.app.state.studio.key} {who.user_id}",
        **values,
    }
    return HTMLResponse(_environment().get_template(template).render(shown), status)


def problem_page(request: Request, status: int, problem: str) -> HTMLResponse:
    """Return a page that says what went wrong."""
    said = strings()["problem"]["no_page"] if (status, problem) == (404, "Not Found") else problem
    return drawn_page(request, "problem.html", _who(request), status, problem=said)


def login_page(request: Request, status: int = 200, problem: str | None = None) -> HTMLResponse:
    """Return the login form, or what to do where there are no accounts."""
    with_accounts = not request.app.state.by_link
    return drawn_page(request, "login.html", None, status, problem=problem, with_accounts=with_accounts)


def _who(request: Request) -> Visitor | None:
    with request.app.state.studio.database.read() as connection:
        return visitor_of(connection, access.session_token(request))


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Return one of our own few files."""
    if name not in _STATIC:
        raise HTTPException(404, "There is no such file.")
    text = files("labelwright.studio").joinpath("static", name).read_text(encoding="utf-8")
    if name == "studio.css":  # colours and type are those of the report
        text = files("labelwright.report").joinpath("templates", "style.css").read_text(encoding="utf-8") + text
    return Response(text, media_type=_STATIC[name], headers={"cache-control": "private, max-age=60"})


@router.get("/")
def start(request: Request, studio: StudioIs, who: Annotated[Visitor, Depends(access.visitor)]) -> Response:
    """Show how the project stands; annotators go to their work."""
    if not may(who.role, "see"):
        return RedirectResponse("/annotate", 303)
    with studio.database.read() as connection:
        return drawn_page(request, "overview.html", who, now=overview(connection))


@router.get("/review")
def review(request: Request, studio: StudioIs, who: Sees, queue: QueueIs) -> Response:
    """Show one row after the other."""
    with studio.database.read() as connection:
        values: dict[str, Any] = {
            "task": facts(connection)["task"],
            "classes": list(load_classes(connection).names.values()),
            "left": length(connection, queue),
            "title": _title(connection, queue),
        }
    asked = {"kind": queue.kind, "given": queue.given, "suggested": queue.suggested, "finding": queue.finding,
             "rows": ",".join(map(str, queue.rows)),
             "decided": "true" if queue.decided else None}  # fmt: skip
    return drawn_page(request, "review.html", who, queue=queue, asked=asked, **values)


@router.get("/fragments/item/{row}")
def item(request: Request, studio: StudioIs, who: Sees, row: InPath) -> Response:
    """Return the part of the review page that shows one row."""
    with studio.database.read() as connection:
        view, task = item_view(connection, studio.content, row), facts(connection)["task"]
    return drawn_page(request, "item.html", who, item=view, task=task, void=VOID_PIXEL)


@router.get("/groups")
def all_groups(request: Request, studio: StudioIs, who: Sees) -> Response:
    """Show the groups that suspect rows fall into: pairs of labels, and neighbourhoods."""
    near = neighbourhoods_of(request)
    found = near.found()
    with studio.database.read() as connection:
        listed = near.listed(connection) if found else []
        return drawn_page(request, "groups.html", who, groups=groups(connection), near=listed, found=found)


@router.get("/groups/rows")
def one_group(request: Request, studio: StudioIs, who: Sees, given: StoredQuery, suggested: StoredQuery) -> Response:
    """Show the rows of one pair side by side."""
    group = Group(given, suggested)
    with studio.database.read() as connection:
        classes, task = load_classes(connection), facts(connection)["task"]
        title = f"{classes.words(given, task)} → {classes.words(suggested, task)}"
        values = _group_values(connection, studio, group)
    accept = {"path": "/api/batches", "body": {"given": given, "suggested": suggested, "verdict": "relabel"}}
    asked = {"given": given, "suggested": suggested}
    return drawn_page(request, "group.html", who, title=title, accept=accept, asked=asked, **values)


@router.get("/groups/near")
def one_neighbourhood(request: Request, studio: StudioIs, who: Sees, number: After) -> Response:
    """Show the suspect rows of one neighbourhood side by side."""
    group = ready_neighbourhoods(request).group(number)
    with studio.database.read() as connection:
        values = _group_values(connection, studio, group)
        rows = group_rows(connection, group)[:MOST_NAMED]
    accept = {"path": "/api/neighbourhoods/accept", "body": {"number": number}}
    asked = {"kind": "all", "rows": ",".join(map(str, rows))}
    title = strings()["groups"]["near_title"].format(number=number)
    return drawn_page(request, "group.html", who, title=title, accept=accept, asked=asked, **values)


def _group_values(connection: Connection, studio: Studio, group: AnyGroup) -> Mapping[str, Any]:
    rows = group_rows(connection, group)
    return {
        "state": sample_state(connection, group),
        "items": [item_view(connection, studio.content, row) for row in rows[:GRID]],
        "left": len(rows),
        "sample": open_sample(connection, group),
        "batches": batches_of(connection, group),
    }


@router.get("/history")
def past(
    request: Request, studio: StudioIs, who: Sees, row: OrNone = None, user_id: OrNone = None,
    batch: Annotated[Text | None, Query(max_length=36)] = None, before: After = 0,
) -> Response:  # fmt: skip
    """Show who decided what; what was decided together is one line that opens."""
    only: dict[str, Any] = {"row": row, "user_id": user_id, "batch": batch}
    with studio.database.read() as connection:
        events = history(connection, **only, together=row is None and batch is None, limit=100, before=before)
        known = people(connection)
    return drawn_page(request, "history.html", who, events=events, only=only, people=known)


@router.get("/export")
def export(request: Request, studio: StudioIs, who: Exports) -> Response:
    """Offer the decisions and the mended data."""
    with studio.database.read() as connection:
        now, report = overview(connection), next(iter(jobs(connection, KIND)), None)
    dataset = studio.audit.dataset
    shown = {
        "name": mended_name(dataset),
        "images": dataset.plan.image is not None and dataset.space is not None,
        "data": dataset.source.path.name,
        "lines": dataset.source.format in ("csv", "tsv"),
        "report": report,
        "drawn": (studio.folder / "exports" / FILE).is_file(),
        "decided": sum(now["progress"]["decided"].values()),
    }
    return drawn_page(request, "export.html", who, now=now, **shown)


def _title(connection: Any, queue: Queue) -> str:
    task, classes = facts(connection)["task"], load_classes(connection)
    titles: dict[str, str] = strings()["queues"]
    title = titles[queue.kind]
    if queue.finding is not None:
        return kind_of(queue.finding).title
    if queue.given is not None and queue.suggested is None:
        return f"{title}: {classes.words(queue.given, task)}"
    if queue.given is not None and queue.suggested is not None:
        return f"{classes.words(queue.given, task)} → {classes.words(queue.suggested, task)}"
    return title
