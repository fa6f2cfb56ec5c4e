"""`labelwright compare OLD NEW`: what changed between two audits, or two versions of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

DATA = "Data that are audited on the spot"
OUTPUT = "What comes out"


def command(
    old: Annotated[Path, Argument(metavar="OLD", help="The folder of an audit, or a data file or folder.")],
    new: Annotated[Path, Argument(metavar="NEW", help="The same, later.")],
    id: Annotated[
        str | None, Option("--id", metavar="COL", help="Column that names each row for good: join rows on it.")
    ] = None,
    rows_only: Annotated[
        bool, Option("--rows-only", help="Compare rows and labels alone; audit nothing.", rich_help_panel=DATA)
    ] = False,
    label: Annotated[
        str | None, Option("--label", metavar="COL", help="The column of labels.", rich_help_panel=DATA)
    ] = None,
    task: Annotated[
        str | None, Option(metavar="T", help="classification, multilabel or regression.", rich_help_panel=DATA)
    ] = None,
    root: Annotated[
        Path | None, Option(metavar="DIR", help="Open images only below this folder.", rich_help_panel=DATA)
    ] = None,
    jobs: Annotated[
        int | None, Option(metavar="N", min=1, help="Processes. Default: the cores there are.", rich_help_panel=DATA)
    ] = None,
    out: Annotated[
        Path | None,
        Option(metavar="DIR", help="Folder for the results. Default: NAME-compare.", rich_help_panel=OUTPUT),
    ] = None,
    json: Annotated[
        bool, Option("--json", help="Print compare.json and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Say which rows and labels changed and which findings are new, resolved, or flipped by the model only.

    Audits are read from their folders. Data files are audited on the spot, from the cache where they are known.
    """
    from labelwright.cli.console import progress_for, say
    from labelwright.facade import compare
    from labelwright.report.comparison import check_compare_folder, comparison_lines, write_comparison

    folder = out or Path(f"{new.resolve().name.split('.')[0].removesuffix('-audit') or 'data'}-compare")
    check_compare_folder(folder, (old, new))
    comparison = compare(
        *(old, new),
        id=id,
        rows_only=rows_only,
        label=label,
        task=task,
        root=root,
        jobs=jobs,
        progress=progress_for(json),
    )
    write_comparison(comparison, folder)
    for line in comparison_lines(comparison, json=json, folder=folder):
        say(line)
