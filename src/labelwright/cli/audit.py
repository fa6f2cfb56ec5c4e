"""`labelwright audit DATA --label COL`: find what is wrong with the labels of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

DATA = "The data"
MODEL = "What the rows are judged by"
OUTPUT = "What comes out"


def command(
    data: Annotated[
        Path,
        Argument(
            metavar="DATA", help="A CSV, TSV, xlsx, Parquet, JSONL, Arrow, .npz, CoNLL or COCO file, or a folder."
        ),
    ],
    label: Annotated[
        str | None, Option("--label", metavar="COL", help="The column of labels.", rich_help_panel=DATA)
    ] = None,
    task: Annotated[
        str | None,
        Option(
            metavar="T",
            help="classification, multilabel, regression, token, detection or segmentation.",
            rich_help_panel=DATA,
        ),
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
    id: Annotated[
        str | None, Option("--id", metavar="COL", help="Column that names each row for good.", rich_help_panel=DATA)
    ] = None,
    group: Annotated[
        str | None,
        Option(metavar="COL", help="Rows of one group stay in one fold; groups are compared.", rich_help_panel=DATA),
    ] = None,
    split: Annotated[
        str | None,
        Option(metavar="COL", help="Column that says train or test: leaks are looked for.", rich_help_panel=DATA),
    ] = None,
    classes: Annotated[
        str | None, Option(metavar="LIST|FILE", help="Class names in order, joined by commas.", rich_help_panel=DATA)
    ] = None,
    images: Annotated[
        Path | None,
        Option(metavar="DIR", help="The folder of the images that boxes or masks belong to.", rich_help_panel=DATA),
    ] = None,
    root: Annotated[
        Path | None, Option(metavar="DIR", help="Open images only below this folder.", rich_help_panel=DATA)
    ] = None,
    sheet: Annotated[
        str | None, Option(metavar="NAME", help="Sheet of an Excel file. Default: the first.", rich_help_panel=DATA)
    ] = None,
    about: Annotated[
        Path | None,
        Option(metavar="FILE", help="YAML with what you know about the data and its uses.", rich_help_panel=DATA),
    ] = None,
    features: Annotated[
        str | None, Option(metavar="FILE|NAME", help="Features from a file, or minilm.", rich_help_panel=MODEL)
    ] = None,
    pred_probs: Annotated[
        Path | None,
        Option(metavar="FILE", help="Your model's out-of-sample probabilities.", rich_help_panel=MODEL),
    ] = None,
    predictions: Annotated[
        Path | None,
        Option(metavar="FILE", help="Boxes that your model found, with confidences.", rich_help_panel=MODEL),
    ] = None,
    seed: Annotated[int, Option(metavar="S", min=0, help="Same seed, same result.", rich_help_panel=MODEL)] = 0,
    jobs: Annotated[
        int | None, Option(metavar="N", min=1, help="Processes. Default: the cores there are.", rich_help_panel=MODEL)
    ] = None,
    out: Annotated[
        Path | None, Option(metavar="DIR", help="Folder for the results. Default: NAME-audit.", rich_help_panel=OUTPUT)
    ] = None,
    json: Annotated[
        bool, Option("--json", help="Print summary.json and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
    quiet: Annotated[
        bool, Option("--quiet", help="Print the verdict and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Say what would be done and how long it takes.", rich_help_panel=OUTPUT)
    ] = False,
    show_text: Annotated[
        bool, Option("--show-text", help="Show row content in the terminal.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Find what is wrong with the labels of a data set. Changes nothing: it writes a report and tables beside it."""
    from labelwright.cli.console import progress_for, say
    from labelwright.facade import Audit

    audit = Audit(
        data,
        label=label,
        task=task,
        text=_names(text),
        image=image,
        feature_columns=_names(feature_columns),
        id=id,
        group=group,
        split=split,
        classes=classes,
        root=root,
        sheet=sheet,
        about=about,
        features=features,
        pred_probs=pred_probs,
        predictions=predictions,
        images=images,
        seed=seed,
        jobs=jobs,
        progress=progress_for(quiet or json),
    )
    if dry_run:
        for line in audit.describe():
            say(line)
        return
    folder = out or Path(f"{data.resolve().name.split('.')[0] or 'data'}-audit")
    audit.prepare(folder)
    audit.run().save(folder)
    for line in audit.lines(json=json, quiet=quiet, show_text=show_text, folder=folder):
        say(line)


def _names(joined: str | None) -> tuple[str, ...]:
    """Split a comma-joined option; a doubled comma is refused further down as a column without a name."""
    return tuple(name.strip() for name in joined.split(",")) if joined else ()
