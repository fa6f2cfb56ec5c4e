"""`labelwright measure instructions DATA --label COL`: labelling instructions written from labelled rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli.measures.common import Features, Id, Image, Jobs, Json, Label, Out, Root, Seed, Text


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="The labelled rows, as in labelwright audit.")],
    label: Label = None,
    id: Id = None,
    text: Text = None,
    image: Image = None,
    root: Root = None,
    features: Features = None,
    texts: Annotated[
        Path | None, Option(metavar="FILE", help="YAML, class: text or a list of texts that may stand in the sheet.")
    ] = None,
    pairs: Annotated[int, Option(metavar="N", min=1, max=50, help="At most so many examples a class.")] = 5,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Which examples and words teach a person the classes? Writes instructions.md and tests it on held-out rows."""
    import os

    from labelwright.audit.instruction_sheet import instructions_of_file
    from labelwright.cli.console import progress_for
    from labelwright.cli.measures.common import finish, folder_for, names

    folder = folder_for("instructions", out, [data, *([texts] if texts else [])])
    report, files = instructions_of_file(
        data,
        texts=texts,
        features=features,
        budget=pairs,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        progress=progress_for(json),
        label=label,
        id=id,
        text=names(text),
        image=image,
        root=root,
    )
    finish("instructions", report, folder, json, files)
