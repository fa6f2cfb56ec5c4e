"""What every request passes before anything is done: the right host, the right origin, and headers on the way out.

A page of another site, and a name that another site points at this machine, reach nothing: the host must be one that
was allowed, and a request that changes something must come from our own pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = ("GET", "HEAD", "OPTIONS")
LARGEST_BODY = 2_000_000
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
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
            own = {f"{parts.scheme}://{parts.netloc.lower()}"}
        return cls(frozenset(own))

    @property
    def hosts(self) -> frozenset[str]:
        """The values of Host that belong to them."""
        return frozenset(urlsplit(origin).netloc for origin in self.allowed)


def is_loopback(host: str) -> bool:
    """Say whether an address reaches this machine alone."""
    return host in ("localhost", "::1", "[::1]") or host.startswith("127.")


class Guard:
    """ASGI middleware around everything, static files and errors included."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self.app, self.origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refused = self._refused(scope["method"], Headers(scope=scope))

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if refused is not None:
            await PlainTextResponse(refused, 403)(scope, receive, send_guarded)
            return
        await self.app(scope, _bounded(receive), send_guarded)

    def _refused(self, method: str, headers: Headers) -> str | None:
        if headers.get("host", "").lower() not in self.origins.hosts:
            return "This host is not the studio's. Open the address that the terminal shows."
        if method in SAFE:
            return None
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self.origins.allowed:
            return "This request comes from another site."
        if origin is None and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return "This request comes from another site."
        return None


def _bounded(receive: Receive) -> Receive:
    """Break off bodies that are larger than any of ours."""
    seen = 0

    async def receive_bounded() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            return {"type": "http.disconnect"}
        return message

    return receive_bounded
