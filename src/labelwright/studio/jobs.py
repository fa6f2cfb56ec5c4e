"""Work beside the work: one process at a time, that trains or draws, and what became of it."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any

from sqlalchemy import Connection, select, update

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.database import Database, insert_row

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


class Jobs:
    """Runs one job at a time in a process of its own, and stores how it goes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._process: Any = None

    def start(
        self, kind: str, prepare: Callable[[Connection], Any], work: Callable[[Any], Mapping[str, Any]], user_id: int
    ) -> int:
        """Start a job and return its number; BadInput while another one runs.

        Parameters
        ----------
        kind : str
            Up to 20 characters.
        prepare : callable
            Gathers, within a transaction, what the process is given.
        work : callable
            What the process does with it, a function of a module; returns what was found, as plain data.
        user_id : int
        """
        if self._process is not None and self._process.is_alive():
            raise BadInput("a training or a report is under way", fix="wait for it, or cancel it")
        with self._database.write() as connection:
            given = prepare(connection)
            number = insert_row(
                connection, t.job, kind=kind, state=RUNNING, done=0.0, about="{}", user_id=user_id,
                started_at=time.time(),
            )  # fmt: skip
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(work, given, sender), daemon=True)
        self._process.start()
        sender.close()
        Thread(target=self._watch, args=(number, self._process, receiver), daemon=True).start()
        return number

    def cancel(self) -> None:
        """End the running job."""
        if self._process is not None and self._process.is_alive():
            self._process.terminate()

    def _watch(self, number: int, process: Any, receiver: Any) -> None:
        state, found = CANCELLED, {}
        with suppress(EOFError):  # a process that was ended sends nothing
            state, found = receiver.recv()
        process.join()
        with self._database.write() as connection:
            values = {"state": state, "about": json.dumps(found), "ended_at": time.time(), "done": 1.0}
            connection.execute(update(t.job).where(t.job.c.id == number).values(**values))


def _run(work: Callable[[Any], Mapping[str, Any]], given: Any, sender: Any) -> None:
    try:
        sender.send((DONE, dict(work(given))))
    except Exception as error:  # told to the person who asked; the process ends either way
        sender.send((FAILED, {"problem": str(error)}))
    finally:
        sender.close()


def jobs(connection: Connection, kind: str | None = None) -> list[dict[str, Any]]:
    """Return the jobs of the project, or those of a kind, the newest first."""
    query = select(t.job).order_by(t.job.c.id.desc()).limit(50)
    if kind is not None:
        query = query.where(t.job.c.kind == kind)
    return [{**row._mapping, "about": json.loads(row.about)} for row in connection.execute(query)]


def end_stale_jobs(connection: Connection) -> None:
    """Mark jobs that an earlier process left running as cancelled."""
    connection.execute(update(t.job).where(t.job.c.state == RUNNING).values(state=CANCELLED, ended_at=time.time()))
