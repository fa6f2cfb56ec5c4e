"""`labelwright measure disclosures LABELS POLICIES`: where privacy labels and privacy policies part ways."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.results import Out, answer

reading_option = partial(Option, rich_help_panel="How policies are read")
second_option = partial(Option, rich_help_panel="A second label in another schema")


def command(
    labels: Annotated[
        Path, Argument(metavar="LABELS", help="A table with product, data_type, handling: a line a declared practice.")
    ],
    policies: Annotated[Path, Argument(metavar="POLICIES", help="A folder with a text file a product: NAME.txt.")],
    checked: Annotated[
        Path | None, Option(metavar="FILE", help="What some policies really say, as people read them; like LABELS.")
    ] = None,
    sentences: Annotated[
        Path | None, reading_option(metavar="FILE", help="Further sentences to learn from: text, data_type, handling.")
    ] = None,
    minilm: Annotated[bool, reading_option("--minilm", help="Compare sentences by MiniLM, not by words.")] = False,
    second: Annotated[Path | None, second_option(metavar="FILE", help="A table with product, practice.")] = None,
    crosswalk: Annotated[
        Path | None, second_option(metavar="FILE", help="YAML, practice: [data type, handling], or a list of such.")
    ] = None,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """Where do privacy labels and the policies of the same products part ways?"""
    from labelwright.audit.privacy_label_files import privacy_labels_of_files
    from labelwright.data.local_scorers import minilm_vectors

    answer(
        "disclosures",
        [labels, policies],
        out,
        json,
        lambda progress: privacy_labels_of_files(
            labels,
            policies,
            checked=checked,
            sentences=sentences,
            second=second,
            crosswalk=crosswalk,
            encode=minilm_vectors if minilm else None,
            progress=progress,
        ),
    )
