"""`labelwright measure judges DATA --label COL`: which labels a panel of judges doubts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from labelwright.cli import options as opt
from labelwright.cli.measures.chat_model import LOCAL, Llm, SendTo, Url, chat_model, judge_option
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
    judge: Annotated[
        list[Path] | None, judge_option(metavar="FILE", help="Probabilities of one judge, a column a class. Repeat it.")
    ] = None,
    descriptions: Annotated[
        Path | None,
        judge_option(
            metavar="FILE", help="YAML, class: description. Texts are compared by MiniLM; a list is a judge each."
        ),
    ] = None,
    llm: Llm = None,
    url: Url = LOCAL,
    send_to: SendTo = None,
    question: Annotated[
        str | None, judge_option(metavar="TEXT", help="What --llm is asked; [TEXT] stands for the row.")
    ] = None,
    checked: Annotated[
        Path | None, Option(metavar="FILE", help="Rows that people checked: id, decision (keep, relabel), label.")
    ] = None,
    costs: Annotated[
        Path | None, Option(metavar="FILE", help="YAML, judge: price of a label. Told where rows were checked.")
    ] = None,
    tau: Annotated[float, Option(metavar="C", min=0, max=1, help="Suggest corrections from this confidence.")] = 0.9,
    ordinal: Annotated[
        bool, Option("--ordinal", help="Classes are steps of a scale: doubt what lies more than one step off.")
    ] = False,
    classes: opt.Classes = None,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    out: Out = None,
    json: opt.Json = False,
) -> None:
    """Which labels does a panel of judges doubt, and how often is such a doubt right?

    Without a judge named, two out-of-fold models of the data's own features sit on the panel.
    """
    from labelwright.audit.judge_files import judged_labels_of_files

    rows = labelled_rows(data, label, id, text, image, root, features, seed, jobs, classes=classes)
    answer(
        "judges",
        [data, *(judge or ())],
        out,
        json,
        lambda progress: judged_labels_of_files(
            rows,
            judge_files=judge or (),
            descriptions=descriptions,
            checked=checked,
            model=chat_model(llm, url, send_to),
            question=question,
            costs=costs,
            tau=tau,
            ordinal=ordinal,
            progress=progress,
        ),
    )
