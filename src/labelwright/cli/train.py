"""`labelwright train DATA --label COL --out MODEL_DIR`: train a model on labels that may be wrong, partial or voted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

LABELS = "Where labels stand"
DATA = "The data"
METHOD = "How it is trained"
OUTPUT = "What comes out"


def command(
    data: Annotated[
        Path, Argument(metavar="DATA", help="A CSV, TSV, xlsx, Parquet, JSONL, Arrow or .npz file, or a folder.")
    ],
    label: Annotated[
        str | None, Option("--label", metavar="COL", help="The column of labels.", rich_help_panel=LABELS)
    ] = None,
    evidence: Annotated[
        list[Path] | None,
        Option(
            "--evidence", metavar="FILE", help="Votes: id, source, label a line. Repeatable.", rich_help_panel=LABELS
        ),
    ] = None,
    candidates: Annotated[
        str | None, Option(metavar="COL", help="Column with several possible labels a cell.", rich_help_panel=LABELS)
    ] = None,
    bag: Annotated[
        str | None, Option(metavar="COL", help="Column that names the bag of each row.", rich_help_panel=LABELS)
    ] = None,
    count_columns: Annotated[
        str | None,
        Option(
            metavar="COLS", help="How many rows of the bag each class has: class=column,...", rich_help_panel=LABELS
        ),
    ] = None,
    positive: Annotated[
        str | None,
        Option(metavar="CLASS", help="The known positives; all other rows are unknown.", rich_help_panel=LABELS),
    ] = None,
    trusted: Annotated[
        bool, Option("--trusted", help="The label column is right where it says something.", rich_help_panel=LABELS)
    ] = False,
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
    id: Annotated[
        str | None, Option("--id", metavar="COL", help="Column that names each row for good.", rich_help_panel=DATA)
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
    method: Annotated[
        str, Option("--method", metavar="auto|NAME", help="A method's name, or auto.", rich_help_panel=METHOD)
    ] = "auto",
    setting: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="A setting of the method. Repeatable.", rich_help_panel=METHOD),
    ] = None,
    epochs: Annotated[int, Option(metavar="N", min=1, help="Passes over the rows.", rich_help_panel=METHOD)] = 60,
    holdout: Annotated[
        float, Option(metavar="SHARE", help="Rows kept out to measure the model.", rich_help_panel=METHOD)
    ] = 0.2,
    checkpoint: Annotated[
        Path | None,
        Option(metavar="DIR", help="Go on from here when a run was interrupted.", rich_help_panel=METHOD),
    ] = None,
    seed: Annotated[int, Option(metavar="S", min=0, help="Same seed, same model.", rich_help_panel=METHOD)] = 0,
    jobs: Annotated[
        int | None, Option(metavar="N", min=1, help="Processes. Default: the cores there are.", rich_help_panel=METHOD)
    ] = None,
    out: Annotated[
        Path | None,
        Option("--out", metavar="DIR", help="A new folder. Default: NAME-model.", rich_help_panel=OUTPUT),
    ] = None,
    json: Annotated[
        bool, Option("--json", help="Print model_card.json and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
    quiet: Annotated[
        bool, Option("--quiet", help="Print the verdict and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Train a model on labels that may be wrong, missing, partial, voted or counted. Writes it with a model card."""
    import os

    from labelwright.cli.console import as_json, progress_for, say
    from labelwright.learn import LabelSources, TrainOptions, train_model
    from labelwright.learn.methods import read_settings
    from labelwright.learn.training_report import train_lines
    from labelwright.learn.workflow import check_out

    folder = out or Path(f"{data.resolve().name.split('.')[0] or 'data'}-model")
    check_out(folder)
    files, counts = tuple(evidence or ()), _names(count_columns)
    sources = LabelSources(label, candidates, bag, counts, files, positive, trusted)
    options = TrainOptions(
        method=method,
        settings=read_settings(setting or []),
        epochs=epochs,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        holdout=holdout,
        checkpoint=checkpoint,
    )
    trained = train_model(
        *(data, sources, options),
        features=features,
        progress=progress_for(quiet or json),
        id=id,
        text=_names(text),
        image=image,
        feature_columns=_names(feature_columns),
        classes=classes,
        root=root,
        sheet=sheet,
    )
    trained.model.save(folder)
    card = trained.model.card
    for line in [as_json(card.facts())] if json else train_lines(card, trained.notes, folder, quiet):
        say(line)


def _names(joined: str | None) -> tuple[str, ...]:
    """Split a comma-joined option."""
    return tuple(name.strip() for name in joined.split(",")) if joined else ()
