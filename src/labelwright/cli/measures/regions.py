"""`labelwright measure regions MAPS.npz`: what the regions of single-label images show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.results import Out, answer


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
    seed: opt.Seed = 0,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """How often does a training crop show another class than the one label of its image?"""
    from labelwright.audit.region_files import regions_of_file

    answer(
        "regions",
        [maps],
        out,
        json,
        lambda progress: regions_of_file(
            maps, keep=keep, sure=sure, crops=crops, fill=fill, seed=seed, progress=progress
        ),
    )
