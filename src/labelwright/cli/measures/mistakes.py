"""`labelwright measure mistakes DATA --label COL`: what is left of models' mistakes, and of what kind they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli.measures.common import Features, Id, Image, Jobs, Json, Label, Out, Root, Seed, Text

KNOWN = "What is known of the rows"


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="The labelled rows, as in labelwright audit.")],
    label: Label = None,
    id: Id = None,
    text: Text = None,
    image: Image = None,
    root: Root = None,
    features: Features = None,
    pred_probs: Annotated[
        list[Path] | None,
        Option(
            "--pred-probs", metavar="FILE", help="Probabilities of one model. Repeat it; the first is the reference."
        ),
    ] = None,
    votes: Annotated[
        str | None,
        Option(metavar="PREFIX", help="Columns PREFIX + class count people's votes.", rich_help_panel=KNOWN),
    ] = None,
    acceptable: Annotated[
        str | None,
        Option(metavar="COL", help="A column of further right labels, joined by semicolons.", rich_help_panel=KNOWN),
    ] = None,
    parents: Annotated[
        Path | None, Option(metavar="FILE", help="YAML, class: coarse class.", rich_help_panel=KNOWN)
    ] = None,
    review: Annotated[
        Path | None,
        Option(metavar="FILE", help="mistakes.csv with the column decision filled in.", rich_help_panel=KNOWN),
    ] = None,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Which of a model's mistakes are real, how bad are they, and of what kind?"""
    import os

    from labelwright.audit.mistake_files import mistakes_of_files
    from labelwright.cli.console import progress_for
    from labelwright.cli.measures.common import finish, folder_for, names

    given = [data, *(pred_probs or ()), *([review] if review else [])]
    folder = folder_for("mistakes", out, given)
    report = mistakes_of_files(
        data,
        pred_probs=pred_probs or (),
        votes=votes,
        acceptable=acceptable,
        parents=parents,
        review=review,
        features=features,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        progress=progress_for(json),
        label=label,
        id=id,
        text=names(text),
        image=image,
        root=root,
    )
    finish("mistakes", report, folder, json)
