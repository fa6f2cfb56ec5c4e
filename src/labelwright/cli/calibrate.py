"""`labelwright calibrate MODEL DATA --label COL`: make confidence mean what it says, and prediction sets possible."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt


def command(
    model: opt.Model,
    data: Annotated[Path, Argument(metavar="DATA", help="Labelled rows; those that it learned from are left out.")],
    label: opt.Label = None,
    alpha: Annotated[float, Option("--alpha", metavar="A", min=0.001, max=0.5, help="Error rate to report on.")] = 0.1,
    id: opt.Id = None,
    features: opt.FeaturesOfRows = None,
    root: opt.Root = None,
    sheet: opt.Sheet = None,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Store with the model what makes sets and intervals honest, from rows that it has not seen.

    A temperature for probabilities, and the scores behind prediction sets; for numbers the errors behind intervals.
    The column of labels is that of training unless --label names another.
    """
    from labelwright.cli.console import as_json, progress_for, say
    from labelwright.learn import calibrate_model

    done = calibrate_model(
        *(model, data),
        label=label,
        id=id,
        root=root,
        sheet=sheet,
        features=features,
        seed=seed,
        jobs=opt.processes(jobs),
        progress=progress_for(quiet or json),
    )
    facts = {**done.calibration.about(), "left_out": done.left_out}
    for line in [as_json(facts)] if json else done.lines(alpha)[: 1 if quiet else None]:
        say(line)
