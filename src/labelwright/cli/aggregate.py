"""`labelwright aggregate VOTES`: one label a task from the votes of many annotators, or of rules."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt
from labelwright.cli.measures.chat_model import LOCAL

rules_option = partial(Option, rich_help_panel="Rules that vote")
method_option = partial(Option, rich_help_panel="How they are merged")
output_option = partial(Option, rich_help_panel="What comes out")


def command(
    votes: Annotated[
        Path, Argument(metavar="VOTES", help="A table of votes, a Label Studio export, or with --rules a data set.")
    ],
    task: opt.VoteTask = None,
    annotator: opt.VoteAnnotator = None,
    label: opt.VoteLabel = None,
    gold: Annotated[str | None, opt.votes_option(metavar="COL", help="Known labels, empty where unknown.")] = None,
    question: Annotated[
        str | None, opt.votes_option(metavar="NAME", help="Which question of a Label Studio export.")
    ] = None,
    predictions: Annotated[
        bool, opt.votes_option("--predictions", help="Take models' predictions in an export as votes.")
    ] = False,
    abstain: Annotated[
        list[str] | None, opt.votes_option(metavar="LABEL", help="A label that means no answer. Repeatable.")
    ] = None,
    sheet: Annotated[
        str | None, opt.votes_option(metavar="NAME", help="Sheet of an Excel file. Default: the first.")
    ] = None,
    rules: Annotated[
        Path | None, rules_option(metavar="FILE", help="A YAML file of rules that vote on VOTES' rows.")
    ] = None,
    text: Annotated[str | None, rules_option(metavar="COL", help="What rules read that name no column.")] = None,
    llm: Annotated[
        str | None, rules_option(metavar="MODEL", help="A model behind a chat endpoint that rules ask.")
    ] = None,
    url: Annotated[str, rules_option(metavar="URL", help="The endpoint of --llm.")] = LOCAL,
    send_to: Annotated[
        str | None, rules_option("--send-to", metavar="HOST", help="Allow sending the rows to this host.")
    ] = None,
    jobs: Annotated[int | None, rules_option(metavar="N", min=1, help="Processes for rules. Default: 1.")] = None,
    method: Annotated[str, method_option(metavar="auto|NAME", help="A label model's name, or auto.")] = "auto",
    pred_probs: Annotated[
        Path | None, method_option(metavar="FILE", help="A classifier's out-of-sample probabilities, by task.")
    ] = None,
    seed: Annotated[int, method_option(metavar="S", min=0, help="Same seed, same result.")] = 0,
    pseudonyms: Annotated[
        bool, output_option("--pseudonyms", help="Write numbers in place of annotators' names.")
    ] = False,
    out: Annotated[
        Path | None, output_option(metavar="DIR", help="Folder for the results. Default: NAME-labels.")
    ] = None,
    json: Annotated[bool, output_option("--json", help="Print summary.json and nothing else.")] = False,
    quiet: Annotated[bool, output_option("--quiet", help="Print the verdict and nothing else.")] = False,
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
