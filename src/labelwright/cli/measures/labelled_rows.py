"""The labelled rows that most measures take: their argument, and the file behind it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from labelwright.cli import options as opt

if TYPE_CHECKING:
    from labelwright.audit.labelled_file import LabelledFile

Rows = Annotated[Path, Argument(metavar="DATA", help="The labelled rows, as in labelwright audit.")]


def labelled_rows(
    data: Path,
    label: str | None,
    id: str | None,
    text: str | None = None,
    image: str | None = None,
    root: Path | None = None,
    features: str | None = None,
    seed: int = 0,
    jobs: int | None = None,
    *,
    split: str | None = None,
    classes: str | None = None,
) -> LabelledFile:
    """Return the file of labelled rows that these options name."""
    from labelwright.audit.labelled_file import LabelledFile

    columns = {"label": label, "id": id, "text": opt.names(text), "image": image, "split": split}
    return LabelledFile(data, {**columns, "root": root, "classes": classes}, features, seed, opt.processes(jobs))
