"""`labelwright measure outlines ANNOTATORS --reference DIR`: who draws well, and where the merged drawing is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.results import Out, answer


def command(
    annotators: Annotated[
        Path,
        Argument(metavar="ANNOTATORS", help="A folder with one folder a person, each with one mask file a task."),
    ],
    reference: Annotated[
        Path | None,
        Option("--reference", metavar="DIR", help="Reference masks of some tasks, under the same file names."),
    ] = None,
    unsure: Annotated[
        int | None, Option(metavar="N", min=1, help="The number in a mask that means: perhaps an object.")
    ] = None,
    buffer: Annotated[
        float, Option(metavar="PIXELS", min=0, help="How far an outline may lie from the reference outline.")
    ] = 3.0,
    pass_mark: Annotated[
        float, Option("--pass-mark", metavar="Q", min=0, max=1, help="Mean score from which a person is trusted.")
    ] = 0.65,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """Who draws outlines well, and where is the merged drawing likely wrong? Masks: 0 = background, else the object."""
    from labelwright.audit.outline_files import outlines_of_folders

    answer(
        "outlines",
        [annotators, reference],
        out,
        json,
        lambda progress: outlines_of_folders(
            annotators, reference, unsure=unsure, buffer=buffer, pass_mark=pass_mark, progress=progress
        ),
    )
