"""`labelwright studio sync PROJECT NEW_DATA`: carry the decisions over to newer data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def command(
    project: Annotated[Path, Argument(metavar="PROJECT", help="The folder of the project, NAME-studio.")],
    data: Annotated[Path, Argument(metavar="NEW_DATA", help="The newer data.")],
    out: Annotated[
        Path | None, Option(metavar="DIR", help="Folder of the new project. Default: NEW_NAME-studio.")
    ] = None,
    label: Annotated[str | None, Option(metavar="COL", help="The column of labels.")] = None,
    task: Annotated[str | None, Option(metavar="T", help="As in the audit.")] = None,
    id: Annotated[str | None, Option(metavar="COL", help="Column that names each row.")] = None,
    database: Annotated[
        Path | None, Option("--database-file", metavar="FILE", help="A file with the URL of the project's database.")
    ] = None,
    jobs: Annotated[int | None, Option(metavar="N", min=1, help="Processes. Default: the cores there are.")] = None,
) -> None:
    """Make a project of newer data and carry the decisions over, row by row, by their durable names."""
    from labelwright.cli.console import progress_for, say
    from labelwright.studio.move import DIFFERENCES, sync_project
    from labelwright.studio.serve import database_url

    options = {"label": label, "task": task, "id": id, "jobs": jobs}
    url = database_url(database)
    carried, folder = sync_project(project, data, out, url=url, progress=progress_for(False), **options)
    for line in carried.lines():
        say(line)
    say(f"Every row that needs a look is in {folder / DIFFERENCES}.")
    say(f"Next: labelwright studio {data} --project {folder}")
