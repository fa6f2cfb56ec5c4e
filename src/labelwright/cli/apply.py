"""`labelwright apply DECISIONS DATA --out NEW`: make decisions true in a new copy of the data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt

changes_option = partial(Option, rich_help_panel="What is changed")


def command(
    decisions: Annotated[
        Path | None,
        Argument(metavar="DECISIONS", help="A table with id, decision and label; with --auto the folder of an audit."),
    ] = None,
    data: Annotated[Path | None, Argument(metavar="DATA", help="The file or folder that the audit read.")] = None,
    out: Annotated[Path | None, opt.output_option("--out", metavar="NEW", help="A new folder or file.")] = None,
    label: opt.Label = None,
    id: opt.Id = None,
    task: opt.AuditTask = None,
    image: opt.Image = None,
    classes: opt.Classes = None,
    root: opt.Root = None,
    new_class: Annotated[
        list[str] | None, changes_option("--new-class", metavar="NAME", help="Allow a class that no row has yet.")
    ] = None,
    auto: Annotated[bool, changes_option("--auto", help="Take the suggestions of an audit as decisions.")] = False,
    max_score: Annotated[
        float | None,
        changes_option(
            "--max-score",
            metavar="S",
            help="With --auto: take a suggestion where the label scores at most S (low = suspect).",
        ),
    ] = None,
    in_place: Annotated[
        bool, opt.output_option("--in-place", help="Move the images of the folder itself; undoable.")
    ] = False,
    undo: Annotated[
        Path | None, opt.output_option("--undo", metavar="MANIFEST", help="Take back an --in-place run.")
    ] = None,
    link: Annotated[bool, opt.output_option("--link", help="Hard links in place of copies of files.")] = False,
    spreadsheet_safe: Annotated[
        bool, opt.output_option("--spreadsheet-safe", help="Neutralise formulas in CSV, undecided cells too.")
    ] = False,
    dry_run: Annotated[bool, opt.output_option("--dry-run", help="Check everything, say what would change.")] = False,
    json: opt.Json = False,
) -> None:
    """Make decisions true in a new copy of the data. What was not decided keeps every byte; DATA is never changed."""
    from labelwright.cli.console import progress_for, say
    from labelwright.data.mend.formats import MendOptions
    from labelwright.data.mend.request import Request

    options = MendOptions(
        label=label,
        id=id,
        task=task,
        image=image,
        classes=classes,
        root=root,
        new_classes=tuple(new_class or ()),
        spreadsheet_safe=spreadsheet_safe,
        link=link,
    )
    request = Request(decisions, data, out, options, auto, max_score, in_place, undo, dry_run)
    for line in request.carry_out(json=json, say=say, progress=progress_for(json)):
        say(line)
