"""Work beside the work: one process at a time, that trains or draws, and what became of it.

The table of jobs says what runs, so that every process of a studio tells the same and only one job runs at a time. Who
started a job watches it; a wish to end it reaches the watcher through the table.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any

from sqlalchemy import Connection, exists, select, update
from sqlalchemy.exc import IntegrityError

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.database import Database, DatabaseUnavailable, insert_row
from labelwright.studio.processes import end_with_parent

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
LOOK_EVERY = 0.5  # seconds between looks whether somebody wants a job to end
_J = t.job.c


class Jobs:
    """Runs one job at a time in a process of its own, and stores how it goes."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        try:
            with self._database.write() as connection:
                if connection.scalar(select(exists().where(_J.state == RUNNING))):
                    raise _under_way()
                given = prepare(connection)
                number = insert_row(
                    connection, t.job, kind=kind, state=RUNNING, done=0.0, about="{}", user_id=user_id,
                    started_at=time.time(), owner=os.getpid(), stop=False,
                )  # fmt: skip
        except IntegrityError:  # another process was faster; the tables hold one running job at most
            raise _under_way() from None
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(work, given, sender), daemon=True)
        try:
            process.start()
        except Exception as error:
            self._store(number, FAILED, {"problem": str(error)})
            raise
        sender.close()
        Thread(target=self._watch, args=(number, process, receiver), daemon=True).start()
        return number

    def cancel(self) -> None:
        """End the running job, whichever process of the studio started it; within a second."""
        with self._database.write() as connection:
            connection.execute(update(t.job).where(_J.state == RUNNING).values(stop=True))

    def _watch(self, number: int, process: Any, receiver: Any) -> None:
        state, found = CANCELLED, {}
        while not receiver.poll(LOOK_EVERY):
            if self._is_to_stop(number):
                process.terminate()
                break
        with suppress(EOFError):  # a process that was ended sends nothing
            state, found = receiver.recv()
        process.join()
        self._store(number, state, found)

    def _is_to_stop(self, number: int) -> bool:
        with suppress(DatabaseUnavailable), self._database.look() as connection:
            return bool(connection.scalar(select(_J.stop).where(_J.id == number)))
        return False

    def _store(self, number: int, state: str, found: Mapping[str, Any]) -> None:
        """Store what became of a job, as soon as the database takes it: no other can start before."""
        values = {"state": state, "about": json.dumps(found), "ended_at": time.time(), "done": 1.0}
        while True:
            with suppress(DatabaseUnavailable), self._database.write() as connection:
                connection.execute(update(t.job).where(_J.id == number, _J.state == RUNNING).values(**values))
                return
            time.sleep(LOOK_EVERY)


def _under_way() -> BadInput:
    return BadInput("a training or a report is under way", fix="wait for it, or cancel it")


def _run(work: Callable[[Any], Mapping[str, Any]], given: Any, sender: Any) -> None:
    end_with_parent()
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


def end_stale_jobs(connection: Connection, owner: int | None = None) -> None:
    """Mark jobs as cancelled that nobody watches any more: all that an earlier studio left, or those of one process."""
    stale = update(t.job).where(_J.state == RUNNING, *([] if owner is None else [_J.owner == owner]))
    connection.execute(stale.values(state=CANCELLED, ended_at=time.time()))
