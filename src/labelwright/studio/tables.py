"""The tables of a project, in SQLAlchemy Core: SQLite and PostgreSQL alike.

`item` holds what each row is now, `event` every change that made it so. Events are only ever added. Labels are JSON:
a list of class numbers (one for a single label, none for no tag), or a number for a regression. So a class can be
renamed without touching a row.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

meta = Table("meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))

user = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text),
    Column("active", Boolean, nullable=False, default=True),
    Column("created_at", Float, nullable=False),
)

session = Table(
    "login",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("account.id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
)

label_class = Table(
    "label_class",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("merged_into", ForeignKey("label_class.id")),
)

item = Table(
    "item",
    metadata,
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),  # the durable identity of the row
    Column("given", Text),  # the label in the data
    Column("label", Text),  # the label now
    Column("verdict", String(12)),  # keep, relabel, reject, cannot_tell; null = not decided
    Column("suggested", Text),
    Column("score", Float),  # low = suspect; null = not judged
    Column("flagged", Boolean, nullable=False, default=False),
    Column("marked", Boolean, nullable=False, default=False),  # set aside by a person for another look
    Column("check_place", Integer),  # place in the random sample, null = not in it
    Column("version", Integer, nullable=False, default=0),
    Column("event_id", Integer),  # the event that the present state comes from
    Index("item_queue", "verdict", "flagged", "score"),
    Index("item_ahead", "verdict", "score"),
    Index("item_check", "check_place"),
    Index("item_pair", "flagged", "given", "suggested", "verdict", "check_place", "score"),
)
Index("item_marked", item.c.row, sqlite_where=item.c.marked, postgresql_where=item.c.marked)

finding = Table(
    "finding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("row", ForeignKey("item.row")),
    Column("other_row", Integer),
    Column("part", Text),
    Column("score", Float),
    Column("given", Text),
    Column("suggested", Text),
    Column("reason", Text),
    Index("finding_row", "row"),
    Index("finding_kind", "kind", "score"),
    Index("finding_kind_row", "kind", "row"),
)

part_content = Table(  # of rows with parts: what the data held there when the item was made
    "part_content",
    metadata,
    Column("row", ForeignKey("item.row"), primary_key=True),
    Column("content", Text, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("row", ForeignKey("item.row"), nullable=False),
    Column("verdict_before", String(12)),
    Column("label_before", Text),
    Column("verdict", String(12)),
    Column("label", Text),
    Column("user_id", ForeignKey("account.id"), nullable=False),
    Column("at", Float, nullable=False),  # seconds since 1970, UTC
    Column("queue", String(40)),
    Column("note", Text),
    Column("batch", String(36)),  # shared by events that one action made
    Column("undoes", Integer),
    Column("event_before", Integer),  # the event that the state before came from
    Column("client_key", String(64)),  # the same action sent twice counts once
    UniqueConstraint("client_key", "row"),
    Index("event_row", "row", "id"),
    Index("event_user", "user_id", "id"),
    Index("event_batch", "batch"),
)

guideline = Table(
    "guideline",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("user_id", ForeignKey("account.id"), nullable=False),
    Column("at", Float, nullable=False),
)

pool = Table(  # rows that annotators are handed
    "annotation_pool",
    metadata,
    Column("row", ForeignKey("item.row"), primary_key=True),
    Column("place", Integer, nullable=False),  # low = first
    Column("gold", Text),  # the known answer of a gold question
    Column("taken", Integer, nullable=False, server_default="0"),  # people who have it in hand or answered it
)
Index("pool_taken", pool.c.taken.desc(), pool.c.place)  # the order in which rows are handed out
Index("pool_gold", pool.c.place, sqlite_where=pool.c.gold.is_not(None), postgresql_where=pool.c.gold.is_not(None))

assignment = Table(
    "assignment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("row", ForeignKey("annotation_pool.row"), nullable=False),
    Column("user_id", ForeignKey("account.id"), nullable=False),
    Column("state", String(8), nullable=False),  # open, done, skipped
    Column("handed_at", Float, nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("label", Text),
    Column("seconds", Float),
    Column("guideline", Integer),
    UniqueConstraint("row", "user_id"),
    Index("assignment_user", "user_id", "state"),
    Index("assignment_lease", "state", "lease_until"),
)
_IN_HAND = assignment.c.state == "open"
Index("assignment_in_hand", assignment.c.user_id, unique=True, sqlite_where=_IN_HAND, postgresql_where=_IN_HAND)

class_change = Table(
    "class_change",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),  # rename, merge, add, back
    Column("about", Text, nullable=False),  # JSON
    Column("user_id", ForeignKey("account.id"), nullable=False),
    Column("at", Float, nullable=False),
    Column("taken_back", Boolean, nullable=False, default=False),
)

job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("state", String(10), nullable=False),  # running, done, failed, cancelled
    Column("done", Float, nullable=False, default=0.0),  # share, in [0, 1]
    Column("about", Text, nullable=False),  # JSON: what it found, or why it failed
    Column("user_id", ForeignKey("account.id"), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("owner", Integer),  # the process that watches it
    Column("stop", Boolean, nullable=False, default=False),  # somebody wants it to end
)
_RUNS = job.c.state == "running"
Index("job_running", job.c.state, unique=True, sqlite_where=_RUNS, postgresql_where=_RUNS)

login_try = Table(  # passwords that were tried just now
    "login_try",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False),  # a keyed hash of a name, an address, a browser
    Column("at", Float, nullable=False),
    Index("login_try_key", "key", "at"),
    Index("login_try_at", "at"),
)
