"""What the subcommands of `labelwright measure` share: their options and how they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

if TYPE_CHECKING:
    from labelwright.data.language_model import LanguageModel
    from labelwright.metrics.report import Report

DATA = "The data, as in the audit"
OUTPUT = "What comes out"

Label = Annotated[str | None, Option("--label", metavar="COL", help="The column of labels.", rich_help_panel=DATA)]
Id = Annotated[str | None, Option("--id", metavar="COL", help="Column that names each row.", rich_help_panel=DATA)]
Text = Annotated[
    str | None, Option("--text", metavar="COLS", help="Text columns, joined by commas.", rich_help_panel=DATA)
]
Image = Annotated[str | None, Option("--image", metavar="COL", help="Column of image paths.", rich_help_panel=DATA)]
Root = Annotated[
    Path | None, Option("--root", metavar="DIR", help="Open images only below this folder.", rich_help_panel=DATA)
]
Features = Annotated[
    str | None, Option("--features", metavar="FILE|NAME", help="Features from a file, or minilm.", rich_help_panel=DATA)
]
Jobs = Annotated[int | None, Option("--jobs", metavar="N", min=1, help="Processes. Default: the cores there are.")]
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


def finish(name: str, report: Report, folder: Path, json: bool, files: Mapping[str, bytes] | None = None) -> None:
    """Write the results and print the verdict and what to do next."""
    from labelwright.cli.console import say
    from labelwright.report.measure import measure_lines, write_measure

    write_measure(name, report, folder, files)
    for line in measure_lines(name, report, json=json, folder=folder, files=list(files or ())):
        say(line)


def names(joined: str | None) -> tuple[str, ...]:
    """Split a comma-joined option."""
    return tuple(name.strip() for name in joined.split(",")) if joined else ()


def minilm_encoder() -> Callable[[Sequence[str]], Any]:
    """Return what turns texts into MiniLM vectors."""
    from labelwright.data.features.encoders import minilm_features

    return lambda texts: minilm_features(texts)[0]


def endpoint(model: str, url: str, send_to: str | None) -> LanguageModel:
    """Return a chat endpoint that is never asked the same thing twice."""
    from labelwright.data.endpoint import ChatEndpoint
    from labelwright.data.language_model import Remembered

    return Remembered(ChatEndpoint(model, base_url=url, send_to=send_to))
