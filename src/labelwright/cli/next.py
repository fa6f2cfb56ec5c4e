"""`labelwright next DATA|VOTES --budget N`: what to label next, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options

HOW = "How rows are chosen"
KNOWN = "What is known so far"
REPLAY = "What it would have done: --simulate"
PLAN = "How to split money: --plan"


def command(
    data: Annotated[
        Path, Argument(metavar="DATA|VOTES", help="Data with unlabelled rows, or a file of votes, or an export.")
    ],
    budget: Annotated[
        int | None,
        Option("--budget", "-n", metavar="N", min=1, help="How many rows to ask about.", rich_help_panel=HOW),
    ] = None,
    method: Annotated[
        str, Option("--method", metavar="auto|NAME", help="How rows are chosen, or auto.", rich_help_panel=HOW)
    ] = "auto",
    setting: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="A setting of the method. Repeatable.", rich_help_panel=HOW),
    ] = None,
    may_reask: Annotated[
        bool, Option("--may-reask", help="Ask again about labelled rows where that is worth more.", rich_help_panel=HOW)
    ] = False,
    test: Annotated[
        Path | None,
        Option("--test", metavar="PREDICTIONS", help="Choose rows to check these predictions by.", rich_help_panel=HOW),
    ] = None,
    label: options.Label = None,
    unlabelled: Annotated[
        bool, Option("--unlabelled", help="There is no column of labels yet.", rich_help_panel=KNOWN)
    ] = False,
    votes: Annotated[
        Path | None, Option(metavar="FILE", help="Votes of several people on the rows, by id.", rich_help_panel=KNOWN)
    ] = None,
    answers: Annotated[
        list[Path] | None,
        Option("--answers", metavar="FILE", help="A filled-in next.csv. Repeatable.", rich_help_panel=KNOWN),
    ] = None,
    simulate: Annotated[
        bool, Option("--simulate", help="Replay a labelled set and draw learning curves.", rich_help_panel=REPLAY)
    ] = False,
    rounds: Annotated[int, Option(metavar="R", min=1, help="Rounds of N labels.", rich_help_panel=REPLAY)] = 8,
    repeats: Annotated[int, Option(metavar="S", min=1, help="Repeats, for bands.", rich_help_panel=REPLAY)] = 5,
    plan: Annotated[
        bool, Option("--plan", help="Plan money for cheap and careful labels.", rich_help_panel=PLAN)
    ] = False,
    money: Annotated[float | None, Option(metavar="M", help="What can be spent.", rich_help_panel=PLAN)] = None,
    cheap: Annotated[
        str | None, Option(metavar="COL=PRICE", help="Cheap labels and their price.", rich_help_panel=PLAN)
    ] = None,
    careful: Annotated[
        str | None, Option(metavar="COL=PRICE", help="Careful labels and their price.", rich_help_panel=PLAN)
    ] = None,
    id: options.Id = None,
    text: options.Text = None,
    image: options.Image = None,
    feature_columns: options.FeatureColumns = None,
    features: options.Features = None,
    classes: options.Classes = None,
    root: options.Root = None,
    sheet: options.Sheet = None,
    seed: options.Seed = 0,
    jobs: options.Jobs = None,
    to: Annotated[
        str | None,
        Option("--to", metavar="label-studio", help="Write tasks to import.", rich_help_panel=options.OUTPUT),
    ] = None,
    out: Annotated[
        Path | None,
        Option("--out", metavar="DIR", help="Folder. Default: NAME-next.", rich_help_panel=options.OUTPUT),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say which rows to label next and why; for votes, what to ask again and whom.

    With --simulate it replays labelled data and draws learning curves; with --plan it splits money between cheap and
    careful labels; with --test it chooses rows for an unbiased test score.
    """
    from labelwright.cli.console import progress_for, say
    from labelwright.learn.methods import read_settings
    from labelwright.report.next_command import NextAsk, answer_next

    ask = NextAsk(
        data=data,
        budget=budget,
        method=method,
        settings=read_settings(setting or []),
        may_reask=may_reask,
        test=test,
        label=label,
        unlabelled=unlabelled,
        votes=votes,
        answers=tuple(answers or ()),
        simulate=simulate,
        rounds=rounds,
        repeats=repeats,
        plan=plan,
        money=money,
        cheap=cheap,
        careful=careful,
        to=to,
        features=features,
        seed=seed,
        jobs=options.processes(jobs),
        columns={
            "id": id,
            "text": options.names(text),
            "image": image,
            "feature_columns": options.names(feature_columns),
            "classes": classes,
            "root": root,
            "sheet": sheet,
        },
    )
    for line in answer_next(ask, out, json=json, quiet=quiet, progress=progress_for(quiet or json)):
        say(line)
