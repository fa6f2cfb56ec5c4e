"""What the subcommands of `labelwright measure` share: their options and how they end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

if TYPE_CHECKING:
    from labelwright.metrics.report import Report

OUTPUT = "What comes out"

Out = Annotated[
    Path | None,
    Option("--out", metavar="DIR", help="Folder for the results. Default: MEASURE-report.", rich_help_panel=OUTPUT),
]
Json = Annotated[bool, Option("--json", help="Print report.json and nothing else.", rich_help_panel=OUTPUT)]
Seed = Annotated[int, Option("--seed", metavar="S", min=0, help="Same seed, same result.")]


def folder_for(name: str, out: Path | None, inputs: Sequence[Path]) -> Path:
    """Return the folder of the results; BadInput when nothing can be written there, before the long work starts."""
    from labelwright.report.measure import check_measure_folder

    folder = out or Path(f"{name}-report")
    check_measure_folder(folder, inputs)
    return folder


def finish(name: str, report: Report, folder: Path, json: bool) -> None:
    """Write the results and print the verdict and what to do next."""
    from labelwright.cli.console import say
    from labelwright.report.measure import measure_lines, write_measure

    write_measure(name, report, folder)
    for line in measure_lines(name, report, json=json, folder=folder):
        say(line)
