"""A backup a day while the studio runs: the first one at once where the newest is older, the last fourteen are kept."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from threading import Event, Thread

from labelwright.studio.backup import back_up
from labelwright.studio.database import Database

LOG = logging.getLogger("labelwright.studio")
A_DAY, AN_HOUR = 86_400.0, 3_600.0  # seconds
KEPT = 14
_DAILY = re.compile(r"\d{8}T\d{6}Z\.sqlite")


class DailyBackups:
    """Backs a project up in a thread of its own until it is stopped.

    Parameters
    ----------
    database : Database
    folder : Path
        Where copies go.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self._stopped = database, folder, Event()
        self._thread = Thread(target=self._run, name="daily backups", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; a copy that is being made is finished first."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        wait = seconds_until_due(self.folder)
        while not self._stopped.wait(wait):
            try:
                back_up(self.database, self.folder)
                thin_out(self.folder)
                wait = A_DAY
            except Exception as error:  # the work of people goes on; the terminal is told, and it is tried again
                LOG.error(
                    "the daily backup failed (%s: %s); the next attempt is in an hour", type(error).__name__, error
                )
                wait = AN_HOUR


def daily_copies(folder: Path) -> list[Path]:
    """Return the dated copies, the oldest first; copies with names of their own are not among them."""
    return sorted(path for path in folder.glob("*.sqlite") if _DAILY.fullmatch(path.name))


def seconds_until_due(folder: Path) -> float:
    """Return how long until the next copy is due: 0 where there is none or the newest is a day old."""
    copies = daily_copies(folder)
    if not copies:
        return 0.0
    return min(max(0.0, copies[-1].stat().st_mtime + A_DAY - time.time()), A_DAY)


def thin_out(folder: Path, kept: int = KEPT) -> None:
    """Delete all dated copies but the newest ones."""
    for copy in daily_copies(folder)[:-kept]:
        copy.unlink(missing_ok=True)
        copy.with_suffix(".sha256").unlink(missing_ok=True)
