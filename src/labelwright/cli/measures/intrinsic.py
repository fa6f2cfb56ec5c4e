"""`labelwright measure intrinsic DATA --label COL`: how hard the data are to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.results import Out, answer


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="The labelled rows, as in labelwright audit.")],
    label: opt.Label = None,
    id: opt.Id = None,
    text: opt.Text = None,
    image: opt.Image = None,
    root: opt.Root = None,
    features: opt.Features = None,
    neighbors: Annotated[int, Option("--neighbors", metavar="K", min=2, help="Rows that the dimension rests on.")] = 20,
    anchors: Annotated[int, Option(metavar="N", min=3, help="Rows that pairs are taken from.")] = 1000,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """How hard are the data to learn, and which close rows carry different labels?"""
    from labelwright.audit.intrinsic_files import intrinsic_of_files

    answer(
        "intrinsic",
        [data],
        out,
        json,
        lambda progress: intrinsic_of_files(
            data,
            features=features,
            k=neighbors,
            anchors=anchors,
            seed=seed,
            jobs=opt.processes(jobs),
            progress=progress,
            label=label,
            id=id,
            text=opt.names(text),
            image=image,
            root=root,
        ),
    )
