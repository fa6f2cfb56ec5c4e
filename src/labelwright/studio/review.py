"""A review from Python: the studio in the browser as long as the call lasts, then the decisions as a table."""

from __future__ import annotations

import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pyarrow as pa

from labelwright.errors import BadInput, quoted
from labelwright.facade import Audit
from labelwright.studio.app import create_app
from labelwright.studio.export import decisions, decisions_table
from labelwright.studio.logins import has_logins, new_entry
from labelwright.studio.serve import Bind, config
from labelwright.studio.studio import Studio, project_folder, studio_of
from labelwright.studio.workers import bound_sockets

if TYPE_CHECKING:
    import uvicorn

LONGEST_START = 30.0  # seconds


def review(
    audit: Audit,
    project: str | Path | None = None,
    port: int = 8137,
    *,
    open_browser: bool = True,
    say: Callable[[str], None] = print,
    wait: Callable[[], None] | None = None,
) -> pa.Table:
    """Serve the studio of an audit until interrupted; return the decisions of its project.

    Parameters
    ----------
    audit : Audit
    project : path, optional
        Needed for data in memory.
    port : int
        0 takes a free one.
    open_browser : bool
    say : callable
        Told the address.
    wait : callable, optional
        Returns, or is interrupted, when the review is over; by default it sleeps until it is interrupted.

    Raises
    ------
    BadInput
        No project is named for data in memory, the data are not the project's, or the port is taken.
    """
    source = audit.dataset.source.path
    if project is None and not source.exists():
        raise BadInput("data in memory have no folder of their own", fix="name one: review('my-review')")
    studio = studio_of(audit, project_folder(source) if project is None else Path(project))
    try:
        with _served(studio, port) as link:
            say(f"Studio: {link}")
            say(f"Decisions are stored in {studio.folder}. Interrupt (Ctrl-C, or stop the cell) when you are done.")
            if open_browser:
                webbrowser.open(link)
            _until_interrupted(wait or _sleep)
        with studio.database.read() as connection:
            return pa.table(decisions_table(decisions(connection), studio.audit.dataset))
    finally:
        studio.close()


@contextmanager
def _served(studio: Studio, port: int) -> Iterator[str]:
    """Serve on this machine from a thread, as a notebook has a loop of its own; yield the address to open."""
    import uvicorn

    sockets = bound_sockets(Bind(port=port))
    bind = Bind(port=int(sockets[0].getsockname()[1]))
    with studio.database.write() as connection:
        token = None if has_logins(connection) else new_entry(connection)
    server = uvicorn.Server(config(create_app(studio, bind.origins(), by_link=token is not None), bind))
    thread = Thread(target=server.run, args=(sockets,), daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        address = f"http://{bind.host}:{bind.port}"
        yield f"{address}/enter?token={token}" if token else address
    finally:
        server.should_exit = True
        thread.join()
        for opened in sockets:
            opened.close()


def _wait_until_started(server: uvicorn.Server, thread: Thread) -> None:
    deadline = time.monotonic() + LONGEST_START
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise BadInput(f"the studio did not start on {quoted('127.0.0.1')}", fix="try another port")
        time.sleep(0.02)


def _until_interrupted(wait: Callable[[], None]) -> None:
    try:
        wait()
    except KeyboardInterrupt:
        return


def _sleep() -> None:
    while True:
        time.sleep(0.5)
