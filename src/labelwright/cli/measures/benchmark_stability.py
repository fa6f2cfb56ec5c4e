"""`labelwright measure benchmark-stability DATA --label COL`: does the ranking of models survive correct labels?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli.measures.common import Id, Json, Label, Out, Seed


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="The labelled test set.")],
    label: Label = None,
    id: Id = None,
    predictions: Annotated[
        list[Path] | None,
        Option(metavar="FILE", help="What one model predicts: id and prediction, or probabilities. Repeat it."),
    ] = None,
    votes: Annotated[
        Path | None,
        Option(metavar="FILE", help="Reviewers' votes: id, guessed, n_given, n_guessed, n_both, n_neither."),
    ] = None,
    pred_probs: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Out-of-sample probabilities; without --votes, lists the items that people should review.",
        ),
    ] = None,
    flagged: Annotated[
        int | None, Option(metavar="N", min=1, help="Items flagged, when a random sample of them was reviewed.")
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Does the ranking of models on a test set survive the correction of its labels?"""
    from labelwright.audit.benchmark_files import benchmark_of_files
    from labelwright.cli.measures.common import finish, folder_for

    given = [data, *(predictions or ()), *filter(None, (votes, pred_probs))]
    folder = folder_for("benchmark-stability", out, given)
    report = benchmark_of_files(
        data,
        predictions=predictions or (),
        votes=votes,
        pred_probs=pred_probs,
        n_flagged=flagged,
        seed=seed,
        label=label,
        id=id,
    )
    finish("benchmark-stability", report, folder, json)
