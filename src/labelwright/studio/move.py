"""A project in another place: into PostgreSQL, or over to newer data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, inspect, select, text

from labelwright.errors import BadInput
from labelwright.facade import Audit
from labelwright.progress import SILENT, Progress
from labelwright.studio.database import Database
from labelwright.studio.studio import existing_database, open_database, project_folder
from labelwright.studio.sync import Carried, carry_over
from labelwright.studio.tables import metadata
from labelwright.studio.upgrade import upgrade

_CHUNK = 5000


def move_project(project: Path, url: str) -> dict[str, int]:
    """Copy every table of a project into an empty database and return the rows of each; all of it, or nothing.

    Raises
    ------
    BadInput
        The database is not empty, or a count differs afterwards.
    """
    source, target = existing_database(project), Database(url)
    try:
        with source.read() as old, target.write() as new:
            if inspect(new).get_table_names():
                raise BadInput("the database to move to is not empty", fix="give an empty one")
            upgrade(new)
            counts = {table.name: _copy(old, new, table) for table in metadata.sorted_tables}
            if not target.is_sqlite:
                for table in metadata.sorted_tables:
                    _continue_numbers(new, table)
        return counts
    finally:
        source.close()
        target.close()


def _copy(old: Any, new: Any, table: Any) -> int:
    rows = old.execution_options(yield_per=_CHUNK).execute(select(table).order_by(*table.primary_key.columns))
    for part in rows.partitions(_CHUNK):
        new.execute(insert(table), [dict(row._mapping) for row in part])
    before = old.scalar(select(func.count()).select_from(table))
    after = new.scalar(select(func.count()).select_from(table))
    if before != after:
        raise BadInput(f"{table.name}: {before} rows before and {after} after", fix="nothing was moved; try again")
    return int(after)


def _continue_numbers(connection: Any, table: Any) -> None:
    """Let new rows be numbered after those that were copied."""
    keys = list(table.primary_key.columns)
    if len(keys) != 1 or keys[0].autoincrement is False or keys[0].type.python_type is not int or keys[0].foreign_keys:
        return
    top = connection.scalar(select(func.max(keys[0])))
    if top is not None:
        statement = text("SELECT setval(pg_get_serial_sequence(:table, :column), :top)")
        connection.execute(statement, {"table": table.name, "column": keys[0].name, "top": top})


def sync_project(
    project: Path, data: Path, out: Path | None = None, *, progress: Progress = SILENT, **options: Any
) -> tuple[Carried, Path]:
    """Make a project of newer data and carry the decisions of an older one over; return what went and the new folder.

    Raises
    ------
    BadInput
        There is no old project, the new folder is taken, or the data cannot be read.
    """
    folder = out or project_folder(data)
    if folder.resolve() == project.resolve() or any(folder.glob("studio.sqlite*")):
        raise BadInput(f"{folder.name} holds a project already", fix="name another folder with --out")
    source = existing_database(project)
    audit = Audit(data, progress=progress, **{name: value for name, value in options.items() if value is not None})
    result = audit.run().result
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = open_database(folder)
    try:
        with source.read() as old, target.write() as new:
            return carry_over(old, new, result), folder
    finally:
        source.close()
        target.close()
