"""The web application of a studio: guard, login, pages and the interface for programs."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from anyio import to_thread
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from labelwright import __version__
from labelwright.errors import BadInput, quoted
from labelwright.studio import (
    api,
    api_annotation,
    api_export,
    api_groups,
    api_parts,
    api_project,
    entrance,
    pages,
    pages_annotation,
    pages_explore,
)
from labelwright.studio.database import DatabaseUnavailable
from labelwright.studio.decisions import Conflict
from labelwright.studio.guard import Guard, Origins
from labelwright.studio.inputs import PROBLEMS
from labelwright.studio.jobs import Jobs
from labelwright.studio.login_limits import LoginLimits
from labelwright.studio.logins import Change, KnownVisitors
from labelwright.studio.neighbourhoods import Neighbourhoods
from labelwright.studio.processes import return_memory
from labelwright.studio.studio import Studio
from labelwright.studio.workers import AT_ONCE


def create_app(
    studio: Studio, origins: Origins, *, by_link: bool = False, change: Change | None = None, at_once: int = AT_ONCE
) -> FastAPI:
    """Return the application of a studio.

    Parameters
    ----------
    studio : Studio
    origins : Origins
        Where browsers may reach it; everything else is refused.
    by_link : bool, default False
        Let the person at the terminal in as the local owner, once, by `labelwright.studio.logins.new_entry`; otherwise
        people log in by name and password.
    change : Change, optional
        A number that all processes share which serve this studio.
    at_once : int
        Requests that this process works on at a time.
    """
    app = FastAPI(
        title="labelwright studio", version=__version__, docs_url=None, redoc_url=None, responses=PROBLEMS,
        lifespan=partial(_settled, at_once),
    )  # fmt: skip
    app.state.studio, app.state.by_link, app.state.jobs = studio, by_link, Jobs(studio.database)
    app.state.login_limits, app.state.visitors = LoginLimits(studio.database), KnownVisitors(change)
    app.state.neighbourhoods = Neighbourhoods(studio.audit)
    app.state.secure_cookie = all(origin.startswith("https:") for origin in origins.allowed)
    app.include_router(entrance.router)
    app.include_router(api_annotation.router)  # early: routes are tried in order, and these are asked for most
    app.include_router(api.router)
    app.include_router(api_project.router)
    app.include_router(api_groups.router)
    app.include_router(api_export.router)
    app.include_router(api_parts.router)
    app.include_router(pages.router)
    app.include_router(pages_annotation.router)
    app.include_router(pages_explore.router)
    app.add_exception_handler(BadInput, _bad_input)
    app.add_exception_handler(Conflict, _conflict)
    app.add_exception_handler(DatabaseUnavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_middleware(Guard, origins=origins)
    return app


@asynccontextmanager
async def _settled(at_once: int, _: FastAPI) -> AsyncIterator[None]:
    """Work on few requests at a time, and let the garbage collector pass over what stays until the end.

    The interpreter runs one thread at a time; many that wait for it slow each other.
    """
    to_thread.current_default_thread_limiter().total_tokens = at_once
    return_memory()
    gc.freeze()
    yield
    gc.unfreeze()


def _is_for_people(request: Request) -> bool:
    return not request.url.path.startswith(("/api/", "/fragments/", "/static/"))


def _told(request: Request, status: int, problem: str, **more: object) -> Response:
    if _is_for_people(request):
        return pages.problem_page(request, status, problem)
    return JSONResponse({"problem": problem, **more}, status)


def _bad_input(request: Request, error: Exception) -> Response:
    return _told(request, 422, str(error))


def _conflict(request: Request, error: Exception) -> Response:
    assert isinstance(error, Conflict)
    return _told(request, 409, str(error), now=error.current)


def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, DatabaseUnavailable)
    return _told(request, error.status, str(error))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return _told(request, 422, f"{quoted(where)}: {first['msg']}")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException | StarletteHTTPException)
    if error.status_code == 401 and _is_for_people(request):
        return pages.login_page(request, status=401)
    return _told(request, error.status_code, str(error.detail))
