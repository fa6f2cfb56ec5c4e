"""`labelwright measure critic IMAGES MASKS...`: which of several masks to keep, and which a person must see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.chat_model import LOCAL, Llm, SendTo, Url, chat_model, judge_option
from labelwright.cli.measures.results import Out, answer


def command(
    images: Annotated[Path, Argument(metavar="IMAGES", help="A folder of images (PNG, JPEG) or volumes (.npy).")],
    masks: Annotated[
        list[Path], Argument(metavar="MASKS", help="One or more folders of masks, under the names of the images.")
    ],
    reference: Annotated[
        Path | None,
        judge_option("--reference", metavar="DIR", help="Good masks of some images: a small judge learns from them."),
    ] = None,
    llm: Llm = None,
    url: Url = LOCAL,
    send_to: SendTo = None,
    structure: Annotated[
        str, judge_option(metavar="TEXT", help="What the masks outline, such as 'the liver'.")
    ] = "the object",
    checklist: Annotated[
        Path | None, judge_option(metavar="FILE", help="A text file, one question a line; {structure} is filled in.")
    ] = None,
    axis: Annotated[int, Option(metavar="N", min=0, max=2, help="The axis of a volume from front to back.")] = 1,
    accept_from: Annotated[
        float, Option("--accept-from", metavar="Q", min=0, max=1, help="Quality from which no person is needed.")
    ] = 0.5,
    seed: opt.Seed = 0,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """Which of several masks should be kept for each image, and which must a person see?"""
    from labelwright.audit.mask_choice_files import masks_of_folders
    from labelwright.audit.measure_inputs import read_text

    lines = None if checklist is None else [line for line in read_text(checklist, 20_000).splitlines() if line.strip()]
    answer(
        "critic",
        [images, *masks, reference],
        out,
        json,
        lambda progress: masks_of_folders(
            images,
            masks,
            reference=reference,
            model=chat_model(llm, url, send_to),
            structure=structure,
            checklist=lines,
            axis=axis,
            accept_from=accept_from,
            seed=seed,
            progress=progress,
        ),
    )
