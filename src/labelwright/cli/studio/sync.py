"""`labelwright studio sync PROJECT NEW_DATA`: carry the decisions over to newer data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

DATA = "The newer data, as in the audit"


def command(
    project: Annotated[Path, Argument(metavar="PROJECT", help="The folder of the project, NAME-studio.")],
    data: Annotated[Path, Argument(metavar="NEW_DATA", help="The newer data.")],
    out: Annotated[
        Path | None, Option(metavar="DIR", help="Folder of the new project. Default: NEW_NAME-studio.")
    ] = None,
    label: Annotated[str | None, Option(metavar="COL", help="The column of labels.", rich_help_panel=DATA)] = None,
    task: Annotated[str | None, Option(metavar="T", help="As in the audit.", rich_help_panel=DATA)] = None,
    id: Annotated[str | None, Option(metavar="COL", help="Column that names each row.", rich_help_panel=DATA)] = None,
    text: Annotated[str | None, Option(metavar="COLS", help="Text columns.", rich_help_panel=DATA)] = None,
    image: Annotated[str | None, Option(metavar="COL", help="Column of images.", rich_help_panel=DATA)] = None,
    features: Annotated[
        str | None, Option(metavar="FILE|NAME", help="Features from a file, or minilm.", rich_help_panel=DATA)
    ] = None,
    pred_probs: Annotated[
        Path | None, Option(metavar="FILE", help="Your model's probabilities.", rich_help_panel=DATA)
    ] = None,
    predictions: Annotated[
        Path | None, Option(metavar="FILE", help="Boxes that your model found.", rich_help_panel=DATA)
    ] = None,
    images: Annotated[
        Path | None, Option(metavar="DIR", help="The images of boxes or masks.", rich_help_panel=DATA)
    ] = None,
    classes: Annotated[str | None, Option(metavar="NAMES", help="Class names in order.", rich_help_panel=DATA)] = None,
    root: Annotated[Path | None, Option(metavar="DIR", help="Open images only below it.", rich_help_panel=DATA)] = None,
    database: Annotated[
        Path | None, Option("--database-file", metavar="FILE", help="A file with the URL of the project's database.")
    ] = None,
    seed: Annotated[int, Option(metavar="S", min=0, help="Same seed, same result.")] = 0,
    jobs: Annotated[int | None, Option(metavar="N", min=1, help="Processes. Default: the cores there are.")] = None,
) -> None:
    """Make a project of newer data and carry the decisions over, row by row, by their durable names."""
    from labelwright.cli.console import progress_for, say
    from labelwright.studio.move import DIFFERENCES, sync_project
    from labelwright.studio.serve import database_url

    options = {
        "label": label,
        "task": task,
        "id": id,
        "text": tuple(text.split(",")) if text else None,
        "image": image,
        "features": features,
        "pred_probs": pred_probs,
        "predictions": predictions,
        "images": images,
        "classes": classes,
        "root": root,
        "seed": seed,
        "jobs": jobs,
    }
    url = database_url(database)
    carried, folder = sync_project(project, data, out, url=url, progress=progress_for(False), **options)
    for line in carried.lines():
        say(line)
    say(f"Every row that needs a look is in {folder / DIFFERENCES}.")
    say(f"Next: labelwright studio {data} --project {folder}")
