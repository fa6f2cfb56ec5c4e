"""Options that several commands have, said once: one name, one help text, one place in ``--help``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

data_option = partial(Option, rich_help_panel="The data")
votes_option = partial(Option, rich_help_panel="The votes")
output_option = partial(Option, rich_help_panel="What comes out")
run_option = partial(Option, rich_help_panel="How it runs")

Data = Annotated[
    Path, Argument(metavar="DATA", help="A CSV, TSV, xlsx, Parquet, JSONL, Arrow or .npz file, or a folder.")
]
Model = Annotated[Path, Argument(metavar="MODEL", help="A folder that labelwright train wrote.")]
Label = Annotated[str | None, data_option("--label", metavar="COL", help="The column of labels.")]
Task = Annotated[str | None, data_option("--task", metavar="T", help="classification, multilabel or regression.")]
AuditTask = Annotated[
    str | None,
    data_option(
        "--task", metavar="T", help="classification, multilabel, regression, token, detection or segmentation."
    ),
]
Text = Annotated[str | None, data_option("--text", metavar="COLS", help="Text columns, joined by commas.")]
Image = Annotated[str | None, data_option("--image", metavar="COL", help="Column of image paths or bytes.")]
FeatureColumns = Annotated[
    str | None, data_option("--feature-columns", metavar="COLS", help="Columns to learn from, joined by commas.")
]
Features = Annotated[
    str | None,
    data_option(
        "--features",
        metavar="FILE|NAME",
        help="Features from a file, or an encoder: minilm (text), efficientnet (images).",
    ),
]
FeaturesOfRows = Annotated[
    Path | None,
    data_option("--features", metavar="FILE", help="Vectors of these rows, where the model learned from a file."),
]
Id = Annotated[str | None, data_option("--id", metavar="COL", help="Column that names each row for good.")]
Group = Annotated[
    str | None, data_option("--group", metavar="COL", help="Rows of one group stay in one fold; groups are compared.")
]
Split = Annotated[
    str | None, data_option("--split", metavar="COL", help="Column that says train or test: leaks are looked for.")
]
Predictions = Annotated[
    Path | None, data_option("--predictions", metavar="FILE", help="Boxes that your model found, with confidences.")
]
PredProbs = Annotated[
    Path | None, data_option("--pred-probs", metavar="FILE", help="Your model's out-of-sample probabilities.")
]
Classes = Annotated[
    str | None, data_option("--classes", metavar="LIST|FILE", help="Class names in order, joined by commas.")
]
VoteTask = Annotated[str | None, votes_option("--task", metavar="COL", help="The column that names the task.")]
VoteAnnotator = Annotated[
    str | None,
    votes_option("--annotator", metavar="COL", help="The column that says who; one a person, joined by commas."),
]
VoteLabel = Annotated[str | None, votes_option("--label", metavar="COL", help="The column that says what.")]
Images = Annotated[
    Path | None, data_option("--images", metavar="DIR", help="Folder of the images that boxes or masks belong to.")
]
Root = Annotated[Path | None, data_option("--root", metavar="DIR", help="Open images only below this folder.")]
Sheet = Annotated[
    str | None, data_option("--sheet", metavar="NAME", help="Sheet of an Excel file. Default: the first.")
]
Seed = Annotated[int, run_option("--seed", metavar="S", min=0, help="Same seed, same result.")]
Jobs = Annotated[int | None, run_option("--jobs", metavar="N", min=1, help="Processes. Default: the cores there are.")]
Json = Annotated[bool, output_option("--json", help="Print the results as JSON and nothing else.")]
Quiet = Annotated[bool, output_option("--quiet", help="Print the verdict and nothing else.")]


def names(joined: str | None) -> tuple[str, ...]:
    """Split a comma-joined option; a doubled comma is refused further down as a column without a name."""
    return tuple(name.strip() for name in joined.split(",")) if joined else ()


def processes(jobs: int | None) -> int:
    """Return the number of processes asked for: the cores there are by default."""
    import os

    return jobs or os.cpu_count() or 1
