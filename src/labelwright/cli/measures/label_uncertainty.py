"""`labelwright measure label-uncertainty DATA --label COL --votes FILE`: how unsure people are of the labels."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.labelled_rows import labelled_rows
from labelwright.cli.measures.results import Out, answer

bound_option = partial(Option, rich_help_panel="How robust a classifier can be (with --eps)")


class Norm(StrEnum):
    """Norms of changes."""

    l2 = "l2"
    linf = "linf"


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="The labelled rows.")],
    votes: Annotated[
        Path, Option(metavar="FILE", help="Votes, one a row; or counts or shares, a column a class. Joined by id.")
    ],
    label: opt.Label = None,
    id: opt.Id = None,
    text: opt.Text = None,
    image: opt.Image = None,
    root: opt.Root = None,
    predictions: Annotated[
        list[Path] | None,
        Option(metavar="FILE", help="What one model predicts: does it err where people do? Repeat it."),
    ] = None,
    eps: Annotated[float | None, bound_option(metavar="E", min=0, help="Changes of the features to bear.")] = None,
    norm: Annotated[Norm, bound_option(help="How changes are measured.")] = Norm.l2,
    alpha: Annotated[float, bound_option(metavar="A", min=0, max=1, help="Error rate of the classifier.")] = 0.05,
    gamma: Annotated[float, bound_option(metavar="G", min=0, max=2, help="Label uncertainty of its errors.")] = 0.17,
    features: opt.Features = None,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """How unsure are people of the labels, and do models err where people do?"""
    from labelwright.audit.uncertain_label_files import uncertain_labels_of_files

    rows = labelled_rows(data, label, id, text, image, root, features, seed, jobs)
    answer(
        "label-uncertainty",
        [data, votes, *(predictions or ())],
        out,
        json,
        lambda progress: uncertain_labels_of_files(
            rows,
            votes=votes,
            predictions=predictions or (),
            norm=norm.value,
            eps=eps,
            alpha=alpha,
            gamma=gamma,
            progress=progress,
        ),
    )
