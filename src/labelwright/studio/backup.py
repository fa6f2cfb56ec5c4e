"""Backups: a whole copy of a project while it is in use, as an SQLite file with a checksum beside it.

A project in PostgreSQL is copied into an SQLite file as well, from one state of its tables; `labelwright studio move`
brings such a copy back into an empty database.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import time
from pathlib import Path

from labelwright.errors import BadInput, quoted
from labelwright.studio.copying import copy_project
from labelwright.studio.database import Database
from labelwright.studio.lock import ProjectLock

_BLOCK = 1 << 20


def back_up(database: Database, folder: Path, name: str | None = None) -> Path:
    """Copy a project into `folder`, make sure that the copy is whole, and return it; people work on meanwhile."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{name or time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.sqlite"
    aside = target.with_suffix(".part")
    aside.unlink(missing_ok=True)
    try:
        if database.path is not None:
            _copy_file(database.path, aside)
        else:
            _copy_tables(database, aside)
        aside.chmod(0o600)
        _check(aside, target.name)
        note = target.with_suffix(".sha256")
        _stored(note, f"{_checksum(aside)}  {target.name}\n")
        _sync(aside)
        aside.replace(target)
        _sync(folder)
    finally:
        for extra in ("", "-wal", "-shm"):
            Path(f"{aside}{extra}").unlink(missing_ok=True)
    return target


def verify(copy: Path) -> None:
    """Make sure that a backup is whole: its checksum and the database's own check; BadInput otherwise."""
    note = copy.with_suffix(".sha256")
    if not copy.is_file() or not note.is_file():
        raise BadInput(f"there is no backup {quoted(copy)} with a checksum", fix="name a .sqlite file of the backups")
    if note.read_text(encoding="utf-8", errors="replace").split()[:1] != [_checksum(copy)]:
        raise BadInput(f"the backup {quoted(copy.name)} is damaged: its checksum differs", fix="take another one")
    _check(copy, copy.name)


def restore(copy: Path, folder: Path) -> Path:
    """Put a backup in the place of the project's database, which is kept under another name; return the latter.

    What is kept is whole, with the log of an SQLite file that was not closed.

    Raises
    ------
    BadInput
        The backup is damaged, or a studio is running.
    """
    verify(copy)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = ProjectLock(folder)
    try:
        target = folder / "studio.sqlite"
        aside = target.with_suffix(".part")
        shutil.copyfile(copy, aside)
        aside.chmod(0o600)
        _sync(aside)
        kept = target.with_suffix(f".before-restore-{time.time_ns()}.sqlite")
        for extra in ("-wal", ""):
            if Path(f"{target}{extra}").exists():
                Path(f"{target}{extra}").replace(f"{kept}{extra}")
        Path(f"{target}-shm").unlink(missing_ok=True)
        aside.replace(target)
        _sync(folder)
    finally:
        lock.release()
    return kept


def _copy_file(path: Path, aside: Path) -> None:
    source, copy = sqlite3.connect(path), sqlite3.connect(aside)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file holds all of it
    except sqlite3.OperationalError as error:
        raise BadInput(f"the backup could not be made ({error})", fix="make room, or name another folder") from None
    finally:
        copy.close()
        source.close()


def _copy_tables(database: Database, aside: Path) -> None:
    target = Database(f"sqlite:///{aside}")
    try:
        with database.read() as old, target.write() as new:
            copy_project(old, new)
        with target.engine.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA journal_mode = DELETE")  # type: ignore[union-attr]
    finally:
        target.close()


def _check(copy: Path, name: str) -> None:
    connection = sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)
    try:
        said = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        said = str(error)
    finally:
        connection.close()
    if said != "ok":
        raise BadInput(f"the backup {quoted(name)} is damaged: {said}", fix="take another one")


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _stored(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    _sync(path)


def _sync(path: Path) -> None:
    """Make sure that a file, or the names in a folder, stand on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
