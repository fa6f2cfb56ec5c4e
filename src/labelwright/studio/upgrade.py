"""Bring the tables of a project to the version of this program, or say that the program is too old for them."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from labelwright.errors import BadInput, quoted

_MIGRATIONS = Path(__file__).parent / "migrations"


def newest_version() -> str:
    """Return the version of the tables that this program works with."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def stored_version(connection: Connection) -> str | None:
    """Return the version of the tables in a database, None when it has none yet."""
    return MigrationContext.configure(connection).get_current_revision()


def needs_upgrade(connection: Connection) -> bool:
    """Say whether tables stand in the database that are older than this program.

    Raises
    ------
    BadInput
        They are newer than this program, or not the studio's.
    """
    version = stored_version(connection)
    if version is None:
        if inspect(connection).get_table_names():
            raise BadInput("the database holds other tables", fix="give the studio a database of its own")
        return False
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if version not in known:
        raise BadInput(
            f"the project was written by a newer labelwright (its tables have version {quoted(version)}, this one "
            f"knows {quoted(newest_version())})",
            fix="update labelwright",
        )
    return version != newest_version()


def upgrade(connection: Connection, version: str = "head") -> None:
    """Create the tables, or bring them to a version (the newest), in the transaction of `connection`."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, version)
