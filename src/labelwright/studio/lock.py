"""One program at a time works on a project: a lock that the system takes away when its holder ends, however it ends.

The folder of a project holds ``studio.lock`` with the number of the process. A PostgreSQL database is locked, too, so
that two machines cannot open it at once. Where the system has no such locks (Windows) nothing is locked.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, func, select

from labelwright.errors import BadInput, quoted
from labelwright.studio.database import Database

_KEY = 0x1ABE1  # of ours among the locks of a database


class ProjectLock:
    """Holds a project until it is released.

    Raises
    ------
    BadInput
        Somebody holds it already.
    """

    def __init__(self, folder: Path) -> None:
        self._file: IO[str] = (folder / "studio.lock").open("a+", encoding="utf-8")
        self._session: Connection | None = None
        if not _locked(self._file):
            self._file.seek(0)
            holder = self._file.read(20).strip()
            self._file.close()
            raise BadInput(f"a studio works on {quoted(folder)} (process {holder or 'unknown'})", fix="stop it first")
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def lock_database(self, database: Database) -> None:
        """Lock a PostgreSQL database as well; BadInput when a studio elsewhere has it."""
        if database.is_sqlite:
            return
        session = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not session.scalar(select(func.pg_try_advisory_lock(_KEY))):
            session.close()
            raise BadInput("a studio works on this database, here or on another machine", fix="stop it first")
        self._session = session

    def release(self) -> None:
        """Let others have the project."""
        if self._session is not None:
            self._session.invalidate()  # ends the connection, and with it the lock
            self._session.close()
            self._session = None
        self._file.close()


def _locked(file: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
