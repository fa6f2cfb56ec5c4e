"""`labelwright evaluate PREDICTIONS DATA --label COL`: accuracy when the test labels are wrong too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

DATA = "The data, as in the audit"
OUTPUT = "What comes out"


def command(
    predictions: Annotated[
        Path, Argument(metavar="PREDICTIONS", help="A table with id and prediction: of labelwright predict, or yours.")
    ],
    data: Annotated[Path, Argument(metavar="DATA", help="The labelled rows.")],
    label: Annotated[
        str | None, Option("--label", metavar="COL", help="The column of labels.", rich_help_panel=DATA)
    ] = None,
    id: Annotated[
        str | None, Option("--id", metavar="COL", help="Column that names each row for good.", rich_help_panel=DATA)
    ] = None,
    text: Annotated[
        str | None, Option(metavar="COLS", help="Text columns, joined by commas.", rich_help_panel=DATA)
    ] = None,
    image: Annotated[
        str | None, Option(metavar="COL", help="Column of image paths or bytes.", rich_help_panel=DATA)
    ] = None,
    feature_columns: Annotated[
        str | None, Option(metavar="COLS", help="Columns to learn from, joined by commas.", rich_help_panel=DATA)
    ] = None,
    features: Annotated[
        str | None, Option(metavar="FILE|NAME", help="Features from a file, or minilm.", rich_help_panel=DATA)
    ] = None,
    classes: Annotated[
        str | None, Option(metavar="LIST|FILE", help="Class names in order, joined by commas.", rich_help_panel=DATA)
    ] = None,
    root: Annotated[
        Path | None, Option(metavar="DIR", help="Open images only below this folder.", rich_help_panel=DATA)
    ] = None,
    sheet: Annotated[
        str | None, Option(metavar="NAME", help="Sheet of an Excel file. Default: the first.", rich_help_panel=DATA)
    ] = None,
    decisions: Annotated[
        Path | None,
        Option("--decisions", metavar="FILE", help="Rows that people checked: id, decision (keep, relabel), label."),
    ] = None,
    include_training: Annotated[
        bool, Option("--include-training", help="Count rows that the model was trained on too.")
    ] = False,
    seed: Annotated[int, Option(metavar="S", min=0, help="Same seed, same result.")] = 0,
    jobs: Annotated[int | None, Option(metavar="N", min=1, help="Processes. Default: the cores there are.")] = None,
    json: Annotated[
        bool, Option("--json", help="Print what was found as JSON and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
    quiet: Annotated[bool, Option("--quiet", help="Print one line.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Say how often predictions agree with the labels, and what their accuracy would be on corrected labels."""
    import os

    from labelwright.cli.console import as_json, progress_for, say
    from labelwright.learn.evaluate import evaluate_predictions, evaluation_lines

    found = evaluate_predictions(
        *(predictions, data),
        label=label,
        decisions=decisions,
        include_training=include_training,
        features=features,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        progress=progress_for(quiet or json),
        id=id,
        text=_names(text),
        image=image,
        feature_columns=_names(feature_columns),
        classes=classes,
        root=root,
        sheet=sheet,
    )
    for line in [as_json(found.facts())] if json else evaluation_lines(found)[: 1 if quiet else None]:
        say(line)


def _names(joined: str | None) -> tuple[str, ...]:
    """Split a comma-joined option."""
    return tuple(name.strip() for name in joined.split(",")) if joined else ()
