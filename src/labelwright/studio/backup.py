"""Backups: a whole copy of an SQLite project while it is in use, with a checksum beside it."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from pathlib import Path

from labelwright.errors import BadInput, quoted
from labelwright.studio.database import Database

_BLOCK = 1 << 20


def back_up(database: Database, folder: Path, name: str | None = None) -> Path:
    """Copy an SQLite database into `folder` and return the copy; readers and writers go on meanwhile.

    Raises
    ------
    BadInput
        The database is no SQLite file.
    """
    if database.path is None:
        raise BadInput("only SQLite projects are copied here", fix="use pg_dump for PostgreSQL")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{name or time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.sqlite"
    aside = target.with_suffix(".part")
    aside.unlink(missing_ok=True)
    source, copy = sqlite3.connect(database.path), sqlite3.connect(aside)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    aside.chmod(0o600)
    checksum = _checksum(aside)
    aside.replace(target)
    target.with_suffix(".sha256").write_text(f"{checksum}  {target.name}\n", encoding="utf-8")
    return target


def verify(copy: Path) -> None:
    """Make sure that a backup is whole: its checksum and the database's own check; BadInput otherwise."""
    note = copy.with_suffix(".sha256")
    if not copy.is_file() or not note.is_file():
        raise BadInput(f"there is no backup {quoted(copy)} with a checksum", fix="name a .sqlite file of the backups")
    if note.read_text(encoding="utf-8").split()[:1] != [_checksum(copy)]:
        raise BadInput(f"the backup {quoted(copy.name)} is damaged: its checksum differs", fix="take another one")
    connection = sqlite3.connect(f"file:{copy}?mode=ro", uri=True)
    try:
        said = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        said = str(error)
    finally:
        connection.close()
    if said != "ok":
        raise BadInput(f"the backup {quoted(copy.name)} is damaged: {said}", fix="take another one")


def restore(copy: Path, folder: Path) -> Path:
    """Put a backup in the place of the project's database, which is kept under another name; return the latter.

    The studio must not be running.
    """
    verify(copy)
    target = folder / "studio.sqlite"
    kept = target.with_suffix(f".before-restore-{int(time.time())}")
    if target.exists():
        target.replace(kept)
    for extra in ("-wal", "-shm"):
        Path(f"{target}{extra}").unlink(missing_ok=True)
    aside = target.with_suffix(".part")
    aside.write_bytes(copy.read_bytes())
    aside.chmod(0o600)
    aside.replace(target)
    return kept


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
