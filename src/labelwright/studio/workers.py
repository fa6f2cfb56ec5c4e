"""Several processes that serve one studio, and the one that starts them, replaces those that die or hang, and ends all.

Each worker has the whole application and a listening socket of its own on the same port; the system spreads connections
over them. What they must agree on lies in the database; the data and the audit lie in one file that all of them map.
The first process holds the lock of the project and makes the daily backups, and answers nobody. A worker that loses it
ends at once. A worker whose loop does not turn any more is killed, and replaced as any other that died.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from ctypes import c_uint64
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from labelwright.errors import BadInput, LabelwrightError, quoted
from labelwright.studio.database import Database, DatabaseUnavailable
from labelwright.studio.jobs import end_stale_jobs
from labelwright.studio.processes import end_with_parent, return_memory
from labelwright.studio.pulse import Pulse
from labelwright.studio.shared_memory import SharedFile, put, taken
from labelwright.studio.studio import Studio

if TYPE_CHECKING:
    from labelwright.studio.serve import Bind

LOG = logging.getLogger("labelwright.studio")
AT_ONCE, FEWEST_AT_ONCE = 16, 4  # requests that all workers together, and each of them, work on
OF_THE_STUDIO = 6  # connections to the database for the lock, backups and the command line
END_SECONDS = 15.0  # that workers have to answer what they have begun
UNREADY = 3  # workers in a row that end before they are ready: then it is no accident
A_MOMENT, A_WHILE = 1.0, 10.0  # seconds
SILENT, SILENT_AT_START = 30.0, 600.0  # seconds without a turn of its loop, after which a worker is killed


@dataclass(frozen=True)
class Given:
    """What a worker is told."""

    bind: Bind
    url: str = field(repr=False)  # it may hold a password
    folder: Path
    by_link: bool
    at_once: int
    audit: SharedFile
    change: Any  # the number that says that sessions have changed
    ready: Any = None  # where it says that it listens
    turns: Any = None  # of its loop, a number that it counts up


def check_workers(number: int, *, in_sqlite: bool) -> None:
    """Raise BadInput where a studio cannot be served by so many processes."""
    if number > 1 and in_sqlite:
        raise BadInput(
            f"{number} workers need PostgreSQL, and this project is in an SQLite file",
            fix="leave --workers out, or move it: labelwright studio move PROJECT --to FILE, then --database-file FILE",
        )
    if number > 1 and not hasattr(socket, "SO_REUSEPORT"):
        raise BadInput("processes cannot share a port on this system", fix="leave --workers out")


def check_connections(database: Database, number: int) -> None:
    """Raise BadInput where PostgreSQL allows fewer connections than so many processes need."""
    with database.look() as opened:
        names = ("max_connections", "superuser_reserved_connections")
        most, reserved = (int(opened.scalar(text(f"SHOW {name}")) or 0) for name in names)
    needed = number * 2 * (at_once(number) + 1) + OF_THE_STUDIO
    if needed > most - reserved:
        raise BadInput(
            f"{number} workers need up to {needed} connections, and this PostgreSQL allows {most - reserved}",
            fix=f"take fewer workers, or set max_connections to {needed + reserved} or more",
        )


def at_once(number: int) -> int:
    """Return how many requests each of so many workers works on at a time."""
    return max(AT_ONCE // number, FEWEST_AT_ONCE)


def run_workers(studio: Studio, bind: Bind, number: int, *, by_link: bool, ready: Callable[[], None]) -> None:
    """Serve a studio by so many processes until SIGINT or SIGTERM; `ready` is called when all of them listen."""
    check_connections(studio.database, number)
    with reserved_port(bind), closing(put(studio.audit, studio.folder)) as audit:
        studio.let_data_go()
        return_memory()
        url = studio.database.engine.url.render_as_string(hide_password=False)
        change = multiprocessing.get_context("spawn").RawValue(c_uint64, 0)
        given = Given(bind, url, studio.folder, by_link, at_once(number), audit, change)
        Workers(studio.database, given, number, ready).run()


class Workers:
    """The processes that serve, as long as `run` lasts.

    Parameters
    ----------
    database : Database
    given : Given
    number : int
    ready : callable
        Called once, when all of them listen.
    """

    def __init__(self, database: Database, given: Given, number: int, ready: Callable[[], None]) -> None:
        self._database, self._given, self._number, self._ready = database, given, number, ready
        self._processes: dict[Any, Any] = {}  # process: where it says that it listens, None when it has said so
        self._pulses: dict[Any, Pulse] = {}
        self._looked = time.monotonic()
        self._unready, self._listening, self._left = 0, False, set[int]()
        self._due: list[float] = []  # when another one is started in the place of one that ended

    def run(self) -> None:
        """Start them, replace whoever dies, and end all of them when a signal comes.

        Raises
        ------
        LabelwrightError
            They end before they listen.
        """
        try:
            with _signals() as (told, signals):
                for _ in range(self._number):
                    self._start()
                while not signals:
                    self._turn(told)
        finally:
            self._end()

    def _turn(self, told: int) -> None:
        """Wait until something happens to a worker, and see to it."""
        starting = {pipe: process for process, pipe in self._processes.items() if pipe is not None}
        ends = {process.sentinel: process for process in self._processes}
        happened = connection.wait([told, *starting, *ends], A_MOMENT)
        if told in happened:
            return
        self._kill_silent()
        for pipe in happened:
            if pipe in starting:
                self._said(starting[pipe], pipe)
        for process in [process for process in self._processes if not process.is_alive()]:
            self._replace(process)
        for moment in [moment for moment in self._due if moment <= time.monotonic()]:
            self._due.remove(moment)
            self._start()
        for number in list(self._left):
            self._end_jobs_of(number)
        if not self._listening and len(self._processes) == self._number and not any(self._processes.values()):
            self._listening = True
            self._ready()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        turns = context.RawValue(c_uint64, 0)
        given = replace(self._given, ready=sender, turns=turns)
        # Not a daemon: those may have no children, and a worker draws images and trains in processes of its own.
        process = context.Process(target=work, args=(given,), name="labelwright studio worker")
        process.start()
        sender.close()
        self._processes[process], self._pulses[process] = receiver, Pulse(turns)

    def _said(self, process: Any, pipe: Any) -> None:
        with suppress(EOFError):  # it died instead
            pipe.recv()
            self._processes[process], self._unready = None, 0
            pipe.close()

    def _kill_silent(self) -> None:
        """Kill those whose loop has not turned for long: as they have ended then, they are replaced."""
        now = time.monotonic()
        passed, self._looked = now - self._looked, now
        for process, pulse in self._pulses.items():
            most = SILENT if self._processes[process] is None else SILENT_AT_START
            if pulse.look(passed) >= most:
                LOG.error("worker %s has not answered for %.0f seconds and is killed", process.pid, pulse.silent)
                pulse.silent = 0.0
                process.kill()

    def _replace(self, process: Any) -> None:
        self._pulses.pop(process, None)
        pipe = self._processes.pop(process)
        if pipe is not None:
            pipe.close()
            self._unready += 1
        self._left.add(process.pid)
        serving = None in self._processes.values()
        if self._unready >= UNREADY and not serving:
            raise LabelwrightError("the workers end before they listen; what they said stands above")
        LOG.error("worker %s has ended (%s); another one takes its place", process.pid, process.exitcode)
        process.close()
        # The others go on serving; what ends again and again is tried again at leisure.
        self._due.append(time.monotonic() + (A_WHILE if self._unready >= UNREADY else 0.0))

    def _end_jobs_of(self, number: int) -> None:
        """Tell the table of jobs that nobody watches those of a process any more."""
        with suppress(DatabaseUnavailable), self._database.write() as opened:
            end_stale_jobs(opened, number)
            self._left.discard(number)

    def _end(self) -> None:
        for process in self._processes:
            process.terminate()
        until = time.monotonic() + END_SECONDS
        for process in self._processes:
            process.join(max(until - time.monotonic(), 0.0))
            if process.is_alive():
                process.kill()
                process.join()
            self._left.add(process.pid)
        for number in list(self._left):
            self._end_jobs_of(number)


def work(given: Given) -> None:
    """Serve, as one of several processes, until SIGTERM."""
    import uvicorn

    from labelwright.studio.app import create_app
    from labelwright.studio.serve import config

    end_with_parent()
    studio = Studio(taken(given.audit), Database(given.url), given.folder)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            given.ready.send(os.getpid())
            given.ready.close()

        async def on_tick(self, counter: int) -> bool:
            given.turns.value += 1  # ten times a second
            return await super().on_tick(counter)

    app = create_app(studio, given.bind.origins(), by_link=given.by_link, change=given.change, at_once=given.at_once)
    with suppress(KeyboardInterrupt), closing(studio):  # Ctrl-C reaches every process of a terminal
        Server(config(app, given.bind)).run(sockets=sockets_of(given.bind))


@contextmanager
def reserved_port(bind: Bind) -> Iterator[None]:
    """Make sure that nobody else has the port, and keep it while workers come and go; nothing arrives here."""
    for opened in bound_sockets(bind):
        opened.close()
    kept = bound_sockets(bind, shared=True)
    try:
        yield
    finally:
        for opened in kept:
            opened.close()


def bound_sockets(bind: Bind, *, shared: bool = False) -> list[socket.socket]:
    """Return what `sockets_of` does; BadInput where the port cannot be had."""
    try:
        return sockets_of(bind, shared=shared)
    except OSError as error:
        raise BadInput(
            f"the port {bind.port} of {quoted(bind.host)} cannot be had ({error.strerror})", fix="take another --port"
        ) from None


def sockets_of(bind: Bind, *, shared: bool = True) -> list[socket.socket]:
    """Return a socket for each address of a host, bound, not yet listening; other processes of this user may share."""
    found: list[socket.socket] = []
    told = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    try:
        for family, kind, protocol, _, address in dict.fromkeys(told):
            opened = socket.socket(family, kind, protocol)
            found.append(opened)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind(address)
    except OSError:
        for opened in found:
            opened.close()
        raise
    return found


@contextmanager
def _signals() -> Iterator[tuple[int, Sequence[int]]]:
    """Gather SIGINT and SIGTERM instead of obeying them: a file number that can be read then, and what came."""
    reading, writing = os.pipe()
    came: list[int] = []

    def note(number: int, _frame: object) -> None:
        came.append(number)
        os.write(writing, b".")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield reading, came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)
