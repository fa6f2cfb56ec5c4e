"""`labelwright train DATA --label COL --out MODEL_DIR`: train a model on labels that may be wrong, partial or voted."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option

from labelwright.cli import options as opt

labels_option = partial(Option, rich_help_panel="Where labels stand")
method_option = partial(Option, rich_help_panel="How it is trained")


def command(
    data: opt.Data,
    label: opt.Label = None,
    task: opt.Task = None,
    evidence: Annotated[
        list[Path] | None,
        labels_option("--evidence", metavar="FILE", help="Votes: id, source, label a line. Repeatable."),
    ] = None,
    candidates: Annotated[
        str | None, labels_option(metavar="COL", help="Column with several possible labels a cell.")
    ] = None,
    bag: Annotated[str | None, labels_option(metavar="COL", help="Column that names the bag of each row.")] = None,
    count_columns: Annotated[
        str | None, labels_option(metavar="COLS", help="How many rows of the bag each class has: class=column,...")
    ] = None,
    positive: Annotated[
        str | None, labels_option(metavar="CLASS", help="The known positives; all other rows are unknown.")
    ] = None,
    trusted: Annotated[
        bool, labels_option("--trusted", help="The label column is right where it says something.")
    ] = False,
    incomplete: Annotated[bool, labels_option("--incomplete", help="Rows may have more tags than they list.")] = False,
    low: Annotated[str | None, labels_option(metavar="COL", help="The least a number can be; empty: no end.")] = None,
    high: Annotated[str | None, labels_option(metavar="COL", help="The most a number can be; empty: no end.")] = None,
    text: opt.Text = None,
    image: opt.Image = None,
    feature_columns: opt.FeatureColumns = None,
    features: opt.Features = None,
    id: opt.Id = None,
    classes: opt.Classes = None,
    root: opt.Root = None,
    sheet: opt.Sheet = None,
    method: Annotated[str, method_option("--method", metavar="auto|NAME", help="A method's name, or auto.")] = "auto",
    setting: Annotated[
        list[str] | None, method_option("--set", metavar="NAME=VALUE", help="A setting of the method. Repeatable.")
    ] = None,
    epochs: Annotated[int, method_option(metavar="N", min=1, help="Passes over the rows.")] = 60,
    batch_size: Annotated[int, method_option("--batch-size", metavar="N", min=1, help="Rows a step.")] = 64,
    learning_rate: Annotated[float, method_option("--learning-rate", metavar="RATE", help="Of the first step.")] = 1e-3,
    holdout: Annotated[float, method_option(metavar="SHARE", help="Rows kept out to measure the model.")] = 0.2,
    checkpoint: Annotated[
        Path | None, method_option(metavar="DIR", help="Go on from here when a run was interrupted.")
    ] = None,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    out: Annotated[
        Path | None, opt.output_option("--out", metavar="DIR", help="A new folder. Default: NAME-model.")
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
