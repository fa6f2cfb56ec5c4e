"""Keeping a project: copies of it, whether they are whole, back from one, and into another database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Project = Annotated[Path, Argument(metavar="PROJECT", help="The folder of the project, NAME-studio.")]
File = Annotated[
    Path | None, Option("--database-file", metavar="FILE", help="A file with the URL of a PostgreSQL database.")
]
Copy = Annotated[Path, Argument(metavar="COPY", help="A .sqlite file among the backups.")]


def backup(
    project: Project,
    out: Annotated[Path | None, Option(metavar="DIR", help="Where to. Default: backups in the project.")] = None,
    database: File = None,
) -> None:
    """Copy a project while people work on it, with a checksum."""
    from labelwright.cli.console import say
    from labelwright.studio.backup import back_up
    from labelwright.studio.serve import database_url
    from labelwright.studio.studio import existing_database

    opened = existing_database(project, database_url(database))
    try:
        copy = back_up(opened, out or project / "backups")
    finally:
        opened.close()
    say(f"Backup: {copy}")
    say(f"Next: labelwright studio verify {copy}")


def verify(copy: Copy) -> None:
    """Make sure that a backup is whole."""
    from labelwright.cli.console import say
    from labelwright.studio.backup import verify as check

    check(copy)
    say(f"{copy.name} is whole: its checksum and the database's own check agree.")


def restore(project: Project, copy: Copy) -> None:
    """Put a backup in the project's place; the present state is kept beside it. The studio must be stopped."""
    from labelwright.cli.console import say
    from labelwright.studio.backup import restore as put_back

    kept = put_back(copy, project)
    before = f"; what was there before is {kept.name}" if kept.exists() else ""
    say(f"Restored from {copy.name}{before}.")
    say(f"Next: labelwright studio DATA --project {project}")


def move(
    project: Project,
    to: Annotated[Path, Option("--to", metavar="FILE", help="A file with the URL of an empty PostgreSQL database.")],
) -> None:
    """Move a project into PostgreSQL: every row of every table, counted on both sides."""
    from labelwright.cli.console import say
    from labelwright.studio.move import move_project
    from labelwright.studio.serve import database_url

    counts = move_project(project, database_url(to) or "")
    say(f"Moved {sum(counts.values()):,} rows of {len(counts)} tables; the SQLite file stays as it is.")
    say(f"Next: labelwright studio DATA --project {project} --database-file {to}")
