"""A project in another place: into PostgreSQL, or over to newer data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from labelwright.audit.run import AuditResult
from labelwright.errors import BadInput
from labelwright.facade import Audit
from labelwright.progress import SILENT, Progress
from labelwright.studio.copying import copy_project
from labelwright.studio.database import Database
from labelwright.studio.kept_audit import keep
from labelwright.studio.lock import ProjectLock
from labelwright.studio.studio import DATABASE, existing_database, open_database, project_folder
from labelwright.studio.sync import Carried, carry_over

DIFFERENCES = "sync.csv"


def move_project(project: Path, url: str) -> dict[str, int]:
    """Copy every table of a project into an empty database and return the rows of each; all of it, or nothing.

    Raises
    ------
    BadInput
        The database is not empty, a count differs afterwards, or a studio works on the project.
    """
    source, target, lock = existing_database(project), Database(url), ProjectLock(project)
    try:
        with source.read() as old, target.write() as new:
            if inspect(new).get_table_names():
                raise BadInput("the database to move to is not empty", fix="give an empty one")
            return copy_project(old, new)
    finally:
        lock.release()
        source.close()
        target.close()


def sync_project(
    project: Path, data: Path, out: Path | None = None, *, url: str | None = None, progress: Progress = SILENT,
    **options: Any,
) -> tuple[Carried, Path]:  # fmt: skip
    """Make a project of newer data and carry the decisions of an older one over; return what went and the new folder.

    Rows that need a look are listed in ``sync.csv`` of the new folder. `url` is the database of the older project where
    it is not in its folder.

    Raises
    ------
    BadInput
        There is no old project, the new folder is taken, or the data cannot be read.
    """
    folder = out or project_folder(data)
    if folder.resolve() == project.resolve() or any(folder.glob("studio.sqlite*")):
        raise BadInput(f"{folder.name} holds a project already", fix="name another folder with --out")
    source, lock = existing_database(project, url), ProjectLock(project)
    try:
        lock.lock_database(source)
        audit = Audit(data, progress=progress, **{name: value for name, value in options.items() if value is not None})
        result = audit.run().result
        carried = _carried(source, result, folder)
        keep(result, folder)
        return carried, folder
    finally:
        lock.release()
        source.close()


def _carried(source: Database, result: AuditResult, folder: Path) -> Carried:
    """Fill a new project beside the old one; where that fails nothing of it stays."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = open_database(folder)
    try:
        with source.read() as old, target.write() as new:
            carried = carry_over(old, new, result)
    except BaseException:
        target.close()
        for part in folder.glob(f"{DATABASE}*"):
            part.unlink()
        raise
    target.close()
    carried.write_csv(folder / DIFFERENCES)
    return carried
