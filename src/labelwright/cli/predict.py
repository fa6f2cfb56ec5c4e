"""`labelwright predict MODEL DATA [--alpha 0.1]`: probabilities, or sets that hold the true class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt


def command(
    model: opt.Model,
    data: Annotated[Path, Argument(metavar="DATA", help="Rows with the columns that the model learned from.")],
    alpha: Annotated[
        float | None,
        Option("--alpha", metavar="A", help="Sets or intervals that miss at most at this rate; calibrate first."),
    ] = None,
    id: opt.Id = None,
    features: opt.FeaturesOfRows = None,
    root: opt.Root = None,
    sheet: opt.Sheet = None,
    jobs: opt.Jobs = None,
    out: Annotated[
        Path | None,
        opt.output_option("--out", metavar="FILE", help=".csv, .parquet or .jsonl. Default: NAME-predictions.csv."),
    ] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Predict class, tags or number of each row: probabilities, calibrated where the model is, sets or intervals."""
    from labelwright.cli.console import as_json, progress_for, say
    from labelwright.learn import TrainedModel
    from labelwright.learn.prediction_files import (
        check_predictions_path,
        predictions_table,
        summary_facts,
        summary_lines,
        write_predictions,
    )

    path = out or Path(f"{data.resolve().name.split('.')[0] or 'data'}-predictions.csv")
    check_predictions_path(path)
    loaded = TrainedModel.load(model)
    found = loaded.predict(
        loaded.rows_of(data, id=id, root=root, sheet=sheet),
        alpha=alpha,
        features=features,
        jobs=opt.processes(jobs),
        progress=progress_for(quiet or json),
    )
    table = predictions_table(found, loaded.space)
    write_predictions(table, path)
    facts = summary_facts(table, path)
    for line in [as_json(facts)] if json else summary_lines(facts, quiet):
        say(line)
