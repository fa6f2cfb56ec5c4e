"""Rows of the pool count who took them; indexes for a million rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TAKEN = """
UPDATE annotation_pool SET taken = (
    SELECT count(*) FROM assignment WHERE assignment.row = annotation_pool.row AND assignment.state <> 'skipped'
)
"""


def upgrade() -> None:
    """Count who took each row of the pool."""
    op.add_column("annotation_pool", sa.Column("taken", sa.Integer(), server_default="0", nullable=False))
    op.execute(_TAKEN)
    op.drop_index("pool_place", "annotation_pool")
    op.create_index("pool_taken", "annotation_pool", ["taken", "place"])
    has_gold = sa.text("gold IS NOT NULL")
    op.create_index("pool_gold", "annotation_pool", ["place"], sqlite_where=has_gold, postgresql_where=has_gold)
    op.drop_index("item_pair", "item")
    op.create_index("item_pair", "item", ["flagged", "given", "suggested", "verdict", "check_place", "score"])
    op.create_index("item_ahead", "item", ["verdict", "score"])
    op.create_index("finding_kind_row", "finding", ["kind", "row"])
    true, is_on = sa.text("marked = 1"), sa.text("marked")
    op.create_index("item_marked", "item", ["row"], sqlite_where=true, postgresql_where=is_on)


def downgrade() -> None:
    """Take it back."""
    op.drop_index("item_marked", "item")
    op.drop_index("finding_kind_row", "finding")
    op.drop_index("item_ahead", "item")
    op.drop_index("item_pair", "item")
    op.create_index("item_pair", "item", ["given", "suggested"])
    op.drop_index("pool_gold", "annotation_pool")
    op.drop_index("pool_taken", "annotation_pool")
    op.drop_column("annotation_pool", "taken")
    op.create_index("pool_place", "annotation_pool", ["place"])
