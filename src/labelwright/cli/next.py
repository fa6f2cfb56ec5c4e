"""`labelwright next DATA|VOTES --budget N`: what to label next, and why."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt

how_option = partial(Option, rich_help_panel="How rows are chosen")
known_option = partial(Option, rich_help_panel="What is known so far")
replay_option = partial(Option, rich_help_panel="What it would have done: --simulate")
plan_option = partial(Option, rich_help_panel="How to split money: --plan")


def command(
    data: Annotated[
        Path, Argument(metavar="DATA|VOTES", help="Data with unlabelled rows, or a file of votes, or an export.")
    ],
    budget: Annotated[
        int | None, how_option("--budget", "-n", metavar="N", min=1, help="How many rows to ask about.")
    ] = None,
    method: Annotated[str, how_option("--method", metavar="auto|NAME", help="How rows are chosen, or auto.")] = "auto",
    setting: Annotated[
        list[str] | None, how_option("--set", metavar="NAME=VALUE", help="A setting of the method. Repeatable.")
    ] = None,
    may_reask: Annotated[
        bool, how_option("--may-reask", help="Ask again about labelled rows where that is worth more.")
    ] = False,
    test: Annotated[
        Path | None, how_option("--test", metavar="PREDICTIONS", help="Choose rows to check these predictions by.")
    ] = None,
    label: opt.Label = None,
    unlabelled: Annotated[bool, known_option("--unlabelled", help="There is no column of labels yet.")] = False,
    votes: Annotated[
        Path | None, known_option(metavar="FILE", help="Votes of several people on the rows, by id.")
    ] = None,
    answers: Annotated[
        list[Path] | None, known_option("--answers", metavar="FILE", help="A filled-in next.csv. Repeatable.")
    ] = None,
    simulate: Annotated[
        bool, replay_option("--simulate", help="Replay a labelled set and draw learning curves.")
    ] = False,
    rounds: Annotated[int, replay_option(metavar="R", min=1, help="Rounds of N labels.")] = 8,
    repeats: Annotated[int, replay_option(metavar="S", min=1, help="Repeats, for bands.")] = 5,
    plan: Annotated[bool, plan_option("--plan", help="Plan money for cheap and careful labels.")] = False,
    money: Annotated[float | None, plan_option(metavar="M", help="What can be spent.")] = None,
    cheap: Annotated[str | None, plan_option(metavar="COL=PRICE", help="Cheap labels and their price.")] = None,
    careful: Annotated[str | None, plan_option(metavar="COL=PRICE", help="Careful labels and their price.")] = None,
    id: opt.Id = None,
    text: opt.Text = None,
    image: opt.Image = None,
    feature_columns: opt.FeatureColumns = None,
    features: opt.Features = None,
    classes: opt.Classes = None,
    root: opt.Root = None,
    sheet: opt.Sheet = None,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = None,
    to: Annotated[str | None, opt.output_option("--to", metavar="label-studio", help="Write tasks to import.")] = None,
    out: Annotated[Path | None, opt.output_option("--out", metavar="DIR", help="Folder. Default: NAME-next.")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
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
        jobs=opt.processes(jobs),
        columns={
            "id": id,
            "text": opt.names(text),
            "image": image,
            "feature_columns": opt.names(feature_columns),
            "classes": classes,
            "root": root,
            "sheet": sheet,
        },
    )
    for line in answer_next(ask, out, json=json, quiet=quiet, progress=progress_for(quiet or json)):
        say(line)
