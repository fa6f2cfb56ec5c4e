"""`labelwright aggregate VOTES`: one label a task from the votes of many annotators, or of rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.chat_model import LOCAL

RULES = "Rules that vote"
METHOD = "How they are merged"
OUTPUT = "What comes out"


def command(
    votes: Annotated[
        Path, Argument(metavar="VOTES", help="A table of votes, a Label Studio export, or with --rules a data set.")
    ],
    task: opt.VoteTask = None,
    annotator: opt.VoteAnnotator = None,
    label: opt.VoteLabel = None,
    gold: Annotated[
        str | None, Option(metavar="COL", help="Known labels, empty where unknown.", rich_help_panel=opt.VOTES)
    ] = None,
    question: Annotated[
        str | None, Option(metavar="NAME", help="Which question of a Label Studio export.", rich_help_panel=opt.VOTES)
    ] = None,
    predictions: Annotated[
        bool, Option("--predictions", help="Take models' predictions in an export as votes.", rich_help_panel=opt.VOTES)
    ] = False,
    abstain: Annotated[
        list[str] | None,
        Option(metavar="LABEL", help="A label that means no answer. Repeatable.", rich_help_panel=opt.VOTES),
    ] = None,
    sheet: Annotated[
        str | None,
        Option(metavar="NAME", help="Sheet of an Excel file. Default: the first.", rich_help_panel=opt.VOTES),
    ] = None,
    rules: Annotated[
        Path | None,
        Option(metavar="FILE", help="A YAML file of rules that vote on VOTES' rows.", rich_help_panel=RULES),
    ] = None,
    text: Annotated[
        str | None, Option(metavar="COL", help="What rules read that name no column.", rich_help_panel=RULES)
    ] = None,
    llm: Annotated[
        str | None,
        Option(metavar="MODEL", help="A model behind a chat endpoint that rules ask.", rich_help_panel=RULES),
    ] = None,
    url: Annotated[str, Option(metavar="URL", help="The endpoint of --llm.", rich_help_panel=RULES)] = LOCAL,
    send_to: Annotated[
        str | None,
        Option("--send-to", metavar="HOST", help="Allow sending the rows to this host.", rich_help_panel=RULES),
    ] = None,
    jobs: Annotated[
        int | None, Option(metavar="N", min=1, help="Processes for rules. Default: 1.", rich_help_panel=RULES)
    ] = None,
    method: Annotated[
        str, Option(metavar="auto|NAME", help="A label model's name, or auto.", rich_help_panel=METHOD)
    ] = "auto",
    pred_probs: Annotated[
        Path | None,
        Option(metavar="FILE", help="A classifier's out-of-sample probabilities, by task.", rich_help_panel=METHOD),
    ] = None,
    seed: Annotated[int, Option(metavar="S", min=0, help="Same seed, same result.", rich_help_panel=METHOD)] = 0,
    pseudonyms: Annotated[
        bool, Option("--pseudonyms", help="Write numbers in place of annotators' names.", rich_help_panel=OUTPUT)
    ] = False,
    out: Annotated[
        Path | None,
        Option(metavar="DIR", help="Folder for the results. Default: NAME-labels.", rich_help_panel=OUTPUT),
    ] = None,
    json: Annotated[
        bool, Option("--json", help="Print summary.json and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
    quiet: Annotated[
        bool, Option("--quiet", help="Print the verdict and nothing else.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Merge many votes into one label a task; says how sure it is, how good the work is, and what to ask again."""
    from labelwright.cli.console import progress_for, say
    from labelwright.cli.measures.chat_model import chat_model
    from labelwright.consensus import aggregate_file
    from labelwright.learn.model_rules import models_on
    from labelwright.report.aggregation import aggregation_lines, check_aggregate_folder, write_aggregation

    folder = out or Path(f"{votes.resolve().name.split('.')[0] or 'votes'}-labels")
    check_aggregate_folder(folder, votes, rules, pred_probs)
    result, about = aggregate_file(
        votes,
        task=task,
        annotator=annotator,
        label=label,
        gold=gold,
        question=question,
        predictions=predictions,
        abstain=abstain or (),
        sheet=sheet,
        rules=rules,
        text=text,
        models=models_on(votes, sheet),
        asked=chat_model(llm, url, send_to),
        jobs=jobs or 1,
        method=method,
        pred_probs=pred_probs,
        seed=seed,
        pseudonyms=pseudonyms,
        progress=progress_for(quiet or json),
    )
    write_aggregation(result, about, folder)
    for line in aggregation_lines(result, about, json=json, quiet=quiet, folder=folder):
        say(line)
