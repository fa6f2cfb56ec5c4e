"""`labelwright measure identifiability VOTES`: can the noise in votes be told from the votes alone?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.results import Out, answer


def command(
    votes: Annotated[Path, Argument(metavar="VOTES", help="A table of votes, or a Label Studio export.")],
    task: opt.VoteTask = None,
    annotator: opt.VoteAnnotator = None,
    label: opt.VoteLabel = None,
    tol: Annotated[
        float | None,
        Option(
            metavar="T", min=0, max=0.999, help="Singular values below this share are 0. Default: the standard error."
        ),
    ] = None,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """How many labels an item does it take to know the noise, and do these votes have so many?"""
    from labelwright.audit.identifiability_files import identifiability_of_file

    answer(
        "identifiability",
        [votes],
        out,
        json,
        lambda _: identifiability_of_file(votes, task=task, annotator=opt.names(annotator), label=label, tol=tol),
    )
