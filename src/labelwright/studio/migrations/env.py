"""Runs migrations on the connection that `labelwright.studio.upgrade` opened."""

from __future__ import annotations

from alembic import context

from labelwright.studio.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
