"""`labelwright measure instructions DATA --label COL`: labelling instructions written from labelled rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from labelwright.cli import options as opt
from labelwright.cli.measures.labelled_rows import Rows, labelled_rows
from labelwright.cli.measures.results import Out, answer


def command(
    data: Rows,
    label: opt.Label = None,
    id: opt.Id = None,
    text: opt.Text = None,
    image: opt.Image = None,
    root: opt.Root = None,
    features: opt.Features = None,
    texts: Annotated[
        Path | None, Option(metavar="FILE", help="YAML, class: text or a list of texts that may stand in the sheet.")
    ] = None,
    pairs: Annotated[int, Option(metavar="N", min=1, max=50, help="At most so many examples a class.")] = 5,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """Which examples and words teach a person the classes? Writes instructions.md and tests it on held-out rows."""
    from labelwright.audit.instruction_files import instructions_of_file

    rows = labelled_rows(data, label, id, text, image, root, features, seed, jobs)
    answer(
        "instructions",
        [data, texts],
        out,
        json,
        lambda progress: instructions_of_file(rows, texts=texts, budget=pairs, progress=progress),
    )
