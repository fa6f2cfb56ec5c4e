"""Serve a studio: where it may be reached, what it prints, and how it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from labelwright.errors import BadInput, quoted
from labelwright.studio.daily_backups import DailyBackups
from labelwright.studio.guard import Origins, is_loopback
from labelwright.studio.logins import close_entry, has_logins, new_entry
from labelwright.studio.studio import Studio
from labelwright.studio.workers import bound_sockets, check_workers, run_workers

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI


@dataclass(frozen=True)
class Bind:
    """Where the studio listens.

    Parameters
    ----------
    host : str, default "127.0.0.1"
    port : int, default 8137
    tls_cert, tls_key : Path, optional
    behind_proxy : bool
        A proxy in front speaks TLS; then `public_url` is what browsers see.
    public_url : str, optional
        The one address that browsers use: needed behind a proxy, and with TLS where `host` is all addresses.
    """

    host: str = "127.0.0.1"
    port: int = 8137
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    public_url: str | None = None

    @property
    def https(self) -> bool:
        """Whether browsers speak TLS to it."""
        return self.tls_cert is not None or (self.public_url or "").startswith("https://")

    def origins(self) -> Origins:
        """Return the origins that browsers may use."""
        return Origins.of(self.host, self.port, https=self.tls_cert is not None, public_url=self.public_url)


def check_bind(bind: Bind, *, with_logins: bool) -> None:
    """Refuse what other machines could reach without accounts and TLS, with the line to type."""
    if (bind.tls_cert is None) != (bind.tls_key is None):
        raise BadInput("a certificate needs its key", fix="give both --tls-cert and --tls-key")
    for path in (bind.tls_cert, bind.tls_key):
        if path is not None and not path.is_file():
            raise BadInput(f"there is no file {quoted(path)}", fix="check the path")
    if bind.public_url is not None:
        _check_public(bind.public_url)
    if bind.behind_proxy != (bind.public_url is not None) and (bind.behind_proxy or bind.tls_cert is None):
        raise BadInput("--behind-proxy and --public-url go together", fix="give both, or neither")
    if is_loopback(bind.host) and not bind.behind_proxy:
        return
    if not with_logins:
        raise BadInput(
            f"{quoted(bind.host)} can be reached from other machines, and nobody has a login",
            fix="labelwright studio user add NAME --role owner --project DIR",
        )
    if bind.tls_cert is None and not bind.behind_proxy:
        raise BadInput(
            f"{quoted(bind.host)} can be reached from other machines, without TLS",
            fix="--tls-cert FILE --tls-key FILE, or --behind-proxy --public-url https://HOST",
        )
    if bind.host in ("0.0.0.0", "::") and bind.public_url is None:
        raise BadInput(
            f"{quoted(bind.host)} is every address, and browsers must use one",
            fix=f"--public-url https://HOST:{bind.port}",
        )


def _check_public(url: str) -> None:
    """Refuse an address that is none, carries more than a host, or sends passwords in the clear."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if not host or parts.scheme not in ("http", "https") or parts.path not in ("", "/") or "@" in parts.netloc:
        raise BadInput(f"{quoted(url)} is no address", fix="write https://labels.example.org")
    if parts.scheme == "http" and not is_loopback(host):
        raise BadInput(f"{quoted(url)} is without TLS", fix=f"let the proxy speak TLS: --public-url https://{host}")


def database_url(file: Path | None) -> str | None:
    """Return the database that ``LABELWRIGHT_DATABASE_URL`` or a file names, None for the project's own.

    A URL holds a password, so it is never taken from the command line, where other people of the machine see it.
    """
    if file is None:
        return os.environ.get("LABELWRIGHT_DATABASE_URL") or None
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"cannot read the database URL from {quoted(file)}", fix="check the file") from None


def serve(studio: Studio, bind: Bind, say: Callable[[str], None] = print, workers: int = 1) -> None:
    """Serve until interrupted, by so many processes (more than one only with PostgreSQL)."""
    with studio.database.read() as connection:
        with_logins = has_logins(connection)
    check_bind(bind, with_logins=with_logins)
    check_workers(workers, in_sqlite=studio.database.is_sqlite)
    sockets = bound_sockets(bind) if workers == 1 else []  # workers bind their own
    token = None
    with studio.database.write() as connection:
        if with_logins:
            close_entry(connection)
        else:
            token = new_entry(connection)
    backups = DailyBackups(studio.database, studio.folder / "backups")

    def ready() -> None:
        _greet(bind, token, studio.folder, say)
        say(f"A backup is made every day in {backups.folder}.")

    try:
        if workers == 1:
            from labelwright.studio.app import create_app

            ready()
            _run(create_app(studio, bind.origins(), by_link=token is not None), bind, sockets)
        else:
            run_workers(studio, bind, workers, by_link=token is not None, ready=ready)
    finally:
        backups.stop()
        for opened in sockets:
            opened.close()


def _greet(bind: Bind, token: str | None, folder: Path, say: Callable[[str], None]) -> None:
    scheme = "https" if bind.tls_cert else "http"
    address = bind.public_url or f"{scheme}://{bind.host}:{bind.port}"
    say(f"Studio: {address}/enter?token={token}" if token else f"Studio: {address}")
    say("The link works once, for this browser." if token else "People log in with their names and passwords.")
    say(f"Decisions are stored in {folder}. Stop with Ctrl-C; nothing is lost.")


def _run(app: FastAPI, bind: Bind, sockets: list[socket.socket]) -> None:
    import uvicorn

    with suppress(KeyboardInterrupt):
        uvicorn.Server(config(app, bind)).run(sockets=sockets)


def config(app: FastAPI, bind: Bind) -> uvicorn.Config:
    """Return how a process serves the application."""
    import uvicorn

    return uvicorn.Config(
        app,
        host=bind.host,
        port=bind.port,
        ssl_certfile=bind.tls_cert,
        ssl_keyfile=bind.tls_key,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bind.behind_proxy,  # believed from this machine, or from FORWARDED_ALLOW_IPS
        ws="none",
        limit_concurrency=500,
        timeout_graceful_shutdown=10,
    )
