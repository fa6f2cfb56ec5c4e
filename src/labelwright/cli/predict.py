"""`labelwright predict MODEL DATA [--alpha 0.1]`: probabilities, or sets that hold the true class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

OUTPUT = "What comes out"


def command(
    model: Annotated[Path, Argument(metavar="MODEL", help="A folder that labelwright train wrote.")],
    data: Annotated[Path, Argument(metavar="DATA", help="Rows with the columns that the model learned from.")],
    alpha: Annotated[
        float | None,
        Option("--alpha", metavar="A", help="Sets that miss the label with at most this rate; calibrate first."),
    ] = None,
    id: Annotated[str | None, Option("--id", metavar="COL", help="Column that names each row for good.")] = None,
    features: Annotated[
        Path | None, Option(metavar="FILE", help="Vectors of these rows, where the model learned from a file.")
    ] = None,
    root: Annotated[Path | None, Option(metavar="DIR", help="Open images only below this folder.")] = None,
    sheet: Annotated[str | None, Option(metavar="NAME", help="Sheet of an Excel file. Default: the first.")] = None,
    jobs: Annotated[int | None, Option(metavar="N", min=1, help="Threads. Default: the cores there are.")] = None,
    out: Annotated[
        Path | None,
        Option(
            "--out",
            metavar="FILE",
            help=".csv, .parquet or .jsonl. Default: NAME-predictions.csv.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json: Annotated[
        bool, Option("--json", help="Print what was done as JSON and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
    quiet: Annotated[bool, Option("--quiet", help="Print one line.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Predict the class of each row with its probabilities, calibrated where the model is, or prediction sets."""
    import os

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
        jobs=jobs or os.cpu_count() or 1,
        progress=progress_for(quiet or json),
    )
    table = predictions_table(found, loaded.space)
    write_predictions(table, path)
    facts = summary_facts(table, path)
    for line in [as_json(facts)] if json else summary_lines(facts, quiet):
        say(line)
