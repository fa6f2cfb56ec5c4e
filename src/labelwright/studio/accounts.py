"""Accounts of a project from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from labelwright.studio.serve import database_url
from labelwright.studio.studio import existing_database


@contextmanager
def with_database(project: Path, database_file: Path | None = None) -> Iterator[Connection]:
    """Open a transaction on the database of a project; BadInput when there is no project."""
    database = existing_database(project, database_url(database_file))
    try:
        with database.write() as connection:
            yield connection
    finally:
        database.close()
