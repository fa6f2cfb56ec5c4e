"""`labelwright measure intrinsic DATA --label COL`: how hard the data are to learn."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from labelwright.cli import options as opt
from labelwright.cli.measures.labelled_rows import Rows, labelled_rows
from labelwright.cli.measures.results import Out, answer


def command(
    data: Rows,
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
    from labelwright.audit.intrinsic_files import intrinsic_of_file

    rows = labelled_rows(data, label, id, text, image, root, features, seed, jobs)
    answer(
        "intrinsic",
        [data],
        out,
        json,
        lambda progress: intrinsic_of_file(rows, k=neighbors, anchors=anchors, progress=progress),
    )
