"""`labelwright measure critic IMAGES MASKS...`: which of several masks to keep, and which a person must see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli.measures.common import Json, Out, Seed

JUDGE = "Who judges"


def command(
    images: Annotated[Path, Argument(metavar="IMAGES", help="A folder of images (PNG, JPEG) or volumes (.npy).")],
    masks: Annotated[
        list[Path], Argument(metavar="MASKS", help="One or more folders of masks, under the names of the images.")
    ],
    reference: Annotated[
        Path | None,
        Option(
            "--reference",
            metavar="DIR",
            help="Good masks of some images: a small judge learns from them.",
            rich_help_panel=JUDGE,
        ),
    ] = None,
    llm: Annotated[
        str | None, Option(metavar="MODEL", help="A vision model behind a chat endpoint.", rich_help_panel=JUDGE)
    ] = None,
    url: Annotated[
        str, Option(metavar="URL", help="The endpoint of --llm.", rich_help_panel=JUDGE)
    ] = "http://localhost:11434/v1",
    send_to: Annotated[
        str | None, Option(metavar="HOST", help="Allow sending the pictures to this host.", rich_help_panel=JUDGE)
    ] = None,
    structure: Annotated[
        str, Option(metavar="TEXT", help="What the masks outline, such as 'the liver'.", rich_help_panel=JUDGE)
    ] = "the object",
    checklist: Annotated[
        Path | None,
        Option(
            metavar="FILE", help="A text file, one question a line; {structure} is filled in.", rich_help_panel=JUDGE
        ),
    ] = None,
    axis: Annotated[int, Option(metavar="N", min=0, max=2, help="The axis of a volume from front to back.")] = 1,
    accept_from: Annotated[
        float, Option("--accept-from", metavar="Q", min=0, max=1, help="Quality from which no person is needed.")
    ] = 0.5,
    seed: Seed = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Which of several masks should be kept for each image, and which must a person see?"""
    from labelwright.audit.mask_choice import masks_of_folders
    from labelwright.audit.measure_inputs import read_text
    from labelwright.cli.console import progress_for
    from labelwright.cli.measures.common import endpoint, finish, folder_for

    folder = folder_for("critic", out, [images, *masks, *([reference] if reference else [])])
    lines = None if checklist is None else [line for line in read_text(checklist, 20_000).splitlines() if line.strip()]
    report, files = masks_of_folders(
        images,
        masks,
        reference=reference,
        model=None if llm is None else endpoint(llm, url, send_to),
        structure=structure,
        checklist=lines,
        axis=axis,
        accept_from=accept_from,
        seed=seed,
        progress=progress_for(json),
    )
    finish("critic", report, folder, json, files)
