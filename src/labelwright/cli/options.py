"""Options that several commands have, said once: one name, one help text, one place in ``--help``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

DATA = "The data"
VOTES = "The votes"
OUTPUT = "What comes out"
RUN = "How it runs"

Data = Annotated[
    Path, Argument(metavar="DATA", help="A CSV, TSV, xlsx, Parquet, JSONL, Arrow or .npz file, or a folder.")
]
Model = Annotated[Path, Argument(metavar="MODEL", help="A folder that labelwright train wrote.")]
Label = Annotated[str | None, Option("--label", metavar="COL", help="The column of labels.", rich_help_panel=DATA)]
Task = Annotated[
    str | None,
    Option("--task", metavar="T", help="classification, multilabel or regression.", rich_help_panel=DATA),
]
AuditTask = Annotated[
    str | None,
    Option(
        "--task",
        metavar="T",
        help="classification, multilabel, regression, token, detection or segmentation.",
        rich_help_panel=DATA,
    ),
]
Text = Annotated[
    str | None, Option("--text", metavar="COLS", help="Text columns, joined by commas.", rich_help_panel=DATA)
]
Image = Annotated[
    str | None, Option("--image", metavar="COL", help="Column of image paths or bytes.", rich_help_panel=DATA)
]
FeatureColumns = Annotated[
    str | None,
    Option("--feature-columns", metavar="COLS", help="Columns to learn from, joined by commas.", rich_help_panel=DATA),
]
Features = Annotated[
    str | None,
    Option(
        "--features",
        metavar="FILE|NAME",
        help="Features from a file, or an encoder: minilm (text), efficientnet (images).",
        rich_help_panel=DATA,
    ),
]
FeaturesOfRows = Annotated[
    Path | None,
    Option(
        "--features",
        metavar="FILE",
        help="Vectors of these rows, where the model learned from a file.",
        rich_help_panel=DATA,
    ),
]
Id = Annotated[
    str | None, Option("--id", metavar="COL", help="Column that names each row for good.", rich_help_panel=DATA)
]
Group = Annotated[
    str | None,
    Option(
        "--group",
        metavar="COL",
        help="Rows of one group stay in one fold; groups are compared.",
        rich_help_panel=DATA,
    ),
]
Split = Annotated[
    str | None,
    Option(
        "--split", metavar="COL", help="Column that says train or test: leaks are looked for.", rich_help_panel=DATA
    ),
]
Predictions = Annotated[
    Path | None,
    Option(
        "--predictions", metavar="FILE", help="Boxes that your model found, with confidences.", rich_help_panel=DATA
    ),
]
PredProbs = Annotated[
    Path | None,
    Option("--pred-probs", metavar="FILE", help="Your model's out-of-sample probabilities.", rich_help_panel=DATA),
]
Classes = Annotated[
    str | None,
    Option("--classes", metavar="LIST|FILE", help="Class names in order, joined by commas.", rich_help_panel=DATA),
]
VoteTask = Annotated[
    str | None, Option("--task", metavar="COL", help="The column that names the task.", rich_help_panel=VOTES)
]
VoteAnnotator = Annotated[
    str | None,
    Option(
        "--annotator",
        metavar="COL",
        help="The column that says who; one a person, joined by commas.",
        rich_help_panel=VOTES,
    ),
]
VoteLabel = Annotated[
    str | None, Option("--label", metavar="COL", help="The column that says what.", rich_help_panel=VOTES)
]
Images = Annotated[
    Path | None,
    Option("--images", metavar="DIR", help="Folder of the images that boxes or masks belong to.", rich_help_panel=DATA),
]
Root = Annotated[
    Path | None, Option("--root", metavar="DIR", help="Open images only below this folder.", rich_help_panel=DATA)
]
Sheet = Annotated[
    str | None,
    Option("--sheet", metavar="NAME", help="Sheet of an Excel file. Default: the first.", rich_help_panel=DATA),
]
Seed = Annotated[int, Option("--seed", metavar="S", min=0, help="Same seed, same result.", rich_help_panel=RUN)]
Jobs = Annotated[
    int | None,
    Option("--jobs", metavar="N", min=1, help="Processes. Default: the cores there are.", rich_help_panel=RUN),
]
Json = Annotated[bool, Option("--json", help="Print the results as JSON and nothing else.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, Option("--quiet", help="Print the verdict and nothing else.", rich_help_panel=OUTPUT)]


def names(joined: str | None) -> tuple[str, ...]:
    """Split a comma-joined option; a doubled comma is refused further down as a column without a name."""
    return tuple(name.strip() for name in joined.split(",")) if joined else ()


def processes(jobs: int | None) -> int:
    """Return the number of processes asked for: the cores there are by default."""
    import os

    return jobs or os.cpu_count() or 1
