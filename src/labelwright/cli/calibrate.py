"""`labelwright calibrate MODEL DATA --label COL`: make confidence mean what it says, and prediction sets possible."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

OUTPUT = "What comes out"


def command(
    model: Annotated[Path, Argument(metavar="MODEL", help="A folder that labelwright train wrote.")],
    data: Annotated[Path, Argument(metavar="DATA", help="Labelled rows; those that it learned from are left out.")],
    label: Annotated[
        str | None, Option("--label", metavar="COL", help="The column of labels. Default: as in training.")
    ] = None,
    alpha: Annotated[float, Option("--alpha", metavar="A", min=0.001, max=0.5, help="Error rate to report on.")] = 0.1,
    id: Annotated[str | None, Option("--id", metavar="COL", help="Column that names each row for good.")] = None,
    features: Annotated[
        Path | None, Option(metavar="FILE", help="Vectors of these rows, where the model learned from a file.")
    ] = None,
    root: Annotated[Path | None, Option(metavar="DIR", help="Open images only below this folder.")] = None,
    sheet: Annotated[str | None, Option(metavar="NAME", help="Sheet of an Excel file. Default: the first.")] = None,
    seed: Annotated[int, Option(metavar="S", min=0, help="Same seed, same result.")] = 0,
    jobs: Annotated[int | None, Option(metavar="N", min=1, help="Threads. Default: the cores there are.")] = None,
    json: Annotated[
        bool, Option("--json", help="Print what was found as JSON and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
    quiet: Annotated[bool, Option("--quiet", help="Print one line.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Store with the model one temperature and the scores behind prediction sets, from rows that it has not seen."""
    import os

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
        jobs=jobs or os.cpu_count() or 1,
        progress=progress_for(quiet or json),
    )
    facts = {**done.calibration.about(), "left_out": done.left_out}
    for line in [as_json(facts)] if json else done.lines(alpha)[: 1 if quiet else None]:
        say(line)
