"""`labelwright report DIR`: draw the report of an audit or a measure again, whole or without row content."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def command(
    directory: Annotated[Path, Argument(metavar="DIR", help="The folder that an audit or a measure wrote.")],
    redact: Annotated[bool, Option("--redact", help="Leave out all row content: cells, texts, images, ids.")] = False,
    out: Annotated[
        Path | None, Option("--out", metavar="FILE", help="Where to write. Default: report.html in DIR.")
    ] = None,
) -> None:
    """Draw the report of an audit or a measure again; with `--redact` without row content, to be passed on."""
    from labelwright.cli.console import say
    from labelwright.report.measure import is_measure, rewrite_measure
    from labelwright.report.outputs import rewrite_report

    measured = is_measure(directory)
    path = (rewrite_measure if measured else rewrite_report)(directory, redact=redact, out=out)
    say(f"Report: {path}")
    if redact and measured:
        say("Redacted: no row, picture or person's name is in it; names of classes, models and judges are.")
    elif redact:
        say("Redacted: no cell, text, image or id of a row is in it; class names with fewer than 5 rows are masked.")
    say(f"Next: open {path} in a browser.")
