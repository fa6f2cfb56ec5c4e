"""`labelwright measure mistakes DATA --label COL`: what is left of models' mistakes, and of what kind they are."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option

from labelwright.cli import options as opt
from labelwright.cli.measures.labelled_rows import Rows, labelled_rows
from labelwright.cli.measures.results import Out, answer

known_option = partial(Option, rich_help_panel="What is known of the rows")


def command(
    data: Rows,
    label: opt.Label = None,
    id: opt.Id = None,
    text: opt.Text = None,
    image: opt.Image = None,
    root: opt.Root = None,
    features: opt.Features = None,
    pred_probs: Annotated[
        list[Path] | None,
        Option(
            "--pred-probs", metavar="FILE", help="Probabilities of one model. Repeat it; the first is the reference."
        ),
    ] = None,
    votes: Annotated[
        str | None, known_option(metavar="PREFIX", help="Columns PREFIX + class count people's votes.")
    ] = None,
    acceptable: Annotated[
        str | None, known_option(metavar="COL", help="A column of further right labels, joined by semicolons.")
    ] = None,
    parents: Annotated[Path | None, known_option(metavar="FILE", help="YAML, class: coarse class.")] = None,
    review: Annotated[
        Path | None, known_option(metavar="FILE", help="mistakes.csv with the column decision filled in.")
    ] = None,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """Which of a model's mistakes are real, how bad are they, and of what kind?"""
    from labelwright.audit.mistake_files import mistakes_of_files

    rows = labelled_rows(data, label, id, text, image, root, features, seed, jobs)
    answer(
        "mistakes",
        [data, *(pred_probs or ()), review],
        out,
        json,
        lambda progress: mistakes_of_files(
            rows,
            pred_probs=pred_probs or (),
            votes=votes,
            acceptable=acceptable,
            parents=parents,
            review=review,
            progress=progress,
        ),
    )
