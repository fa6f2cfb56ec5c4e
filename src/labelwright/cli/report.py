"""`labelwright report DIR`: draw the report of an audit again, whole or without row content."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def command(
    directory: Annotated[Path, Argument(metavar="DIR", help="The folder that an audit wrote.")],
    redact: Annotated[bool, Option("--redact", help="Leave out all row content: cells, texts, images, ids.")] = False,
    out: Annotated[
        Path | None, Option("--out", metavar="FILE", help="Where to write. Default: report.html in DIR.")
    ] = None,
) -> None:
    """Draw the report of an audit again, with `--redact` without any row content, so that it can be passed on."""
    from labelwright.cli.console import say
    from labelwright.report.outputs import rewrite_report

    path = rewrite_report(directory, redact=redact, out=out)
    say(f"Report: {path}")
    if redact:
        say("Redacted: no cell, text, image or id of a row is in it; class names with fewer than 5 rows are masked.")
    say(f"Next: open {path} in a browser.")
