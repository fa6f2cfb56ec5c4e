"""Coming in and going out: the link of the terminal, the login form, the logout."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from labelwright.studio import pages
from labelwright.studio.access import COOKIE, StudioIs, visitor
from labelwright.studio.logins import SESSION_SECONDS, Visitor, close_session, log_in, open_session

router = APIRouter(include_in_schema=False)
TRIES, WINDOW = 5, 300.0  # failed logins of one name, and of one address times four, within so many seconds


class FailedLogins:
    """Counts failed logins, so that passwords cannot be tried by the thousand."""

    def __init__(self) -> None:
        self._at: dict[str, list[float]] = {}

    def is_blocked(self, key: str, tries: int) -> bool:
        """Say whether too many logins of `key` failed of late."""
        now = time.monotonic()
        kept = [at for at in self._at.get(key, []) if at > now - WINDOW]
        self._at[key] = kept
        return len(kept) >= tries

    def add(self, *keys: str) -> None:
        """Count one failure."""
        if len(self._at) > 10_000:
            self._at.clear()
        for key in keys:
            self._at.setdefault(key, []).append(time.monotonic())


_failed = FailedLogins()


@router.get("/enter")
def enter(request: Request, studio: StudioIs, token: str) -> Response:
    """Exchange the link of the terminal for a cookie."""
    entry = request.app.state.entry
    if entry is None or not entry.use(token):
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
    address = request.client.host if request.client else ""
    keys = (f"name {name}", f"address {address}")
    if _failed.is_blocked(keys[0], TRIES) or _failed.is_blocked(keys[1], 4 * TRIES):
        return pages.login_page(request, status=429, problem="too_many")
    with studio.database.read() as connection:
        user_id = log_in(connection, name, password)
    if user_id is None:
        _failed.add(*keys)
        return pages.login_page(request, status=403, problem="wrong")
    return _let_in(request, studio, user_id)


@router.post("/api/logout", status_code=204)
def logout(request: Request, studio: StudioIs, _: Annotated[Visitor, Depends(visitor)]) -> Response:
    """End the session."""
    with studio.database.write() as connection:
        close_session(connection, request.cookies.get(COOKIE, ""))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE)
    return response


def _let_in(request: Request, studio: StudioIs, user_id: int) -> Response:
    with studio.database.write() as connection:
        token = open_session(connection, user_id)
    response = RedirectResponse("/", 303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=bool(request.app.state.secure_cookie),
    )
    return response
