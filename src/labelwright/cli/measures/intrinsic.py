"""`labelwright measure intrinsic DATA --label COL`: how hard the data are to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli.measures.common import Features, Id, Image, Jobs, Json, Label, Out, Root, Seed, Text


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="The labelled rows, as in labelwright audit.")],
    label: Label = None,
    id: Id = None,
    text: Text = None,
    image: Image = None,
    root: Root = None,
    features: Features = None,
    neighbors: Annotated[int, Option("--neighbors", metavar="K", min=2, help="Rows that the dimension rests on.")] = 20,
    anchors: Annotated[int, Option(metavar="N", min=3, help="Rows that pairs are taken from.")] = 1000,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """How hard are the data to learn, and which close rows carry different labels?"""
    import os

    from labelwright.audit.intrinsic_properties import intrinsic_of_files
    from labelwright.cli.console import progress_for
    from labelwright.cli.measures.common import finish, folder_for, names

    folder = folder_for("intrinsic", out, [data])
    report = intrinsic_of_files(
        data,
        features=features,
        k=neighbors,
        anchors=anchors,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        progress=progress_for(json),
        label=label,
        id=id,
        text=names(text),
        image=image,
        root=root,
    )
    finish("intrinsic", report, folder, json)
