"""How every subcommand of `labelwright measure` ends: where its results go, and what it prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from labelwright.cli.options import output_option

if TYPE_CHECKING:
    from labelwright.metrics.report import Report
    from labelwright.progress import Progress

Out = Annotated[
    Path | None, output_option("--out", metavar="DIR", help="Folder for the results. Default: MEASURE-report.")
]


def answer(
    name: str,
    inputs: Sequence[Path | None],
    out: Path | None,
    json: bool,
    measure: Callable[[Progress], Report | tuple[Report, Mapping[str, bytes]]],
) -> None:
    """Measure, write the results into a folder and print the verdict and what to do next.

    The folder is tried before the long work starts: BadInput when nothing can be written there, or when it lies in one
    of `inputs`. `measure` returns the report, and with it the files that stand beside it where there are any.
    """
    from labelwright.cli.console import progress_for, say
    from labelwright.report.measure import check_measure_folder, measure_lines, write_measure

    folder = out or Path(f"{name}-report")
    check_measure_folder(folder, [path for path in inputs if path is not None])
    found = measure(progress_for(json))
    report, files = found if isinstance(found, tuple) else (found, {})
    write_measure(name, report, folder, files)
    for line in measure_lines(name, report, json=json, folder=folder, files=list(files)):
        say(line)
