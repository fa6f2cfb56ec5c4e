"""What routes ask of a request: who is there, whether they may, and the studio itself."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends, Header, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection, func, select

from labelwright.studio import tables as t
from labelwright.studio.guard import SAFE
from labelwright.studio.logins import KnownVisitors, Visitor
from labelwright.studio.rights import may
from labelwright.studio.studio import Studio

COOKIE = "labelwright_session"
P = ParamSpec("P")
R = TypeVar("R")


def cookie_name(request: Request) -> str:
    """Return the name of the session's cookie; over TLS one that no other host and no plain page can set."""
    return f"__Host-{COOKIE}" if request.app.state.secure_cookie else COOKIE


def session_token(request: Request) -> str | None:
    """Return the session that a request carries."""
    return request.cookies.get(cookie_name(request))


async def the_studio(request: Request) -> Studio:
    """Return the studio that the application serves."""
    studio: Studio = request.app.state.studio
    return studio


async def known_visitors(request: Request) -> KnownVisitors:
    """Return who was looked up just now."""
    visitors: KnownVisitors = request.app.state.visitors
    return visitors


async def visitor(request: Request, x_csrf_token: Annotated[str | None, Header()] = None) -> Visitor:
    """Return who asks; 401 for nobody, 403 for a change without the token that our own pages send."""
    token, visitors = session_token(request), await known_visitors(request)
    found = visitors.get(token) or await run_in_threadpool(visitors.look_up, request.app.state.studio.database, token)
    if found is None:
        raise HTTPException(401, "Nobody is logged in here.")
    if request.method not in SAFE and not hmac.compare_digest(found.csrf.encode(), (x_csrf_token or "").encode()):
        raise HTTPException(403, "The page is out of date. Reload it.")
    return found


def needs(action: str) -> Any:
    """Return the dependency that lets through only whose role has `action`."""

    async def checked(request: Request, x_csrf_token: Annotated[str | None, Header()] = None) -> Visitor:
        found = await visitor(request, x_csrf_token)
        if not may(found.role, action):
            raise HTTPException(403, f"Your role, {found.role}, may not do this.")
        return found

    dependency: Callable[..., Awaitable[Visitor]] = checked
    return Depends(dependency)


def in_a_thread(work: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Let a route work in a thread, once: FastAPI would send its answer through a second one, to be checked."""

    @wraps(work)
    async def route(*args: P.args, **named: P.kwargs) -> R:
        return await run_in_threadpool(work, *args, **named)

    return route


def check_own(connection: Connection, event: int, who: Visitor) -> None:
    """Let people take back their own decisions; whose role may revert, those of others too. 403 otherwise."""
    owner = connection.scalar(select(t.event.c.user_id).where(t.event.c.id == event))
    if owner is not None and owner != who.user_id and not may(who.role, "revert"):
        raise HTTPException(403, "This decision is somebody else's.")


def check_own_batch(connection: Connection, batch: str, who: Visitor) -> None:
    """Do as `check_own` for all that one action decided."""
    c = t.event.c
    others = select(func.count()).where(c.batch == batch, c.user_id != who.user_id)
    if connection.scalar(others) and not may(who.role, "revert"):
        raise HTTPException(403, "This action is somebody else's.")


def check_look(connection: Connection, row: int, who: Visitor) -> None:
    """Let whose role may see look at every row, annotators at those that they hold. 403 otherwise."""
    if may(who.role, "see"):
        return
    a = t.assignment.c
    held = select(func.count()).where(a.row == row, a.user_id == who.user_id, a.state == "open")
    if not may(who.role, "annotate") or not connection.scalar(held):
        raise HTTPException(403, "This row is not in your hands.")


StudioIs = Annotated[Studio, Depends(the_studio)]
VisitorsAre = Annotated[KnownVisitors, Depends(known_visitors)]
Sees = Annotated[Visitor, needs("see")]
Reviews = Annotated[Visitor, needs("review")]
Reverts = Annotated[Visitor, needs("revert")]
Exports = Annotated[Visitor, needs("export")]
Manages = Annotated[Visitor, needs("manage")]
Annotates = Annotated[Visitor, needs("annotate")]
Adjudicates = Annotated[Visitor, needs("adjudicate")]
Retrains = Annotated[Visitor, needs("retrain")]
