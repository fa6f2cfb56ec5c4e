"""What every request passes before anything is done: the right host, the right origin, and headers on the way out.

A page of another site, and a name that another site points at this machine, reach nothing: the host must be one that
was allowed, and whatever a browser says about where a request comes from must be our own pages. Bodies have a largest
size and a longest time. What goes wrong inside leaves as one line without details; the terminal gets a number, the
kind of error and its place, never values of the data.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("labelwright.studio")
SAFE = ("GET", "HEAD", "OPTIONS")
LARGEST_BODY = 2_000_000  # bytes
LONGEST_BODY = 30.0  # seconds that a body may take to arrive
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Origins:
    """Where the studio may be reached: ``scheme://host:port``, as a browser writes it."""

    allowed: frozenset[str]

    @classmethod
    def of(cls, host: str, port: int, *, https: bool = False, public_url: str | None = None) -> Origins:
        """Return the origins of a bind address; for a loopback address all of its names."""
        scheme, usual = ("https", 443) if https else ("http", 80)
        names = {host} | ({"127.0.0.1", "localhost", "[::1]"} if is_loopback(host) else set())
        end = "" if port == usual else f":{port}"
        own = {f"{scheme}://{'[' + name + ']' if ':' in name and '[' not in name else name}{end}" for name in names}
        if public_url is not None:
            parts = urlsplit(public_url)
            plain = ":443" if parts.scheme == "https" else ":80"  # browsers leave it out
            own = {f"{parts.scheme}://{parts.netloc.lower().removesuffix(plain)}"}
        return cls(frozenset(own))

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The values of Host that belong to them."""
        return frozenset(urlsplit(origin).netloc for origin in self.allowed)


def is_loopback(host: str) -> bool:
    """Say whether an address reaches this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware around everything, static files and errors included."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self.app, self.origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # there are none
            return
        headers_in = Headers(scope=scope)
        refused, started = self._refused(scope["method"], headers_in), False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _guarded(message.get("headers", ()))
            await send(message)

        if refused is not None:
            await PlainTextResponse(refused, 403)(scope, receive, send_guarded)
            return
        if _says_too_large(headers_in):
            await JSONResponse({"problem": TOO_LARGE}, 413)(scope, receive, send_guarded)
            return
        try:
            await self.app(scope, _bounded(receive), send_guarded)
        except Exception as bug:
            number = _told(bug, scope)
            if not started:
                problem = f"This did not work, and it is our fault (problem {number}). The terminal says more."
                await JSONResponse({"problem": problem}, 500)(scope, receive, send_guarded)

    def _refused(self, method: str, headers: Headers) -> str | None:
        if headers.get("host", "").lower() not in self.origins.hosts:
            return "This host is not the studio's. Open the address that the terminal shows."
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if origin is not None and origin.lower() not in self.origins.allowed:
            return "This request comes from another site."
        # A link on another page may lead here (without the cookie); nothing else of another page may.
        is_link = method in SAFE and headers.get("sec-fetch-dest") == "document"
        if origin is None and site not in ("same-origin", "none") and not is_link:
            return "This request comes from another site."
        return None


_OURS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_NO_STORE, _NAMES = (b"cache-control", b"no-store"), {name.encode() for name in HEADERS}


def _guarded(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers with ours in place of any of the same names, and nothing kept where nothing else is said."""
    kept = [(name, value) for name, value in headers if name not in _NAMES]
    said = any(name == b"cache-control" for name, _ in kept)
    return [*kept, *_OURS] if said else [*kept, *_OURS, _NO_STORE]


TOO_LARGE = f"This is larger than {LARGEST_BODY // 1_000_000} MB."


def _says_too_large(headers: Headers) -> bool:
    said = headers.get("content-length", "")
    return said.isdigit() and int(said[:12]) > LARGEST_BODY


def _bounded(receive: Receive) -> Receive:
    """Break off bodies that are larger than any of ours, or that take too long to arrive."""
    seen, whole, end = 0, False, asyncio.get_running_loop().time() + LONGEST_BODY

    async def receive_bounded() -> Any:
        nonlocal seen, whole
        if whole:
            return await receive()  # waits for the browser to go away
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The request took too long to arrive.") from None
        seen, whole = seen + len(message.get("body", b"")), not message.get("more_body", False)
        if seen > LARGEST_BODY:
            raise HTTPException(413, TOO_LARGE)
        return message

    return receive_bounded


def _told(bug: Exception, scope: Scope) -> str:
    """Tell the terminal about a bug, without a value that could come from the data, and return its number."""
    number = secrets.token_hex(4)
    last = traceback.extract_tb(bug.__traceback__)[-1]
    own = [frame for frame in traceback.extract_tb(bug.__traceback__) if "labelwright" in frame.filename] or [last]
    place = f"{own[-1].filename.rsplit('labelwright', 1)[-1].lstrip('/')} line {own[-1].lineno}"
    route = getattr(scope.get("route"), "path", "?")
    LOG.error("problem %s: %s at %s, in %s %s", number, type(bug).__name__, place, scope["method"], route)
    return number
