"""`labelwright train DATA --label COL --out MODEL_DIR`: train a model on labels that may be wrong, partial or voted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from labelwright.cli import options as opt

LABELS = "Where labels stand"
METHOD = "How it is trained"


def command(
    data: opt.Data,
    label: opt.Label = None,
    task: opt.Task = None,
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
    incomplete: Annotated[
        bool, Option("--incomplete", help="Rows may have more tags than they list.", rich_help_panel=LABELS)
    ] = False,
    low: Annotated[
        str | None, Option(metavar="COL", help="The least a number can be; empty: no end.", rich_help_panel=LABELS)
    ] = None,
    high: Annotated[
        str | None, Option(metavar="COL", help="The most a number can be; empty: no end.", rich_help_panel=LABELS)
    ] = None,
    text: opt.Text = None,
    image: opt.Image = None,
    feature_columns: opt.FeatureColumns = None,
    features: opt.Features = None,
    id: opt.Id = None,
    classes: opt.Classes = None,
    root: opt.Root = None,
    sheet: opt.Sheet = None,
    method: Annotated[
        str, Option("--method", metavar="auto|NAME", help="A method's name, or auto.", rich_help_panel=METHOD)
    ] = "auto",
    setting: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="A setting of the method. Repeatable.", rich_help_panel=METHOD),
    ] = None,
    epochs: Annotated[int, Option(metavar="N", min=1, help="Passes over the rows.", rich_help_panel=METHOD)] = 60,
    batch_size: Annotated[
        int, Option("--batch-size", metavar="N", min=1, help="Rows a step.", rich_help_panel=METHOD)
    ] = 64,
    learning_rate: Annotated[
        float, Option("--learning-rate", metavar="RATE", help="Of the first step.", rich_help_panel=METHOD)
    ] = 1e-3,
    holdout: Annotated[
        float, Option(metavar="SHARE", help="Rows kept out to measure the model.", rich_help_panel=METHOD)
    ] = 0.2,
    checkpoint: Annotated[
        Path | None,
        Option(metavar="DIR", help="Go on from here when a run was interrupted.", rich_help_panel=METHOD),
    ] = None,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    out: Annotated[
        Path | None,
        Option("--out", metavar="DIR", help="A new folder. Default: NAME-model.", rich_help_panel=opt.OUTPUT),
    ] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train a model on labels that are wrong, missing, partial, voted, counted, tags or numbers, and write its card."""
    from labelwright.cli.console import as_json, progress_for, say
    from labelwright.learn import LabelSources, TrainOptions, train_model
    from labelwright.learn.methods import read_settings
    from labelwright.learn.training_report import train_lines
    from labelwright.learn.workflow import check_out

    folder = out or Path(f"{data.resolve().name.split('.')[0] or 'data'}-model")
    check_out(folder)
    files, counts = tuple(evidence or ()), opt.names(count_columns)
    told = (label, candidates, bag, counts, files, positive, trusted, task, incomplete, low, high)
    options = TrainOptions(
        method=method,
        settings=read_settings(setting or []),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        jobs=opt.processes(jobs),
        holdout=holdout,
        checkpoint=checkpoint,
    )
    trained = train_model(
        *(data, LabelSources(*told), options),
        features=features,
        progress=progress_for(quiet or json),
        id=id,
        text=opt.names(text),
        image=image,
        feature_columns=opt.names(feature_columns),
        classes=classes,
        root=root,
        sheet=sheet,
    )
    trained.model.save(folder)
    card = trained.model.card
    for line in [as_json(card.facts())] if json else train_lines(card, trained.notes, folder, quiet):
        say(line)
