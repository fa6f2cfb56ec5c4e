"""The database of a project: SQLite in a file by default, PostgreSQL by URL; one transaction an action.

SQLite runs with a write-ahead log that is synced to the disk before an action is acknowledged. Writers take their turn
at the start of the transaction, so that none fails in the middle: in this process by a lock, which wakes the next one
at once, between processes by SQLite's own.
"""

from __future__ import annotations

import select as select_now
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, create_engine, event, insert, make_url, select
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from labelwright.errors import BadInput, LabelwrightError, quoted
from labelwright.studio.file_systems import network_file_system

WAIT_FOR_WRITER = 10_000  # milliseconds


BUSY, WITHOUT_ROOM = 503, 507  # what a server answers
MOST_VALUES = 10_000  # in one statement
MOST_CONNECTIONS = 40  # as many as requests are worked on at a time


class DatabaseUnavailable(LabelwrightError):
    """The database cannot take the action now: nothing of it was stored; `status` is the number in HTTP."""

    def __init__(self, message: str | None = None, status: int = BUSY) -> None:
        super().__init__(message or _BUSY)
        self.status = status


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
        by_themselves: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None}
        self._steps = self.engine if self.is_sqlite else _engine(url, **by_themselves)
        self._turn = Lock()

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
        options: dict[str, Any] = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with _said(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """Open a connection for single queries, which need no transaction of their own in PostgreSQL."""
        with _said(), self._steps.connect() as connection:
            yield connection

    @contextmanager
    def steps(self) -> Iterator[Connection]:
        """Open a connection for statements that are each whole by themselves.

        PostgreSQL stores every one of them at once, which spares the ways there and back that open and close a
        transaction; SQLite stores all of them when the block ends.
        """
        with self.write() if self.is_sqlite else self.look() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is stored whole, on the disk, when the block ends, or not at all."""
        with _said(), self._in_turn(), self.engine.connect() as opened:
            connection = opened.execution_options(labelwright_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Wait for the other writers of an SQLite file; PostgreSQL locks rows."""
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=WAIT_FOR_WRITER / 1000):
            raise DatabaseUnavailable()
        try:
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._steps.dispose()


def insert_row(connection: Connection, table: Table, **values: Any) -> int:
    """Add one row and return its number."""
    key = connection.execute(insert(table), values).inserted_primary_key
    assert key is not None
    return int(key[0])


def gather_statistics(connection: Connection, *tables: Table) -> None:
    """Let PostgreSQL look at tables that have just been filled, or its plans are made for empty ones."""
    if connection.dialect.name == "postgresql":
        quote = connection.dialect.identifier_preparer.format_table
        connection.exec_driver_sql(f"ANALYZE {', '.join(map(quote, tables))}")


def present(connection: Connection, column: Column[int], numbers: Sequence[int]) -> set[int]:
    """Return which of some numbers stand in a column, asked for in pieces that both databases take."""
    found: set[int] = set()
    for part in pieces(numbers):
        found.update(connection.scalars(select(column).where(column.in_(part))))
    return found


def pieces(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut a list into pieces that fit into one statement."""
    for start in range(0, len(numbers), MOST_VALUES):
        yield numbers[start : start + MOST_VALUES]


def _engine(url: str, **options: Any) -> Engine:
    try:
        parsed = make_url(url)
    except Exception:
        raise BadInput("the database URL cannot be read", fix="use postgresql+psycopg://USER@HOST/NAME") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            _refuse_network(Path(parsed.database))
        arguments = {"check_same_thread": False, "timeout": WAIT_FOR_WRITER / 1000}
        engine = create_engine(parsed, connect_args=arguments, pool_size=MOST_CONNECTIONS, max_overflow=10)
        _set_up_sqlite(engine)
        return engine
    if parsed.get_backend_name() != "postgresql":
        raise BadInput(
            f"{quoted(parsed.get_backend_name())} is no database that the studio knows", fix="use PostgreSQL or SQLite"
        )
    engine = create_engine(parsed, pool_size=MOST_CONNECTIONS, max_overflow=10, pool_use_lifo=True, **options)
    _drop_dead_connections(engine)
    return engine


def _drop_dead_connections(engine: Engine) -> None:
    """Take no connection that the server has closed, without asking it: what rests has nothing to read but its end."""

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, _record: Any, _proxy: Any) -> None:
        if connection.closed or _can_be_read(connection.fileno()):
            raise DisconnectionError


def _can_be_read(number: int) -> bool:
    if hasattr(select_now, "poll"):
        waiting = select_now.poll()
        waiting.register(number, select_now.POLLIN)
        return bool(waiting.poll(0))
    return bool(select_now.select([number], [], [], 0)[0])  # Windows


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


_BUSY = "the database is busy: nothing was stored. Fix: try again."
_FULL = "the disk is full: nothing of this action was stored. Fix: make room."


@contextmanager
def _said() -> Iterator[None]:
    """Turn what the database cannot do now into one line."""
    try:
        yield
    except PoolTimeout:
        raise DatabaseUnavailable() from None
    except OperationalError as error:
        said, state = str(error.orig).lower(), getattr(error.orig, "sqlstate", None) or ""
        if "disk is full" in said or "no space left" in said or state == "53100":
            raise DatabaseUnavailable(_FULL, WITHOUT_ROOM) from None
        if "locked" in said or state[:2] == "40":  # of PostgreSQL: it ended one of two that waited for each other
            raise DatabaseUnavailable() from None
        if "readonly" in said or "unable to open" in said or "disk i/o" in said:
            line = f"the database cannot be written ({said}). Fix: look at its folder."
            raise DatabaseUnavailable(line, WITHOUT_ROOM) from None
        if error.connection_invalidated or state[:2] in ("08", "57") or "connection" in said:
            raise DatabaseUnavailable("the database cannot be reached: nothing was stored. Fix: start it.") from None
        raise
