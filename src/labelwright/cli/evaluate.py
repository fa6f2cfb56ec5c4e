"""`labelwright evaluate PREDICTIONS DATA --label COL`: accuracy when the test labels are wrong too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt


def command(
    predictions: Annotated[
        Path, Argument(metavar="PREDICTIONS", help="A table with id and prediction: of labelwright predict, or yours.")
    ],
    data: Annotated[
        Path | None, Argument(metavar="DATA", help="The labelled rows; may be left out with --checked.")
    ] = None,
    label: opt.Label = None,
    task: opt.Task = None,
    id: opt.Id = None,
    text: opt.Text = None,
    image: opt.Image = None,
    feature_columns: opt.FeatureColumns = None,
    features: opt.Features = None,
    classes: opt.Classes = None,
    root: opt.Root = None,
    sheet: opt.Sheet = None,
    decisions: Annotated[
        Path | None,
        Option("--decisions", metavar="FILE", help="Rows that people checked: id, decision (keep, relabel), label."),
    ] = None,
    checked: Annotated[
        Path | None,
        Option("--checked", metavar="FILE", help="The list of labelwright next --test, filled in: an unbiased score."),
    ] = None,
    include_training: Annotated[
        bool, Option("--include-training", help="Count rows that the model was trained on too.")
    ] = False,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Say how good predictions are: as counted, on corrected labels (classes), and on rows that people checked."""
    from labelwright.cli.console import as_json, progress_for, say
    from labelwright.learn.checks_to_make import checked_facts, checked_lines, need_rows
    from labelwright.learn.evaluate import evaluate_predictions, evaluation_lines

    score = None if checked is None else checked_facts(checked, predictions, id=id)
    if score is not None:
        for line in [] if json and data is not None else [as_json(score)] if json else checked_lines(score):
            say(line)
        if data is None:
            return
    data = need_rows(data)
    found = evaluate_predictions(
        *(predictions, data),
        label=label,
        task=task,
        decisions=decisions,
        include_training=include_training,
        features=features,
        seed=seed,
        jobs=opt.processes(jobs),
        progress=progress_for(quiet or json),
        id=id,
        text=opt.names(text),
        image=image,
        feature_columns=opt.names(feature_columns),
        classes=classes,
        root=root,
        sheet=sheet,
    )
    for line in [as_json(found.facts() | (score or {}))] if json else evaluation_lines(found)[: 1 if quiet else None]:
        say(line)
