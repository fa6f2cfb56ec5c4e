"""`labelwright audit DATA --label COL`: find what is wrong with the labels of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument

from labelwright.cli import options as opt

MODEL = "What the rows are judged by"


def command(
    data: Annotated[
        Path,
        Argument(
            metavar="DATA", help="A CSV, TSV, xlsx, Parquet, JSONL, Arrow, .npz, CoNLL or COCO file, or a folder."
        ),
    ],
    label: opt.Label = None,
    task: opt.AuditTask = None,
    text: opt.Text = None,
    image: opt.Image = None,
    feature_columns: opt.FeatureColumns = None,
    id: opt.Id = None,
    group: opt.Group = None,
    split: opt.Split = None,
    classes: opt.Classes = None,
    images: opt.Images = None,
    root: opt.Root = None,
    sheet: opt.Sheet = None,
    about: Annotated[
        Path | None, opt.data_option(metavar="FILE", help="YAML with what you know about the data and its uses.")
    ] = None,
    features: opt.Features = None,
    pred_probs: opt.PredProbs = None,
    predictions: opt.Predictions = None,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    out: Annotated[
        Path | None, opt.output_option(metavar="DIR", help="Folder for the results. Default: NAME-audit.")
    ] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    dry_run: Annotated[
        bool, opt.output_option("--dry-run", help="Say what would be done and how long it takes.")
    ] = False,
    show_text: Annotated[bool, opt.output_option("--show-text", help="Show row content in the terminal.")] = False,
) -> None:
    """Find what is wrong with the labels of a data set. Changes nothing: it writes a report and tables beside it."""
    from labelwright.cli.console import progress_for, say
    from labelwright.facade import Audit

    audit = Audit(
        data,
        label=label,
        task=task,
        text=opt.names(text),
        image=image,
        feature_columns=opt.names(feature_columns),
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
