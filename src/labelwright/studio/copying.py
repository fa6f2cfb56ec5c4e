"""Copy the tables of a project from one database into another, row by row and counted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, MetaData, Table, func, insert, select, text

from labelwright.errors import BadInput
from labelwright.studio.database import gather_statistics
from labelwright.studio.upgrade import stored_version, upgrade

_CHUNK = 5000
_OWN = "alembic_version"


def copy_project(old: Connection, new: Connection) -> dict[str, int]:
    """Make the tables of `old`, in their version, in the empty database `new`, and copy every row; return the counts.

    Raises
    ------
    BadInput
        A count differs afterwards.
    """
    upgrade(new, stored_version(old) or "head")
    found = MetaData()
    found.reflect(new)
    tables = [table for table in found.sorted_tables if table.name != _OWN]
    counts = {table.name: _copy(old, new, table) for table in tables}
    continue_numbers(new, tables)
    gather_statistics(new, *tables)
    return counts


def continue_numbers(connection: Connection, tables: Sequence[Table]) -> None:
    """Let PostgreSQL number new rows after those that were copied."""
    if connection.dialect.name != "postgresql":
        return
    owner = text("SELECT pg_get_serial_sequence(:table, :column)")
    for table in tables:
        for key in table.primary_key.columns:
            sequence = connection.scalar(owner, {"table": table.name, "column": key.name})
            top = connection.scalar(select(func.max(key))) if sequence else None
            if top is not None:
                connection.execute(text("SELECT setval(:sequence, :top)"), {"sequence": sequence, "top": top})


def _copy(old: Connection, new: Connection, table: Table) -> int:
    rows = old.execute(select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_CHUNK))
    for part in rows.partitions(_CHUNK):
        new.execute(insert(table), [dict(row._mapping) for row in part])
    before = old.scalar(select(func.count()).select_from(table))
    after = new.scalar(select(func.count()).select_from(table))
    if before != after:
        raise BadInput(f"{table.name}: {before} rows before and {after} after", fix="nothing was copied; try again")
    return int(after or 0)
