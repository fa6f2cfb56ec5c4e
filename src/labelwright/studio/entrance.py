"""Coming in and going out: the link of the terminal, the login form, the logout."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from labelwright.studio import pages
from labelwright.studio.access import StudioIs, cookie_name, session_token, visitor
from labelwright.studio.login_limits import LoginLimits, known_browser, limits_of, new_browser
from labelwright.studio.logins import (
    SESSION_SECONDS,
    Visitor,
    close_session,
    log_in,
    open_session,
    tidy_name,
    use_entry,
)

router = APIRouter(include_in_schema=False)
BROWSER_COOKIE, BROWSER_SECONDS = "labelwright_known", 180 * 86_400


@router.get("/enter")
def enter(request: Request, studio: StudioIs, token: str) -> Response:
    """Exchange the link of the terminal for a cookie."""
    with studio.database.write() as connection:
        used = bool(request.app.state.by_link) and use_entry(connection, token)
    if not used:
        raise HTTPException(403, "This link was used or is not of this studio. Start it again for a new one.")
    return _let_in(request, studio, studio.local_user)


@router.get("/login")
def login(request: Request) -> Response:
    """Show the login form."""
    return pages.login_page(request)


@router.post("/login")
def post_login(
    request: Request, studio: StudioIs, name: Annotated[str, Form(max_length=120)],
    password: Annotated[str, Form(max_length=1000)],
) -> Response:  # fmt: skip
    """Open a session for a name and password."""
    limits: LoginLimits = request.app.state.login_limits
    tidy, address = tidy_name(name), request.client.host if request.client else ""
    with studio.database.read() as connection:
        browser = known_browser(connection, tidy, request.cookies.get(BROWSER_COOKIE))
    counted = limits_of(tidy, address, browser)
    if not limits.begin(counted):
        return pages.login_page(request, status=429, problem="too_many")
    with studio.database.read() as connection:
        user_id = log_in(connection, tidy, password)
        known = new_browser(connection, tidy) if user_id is not None and browser is None else None
    if user_id is None:
        return pages.login_page(request, status=403, problem="wrong")
    limits.succeeded(counted)
    response = _let_in(request, studio, user_id)
    if known is not None:
        _set_cookie(request, response, BROWSER_COOKIE, known, BROWSER_SECONDS, path="/login")
    return response


@router.post("/api/logout", status_code=204)
def logout(request: Request, studio: StudioIs, _: Annotated[Visitor, Depends(visitor)]) -> Response:
    """End the session."""
    with studio.database.write() as connection:
        close_session(connection, session_token(request) or "")
    request.app.state.visitors.forget()
    response = Response(status_code=204)
    _set_cookie(request, response, cookie_name(request), "", 0)
    return response


def _let_in(request: Request, studio: StudioIs, user_id: int) -> Response:
    """Open a new session, never one that the browser brought along, and end that one."""
    with studio.database.write() as connection:
        close_session(connection, session_token(request) or "")
        token = open_session(connection, user_id)
    request.app.state.visitors.forget()
    response = RedirectResponse("/", 303)
    _set_cookie(request, response, cookie_name(request), token, SESSION_SECONDS)
    return response


def _set_cookie(request: Request, response: Response, name: str, value: str, seconds: int, path: str = "/") -> None:
    secure = bool(request.app.state.secure_cookie)
    response.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="strict", secure=secure)
