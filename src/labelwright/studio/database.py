"""The database of a project: SQLite in a file by default, PostgreSQL by URL; one transaction an action.

SQLite runs with a write-ahead log that is synced to the disk before an action is acknowledged. Writers take their turn
at the start of the transaction, so that none fails in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, make_url
from sqlalchemy.exc import OperationalError

from labelwright.errors import BadInput, LabelwrightError, quoted
from labelwright.studio.file_systems import network_file_system

WAIT_FOR_WRITER = 10_000  # milliseconds


class DatabaseUnavailable(LabelwrightError):
    """The database cannot take the action now: nothing of it was stored."""


class Database:
    """An open database; `read` and `write` give one transaction each.

    Parameters
    ----------
    url : str
        ``sqlite:///project.sqlite`` or ``postgresql+psycopg://...``.

    Raises
    ------
    BadInput
        The URL is no database that the studio knows, or an SQLite file would lie on a network file system, whose locks
        cannot be trusted.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is an SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the data throughout."""
        with _said(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is stored whole, on the disk, when the block ends, or not at all."""
        opened = self.engine.connect().execution_options(labelwright_writes=True)
        with _said(), opened as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def insert_row(connection: Connection, table: Table, **values: Any) -> int:
    """Add one row and return its number."""
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except Exception:
        raise BadInput("the database URL cannot be read", fix="use postgresql+psycopg://USER@HOST/NAME") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            _refuse_network(Path(parsed.database))
        engine = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": WAIT_FOR_WRITER / 1000})
        _set_up_sqlite(engine)
        return engine
    if parsed.get_backend_name() != "postgresql":
        raise BadInput(
            f"{quoted(parsed.get_backend_name())} is no database that the studio knows", fix="use PostgreSQL or SQLite"
        )
    return create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20)


def _refuse_network(path: Path) -> None:
    kind = network_file_system(path)
    if kind is not None:
        raise BadInput(
            f"{quoted(path)} lies on a network file system ({kind}), where SQLite can lose data",
            fix="name a folder on this machine with --project, or use PostgreSQL",
        )


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"busy_timeout = {WAIT_FOR_WRITER}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("labelwright_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _said() -> Iterator[None]:
    """Turn what the database cannot do now into one line."""
    try:
        yield
    except OperationalError as error:
        said = str(error.orig).lower()
        if "disk is full" in said or "no space left" in said:
            raise DatabaseUnavailable("the disk is full: nothing of this action was stored. Fix: make room.") from None
        if "locked" in said:
            raise DatabaseUnavailable("the database is busy: nothing was stored. Fix: try again.") from None
        if "readonly" in said or "unable to open" in said or "disk i/o" in said:
            raise DatabaseUnavailable(f"the database cannot be written ({said}). Fix: look at its folder.") from None
        raise
