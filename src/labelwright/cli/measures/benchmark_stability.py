"""`labelwright measure benchmark-stability DATA --label COL`: does the ranking of models survive correct labels?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.labelled_rows import labelled_rows
from labelwright.cli.measures.results import Out, answer


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="The labelled test set.")],
    label: opt.Label = None,
    id: opt.Id = None,
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
    seed: opt.Seed = 0,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """Does the ranking of models on a test set survive the correction of its labels?"""
    from labelwright.audit.benchmark_files import benchmark_of_files

    rows = labelled_rows(data, label, id, seed=seed)
    answer(
        "benchmark-stability",
        [data, *(predictions or ()), votes, pred_probs],
        out,
        json,
        lambda _: benchmark_of_files(
            rows, predictions=predictions or (), votes=votes, pred_probs=pred_probs, n_flagged=flagged
        ),
    )
