"""`labelwright measure judges DATA --label COL`: which labels a panel of judges doubts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli.measures.common import (
    Features,
    Id,
    Image,
    Jobs,
    Json,
    Label,
    Out,
    Root,
    Seed,
    Text,
)

JUDGES = "Who judges (default: two out-of-fold models of the data's own features)"


def command(
    data: Annotated[Path, Argument(metavar="DATA", help="The labelled rows, as in labelwright audit.")],
    label: Label = None,
    id: Id = None,
    text: Text = None,
    image: Image = None,
    root: Root = None,
    features: Features = None,
    judge: Annotated[
        list[Path] | None,
        Option(metavar="FILE", help="Probabilities of one judge, a column a class. Repeat it.", rich_help_panel=JUDGES),
    ] = None,
    descriptions: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="YAML, class: description. Texts are compared by MiniLM; a list is a judge each.",
            rich_help_panel=JUDGES,
        ),
    ] = None,
    llm: Annotated[
        str | None, Option(metavar="MODEL", help="A model behind a chat endpoint.", rich_help_panel=JUDGES)
    ] = None,
    url: Annotated[
        str, Option(metavar="URL", help="The endpoint of --llm.", rich_help_panel=JUDGES)
    ] = "http://localhost:11434/v1",
    send_to: Annotated[
        str | None,
        Option(metavar="HOST", help="Allow sending the texts to this host.", rich_help_panel=JUDGES),
    ] = None,
    question: Annotated[
        str | None,
        Option(metavar="TEXT", help="What --llm is asked; [TEXT] stands for the row.", rich_help_panel=JUDGES),
    ] = None,
    checked: Annotated[
        Path | None, Option(metavar="FILE", help="Rows that people checked: id, decision (keep, relabel), label.")
    ] = None,
    costs: Annotated[
        Path | None, Option(metavar="FILE", help="YAML, judge: price of a label. Told where rows were checked.")
    ] = None,
    tau: Annotated[float, Option(metavar="C", min=0, max=1, help="Suggest corrections from this confidence.")] = 0.9,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Which labels does a panel of judges doubt, and how often is such a doubt right?"""
    import os

    from labelwright.audit.judge_inputs import judged_labels_of_files
    from labelwright.cli.console import progress_for
    from labelwright.cli.measures.common import endpoint, finish, folder_for, names

    folder = folder_for("judges", out, [data, *(judge or ())])
    report = judged_labels_of_files(
        data,
        judge_files=judge or (),
        descriptions=descriptions,
        checked=checked,
        model=None if llm is None else endpoint(llm, url, send_to),
        question=question,
        features=features,
        costs=costs,
        tau=tau,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        progress=progress_for(json),
        label=label,
        id=id,
        text=names(text),
        image=image,
        root=root,
    )
    finish("judges", report, folder, json)
