"""`labelwright measure regions MAPS.npz`: what the regions of single-label images show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli.measures.common import Json, Out, Seed


def command(
    maps: Annotated[
        Path,
        Argument(
            metavar="MAPS",
            help="An .npz with labels, and maps (n, K, h, w) or features (n, C, h, w), weights (K, C) and bias (K,).",
        ),
    ],
    keep: Annotated[int, Option(metavar="N", min=1, help="Classes kept a place.")] = 5,
    sure: Annotated[
        float, Option(metavar="P", min=0.01, max=1, help="Probability from which a crop shows a class.")
    ] = 0.5,
    crops: Annotated[int, Option(metavar="N", min=1, max=1000, help="Random crops an image.")] = 16,
    fill: Annotated[float, Option(metavar="LOGIT", help="The logit of classes that a place did not keep.")] = 0.0,
    seed: Seed = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """How often does a training crop show another class than the one label of its image?"""
    from labelwright.audit.region_labels import regions_of_file
    from labelwright.cli.console import progress_for
    from labelwright.cli.measures.common import finish, folder_for

    folder = folder_for("regions", out, [maps])
    report, files = regions_of_file(
        maps, keep=keep, sure=sure, crops=crops, fill=fill, seed=seed, progress=progress_for(json)
    )
    finish("regions", report, folder, json, files)
