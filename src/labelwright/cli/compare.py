"""`labelwright compare OLD NEW`: what changed between two audits, or two versions of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument

from labelwright.cli import options as opt


def command(
    old: Annotated[Path, Argument(metavar="OLD", help="The folder of an audit, or a data file or folder.")],
    new: Annotated[Path, Argument(metavar="NEW", help="The same, later.")],
    id: opt.Id = None,
    rows_only: Annotated[
        bool, opt.data_option("--rows-only", help="Compare rows and labels alone; audit nothing.")
    ] = False,
    label: opt.Label = None,
    task: opt.AuditTask = None,
    predictions: opt.Predictions = None,
    images: opt.Images = None,
    root: opt.Root = None,
    jobs: opt.Jobs = None,
    out: Annotated[
        Path | None, opt.output_option(metavar="DIR", help="Folder for the results. Default: NAME-compare.")
    ] = None,
    json: opt.Json = False,
) -> None:
    """Say which rows and labels changed and which findings are new, resolved, or flipped by the model only.

    Audits are read from their folders. Data files are audited on the spot, from the cache where they are known.
    """
    from labelwright.cli.console import progress_for, say
    from labelwright.report.comparison import check_compare_folder, comparison_lines, write_comparison
    from labelwright.versions import compare

    folder = out or Path(f"{new.resolve().name.split('.')[0].removesuffix('-audit') or 'data'}-compare")
    check_compare_folder(folder, (old, new))
    comparison = compare(
        *(old, new),
        id=id,
        rows_only=rows_only,
        label=label,
        task=task,
        predictions=predictions,
        images=images,
        root=root,
        jobs=jobs,
        progress=progress_for(json),
    )
    write_comparison(comparison, folder)
    for line in comparison_lines(comparison, json=json, folder=folder):
        say(line)
