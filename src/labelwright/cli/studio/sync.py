"""`labelwright studio sync PROJECT NEW_DATA`: carry the decisions over to newer data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt


def command(
    project: Annotated[Path, Argument(metavar="PROJECT", help="The folder of the project, NAME-studio.")],
    data: Annotated[Path, Argument(metavar="NEW_DATA", help="The newer data.")],
    out: Annotated[
        Path | None, Option(metavar="DIR", help="Folder of the new project. Default: NEW_NAME-studio.")
    ] = None,
    label: opt.Label = None,
    task: opt.AuditTask = None,
    id: opt.Id = None,
    text: opt.Text = None,
    image: opt.Image = None,
    features: opt.Features = None,
    pred_probs: opt.PredProbs = None,
    predictions: opt.Predictions = None,
    images: opt.Images = None,
    classes: opt.Classes = None,
    root: opt.Root = None,
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
